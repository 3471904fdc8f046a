import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BadInput } from "./failure.ts";
import { formatJsonPath } from "./json-path.ts";

const list = {
  items: [
    { metadata: { name: "a", labels: { "x.y/z": "1", app: "web" } }, spec: { nets: ["n1", "n2"], order: 1 } },
    { metadata: { name: "b" }, spec: { nets: [], order: 2 } },
  ],
};

const cases: readonly (readonly [template: string, expected: string])[] = [
  ["{.items[*].metadata.name}", "a b"],
  [".items[0].metadata.name", "a"],
  ["{$.items[-1].metadata.name}", "b"],
  ["{.items[0].metadata.labels['x.y/z']}", "1"],
  ["{.items[0].metadata.labels.x\\.y/z}", "1"],
  ["{.items[0].spec.nets}", '["n1","n2"]'],
  ["{.items[0].spec.nets[*]}", "n1 n2"],
  ["{.items[9].spec}{.none.at.all}", ""],
  ['{range .items[*]}{.metadata.name}={.spec.order}{"\\n"}{end}', "a=1\nb=2\n"],
  ["{range .items[*]}{range .spec.nets[*]}<{@}>{end};{end}", "<n1><n2>;;"],
  ["{.items[?(@.spec.order==2)].metadata.name}", "b"],
  ['{.items[?(@.metadata.name!="b")].spec.order}', "1"],
  ["names: {.items[*].metadata.name}!", "names: a b!"],
  ["{.items[0].metadata.labels.constructor}", ""],
];

test("a JSONPath template prints what kubectl prints", () => {
  for (const [template, expected] of cases) assert.equal(formatJsonPath(template, list), expected, template);
});

test("a template that cannot be read is bad input", () => {
  for (const template of ["{.a", "{range .items[*]}x", "{end}", "{.a[}", "{.a[x]}", '{"a}', "{..}"]) {
    assert.throws(() => formatJsonPath(template, list), BadInput, template);
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."{}[]().*?@\"'$=! ab01\\".split("")) }), (template) => {
      try {
        formatJsonPath(template, list);
      } catch (error) {
        assert.ok(error instanceof BadInput, String(error));
      }
    }),
  );
});
