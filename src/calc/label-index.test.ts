import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { evaluateSelector, parseSelector } from "../selector/index.ts";
import { LabelIndex, type Labels } from "./label-index.ts";

const selectors = [
  "all()",
  "a == 'x'",
  "a != 'x'",
  "has(b)",
  "!has(b)",
  "a in {'x', 'y'} && has(c)",
  "a == 'x' || b == 'y'",
  "c starts with 'x'",
  "a == 'x' && a == 'y'",
  "a in {}",
].map((text) => {
  const parsed = parseSelector(text);
  assert.ok(parsed.ok);
  return parsed.value;
});

const value = fc.constantFrom("x", "y");
const labels = fc.record({ a: value, b: value, c: value }, { requiredKeys: [] });

const step = fc.oneof(
  fc.record({
    type: fc.constant("item" as const),
    id: fc.nat({ max: 4 }).map(String),
    labels: fc.option(labels, { nil: undefined }),
    parents: fc.uniqueArray(fc.constantFrom("p", "q"), { maxLength: 2 }),
  }),
  fc.record({
    type: fc.constant("parent" as const),
    name: fc.constantFrom("p", "q"),
    labels: fc.option(labels, { nil: undefined }),
  }),
  fc.record({ type: fc.constant("selector" as const), at: fc.nat({ max: selectors.length - 1 }) }),
);

test("the pairs told are those that match, after any changes of items, parents and selectors", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const told = new Set<string>();
      const index = new LabelIndex({
        onMatch: (selector, item) => {
          assert.ok(!told.has(`${selector} ${item}`));
          told.add(`${selector} ${item}`);
        },
        onUnmatch: (selector, item) => assert.ok(told.delete(`${selector} ${item}`)),
      });
      const items = new Map<string, { labels: Labels; parents: string[] }>();
      const parents = new Map<string, Labels | undefined>();
      const present = new Set<number>();
      for (const step of steps) {
        if (step.type === "selector") {
          if (present.delete(step.at)) index.deleteSelector(String(step.at));
          else index.addSelector(String(step.at), selectors[present.add(step.at) && step.at]!);
        } else if (step.type === "parent") {
          parents.set(step.name, step.labels);
          index.setParent(step.name, step.labels);
        } else if (step.labels === undefined) {
          items.delete(step.id);
          index.deleteItem(step.id);
        } else {
          items.set(step.id, { labels: step.labels, parents: step.parents });
          index.setItem(step.id, step.labels, step.parents);
        }
      }
      const wanted = new Set<string>();
      for (const [id, item] of items) {
        const inherited = item.parents.toReversed().map((name) => parents.get(name) ?? {});
        const effective: Labels = Object.assign({}, ...inherited, item.labels);
        for (const at of present) if (evaluateSelector(selectors[at]!, effective)) wanted.add(`${at} ${id}`);
      }
      assert.deepEqual([...told].sort(), [...wanted].sort());
    }),
    { numRuns: 500 },
  );
});
