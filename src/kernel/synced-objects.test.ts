import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
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
  for (const pending of routes.pending()) routes.done(pending);
  assert.deepEqual(routes.presentOnLink(4), []);
});

const someRoute = fc.record({ at: fc.integer({ min: 0, max: 3 }), nextHopId: fc.integer({ min: 1, max: 2 }) });
const step = fc.oneof(
  fc.record({
    type: fc.constantFrom("want" as const, "unwant" as const, "come" as const, "go" as const),
    of: someRoute,
  }),
  fc.record({ type: fc.constant("read" as const), present: fc.array(someRoute), isRepeated: fc.boolean() }),
  fc.record({
    type: fc.constant("apply" as const),
    isFailing: fc.boolean(),
    meanwhile: fc.array(someRoute, { maxLength: 2 }),
  }),
);

test("whatever was wanted and seen, what is pending makes the kernel hold what is wanted, and then nothing is pending", () => {
  const routeOf = ({ at, nextHopId }: { at: number; nextHopId: number }): Route => {
    const { linkIndex: _, ...rest } = v4;
    return { ...rest, destination: parseCidr(`10.0.0.${at}/32`)!, metric: at < 2 ? 1024 : 7, nextHopId };
  };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const routes = new SyncedObjects(routeSort);
      const wanted = new Map<string, Route>();
      const kernel = new Map<string, Route>();
      const put = (map: Map<string, Route>, route: Route) => map.set(route.destination, { ...route });
      const apply = (isFailing: boolean, meanwhile: readonly Route[]) => {
        for (const [at, pending] of routes.pending().entries()) {
          if (isFailing && at % 2 === 0) continue;
          // Somebody thinks of something else while the kernel is at it.
          for (const route of meanwhile) {
            routes.unwant(route);
            wanted.delete(route.destination);
          }
          const { change, outcome } = pending;
          if (change.type === "putRoute") put(kernel, outcome!);
          else if (change.type === "deleteRoute") kernel.delete(change.route.destination);
          routes.done(pending);
        }
      };
      for (const next of steps) {
        if (next.type === "apply") apply(next.isFailing, next.meanwhile.map(routeOf));
        else if (next.type === "read") {
          if (next.isRepeated) routes.beginRead();
          if (next.isRepeated) for (const one of next.present.slice(1)) routes.observe(routeOf(one));
          kernel.clear();
          for (const one of next.present) put(kernel, routeOf(one));
          routes.observeAll([...kernel.values()]);
        } else {
          const route = routeOf(next.of);
          const { destination } = route;
          if (next.type === "want") {
            routes.want(route);
            put(wanted, route);
          } else if (next.type === "unwant") {
            routes.unwant(route);
            wanted.delete(destination);
          } else if (next.type === "come") {
            put(kernel, route);
            routes.observe(route);
          } else {
            kernel.delete(destination);
            routes.observeGone(route);
          }
        }
        for (const id of [1, 2]) {
          assert.equal(
            routes.usesNextHop(id),
            [...kernel.values()].some(({ nextHopId }) => nextHopId === id),
          );
        }
      }
      apply(false, []);
      assert.deepEqual(new Map([...kernel].toSorted()), new Map([...wanted].toSorted()));
      assert.deepEqual(routes.pending(), []);
    }),
    { numRuns: 500 },
  );
});

test("a route by a gateway is found by the link that the kernel took for it, although none was wanted", () => {
  const routes = new SyncedObjects(routeSort);
  const wanted: Route = { ...base, destination: v4.destination, gateway: address("10.0.0.2") };
  routes.want(wanted);
  routes.observe({ ...wanted, linkIndex: 3 });
  assert.deepEqual(routes.pending(), []);
  assert.equal(routes.presentOnLink(3).length, 1);
  routes.observe({ ...wanted, linkIndex: 4 });
  assert.equal(routes.presentOnLink(3).length, 0);
  assert.equal(routes.presentOnLink(4).length, 1);
});
