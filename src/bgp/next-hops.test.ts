import assert from "node:assert/strict";
import { test } from "node:test";
import { NextHops } from "./next-hops.ts";
import { address } from "./testing/network.ts";

const a = address("192.0.2.1");
const b = address("192.0.2.2");

test("a next hop is watched from its first use to its last, and nothing is said of what comes and goes at once", () => {
  const hops = new NextHops();
  hops.use(a);
  hops.use(a);
  hops.use(b);
  hops.release(b);
  assert.deepEqual(hops.takeChanges(), { tracked: [a], untracked: [] });
  hops.release(a);
  assert.deepEqual(hops.takeChanges(), { tracked: [], untracked: [] });
  hops.release(a);
  hops.use(a);
  assert.deepEqual(hops.takeChanges(), { tracked: [], untracked: [] });
  hops.release(a);
  assert.deepEqual(hops.takeChanges(), { tracked: [], untracked: [a] });
});

test("there is no way to a next hop before somebody tells of one", () => {
  const hops = new NextHops();
  hops.use(a);
  hops.takeChanges();
  assert.equal(hops.costOf(a), undefined);
  assert.deepEqual([...hops.learn([{ nextHop: a, cost: 3 }])], [a]);
  assert.equal(hops.costOf(a), 3);
  assert.deepEqual(
    [
      ...hops.learn([
        { nextHop: a, cost: 3 },
        { nextHop: b, cost: 1 },
      ]),
    ],
    [],
  );
  assert.deepEqual([...hops.learn([{ nextHop: a, cost: undefined }])], [a]);
  assert.equal(hops.costOf(a), undefined);
});

test("a link-local next hop is on the link and needs no watching", () => {
  const hops = new NextHops();
  for (const text of ["fe80::1", "febf::2"]) {
    hops.use(address(text));
    assert.equal(hops.costOf(address(text)), 0);
  }
  assert.deepEqual(hops.takeChanges(), { tracked: [], untracked: [] });
  hops.use(address("fec0::1"));
  assert.equal(hops.takeChanges().tracked.length, 1);
});
