import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { DeadlineQueue } from "./deadline-queue.ts";

test("owners come out when they are due, the earliest first, each once", () => {
  const entry = fc.record({ owner: fc.nat(9), atMs: fc.nat(50) });
  fc.assert(
    fc.property(fc.array(entry), fc.nat(60), (entries, nowMs) => {
      const queue = new DeadlineQueue<number>();
      const earliest = new Map<number, number>();
      for (const { owner, atMs } of entries) {
        queue.add(owner, atMs);
        earliest.set(owner, Math.min(atMs, earliest.get(owner) ?? Infinity));
      }
      const taken: number[] = [];
      for (let owner = queue.take(nowMs); owner !== undefined; owner = queue.take(nowMs)) taken.push(owner);
      const due = [...earliest].filter(([, atMs]) => atMs <= nowMs);
      assert.deepEqual(taken.toSorted(), due.map(([owner]) => owner).toSorted());
      const times = taken.map((owner) => earliest.get(owner) ?? 0);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
    }),
  );
});

test("one that was taken out, or deleted, comes out again only when it is added again", () => {
  const queue = new DeadlineQueue<string>();
  queue.add("a", 5);
  queue.add("a", 9);
  queue.add("b", 6);
  assert.equal(queue.nextMs, 5);
  queue.delete("b");
  assert.equal(queue.take(5), "a");
  assert.equal(queue.take(100), undefined);
  queue.add("a", 7);
  assert.equal(queue.take(6), undefined);
  assert.equal(queue.take(7), "a");
});
