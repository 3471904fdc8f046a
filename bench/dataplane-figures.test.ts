import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeAtLeast } from "./dataplane-figures.ts";
import { operationsPerSecond } from "./dataplane-traffic.ts";

test("a ratio that is to be at least so much is met by its median, and close when the interval reaches so far", () => {
  const around = (middle: number) => Array.from({ length: 13 }, (_, at) => middle + (at - 6) / 100);
  assert.equal(judgeAtLeast(around(0.98), 0.97).verdict, "met");
  assert.equal(judgeAtLeast(around(0.96), 0.97).verdict, "close");
  assert.equal(judgeAtLeast(around(0.9), 0.97).verdict, "missed");
  const { middle, low, high } = judgeAtLeast(around(1), 0.97);
  assert.deepEqual(
    [low, middle, high].map((value) => value.toFixed(2)),
    ["0.96", "1.00", "1.04"],
  );
});

test("a few rounds judge only what is far from its target", () => {
  assert.equal(judgeAtLeast([0.96, 0.99], 0.97).verdict, "close");
  assert.equal(judgeAtLeast([0.5, 0.6], 0.97).verdict, "missed");
  assert.equal(judgeAtLeast([2, 3], 1.2).verdict, "met");
});

test("a rate is by the time of one processor: of both sides on it, or of the busier one", () => {
  const result = { operations: 300, seconds: 9, clientCpu: 2, serverCpu: 1 };
  assert.equal(operationsPerSecond("ask", result), 100);
  assert.equal(operationsPerSecond("packets", result), 150);
});
