import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFigure, judgeRatios, medianInterval, quantile } from "./reflector-figures.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

test("the interval of a median is that of the sign test", () => {
  // Ranks from the tables of the binomial distribution.
  for (const [count, low] of [
    [6, 1],
    [9, 2],
    [13, 3],
    [20, 6],
  ] as const) {
    assert.deepEqual(medianInterval(upTo(count)), { low, high: count + 1 - low });
  }
  assert.deepEqual(medianInterval([3, 1, 2]), { low: 1, high: 3 });
});

test("a ratio far from its target is judged after a few rounds, one near it after thirteen", () => {
  assert.equal(judgeRatios([0.5, 0.6, 0.7], 1).verdict, "met");
  assert.equal(judgeRatios([1.4, 1.5, 1.6], 1).verdict, "missed");
  assert.equal(judgeRatios([0.9, 1.0, 1.1], 1).verdict, "close");
  assert.equal(judgeRatios([0.19, 0.19], 0.2).verdict, "close");
});

test("after thirteen rounds the median meets the target, or is close when its interval does", () => {
  const around = (middle: number) => upTo(13).map((at) => middle + (at - 7) / 50);
  assert.equal(judgeRatios(around(1), 1).verdict, "met");
  assert.equal(judgeRatios(around(1.07), 1).verdict, "close");
  assert.equal(judgeRatios(around(1.12), 1).verdict, "missed");
});

test("a quantile is one of the values", () => {
  assert.equal(quantile(upTo(100), 0.99), 100);
  assert.equal(quantile(upTo(100), 0.5), 51);
  assert.equal(quantile([5], 0.99), 5);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test("figures show three digits that count", () => {
  assert.deepEqual([0.00123, 1.2345, 12.345, 123.45, 12345, 0, Number.NaN].map(formatFigure), [
    "0.00123",
    "1.23",
    "12.3",
    "123",
    "12345",
    "0",
    "-",
  ]);
});
