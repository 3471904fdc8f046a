import assert from "node:assert/strict";
import { test } from "node:test";
import { CoalescingQueue } from "./coalescing-queue.ts";
import { backoffMs, seededRandom } from "./random.ts";
import { TaskGroup } from "./task-group.ts";

function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

test("a task that fails stops its siblings, and the group tells the first failure", async () => {
  const group = new TaskGroup();
  let isStopped = false;
  group.start(async (signal) => {
    await untilAborted(signal);
    isStopped = true;
  });
  group.start(async () => {
    throw new Error("the disk is full");
  });
  await assert.rejects(group.wait(), /the disk is full/);
  assert.ok(isStopped);
});

test("disposing a group twice stops the tasks once and tells no failure", async () => {
  const group = new TaskGroup();
  group.start(untilAborted);
  await group[Symbol.asyncDispose]();
  await group[Symbol.asyncDispose]();
});

test("a queue keeps the newest value of each key, in the order in which keys came", async () => {
  const queue = new CoalescingQueue<string, number>();
  queue.push("a", 1);
  queue.push("b", 2);
  queue.push("a", 3);
  assert.deepEqual(await queue.take(10, new AbortController().signal), [
    ["a", 3],
    ["b", 2],
  ]);
  assert.equal(queue.size, 0);
});

test("a reader that waits is woken by the next value, and by the signal with nothing", async () => {
  const queue = new CoalescingQueue<string, number>();
  const controller = new AbortController();
  const first = queue.take(1, controller.signal);
  queue.push("a", 1);
  assert.deepEqual(await first, [["a", 1]]);
  const second = queue.take(1, controller.signal);
  controller.abort();
  assert.deepEqual(await second, []);
});

test("back-off doubles up to its ceiling and never goes below half of it", () => {
  const random = seededRandom(7);
  for (let attempt = 0; attempt < 40; attempt++) {
    const ceiling = Math.min(5000, 100 * 2 ** attempt);
    const waitMs = backoffMs(attempt, 100, 5000, random);
    assert.ok(waitMs >= ceiling / 2 && waitMs <= ceiling, `${attempt}: ${waitMs}`);
  }
});
