import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NextHops } from "./next-hops.ts";
import type { Path } from "./path.ts";
import { cidrToKey } from "./prefix-key.ts";
import { RibTable } from "./rib.ts";
import { makePath, makeSource } from "./testing/paths.ts";
import { address, route } from "./testing/values.ts";

const keys = Array.from({ length: 6 }, (_, i) => cidrToKey(route(`10.0.${i}.0/24`).prefix));
const sources = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((one) => makeSource({ address: one }));
const nextHops = ["198.51.100.1", "198.51.100.2", "198.51.100.3"].map((one) => address(one));

test("when the ways to next hops change, what has a path by them is looked at again and nothing else", () => {
  const step = fc.record({
    key: fc.nat(keys.length - 1),
    source: fc.nat(sources.length - 1),
    /** None: the path goes. */
    nextHop: fc.option(fc.nat(nextHops.length - 1), { nil: undefined }),
  });
  const anyHops = fc.subarray(nextHops);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(40), anyHops, (steps, trackedAt, changed) => {
      const table = new RibTable("ipv4-unicast", () => 0.5);
      const hops = new NextHops();
      for (const [i, { key, source, nextHop }] of steps.entries()) {
        if (i === trackedAt) table.trackNextHops(hops);
        const destination = table.at(keys[key]!);
        const old = destination.pathOf(sources[source], undefined);
        const path = nextHop === undefined ? undefined : makePath(sources[source], { nextHop: nextHops[nextHop]! });
        if (old !== undefined || path !== undefined) table.replace(destination, old, path);
      }
      table.trackNextHops(hops);
      table.decide(Infinity, false);
      table.markNextHops(new Set(changed));
      const isBy = ({ set }: Path) => changed.includes(set.attributes.nextHop!);
      const wanted = keys.filter((key) => table.byKey(key)?.paths.some(isBy) === true);
      const { decided } = table.decide(Infinity, false);
      assert.deepEqual(decided.map(({ key }) => key).toSorted(), wanted.toSorted());
    }),
  );
});

test("work that waits goes before decisions, in order and in parts, and is not forgotten", () => {
  const table = new RibTable("ipv4-unicast", () => 0.5);
  const done: string[] = [];
  function* chore(name: string, steps: number): Generator<void> {
    for (let i = 0; i < steps; i++) {
      done.push(`${name}${i}`);
      yield;
    }
  }
  table.later(chore("a", 3));
  table.later(chore("b", 2));
  const parts: string[] = [];
  while (table.isDirty) {
    table.decide(4, false);
    parts.push(done.splice(0).join(" "));
  }
  assert.deepEqual(
    parts.filter((part) => part !== ""),
    ["a0 a1", "a2 b0", "b1"],
  );
});
