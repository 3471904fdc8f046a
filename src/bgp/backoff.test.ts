import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "./backoff.ts";

const most = () => 1;
const times = (count: number, delay: () => number) => Array.from({ length: count }, delay);

test("a refused connection is tried again soon, then less and less often", () => {
  const backoff = new Backoff();
  assert.deepEqual(
    times(7, () => backoff.refused(most)),
    [200, 500, 1000, 2000, 5000, 5000, 5000],
  );
});

test("after a NOTIFICATION the next attempt waits longer each time, up to half a minute", () => {
  const backoff = new Backoff();
  assert.deepEqual(
    times(8, () => backoff.failed(most)),
    [1000, 2000, 4000, 8000, 15_000, 30_000, 30_000, 30_000],
  );
});

test("delays are shortened by up to a quarter, so that many peers do not come at once", () => {
  assert.equal(
    new Backoff().refused(() => 0),
    150,
  );
  assert.equal(
    new Backoff().failed(() => 0.5),
    875,
  );
});

test("only a session that held lets the delays begin anew", () => {
  const backoff = new Backoff();
  times(3, () => backoff.refused(most));
  times(3, () => backoff.failed(most));
  backoff.held(1000);
  assert.deepEqual([backoff.refused(most), backoff.failed(most)], [2000, 8000]);
  backoff.held(5000);
  assert.deepEqual([backoff.refused(most), backoff.failed(most)], [200, 15_000]);
  backoff.held(30_000);
  assert.deepEqual([backoff.refused(most), backoff.failed(most)], [200, 1000]);
});
