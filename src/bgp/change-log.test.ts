import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChangeLog, type Logged } from "./change-log.ts";

type Thing = Logged & { readonly name: number };

test("who walks from a version sees everything that has changed since, once, in the order of the last changes", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ touch: fc.nat(80) }) },
    { weight: 1, arbitrary: fc.record({ remove: fc.nat(80) }) },
    { weight: 1, arbitrary: fc.constant("note" as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600, size: "max" }), (steps) => {
      const log = new ChangeLog<Thing>();
      const things = Array.from({ length: 81 }, (_, name): Thing => ({ name, slot: -1 }));
      const changed = new Map<number, number>();
      const noted = [0];
      for (const one of steps) {
        if (one === "note") {
          noted.push(log.version);
        } else if ("touch" in one) {
          const thing = things[one.touch]!;
          log.touch(thing);
          changed.delete(one.touch);
          changed.set(one.touch, log.version);
          assert.equal(log.versionOf(thing), log.version);
        } else {
          log.remove(things[one.remove]!);
          changed.delete(one.remove);
        }
      }
      for (const version of noted) {
        const seen: number[] = [];
        for (let slot = log.slotAfter(version); slot < log.slotEnd; slot++) {
          const thing = log.at(slot);
          if (thing === undefined) continue;
          seen.push(thing.name);
          assert.equal(log.versionAt(slot), changed.get(thing.name));
        }
        assert.deepEqual(
          seen,
          [...changed].filter(([, at]) => at > version).map(([name]) => name),
        );
      }
      assert.equal(log.size, changed.size);
      assert.ok(log.slotEnd <= 2 * changed.size + 200);
    }),
  );
});
