import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DeltaTracker } from "./delta-tracker.ts";

const keys = fc.constantFrom("a", "b", "c", "d");
const step = fc.oneof(
  fc.record({ type: fc.constant("want" as const), key: keys, value: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ type: fc.constant("unwant" as const), key: keys }),
  fc.record({
    type: fc.constant("observe" as const),
    key: keys,
    value: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  }),
  fc.record({ type: fc.constant("dump" as const), entries: fc.array(fc.tuple(keys, fc.integer({ min: 0, max: 3 }))) }),
  fc.record({ type: fc.constant("apply" as const), fail: fc.boolean() }),
);

test("whatever came before, applying what is pending makes the world what is wanted, and then nothing is pending", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const tracker = new DeltaTracker<string, number>();
      const world = new Map<string, number>();
      const apply = (isFailing: boolean) => {
        for (const [at, change] of tracker.pending().entries()) {
          if (isFailing && at % 2 === 0) continue;
          if (change.type === "put") world.set(change.key, change.value);
          else world.delete(change.key);
          tracker.done(change);
        }
      };
      for (const next of steps) {
        if (next.type === "want") tracker.want(next.key, next.value);
        else if (next.type === "unwant") tracker.unwant(next.key);
        else if (next.type === "apply") apply(next.fail);
        else if (next.type === "observe") {
          if (next.value === undefined) world.delete(next.key);
          else world.set(next.key, next.value);
          tracker.observe(next.key, next.value);
        } else {
          world.clear();
          for (const [key, value] of next.entries) world.set(key, value);
          tracker.observeAll(world);
        }
      }
      apply(false);
      assert.deepEqual(new Map([...world].toSorted()), new Map([...tracker.wanted()].toSorted()));
      assert.deepEqual(tracker.pending(), []);
    }),
  );
});

test("wantAll unwants what it does not name and leaves equal values alone", () => {
  const tracker = new DeltaTracker<string, number>();
  tracker.wantAll([
    ["a", 1],
    ["b", 2],
  ]);
  for (const change of tracker.pending()) tracker.done(change);
  tracker.wantAll([
    ["a", 1],
    ["c", 3],
  ]);
  assert.deepEqual(
    tracker.pending().map((change) => [change.type, change.key]),
    [
      ["put", "c"],
      ["delete", "b"],
    ],
  );
});
