import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { isSameValue } from "./same-value.ts";

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(undefined, null, 0, 1, "", "a", true),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.uniqueArray(fc.nat(2)).map((numbers) => new Set(numbers)),
    fc.dictionary(fc.constantFrom("x", "y"), tie("value"), { maxKeys: 2, noNullPrototype: true }),
  ),
}));

test("values are the same when node says that they are equal, however deep they go", () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      assert.equal(isSameValue(a, b), isDeepStrictEqual(a, b));
      assert.ok(isSameValue(a, structuredClone(a)));
    }),
    { numRuns: 2000 },
  );
});

test("a member that is undefined is not one that is absent, and neither is a member of another name", () => {
  assert.ok(!isSameValue({ x: undefined }, {}));
  assert.ok(!isSameValue({ x: undefined }, { y: undefined }));
  assert.ok(!isSameValue(new Set([1]), new Set([2])));
  assert.ok(!isSameValue([], {}) && !isSameValue({}, new Set()));
});
