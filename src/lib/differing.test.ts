import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { differing } from "./differing.ts";

const letters = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 8 });

test("what differs, between what the lists begin and end with alike, makes the one list of the other", () => {
  fc.assert(
    fc.property(letters, letters, (before, after) => {
      const { head, a, b } = differing(before, after);
      assert.deepEqual([...before.slice(0, head), ...b, ...before.slice(head + a.length)], after);
      // There is no less of it.
      if (a.length > 0 && b.length > 0) assert.ok(a[0] !== b[0] && a.at(-1) !== b.at(-1));
    }),
  );
});

test("between equal lists nothing differs, be they one or two", () => {
  const list = ["a", "b"];
  for (const other of [list, [...list]]) assert.deepEqual(differing(list, other), { head: 2, a: [], b: [] });
});
