import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { diffElements } from "./diff-elements.ts";
import { LivingSet } from "./living-set.ts";
import type { NftSet, SetElement } from "./table.ts";

const shape = { name: "m", keyType: ["ifname"], isInterval: false, isVerdictMap: true } as const;
const element = fc.record({
  key: fc.constantFrom("01", "02", "03", "04"),
  verdict: fc.constantFrom<SetElement["verdict"] & {}>({ type: "drop" }, { type: "accept" }),
});
const step = fc.oneof(
  fc.record({ type: fc.constant("put" as const), element }),
  fc.record({ type: fc.constant("delete" as const), element }),
  fc.constant({ type: "version" as const }),
);

function contents(elements: Iterable<SetElement>): Map<string, string | undefined> {
  return new Map(
    Array.from(elements, ({ key, verdict }): [string, string | undefined] => [key, verdict?.type]).sort(([a], [b]) =>
      a < b ? -1 : 1,
    ),
  );
}

/** As the kernel does it: what goes must be there, what comes must not. */
function apply(present: NftSet, wanted: NftSet): Map<string, string | undefined> {
  const kernel = contents(present.elements);
  const { added, deleted } = diffElements(present, wanted);
  const found = (map: ReadonlyMap<string, string | undefined>) =>
    new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
  for (const { key, verdict } of deleted) {
    assert.equal(kernel.get(key), verdict?.type);
    kernel.delete(key);
  }
  for (const { key, verdict } of added) {
    assert.ok(!kernel.has(key));
    kernel.set(key, verdict?.type);
  }
  return found(kernel);
}

test("each version keeps its elements, and from each to any other lead exactly the changes between them", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const set = new LivingSet(shape);
      const model = new Map<string, SetElement>();
      const versions = [{ version: set.version(), expected: contents([]) }];
      for (const one of steps) {
        if (one.type === "put") {
          set.put(one.element);
          model.set(one.element.key, one.element);
        } else if (one.type === "delete") {
          set.delete(one.element.key);
          model.delete(one.element.key);
        } else versions.push({ version: set.version(), expected: contents(model.values()) });
      }
      for (const { version, expected } of versions) {
        assert.deepEqual(contents(version.elements), expected);
        for (const other of versions) assert.deepEqual(apply(version, other.version), other.expected);
      }
    }),
    { numRuns: 300 },
  );
});

test("a set that has come back to what it was is the same object, and between neighbours the change is known", () => {
  const set = new LivingSet(shape);
  for (let at = 0; at < 1000; at++) set.put({ key: at.toString(16).padStart(4, "0"), verdict: { type: "drop" } });
  const before = set.version();
  set.put({ key: "ffff", verdict: { type: "drop" } });
  set.delete("ffff");
  assert.equal(set.version(), before);
  set.put({ key: "fffe", verdict: { type: "drop" } });
  const after = set.version();
  assert.deepEqual(diffElements(before, after), { added: [{ key: "fffe", verdict: { type: "drop" } }], deleted: [] });
});
