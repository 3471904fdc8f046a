import assert from "node:assert/strict";
import { test } from "node:test";
import type { BestPath, RouteUpdate } from "../bgp/index.ts";
import type { Cidr } from "../lib/index.ts";
import type { Route } from "../netlink/index.ts";
import { NextHopResolver } from "./next-hop-resolver.ts";
import { address, cidr } from "./testing/cluster.ts";

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

function path(nextHop: string, more: Partial<BestPath> = {}): BestPath {
  return {
    nextHop: address(nextHop),
    peer: address(nextHop),
    peerName: "peer",
    isInternal: true,
    asPath: [],
    communities: [],
    ...more,
  };
}

function resolver(
  routes: readonly Route[],
  learned: Readonly<Record<string, readonly BestPath[]>> = {},
): NextHopResolver {
  const updates = Object.entries(learned).map(([prefix, paths]): [Cidr, RouteUpdate] => [
    cidr(prefix),
    { prefix: cidr(prefix), paths },
  ]);
  return new NextHopResolver(routes, new Map(updates), new Map([["eth3", 3]]));
}

const fabric = [
  hostRoute("192.0.2.0/24", {}),
  hostRoute("198.51.100.0/24", { gateway: address("192.0.2.254"), metric: 20 }),
  hostRoute("198.51.100.128/25", { type: "unreachable", metric: 4096 }),
  hostRoute("2001:db8::/64", { metric: 256 }),
];

test("a next hop costs what the host's route to it does, and one without a route has no cost", () => {
  const host = resolver(fabric);
  const costs = ["192.0.2.1", "198.51.100.1", "198.51.100.129", "203.0.113.1", "2001:db8::1", "2001:db8:1::1"];
  assert.deepEqual(
    costs.map((text) => host.cost(address(text))),
    [0, 20, undefined, undefined, 256, undefined],
  );
});

test("through other routes of BGP it costs what the best of them does", () => {
  const host = resolver(fabric, {
    "10.0.0.1/32": [path("198.51.100.1"), path("192.0.2.1"), path("203.0.113.1")],
    "10.0.0.2/32": [path("203.0.113.1")],
    "10.0.0.0/24": [path("10.0.0.3")],
    "10.1.0.1/32": [path("10.1.0.2")],
    "10.1.0.2/32": [path("10.1.0.1")],
  });
  assert.equal(host.cost(address("10.0.0.1")), 0);
  assert.equal(host.cost(address("10.0.0.2")), undefined);
  assert.equal(host.cost(address("10.0.0.3")), undefined, "a route cannot be the way to its own next hop");
  assert.equal(host.cost(address("10.1.0.1")), undefined, "nor can two be each other's");
});

test("the next hop of a peer on a link of its own is the link-local address there", () => {
  const host = resolver([...fabric, hostRoute("fe80::/64", { linkIndex: 9 })]);
  const onLink = { linkIndex: 3, gateway: address("fe80::1") };
  assert.deepEqual(host.resolve(path("fe80::1", { linkName: "eth3" })), [onLink]);
  const both = path("2001:db8::7", { linkLocalNextHop: address("fe80::1") });
  assert.deepEqual(host.resolve({ ...both, linkName: "eth3" }), [onLink]);
  assert.deepEqual(host.resolve(both), [{ linkIndex: 2, gateway: address("2001:db8::7") }]);
  assert.deepEqual(host.resolve({ ...both, linkName: "eth4" }), [], "the link is gone or down");
  assert.deepEqual(host.resolve(path("192.0.2.1", { linkName: "eth3" })), [
    { linkIndex: 2, gateway: address("192.0.2.1") },
  ]);
});

test("what is reached through such a peer is reached on its link", () => {
  const host = resolver(fabric, { "10.9.0.0/16": [path("fe80::1", { linkName: "eth3" })] });
  assert.deepEqual(host.resolve(path("10.9.0.1")), [{ linkIndex: 3, gateway: address("fe80::1") }]);
  assert.equal(host.cost(address("10.9.0.1")), 0);
});
