import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BestPath, RouteUpdate } from "../bgp/index.ts";
import type { NextHop, Route } from "../netlink/index.ts";
import { LearnedRoutes, type LearnedWanted } from "./learned-routes.ts";
import { isOwnNextHop, isOwnRoute } from "./ownership.ts";
import { address, cidr } from "./testing/cluster.ts";

function path(nextHop: string, more: Partial<BestPath> = {}): BestPath {
  return {
    nextHop: address(nextHop),
    peer: address(nextHop),
    peerName: "peer",
    isInternal: true,
    asPath: [],
    communities: [],
    localPref: 2147482623,
    ...more,
  };
}

function learn(prefix: string, ...paths: readonly (string | BestPath)[]): RouteUpdate {
  return { prefix: cidr(prefix), paths: paths.map((one) => (typeof one === "string" ? path(one) : one)) };
}

function hostRoute(destination: string, more: Partial<Route>): Route {
  return {
    destination: cidr(destination),
    table: 254,
    protocol: 2,
    metric: 0,
    type: "unicast",
    scope: "link",
    linkIndex: 2,
    ...more,
  };
}

const fabric = [
  hostRoute("192.0.2.0/24", {}),
  hostRoute("2001:db8::/64", {}),
  hostRoute("0.0.0.0/0", { gateway: address("192.0.2.254") }),
];

function learnedWith(updates: readonly RouteUpdate[], routes: readonly Route[] = fabric): LearnedRoutes {
  const learned = new LearnedRoutes();
  learned.onRoutes(routes);
  learned.onNextHops([]);
  learned.onUpdates(updates);
  return learned;
}

/** `10.0.1.0/26 -> 192.0.2.2@2 + ...`, with the metric if it is not the normal one. */
function describe({ nextHops, routes }: LearnedWanted): string[] {
  const byId = new Map(nextHops.map((nextHop) => [nextHop.id, nextHop]));
  const wayOf = (id: number): string => {
    const nextHop = byId.get(id);
    if (nextHop?.group !== undefined) return nextHop.group.map((member) => wayOf(member.id)).join(" + ");
    return `${nextHop?.gateway}@${nextHop?.linkIndex}`;
  };
  return routes.map(({ destination, nextHopId, metric }) => {
    return `${destination} -> ${wayOf(nextHopId!)}${metric === 1024 ? "" : ` metric ${metric}`}`;
  });
}

test("a peer that is to be reached by way of a neighbour has a route of its own, which goes before what is learned", () => {
  const learned = learnedWith([
    learn("198.51.100.1/32", "192.0.2.3"),
    learn("10.0.1.0/26", path("198.51.100.1")),
    learn("fd00:1::/122", path("fd00:9::1")),
  ]);
  assert.deepEqual(describe(learned.wanted()), ["198.51.100.1/32 -> 192.0.2.3@2", "10.0.1.0/26 -> 192.0.2.3@2"]);
  const peer = { name: "p", type: "nodePeer", port: 179, asNumber: 65000, isPassive: false } as const;
  const more = { families: [], nextHopMode: "auto", importFilters: [], exportFilters: [] } as const;
  const to = (remote: string, by?: string) => ({
    ...peer,
    ...more,
    address: address(remote),
    ...(by === undefined ? {} : { reachableBy: address(by) }),
  });
  learned.setPeerWays([to("198.51.100.1", "192.0.2.9"), to("fd00:9::1", "2001:db8::9"), to("198.51.100.2")]);
  assert.deepEqual(describe(learned.wanted()), [
    "198.51.100.1/32 -> 192.0.2.9@2",
    "10.0.1.0/26 -> 192.0.2.9@2",
    "fd00:1::/122 -> 2001:db8::9@2",
    "fd00:9::1/128 -> 2001:db8::9@2",
  ]);
  assert.equal(learned.resolver().cost(address("fd00:9::1")), 0);
  learned.setPeerWays([]);
  assert.deepEqual(describe(learned.wanted()), ["198.51.100.1/32 -> 192.0.2.3@2", "10.0.1.0/26 -> 192.0.2.3@2"]);
});

test("a workload may be the next hop of what it tells", () => {
  const learned = learnedWith([learn("10.99.0.0/24", "10.0.0.5"), learn("fd99::/64", "fd00::5")]);
  assert.deepEqual(describe(learned.wanted()), ["10.99.0.0/24 -> 192.0.2.254@2"]);
  learned.setLocalRoutes([
    hostRoute("10.0.0.5/32", { protocol: 121, linkIndex: 7, metric: 1024 }),
    hostRoute("fd00::5/128", { protocol: 121, linkIndex: 7, metric: 1024 }),
  ]);
  assert.deepEqual(describe(learned.wanted()), ["10.99.0.0/24 -> 10.0.0.5@7", "fd99::/64 -> fd00::5@7"]);
});

test("routes by one neighbour share one next-hop object, and equal sets of neighbours one group", () => {
  const wanted = learnedWith([
    learn("10.0.1.0/26", "192.0.2.2"),
    learn("10.0.2.0/26", "192.0.2.2"),
    learn("10.0.3.0/26", "192.0.2.2", "192.0.2.3"),
    learn("10.0.4.0/26", "192.0.2.3", "192.0.2.2"),
    learn("fd00:1::/122", "2001:db8::2"),
  ]).wanted();
  assert.deepEqual(describe(wanted), [
    "10.0.1.0/26 -> 192.0.2.2@2",
    "10.0.2.0/26 -> 192.0.2.2@2",
    "10.0.3.0/26 -> 192.0.2.2@2 + 192.0.2.3@2",
    "10.0.4.0/26 -> 192.0.2.2@2 + 192.0.2.3@2",
    "fd00:1::/122 -> 2001:db8::2@2",
  ]);
  assert.equal(wanted.nextHops.length, 5, "members of groups are objects of their own");
  assert.ok(wanted.routes.every(isOwnRoute) && wanted.nextHops.every(isOwnNextHop));
  const single = wanted.nextHops.map(({ group }) => group === undefined);
  assert.deepEqual(
    single,
    single.toSorted((a, b) => Number(b) - Number(a)),
    "members stand before groups",
  );
});

const metrics: readonly [says: string, localPref: number | undefined, metric: number][] = [
  ["a normal LOCAL_PREF", 2147482623, 1024],
  ["an elevated LOCAL_PREF", 2147483135, 512],
  ["a foreign LOCAL_PREF", 100, 2147483547],
  ["no LOCAL_PREF", undefined, 1024],
  ["the greatest LOCAL_PREF", 4294967295, 1],
];

for (const [says, localPref, metric] of metrics) {
  test(`a route with ${says} has metric ${metric}`, () => {
    const { localPref: _, ...bare } = path("192.0.2.2");
    const one = localPref === undefined ? bare : { ...bare, localPref };
    assert.deepEqual(
      learnedWith([learn("10.0.1.0/26", one)])
        .wanted()
        .routes.map((route) => route.metric),
      [metric],
    );
  });
}

test("a prefix of this host itself is not taken from BGP", () => {
  const learned = learnedWith([learn("10.0.1.0/26", "192.0.2.2"), learn("10.0.1.7/32", "192.0.2.2")]);
  learned.setLocalPrefixes(new Set([cidr("10.0.1.0/26")]));
  assert.deepEqual(describe(learned.wanted()), ["10.0.1.7/32 -> 192.0.2.2@2"]);
  learned.setLocalPrefixes(new Set());
  assert.equal(learned.wanted().routes.length, 2);
});

test("an address of this host's own links is not taken from BGP", () => {
  const own = ["192.0.2.1/32", "2001:db8::1/128"] as const;
  const local = own.map((destination) => hostRoute(destination, { table: 255, type: "local", scope: "host" }));
  const updates = [...own.map((prefix) => learn(prefix, "192.0.2.2")), learn("192.0.2.9/32", "192.0.2.2")];
  const { routes } = learnedWith(updates, [...fabric, ...local]).wanted();
  assert.deepEqual(
    routes.map(({ destination }) => destination),
    ["192.0.2.9/32"],
  );
});

test("a next hop that is no neighbour is reached through the routes that lead to it", () => {
  const learned = learnedWith([
    learn("10.0.1.0/26", "203.0.113.9"),
    learn("10.0.2.0/26", "198.51.100.1"),
    learn("198.51.100.1/32", "192.0.2.10", "192.0.2.11"),
    learn("10.0.3.0/26", "2001:db8:9::1"),
  ]);
  assert.deepEqual(describe(learned.wanted()), [
    "10.0.1.0/26 -> 192.0.2.254@2",
    "10.0.2.0/26 -> 192.0.2.10@2 + 192.0.2.11@2",
    "198.51.100.1/32 -> 192.0.2.10@2 + 192.0.2.11@2",
  ]);
});

test("a route that would lead to its own next hop is left out", () => {
  const only = [hostRoute("192.0.2.0/24", {})];
  const learned = learnedWith(
    [learn("198.51.100.0/24", "198.51.100.1"), learn("10.1.0.0/16", "10.2.0.1"), learn("10.2.0.0/16", "10.1.0.1")],
    only,
  );
  assert.deepEqual(learned.wanted(), { nextHops: [], routes: [] });
});

test("when the fabric changes the routes follow", () => {
  const learned = learnedWith([learn("10.0.1.0/26", "192.0.2.2")]);
  learned.onRoutes([hostRoute("192.0.2.0/24", { linkIndex: 3 })]);
  assert.deepEqual(describe(learned.wanted()), ["10.0.1.0/26 -> 192.0.2.2@3"]);
  learned.onRoutes([]);
  assert.deepEqual(describe(learned.wanted()), []);
});

test("a withdrawn prefix has no route", () => {
  const learned = learnedWith([learn("10.0.1.0/26", "192.0.2.2")]);
  learned.onUpdates([learn("10.0.1.0/26")]);
  assert.deepEqual(learned.wanted(), { nextHops: [], routes: [] });
});

test("an agent that starts anew gives the next hops in the kernel the numbers they have", () => {
  const updates = [
    learn("10.0.1.0/26", "192.0.2.2"),
    learn("10.0.2.0/26", "192.0.2.2", "192.0.2.3"),
    learn("fd00:1::/122", "2001:db8::2"),
  ];
  const before = learnedWith(updates).wanted();
  const anew = new LearnedRoutes();
  anew.onRoutes([...fabric, ...before.routes]);
  anew.onNextHops(before.nextHops.toReversed());
  anew.onUpdates(updates.toReversed());
  const after = anew.wanted();
  assert.deepEqual(after.nextHops, before.nextHops);
  assert.deepEqual(
    new Set(after.routes.map((route) => JSON.stringify(route))),
    new Set(before.routes.map((route) => JSON.stringify(route))),
  );
});

test("until BGP has told everything after a start, the kernel keeps the routes it has; told or withdrawn ones follow BGP", () => {
  const before = learnedWith([
    learn("10.0.1.0/26", "192.0.2.2", "192.0.2.3"),
    learn("10.0.2.0/26", "192.0.2.4"),
    learn("10.0.3.0/26", "192.0.2.5"),
    learn("fd00:1::/122", "2001:db8::2"),
  ]).wanted();
  const anew = new LearnedRoutes();
  anew.onRoutes([...fabric, ...before.routes]);
  anew.onNextHops(before.nextHops);
  const sorted = (wanted: LearnedWanted) => describe(wanted).sort();
  assert.deepEqual(sorted(anew.wanted()), sorted(before));
  assert.deepEqual(anew.wanted().nextHops, before.nextHops);

  anew.onUpdates([learn("10.0.2.0/26", "192.0.2.9"), learn("10.0.3.0/26")]);
  const kept = ["10.0.1.0/26 -> 192.0.2.2@2 + 192.0.2.3@2", "10.0.2.0/26 -> 192.0.2.9@2"];
  assert.deepEqual(sorted(anew.wanted()), [...kept, "fd00:1::/122 -> 2001:db8::2@2"]);

  anew.onSettled(6);
  assert.deepEqual(sorted(anew.wanted()), kept);
  anew.onSettled(4);
  assert.deepEqual(sorted(anew.wanted()), ["10.0.2.0/26 -> 192.0.2.9@2"]);
});

test("no number is given twice, and none that somebody else has", () => {
  const foreign: NextHop = { id: 122_000_001, protocol: 11, version: 4, linkIndex: 2, gateway: address("192.0.2.2") };
  const hops = fc.uniqueArray(fc.integer({ min: 2, max: 6 }), { minLength: 0, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), hops), { maxLength: 30 }), (steps) => {
      const learned = new LearnedRoutes();
      learned.onRoutes(fabric);
      learned.onNextHops([foreign]);
      let kernel: readonly NextHop[] = [foreign];
      for (const [n, members] of steps) {
        learned.onUpdates([learn(`10.0.${n}.0/26`, ...members.map((member) => `192.0.2.${member}`))]);
        const { nextHops, routes } = learned.wanted();
        const ids = nextHops.map(({ id }) => id);
        assert.equal(new Set(ids).size, ids.length);
        assert.ok(!ids.includes(foreign.id));
        for (const nextHop of nextHops) {
          for (const member of nextHop.group ?? []) assert.ok(ids.includes(member.id));
          const present = kernel.find(({ id }) => id === nextHop.id);
          if (present !== undefined)
            assert.deepEqual(nextHop, present, "an object in the kernel never changes its meaning");
        }
        assert.ok(routes.every(({ nextHopId }) => ids.includes(nextHopId!)));
        kernel = [foreign, ...nextHops];
        learned.onNextHops(kernel);
      }
    }),
    { numRuns: 200 },
  );
});

test("however many routes moved, left and came back, each goes where BGP said last, and what was given out is what changed", () => {
  const isNeighbour = (gateway: string) => gateway.startsWith("192.0.2.");
  const ways = fc.constantFrom([], ["192.0.2.2"], ["192.0.2.3"], ["192.0.2.2", "192.0.2.4"], ["203.0.113.1"]);
  const step = fc.record({
    from: fc.nat(39),
    count: fc.constantFrom(1, 5, 17, 40),
    way: ways,
    link: fc.constantFrom("as it is", "up", "down"),
    isTold: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const learned = learnedWith([], fabric.slice(0, 2));
      const wayBy = new Map<string, readonly string[]>();
      const given = new Map<string, Route>();
      const takeChanges = () => {
        for (const { before, after } of learned.changes()) {
          if (before === after) continue;
          if (before !== undefined) {
            assert.equal(given.get(before.destination), before);
            given.delete(before.destination);
          }
          if (after !== undefined) given.set(after.destination, after);
        }
        learned.nextHopChanges();
      };
      for (const { from, count, way, link, isTold } of steps) {
        const prefixes = Array.from({ length: count }, (_, at) => `10.0.${(from + at) % 40}.0/24`);
        for (const prefix of prefixes) wayBy.set(prefix, way);
        learned.onUpdates(prefixes.map((prefix) => learn(prefix, ...way)));
        const isUp = link === "up";
        if (link !== "as it is") learned.onRoute(hostRoute("203.0.113.0/24", { linkIndex: 5 }), isUp);
        if (isTold) takeChanges();
      }
      learned.onRoute(hostRoute("203.0.113.0/24", { linkIndex: 5 }), true);
      takeChanges();
      const { nextHops } = learned.wanted();
      const expected = [...wayBy].flatMap(([prefix, way]) => {
        const gateways = way.map((gateway) => `${gateway}@${isNeighbour(gateway) ? 2 : 5}`);
        return gateways.length === 0 ? [] : [`${prefix} -> ${gateways.join(" + ")}`];
      });
      const told = describe({ nextHops, routes: [...given.values()] });
      const sorted = (line: string) =>
        line.replace(/-> (.*)$/, (_, hops: string) => hops.split(" + ").sort().join(" + "));
      assert.deepEqual(told.map(sorted).sort(), expected.map(sorted).sort());
    }),
    { numRuns: 200 },
  );
});
