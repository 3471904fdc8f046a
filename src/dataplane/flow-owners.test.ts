import assert from "node:assert/strict";
import { test } from "node:test";
import { FlowOwners } from "./flow-owners.ts";
import { address } from "./testing/cluster.ts";

const [a4, a6, b4] = [address("10.0.0.1"), address("fd00::1"), address("10.0.0.2")];

test("what an agent before left in force goes on; what is new to everybody begins without old connections", () => {
  const owners = new FlowOwners();
  owners.adopt([
    [a4, 7],
    [a6, 7],
  ]);
  assert.deepEqual(
    owners.update(
      new Map([
        [a4, 7],
        [a6, 7],
        [b4, 8],
      ]),
    ),
    [b4],
  );
});

test("the connections of an address are over when it goes or moves, and only then", () => {
  const owners = new FlowOwners();
  owners.settle(owners.update(new Map([[a4, 7]])));
  const both = new Map([
    [a4, 7],
    [a6, 7],
  ]);
  assert.deepEqual(owners.update(both), []);
  assert.deepEqual(owners.update(both), []);
  assert.deepEqual(owners.update(new Map([[a6, 9]])), [a4, a6]);
});

test("what could not be cut is told again until it is settled", () => {
  const owners = new FlowOwners();
  owners.settle(owners.update(new Map([[a4, 7]])));
  assert.deepEqual(owners.update(new Map()), [a4]);
  assert.deepEqual(owners.update(new Map([[a4, 7]])), [a4]);
  owners.settle([a4]);
  assert.deepEqual(owners.update(new Map([[a4, 7]])), []);
});
