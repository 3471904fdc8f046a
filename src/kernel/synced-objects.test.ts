import assert from "node:assert/strict";
import test from "node:test";
import { parseAddress, parseCidr } from "../lib/index.ts";
import type { NextHop, Route } from "../netlink/index.ts";
import { type ObjectSort, neighbourSort, nextHopSort, routeSort } from "./object-sort.ts";
import { SyncedObjects } from "./synced-objects.ts";

const address = (text: string) => parseAddress(text)!;
const base = { table: 254, protocol: 77, metric: 0, type: "unicast", scope: "link" } as const;
const v4: Route = { ...base, destination: parseCidr("10.0.0.1/32")!, linkIndex: 3 };
const v6: Route = { ...base, destination: parseCidr("fd00::1/128")!, linkIndex: 3 };

/** Whether nothing is to be done when the kernel has `present`. */
function isSettled<V>(sort: ObjectSort<V>, wanted: V, present: V): boolean {
  const objects = new SyncedObjects(sort);
  objects.want(wanted);
  objects.observeAll([present]);
  return objects.pending().length === 0;
}

test("a route is what is wanted when the kernel gives it back in its own form", () => {
  const gateway = address("10.0.0.2");
  const same: [wanted: Route, present: Route][] = [
    [v4, { ...v4 }],
    [v6, { ...v6, metric: 1024, scope: "universe" }],
    [{ ...v4, isOnlink: false }, v4],
    [
      { ...base, destination: v4.destination, gateway },
      { ...v4, gateway },
    ],
    [
      { ...base, destination: v4.destination, nextHops: [{ linkIndex: 3, gateway, weight: 9 }] },
      { ...v4, gateway },
    ],
    [
      {
        ...base,
        destination: v4.destination,
        nextHops: [
          { gateway, weight: 2 },
          { linkIndex: 3, weight: 1 },
        ],
      },
      {
        ...base,
        destination: v4.destination,
        nextHops: [
          { linkIndex: 3, weight: 1 },
          { linkIndex: 4, gateway, weight: 2 },
        ],
      },
    ],
  ];
  for (const [wanted, present] of same) assert.ok(isSettled(routeSort, wanted, present), JSON.stringify(wanted));
});

test("a route that differs in anything that is wanted is put again", () => {
  const gateway = address("10.0.0.2");
  const hops = [
    { linkIndex: 3, weight: 1 },
    { linkIndex: 4, weight: 2 },
  ];
  const different: [wanted: Route, present: Route][] = [
    [v4, { ...v4, linkIndex: 4 }],
    [v4, { ...v4, gateway }],
    [v4, { ...v4, metric: 1 }],
    [v4, { ...v4, table: 255 }],
    [v4, { ...v4, type: "blackhole" }],
    [v4, { ...v4, scope: "universe" }],
    [v4, { ...v4, source: address("10.0.0.9") }],
    [v4, { ...v4, isOnlink: true }],
    [{ ...base, destination: v4.destination, nextHopId: 7 }, v4],
    [
      { ...base, destination: v4.destination, nextHopId: 7 },
      { ...base, destination: v4.destination, nextHopId: 8 },
    ],
    [
      { ...base, destination: v4.destination, nextHops: hops },
      { ...base, destination: v4.destination, nextHops: hops.map((hop) => ({ ...hop, weight: 1 })) },
    ],
  ];
  for (const [wanted, present] of different) assert.ok(!isSettled(routeSort, wanted, present), JSON.stringify(present));
});

test("a group of next hops is the same in any order, a next hop is its gateway and link", () => {
  const group = [
    { id: 1, weight: 1 },
    { id: 2, weight: 3 },
  ];
  const one: NextHop = { id: 9, protocol: 77, version: 4, group };
  assert.ok(isSettled(nextHopSort, one, { id: 9, protocol: 77, group: group.toReversed() }));
  assert.ok(!isSettled(nextHopSort, one, { id: 9, protocol: 77, group: group.slice(1) }));
  const hop: NextHop = { id: 7, protocol: 77, version: 6, linkIndex: 3, gateway: address("fe80::1") };
  assert.ok(isSettled(nextHopSort, hop, { ...hop }));
  assert.ok(!isSettled(nextHopSort, hop, { ...hop, linkIndex: 4 }));
  assert.ok(!isSettled(nextHopSort, hop, { ...hop, gateway: address("fe80::2") }));
});

test("a neighbour that the kernel learned is not a permanent one", () => {
  const neighbour = {
    linkIndex: 3,
    address: address("10.0.0.1"),
    mac: "02:00:00:00:00:01",
    state: "permanent",
  } as const;
  assert.ok(isSettled(neighbourSort, neighbour, { ...neighbour, protocol: 77 }));
  assert.ok(!isSettled(neighbourSort, neighbour, { ...neighbour, state: "reachable" }));
  assert.ok(!isSettled(neighbourSort, neighbour, { ...neighbour, mac: "02:00:00:00:00:02" }));
});

test("a route is put exclusively unless one of ours has its key", () => {
  const routes = new SyncedObjects(routeSort);
  routes.want(v4);
  const isExclusive = () => routes.pending().map(({ change }) => change.type === "putRoute" && change.isExclusive);
  assert.deepEqual(isExclusive(), [true]);
  routes.observe({ ...v4, linkIndex: 9 });
  assert.deepEqual(isExclusive(), [false]);
});

test("objects are found by their link until they are seen to be gone", () => {
  const routes = new SyncedObjects(routeSort);
  routes.observeAll([v4, { ...v6, linkIndex: 4 }]);
  assert.deepEqual(routes.presentOnLink(3), [v4]);
  routes.observe({ ...v4, linkIndex: 4 });
  assert.deepEqual(routes.presentOnLink(3), []);
  assert.equal(routes.presentOnLink(4).length, 2);
  for (const pending of routes.pending()) pending.done();
  assert.deepEqual(routes.presentOnLink(4), []);
});
