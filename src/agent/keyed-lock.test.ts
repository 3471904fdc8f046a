import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedLock } from "./keyed-lock.ts";

test("tasks of one key run one after another, also after a failure; other keys do not wait", async () => {
  const lock = new KeyedLock();
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = lock.run("a", async () => {
    log.push("a1 starts");
    await gate.promise;
    log.push("a1 fails");
    throw new Error("no");
  });
  const second = lock.run("a", async () => {
    log.push("a2");
    return 2;
  });
  await lock.run("b", async () => {
    log.push("b");
  });
  gate.resolve();
  await assert.rejects(first, /no/);
  assert.equal(await second, 2);
  assert.deepEqual(log, ["a1 starts", "b", "a1 fails", "a2"]);
});
