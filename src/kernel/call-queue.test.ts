import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCallQueue, makeSequenceNumbers } from "./call-queue.ts";

test("a call begins when the one before is over, also when that failed", async () => {
  const inTurn = makeCallQueue();
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const call = (name: string, fails: boolean) => async () => {
    seen.push(`${name} begins`);
    await gate.promise;
    seen.push(`${name} ends`);
    if (fails) throw new Error(name);
    return name;
  };
  const outcomes = Promise.allSettled([inTurn(call("a", true)), inTurn(call("b", false)), inTurn(call("c", true))]);
  gate.resolve();
  assert.deepEqual(
    (await outcomes).map((outcome) => (outcome.status === "fulfilled" ? outcome.value : String(outcome.reason))),
    ["Error: a", "b", "Error: c"],
  );
  assert.deepEqual(seen, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("sequence numbers of one call follow each other, and fit 32 bits without 0", () => {
  const take = makeSequenceNumbers(0xffffffff - 10);
  assert.equal(take(3), 0xffffffff - 10);
  assert.equal(take(7), 0xffffffff - 7);
  assert.equal(take(1), 1);
  assert.equal(take(5), 2);
});
