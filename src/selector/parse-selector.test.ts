import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeSelector } from "./ast.ts";
import { parseSelector } from "./parse-selector.ts";
import { arbitraryNode } from "./testing/arbitrary-selector.ts";

function canonical(text: string): string {
  const parsed = parseSelector(text);
  assert.ok(parsed.ok, `${text}: ${JSON.stringify(parsed)}`);
  return parsed.value.text;
}

function complaint(text: string): string {
  const parsed = parseSelector(text);
  assert.ok(!parsed.ok, `${text} was accepted`);
  assert.equal(parsed.problems.length, 1);
  return parsed.problems[0]!.message;
}

const longest = "k".repeat(512);

test("every way of writing a selector has one canonical text", () => {
  const cases: [string, string][] = [
    ["", "all()"],
    [" \t\u00a0\u0085\n", "all()"],
    ["all( )", "all()"],
    ["\tglobal( )  ", "global()"],
    ["has( tier )", "has(tier)"],
    ["!has(a)", "!has(a)"],
    ["! ! !has(a)", "!has(a)"],
    ["!!has(a)", "has(a)"],
    ["!(!has(a))", "!!has(a)"],
    ["!color == 'red'", '!color == "red"'],
    ["color=='red'", 'color == "red"'],
    ['color != "red"', 'color != "red"'],
    ["color contains'e'", 'color contains "e"'],
    ["color starts \t with 'r'", 'color starts with "r"'],
    ["color startswith 'r'", 'color starts with "r"'],
    ["color ends with 'd'", 'color ends with "d"'],
    ["color endswith'd'", 'color ends with "d"'],
    ["color in{'red'}", 'color in {"red"}'],
    ["color in { }", "color in {}"],
    ["color in {'b','a','b',}", 'color in {"a", "b"}'],
    ["color notin {'a'}", 'color not in {"a"}'],
    ["color not   in {'a'}", 'color not in {"a"}'],
    ["color in {'\u{1F408}', '\uFFFD'}", 'color in {"\uFFFD", "\u{1F408}"}'],
    ['w == "it\'s"', 'w == "it\'s"'],
    ["w == '\"'", "w == '\"'"],
    ["w == ''", 'w == ""'],
    ["w == 'a\nb'", 'w == "a\nb"'],
    ["has == 'x'", 'has == "x"'],
    ["in in {'in'}", 'in in {"in"}'],
    ["not notin {'not'}", 'not not in {"not"}'],
    ["all == 'all()'", 'all == "all()"'],
    ["contains contains 'contains'", 'contains contains "contains"'],
    ["a.b/c_d-e == '1'", 'a.b/c_d-e == "1"'],
    ["a=='1'&&b=='2'||c=='3'", '((a == "1" && b == "2") || c == "3")'],
    ["has(a)||has(b)&&has(c)", "(has(a) || (has(b) && has(c)))"],
    ["has(a) && has(b) && has(c)", "(has(a) && has(b) && has(c))"],
    ["(has(a) && has(b)) && has(c)", "((has(a) && has(b)) && has(c))"],
    ["(((has(a))))", "has(a)"],
    ["!(has(a) || has(b))", "!(has(a) || has(b))"],
    ["global() && has(a)", "(global() && has(a))"],
    [`has(${longest})`, `has(${longest})`],
  ];
  for (const [text, expected] of cases) assert.equal(canonical(text), expected, text);
});

test("a mistake is told with its column", () => {
  const cases: [string, string][] = [
    ["color == red", "at column 10: expected a quoted string after =="],
    ["color starts with red", "at column 19: expected a quoted string after starts with"],
    ["color", "at column 6: expected an operator after the label color instead of the end"],
    ["color inside {'a'}", 'at column 7: expected an operator after the label color instead of "inside"'],
    ["color In {'a'}", 'at column 7: expected an operator after the label color instead of "In"'],
    ["color = 'red'", 'at column 7: expected an operator after the label color instead of "="'],
    ["has (a)", 'at column 5: expected an operator after the label has instead of "("'],
    ["'color' == 'red'", `at column 1: expected a label name, has(), all(), global(), ! or ( instead of "'"`],
    ["&& has(a)", 'at column 1: expected a label name, has(), all(), global(), ! or ( instead of "&&"'],
    ["  has(a) &", 'at column 10: expected && or || instead of "&"'],
    ["has(a) | has(b)", 'at column 8: expected && or || instead of "|"'],
    ["has(a) has(b)", 'at column 8: expected && or || instead of "has"'],
    ["has(a)\n&& has(b)", "at column 7: expected && or || instead of a line break"],
    ["has(a) &&", "at column 10: expected a label name, has(), all(), global(), ! or ( instead of the end"],
    ["!", "at column 2: expected a label name, has(), all(), global(), ! or ( instead of the end"],
    ["(has(a)", "at column 8: expected ) instead of the end"],
    ["has(a))", "at column 7: there is no ( for this )"],
    ["has()", 'at column 5: expected a label name in has() instead of ")"'],
    ["has('a')", `at column 5: expected a label name in has() instead of "'"`],
    ["all(a)", 'at column 5: expected all() but found "a"'],
    ["color == 'red", "at column 10: the string that begins here has no closing '"],
    ["color in 'red'", `at column 10: expected { and a list of values instead of "'"`],
    ["color in {,}", "at column 11: expected a quoted string or } after {"],
    ["color in {'a' 'b'}", `at column 15: expected , or } instead of "'"`],
    ["color in {'a'", "at column 14: expected , or } instead of the end"],
    ["color == 5", "at column 10: expected a quoted string after =="],
    [`has(a) && ${longest}k == 'x'`, "at column 11: the label name has 513 characters; at most 512 are allowed"],
    [`${"(".repeat(5000)}has(a)${")".repeat(5000)}`, "at column 602: more than 600 brackets within each other"],
  ];
  for (const [text, expected] of cases) assert.equal(complaint(text), expected, text);
});

test("a canonical text reads back as the same tree", () => {
  fc.assert(
    fc.property(arbitraryNode, (node) => {
      const selector = makeSelector(node);
      const parsed = parseSelector(selector.text);
      assert.deepEqual(parsed, { ok: true, value: selector });
    }),
  );
});

test("any text is a selector or a problem, never an exception", () => {
  const piece = fc.constantFrom(
    ..."()!{},'\" \ta=&|",
    "has(",
    "all()",
    " in ",
    " not ",
    "==",
    "&&",
    "||",
    "starts with",
    "'x'",
    "\n",
    "\u{1F408}",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(piece).map((pieces) => pieces.join("")),
  );
  fc.assert(
    fc.property(text, (text) => {
      const parsed = parseSelector(text);
      if (parsed.ok)
        assert.equal(canonical(parsed.value.text.replaceAll("!!", "")), parsed.value.text.replaceAll("!!", ""));
      else assert.match(parsed.problems[0]!.message, /^at column \d+: /);
    }),
    { numRuns: 200 },
  );
});
