import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeSelector } from "./ast.ts";
import { evaluateSelector } from "./evaluate-selector.ts";
import { parseSelector } from "./parse-selector.ts";
import { selectorRestrictions } from "./selector-restrictions.ts";
import { arbitraryLabels, arbitraryNode } from "./testing/arbitrary-selector.ts";

function parse(text: string) {
  const parsed = parseSelector(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
}

test("operators mean what they say for labels that are there and for those that are not", () => {
  const cases: [string, boolean, boolean][] = [
    ["k == 'v1'", true, false],
    ["k == 'v2'", false, false],
    ["k == 'V1'", false, false],
    ["k != 'v1'", false, true],
    ["k != 'v2'", true, true],
    ["k in {'v0', 'v1'}", true, false],
    ["k in {}", false, false],
    ["k not in {'v1'}", false, true],
    ["k not in {'v2'}", true, true],
    ["k not in {}", true, true],
    ["k contains '1'", true, false],
    ["k contains ''", true, false],
    ["k starts with 'v'", true, false],
    ["k starts with '1'", false, false],
    ["k ends with '1'", true, false],
    ["k ends with 'v'", false, false],
    ["has(k)", true, false],
    ["!has(k)", false, true],
    ["!k == 'v1'", false, true],
    ["all()", true, true],
    ["global()", true, true],
    ["!all()", false, false],
    ["has(k) && has(other)", false, false],
    ["has(k) || has(other)", true, false],
    ["has(other) && has(other) || has(k)", true, false],
  ];
  for (const [text, whenPresent, whenAbsent] of cases) {
    assert.equal(evaluateSelector(parse(text), { k: "v1" }), whenPresent, text);
    assert.equal(evaluateSelector(parse(text), new Map()), whenAbsent, text);
  }
});

test("names that every object seems to have are labels like others", () => {
  assert.equal(evaluateSelector(parse("has(constructor)"), {}), false);
  assert.equal(evaluateSelector(parse("has(get)"), { get: "x" }), true);
  assert.equal(evaluateSelector(parse("has(__proto__)"), {}), false);
});

test("the canonical text selects what the original selects", () => {
  fc.assert(
    fc.property(arbitraryNode, arbitraryLabels, (node, labels) => {
      const selector = makeSelector(node);
      assert.equal(
        evaluateSelector(parse(selector.text), labels),
        evaluateSelector(selector, new Map(Object.entries(labels))),
      );
    }),
  );
});

test("what a selector matches keeps to its restrictions", () => {
  fc.assert(
    fc.property(arbitraryNode, arbitraryLabels, (node, labels) => {
      const selector = makeSelector(node);
      if (!evaluateSelector(selector, labels)) return;
      for (const [label, restriction] of selectorRestrictions(selector)) {
        const value = labels[label];
        if (restriction.type === "absent") assert.equal(value, undefined);
        else assert.notEqual(value, undefined);
        if (restriction.type === "values") assert.ok(restriction.values.includes(value ?? ""));
      }
    }),
    { numRuns: 1000 },
  );
});

test("restrictions tell what is certain of each label", () => {
  const cases: [string, Record<string, unknown>][] = [
    ["a == '1' && has(b) && !has(c)", { a: ["1"], b: "present", c: "absent" }],
    ["a in {'1', '2'} && a in {'2', '3'}", { a: ["2"] }],
    ["a == '1' || a == '2'", { a: ["1", "2"] }],
    ["a == '1' || has(a)", { a: "present" }],
    ["a == '1' || has(b)", {}],
    ["a != '1' && a not in {'2'}", {}],
    ["!a != '1'", { a: ["1"] }],
    ["!(a != '1' || !has(b))", { a: ["1"], b: "present" }],
    ["has(a) && !has(a)", { a: [] }],
    ["a in {} || has(b)", { b: "present" }],
    ["a contains 'x' && b starts with 'y'", { a: "present", b: "present" }],
    ["all() && global()", {}],
  ];
  for (const [text, expected] of cases) {
    const found = [...selectorRestrictions(parse(text))].map(([label, restriction]) => [
      label,
      restriction.type === "values" ? restriction.values : restriction.type,
    ]);
    assert.deepEqual(Object.fromEntries(found), expected, text);
  }
});
