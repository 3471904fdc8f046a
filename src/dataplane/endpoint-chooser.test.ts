import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LocalEndpoint } from "../calc/index.ts";
import { EndpointChooser } from "./endpoint-chooser.ts";
import { cidr } from "./testing/cluster.ts";

function endpoint(name: string, interfaceName: string, isSpoofing: boolean): LocalEndpoint {
  return {
    id: `WorkloadEndpoint/shop/${name}`,
    namespace: "shop",
    name,
    interfaceName,
    addresses: [],
    spoofable: isSpoofing ? [cidr("10.9.0.0/16")] : [],
    tiers: [],
    profileIds: [],
  };
}

const name = fc.constantFrom("a", "b", "c", "d", "a-1", "a0");
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(name, fc.constantFrom("tt1", "tt2", "tt3"), fc.boolean())
      .map(([who, where, isSpoofing]) => ({ type: "put" as const, endpoint: endpoint(who, where, isSpoofing) })),
  },
  { weight: 2, arbitrary: name.map((who) => ({ type: "delete" as const, id: `WorkloadEndpoint/shop/${who}` })) },
  { weight: 1, arbitrary: fc.boolean().map((canSpoof) => ({ type: "canSpoof" as const, canSpoof })) },
  { weight: 2, arbitrary: fc.constant({ type: "choice" as const }) },
);

function chooserWith(canSpoof: boolean, endpoints: Iterable<LocalEndpoint>): EndpointChooser {
  const chooser = new EndpointChooser(canSpoof);
  for (const one of endpoints) chooser.put(one);
  return chooser;
}

test("whatever came and went before, the choice is that of the present endpoints alone", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const chooser = new EndpointChooser(true);
      const present = new Map<string, LocalEndpoint>();
      let canSpoof = true;
      for (const one of steps) {
        if (one.type === "put") {
          chooser.put(one.endpoint);
          present.set(one.endpoint.id, one.endpoint);
        } else if (one.type === "delete") {
          chooser.delete(one.id);
          present.delete(one.id);
        } else if (one.type === "canSpoof") chooser.setCanSpoof((canSpoof = one.canSpoof));
        else chooser.choice();
      }
      const choice = chooser.choice();
      assert.deepEqual(choice, chooserWith(canSpoof, [...present.values()].toReversed()).choice());
      assert.equal(chooser.choice(), choice);
    }),
    { numRuns: 500 },
  );
});

test("of those that name one interface the lowest id has it, and it is refused when none of them may have it", () => {
  const [a, b, c] = [endpoint("a", "tt1", true), endpoint("b", "tt1", false), endpoint("c", "tt2", true)];
  assert.deepEqual(chooserWith(true, [c, b, a]).choice(), { all: [a, b, c], active: [a, c], refused: [] });
  assert.deepEqual(chooserWith(false, [c, b, a]).choice(), { all: [a, b, c], active: [b], refused: ["tt2"] });
});

test("a list without changes stays the same object", () => {
  const [a, b] = [endpoint("a", "tt1", false), endpoint("b", "tt1", false)];
  const chooser = chooserWith(true, [a]);
  const before = chooser.choice();
  chooser.put(b);
  assert.equal(chooser.choice().active, before.active);
  assert.equal(chooser.choice().refused, before.refused);
});
