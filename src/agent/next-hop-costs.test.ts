import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type IpAddress, parseAddress } from "../lib/index.ts";
import { NextHopCosts } from "./next-hop-costs.ts";

const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);

test("costs are told once they are asked for, when they change, and no more when nobody asks", async () => {
  const costs = new Map([[address("10.0.0.1"), 0]]);
  const told: string[][] = [];
  const host = new NextHopCosts((nextHop) => costs.get(nextHop));
  using tracker = host.follow((list) => void told.push(list.map(({ nextHop, cost }) => `${nextHop} ${cost}`)));
  tracker.track([address("10.0.0.1")]);
  tracker.track([address("10.0.0.2"), address("10.0.0.3")]);
  tracker.untrack([address("10.0.0.3")]);
  assert.deepEqual(told, [], "not from within the call");
  await setImmediate();
  assert.deepEqual(told.splice(0), [["10.0.0.1 0", "10.0.0.2 undefined"]]);
  host.refresh();
  assert.deepEqual(told, []);
  costs.set(address("10.0.0.2"), 1024);
  costs.set(address("10.0.0.3"), 7);
  costs.delete(address("10.0.0.1"));
  host.refresh();
  assert.deepEqual(told.splice(0), [["10.0.0.1 undefined", "10.0.0.2 1024"]]);
  tracker.untrack([address("10.0.0.2")]);
  costs.clear();
  host.refresh();
  assert.deepEqual(told, []);
  tracker.track([address("10.0.0.2")]);
  tracker[Symbol.dispose]();
  await setImmediate();
  assert.deepEqual(told, []);
});
