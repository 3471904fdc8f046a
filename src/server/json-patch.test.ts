import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { StatusError } from "./status.ts";

type Case = readonly [what: string, document: unknown, patch: unknown, expected: unknown];
const add = (path: string, value: unknown) => ({ op: "add", path, value });

/** After appendix A of RFC 6902, told in cats. */
const cases: readonly Case[] = [
  ["adds a member", { cat: 1 }, [add("/dog", 2)], { cat: 1, dog: 2 }],
  ["adds before an entry", { cats: ["a", "c"] }, [add("/cats/1", "b")], { cats: ["a", "b", "c"] }],
  ["adds at the end", { cats: ["a"] }, [add("/cats/-", ["b"])], { cats: ["a", ["b"]] }],
  ["adds over what is there", { cat: 1 }, [add("/cat", { paws: 4 })], { cat: { paws: 4 } }],
  ["replaces the whole", { cat: 1 }, [add("", { dog: 2 })], { dog: 2 }],
  ["removes a member", { cat: 1, dog: 2 }, [{ op: "remove", path: "/dog" }], { cat: 1 }],
  ["removes an entry", { cats: ["a", "b", "c"] }, [{ op: "remove", path: "/cats/1" }], { cats: ["a", "c"] }],
  ["replaces", { cat: 1 }, [{ op: "replace", path: "/cat", value: null }], { cat: null }],
  ["replaces an entry", [1, 2, 3], [{ op: "replace", path: "/1", value: 9 }], [1, 9, 3]],
  [
    "moves a member",
    { a: { cat: 1 }, b: {} },
    [{ op: "move", from: "/a/cat", path: "/b/cat" }],
    { a: {}, b: { cat: 1 } },
  ],
  ["moves an entry", { a: [1, 2, 3] }, [{ op: "move", from: "/a/0", path: "/a/2" }], { a: [2, 3, 1] }],
  ["copies", { a: [1] }, [{ op: "copy", from: "/a", path: "/b" }], { a: [1], b: [1] }],
  ["tests", { a: { b: [1, "x"] } }, [{ op: "test", path: "/a", value: { b: [1, "x"] } }], { a: { b: [1, "x"] } }],
  ["reads ~1 and ~0", { "a/b": 1, "c~1": 2 }, [{ op: "remove", path: "/a~1b" }, add("/c~01", 3)], { "c~1": 3 }],
  ["knows the empty name", {}, [add("/", 1)], { "": 1 }],
  ["does all in order", {}, [add("/a", []), add("/a/-", 1), add("/a/0", 0)], { a: [0, 1] }],
];

test("a JSON patch does what RFC 6902 says", () => {
  for (const [what, document, patch, expected] of cases) {
    const before = structuredClone(document);
    assert.deepEqual(applyJsonPatch(document, patch), expected, what);
    assert.deepEqual(document, before, `${what}: the document stays`);
  }
});

const mistakes: readonly (readonly [patch: unknown, code: number])[] = [
  [{}, 400],
  [["x"], 400],
  [[{ op: "add", path: "a", value: 1 }], 400],
  [[{ op: "add", path: "/a" }], 400],
  [[{ op: "fly", path: "/a" }], 400],
  [[{ op: "copy", path: "/a" }], 400],
  [[{ op: "move", from: "/list", path: "/list/0" }], 400],
  [[{ op: "remove", path: "" }], 422],
  [[{ op: "remove", path: "/no" }], 422],
  [[{ op: "replace", path: "/no", value: 1 }], 422],
  [[add("/no/deeper", 1)], 422],
  [[add("/list/3", 1)], 422],
  [[add("/list/01", 1)], 422],
  [[{ op: "remove", path: "/list/-" }], 422],
  [[{ op: "test", path: "/list/0", value: 2 }], 422],
  [[{ op: "remove", path: "/constructor" }], 422],
];

test("a JSON patch that is malformed is 400, one that does not fit 422", () => {
  for (const [patch, code] of mistakes) {
    assert.throws(
      () => applyJsonPatch({ list: [1] }, patch),
      (error) => error instanceof StatusError && error.status.code === code,
      JSON.stringify(patch),
    );
  }
});

test("a merge patch does what RFC 7396 says", () => {
  const mergeCases: readonly (readonly [unknown, unknown, unknown])[] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ a: "foo" }, "bar", "bar"],
  ];
  for (const [target, patch, expected] of mergeCases) assert.deepEqual(applyMergePatch(target, patch), expected);
});

test("no patch, whatever it is, touches anything but its document", () => {
  const pointer = fc.array(fc.constantFrom("a", "0", "-", "__proto__", "constructor"), { maxLength: 3 });
  const operation = fc.record({
    op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test"),
    path: pointer.map((steps) => steps.map((step) => `/${step}`).join("")),
    from: pointer.map((steps) => steps.map((step) => `/${step}`).join("")),
    value: fc.jsonValue(),
  });
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(operation, { maxLength: 4 }), (document, patch) => {
      try {
        applyJsonPatch(document, patch);
        applyMergePatch(document, patch[0]?.value);
      } catch (error) {
        assert.ok(error instanceof StatusError, String(error));
      }
      assert.equal(Reflect.get({}, "a"), undefined);
      assert.equal(Object.getOwnPropertyNames(Object.prototype).includes("0"), false);
    }),
  );
});
