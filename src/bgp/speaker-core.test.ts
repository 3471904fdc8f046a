import assert from "node:assert/strict";
import { test } from "node:test";
import { type Host, Network, address, peerAt, route } from "./testing/network.ts";

function establishedCount(host: Host, network: Network): number {
  return host.core.status(network.nowMs).filter(({ state }) => state === "established").length;
}

/** Two internal peers, both active, in both families: one session over each IP version. */
function pair(seed: number, more: { isPassive?: boolean } = {}) {
  const network = new Network(seed);
  const a = network.add("a", ["192.0.2.1", "2001:db8::1"], { peers: [peerAt("192.0.2.2"), peerAt("2001:db8::2")] });
  const b = network.add("b", ["192.0.2.2", "2001:db8::2"], {
    peers: [peerAt("192.0.2.1", more), peerAt("2001:db8::1", more)],
  });
  a.originated = [route("10.1.0.0/26"), route("10.1.0.7/32"), route("fd00:1::/122")];
  b.originated = [route("10.2.0.0/26"), route("fd00:2::/122"), route("fd00:2::7/128", { localPref: 200 })];
  return { network, a, b };
}

const tableOfA = ["10.2.0.0/26 via 192.0.2.2", "fd00:2::/122 via 2001:db8::2", "fd00:2::7/128 via 2001:db8::2"];
const tableOfB = ["10.1.0.0/26 via 192.0.2.1", "10.1.0.7/32 via 192.0.2.1", "fd00:1::/122 via 2001:db8::1"];

test("two speakers that start together exchange their routes of both families within a second", () => {
  for (const isPassive of [true, false]) {
    const { network, a, b } = pair(1, { isPassive });
    network.startAll();
    network.run(1000);
    assert.deepEqual(a.table(), tableOfA);
    assert.deepEqual(b.table(), tableOfB);
  }
});

test("connections that cross end in exactly one session, whatever the order of their messages", () => {
  for (let seed = 0; seed < 400; seed++) {
    const { network, a, b } = pair(seed);
    network.maxDelayMs = 1 + (seed % 40);
    network.startAll();
    network.run(4000);
    assert.equal(establishedCount(a, network), 2, `seed ${seed}`);
    assert.equal(establishedCount(b, network), 2, `seed ${seed}`);
    assert.equal(network.connectionCount(a, b), 2, `seed ${seed}`);
    assert.deepEqual(a.table(), tableOfA, `seed ${seed}`);
    assert.deepEqual(a.lost, [], `seed ${seed}`);
  }
});

test("a peer that starts three seconds late is up within five seconds of its start", () => {
  const { network, a, b } = pair(5);
  network.start(a);
  network.run(3000);
  network.start(b);
  network.run(5000);
  assert.deepEqual(a.table(), tableOfA);
});

test("routes go when their origin withdraws them and come back with new attributes", () => {
  const { network, a, b } = pair(2);
  network.startAll();
  network.run(1000);
  network.input(b, { type: "originate", routes: [route("10.2.0.0/26", { localPref: 7 })] });
  network.run(100);
  assert.deepEqual(a.table(), ["10.2.0.0/26 via 192.0.2.2"]);
  assert.equal(a.kernel.get("10.2.0.0/26")?.paths[0]?.localPref, 7);
  network.input(b, { type: "originate", routes: b.originated });
  network.run(100);
  assert.deepEqual(a.table(), tableOfA);
});

test("a peer that is silent for its hold time loses its session and, after its restart time, its routes", () => {
  const { network, a, b } = pair(3);
  network.startAll();
  network.run(1000);
  network.cut(a, b);
  network.run(91_000);
  assert.equal(establishedCount(a, network), 0);
  // RFC 8538: a hold timer that expired is a loss like any other.
  assert.deepEqual(a.table(), tableOfA);
  network.run(121_000);
  assert.deepEqual(a.table(), []);
  network.cut(a, b, false);
  network.run(30_000);
  assert.deepEqual(a.table(), tableOfA);
});

test("keepalives hold a session with nothing to say for hours", () => {
  const { network, a, b } = pair(4);
  network.startAll();
  network.run(7_200_000);
  assert.equal(establishedCount(a, network), 2);
  assert.equal(a.core.status(network.nowMs)[0]?.lastError, "");
  assert.ok(a.core.status(network.nowMs).every(({ uptimeMs }) => uptimeMs > 7_190_000));
  assert.deepEqual(b.lost, []);
});

test("one session carries both families when the owner gives a next hop for the other one", () => {
  const network = new Network();
  const families = ["ipv4-unicast", "ipv6-unicast"] as const;
  const a = network.add("a", ["192.0.2.1"], {
    nextHop6: address("2001:db8::1"),
    peers: [peerAt("192.0.2.2", { families })],
  });
  const b = network.add("b", ["192.0.2.2"], { peers: [peerAt("192.0.2.1", { families })] });
  a.originated = [route("10.1.0.0/26"), route("fd00:1::/122")];
  b.originated = [route("10.2.0.0/26"), route("fd00:2::/122")];
  network.startAll();
  network.run(1000);
  assert.deepEqual(b.table(), ["10.1.0.0/26 via 192.0.2.1", "fd00:1::/122 via 2001:db8::1"]);
  // b has no IPv6 address to name as next hop.
  assert.deepEqual(a.table(), ["10.2.0.0/26 via 192.0.2.2"]);
});

test("a new configuration disturbs only the sessions whose essentials changed", () => {
  const { network, a, b } = pair(6);
  network.startAll();
  network.run(1000);
  const states = a.states.length;
  const [v4, v6] = a.config.peers;
  assert.ok(v4 !== undefined && v6 !== undefined);
  network.input(a, { type: "configure", config: { ...a.config, peers: [{ ...v4, type: "globalPeer" }, v6] } });
  network.run(1000);
  assert.equal(a.states.length, states);
  network.input(a, { type: "configure", config: { ...a.config, peers: [v6] } });
  network.run(1000);
  assert.deepEqual(a.table(), tableOfA.slice(1));
  assert.deepEqual(b.table(), tableOfB.slice(2));
  assert.match(b.core.status(network.nowMs)[0]?.lastError ?? "", /peer de-configured|connection|closed|refused/);
  network.input(a, { type: "configure", config: a.config });
  network.run(6000);
  assert.deepEqual(a.table(), tableOfA);
});

test("a wrong AS number keeps the session down and says why", () => {
  const network = new Network();
  const a = network.add("a", ["192.0.2.1"], { peers: [peerAt("192.0.2.2", { asNumber: 65001 })] });
  network.add("b", ["192.0.2.2"], { peers: [peerAt("192.0.2.1", { isPassive: true })] });
  network.startAll();
  network.run(20_000);
  assert.equal(establishedCount(a, network), 0);
  assert.match(a.core.status(network.nowMs)[0]?.lastError ?? "", /bad peer AS/);
});

test("a route goes from external peers to internal ones and back out, but not from internal to internal", () => {
  const network = new Network(9);
  const external = (remote: string, asNumber: number) => peerAt(remote, { asNumber });
  const tor = network.add("tor", ["192.0.2.9"], { localAs: 65009, peers: [external("192.0.2.1", 64512)] });
  const a = network.add("a", ["192.0.2.1"], { peers: [external("192.0.2.9", 65009), peerAt("192.0.2.2")] });
  const b = network.add("b", ["192.0.2.2"], { peers: [peerAt("192.0.2.1"), peerAt("192.0.2.3")] });
  const c = network.add("c", ["192.0.2.3"], { peers: [peerAt("192.0.2.2")] });
  tor.originated = [route("0.0.0.0/0", { med: 5 })];
  b.originated = [route("10.2.0.0/26")];
  network.startAll();
  network.run(3000);
  assert.deepEqual(a.table(), ["0.0.0.0/0 via 192.0.2.9", "10.2.0.0/26 via 192.0.2.2"]);
  // Between internal peers the next hop stays; LOCAL_PREF is said, the AS path kept.
  const learned = b.kernel.get("0.0.0.0/0")?.paths[0];
  assert.deepEqual(learned?.asPath, [65009]);
  assert.equal(learned?.nextHop, "192.0.2.9");
  assert.equal(learned?.localPref, 100);
  assert.deepEqual(c.table(), ["10.2.0.0/26 via 192.0.2.2"]);
  assert.deepEqual(tor.table(), ["10.2.0.0/26 via 192.0.2.1"]);
  assert.deepEqual(tor.kernel.get("10.2.0.0/26")?.paths[0]?.asPath, [64512]);
  assert.equal(tor.kernel.get("10.2.0.0/26")?.paths[0]?.localPref, undefined);
});

test("learned routes are passed on only inside the given prefixes", () => {
  const network = new Network(10);
  const tor = network.add("tor", ["192.0.2.9"], { localAs: 65009, peers: [peerAt("192.0.2.1")] });
  network.add("a", ["192.0.2.1"], {
    exportWithin: [route("10.0.0.0/8").prefix],
    peers: [peerAt("192.0.2.9", { asNumber: 65009 }), peerAt("192.0.2.2")],
  });
  const b = network.add("b", ["192.0.2.2"], { peers: [peerAt("192.0.2.1")] });
  tor.originated = [route("0.0.0.0/0"), route("10.9.0.0/16")];
  network.startAll();
  network.run(3000);
  assert.deepEqual(b.table(), ["10.9.0.0/16 via 192.0.2.9"]);
});

test("equal paths of several peers are used together, and the table tells what decided", () => {
  const network = new Network(11);
  const hosts = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
  for (const [i, own] of hosts.entries()) {
    const host = network.add(own, [own], {
      peers: hosts.filter((other) => other !== own).map((other) => peerAt(other)),
    });
    if (i > 0) host.originated = [route("10.0.0.1/32")];
  }
  network.startAll();
  network.run(3000);
  const first = network.hosts.get("192.0.2.1");
  assert.deepEqual(first?.table(), ["10.0.0.1/32 via 192.0.2.2 192.0.2.3"]);
  const rows = first?.core.routes() ?? [];
  assert.deepEqual(
    rows.map(({ prefix, decidedBy }) => [prefix, decidedBy]),
    [["10.0.0.1/32", "routerId"]],
  );
});
