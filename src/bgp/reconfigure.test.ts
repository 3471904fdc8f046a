import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerConfig, RoutePolicy } from "./config.ts";
import { maxPrefixesWord } from "./notification.ts";
import { address, peerAt, route } from "./testing/network.ts";
import { reflector } from "./testing/reflector.ts";
import { ScriptedPeer, Stage } from "./testing/scripted-peer.ts";

const rejecting: RoutePolicy = {
  name: "not 7",
  rules: [{ match: { communities: [7] }, action: "reject" }],
  otherwise: "accept",
};
const through = (...asNumbers: number[]) => [{ type: "sequence" as const, asNumbers }];

function trio() {
  const all = reflector(3);
  const [a, b, c] = all.clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  const change = (more: Partial<PeerConfig>, ...names: ScriptedPeer[]) => {
    all.stage.configure({
      peers: all.peers.map((peer) =>
        names.some(({ address: one }) => one === peer.address) ? { ...peer, ...more } : peer,
      ),
    });
    all.stage.settle();
  };
  return { ...all, a, b, c, change };
}

test("a new export policy costs no session, and only what differs is told", () => {
  const { stage, a, b, c, change } = trio();
  a.announce(["10.0.0.0/24"], { communities: [7] });
  a.announce(["10.0.1.0/24"]);
  c.announce(["10.0.2.0/24"], { communities: [7] });
  stage.settle();
  const before = b.updateCount;
  change({ exportPolicy: rejecting }, a, b, c);
  assert.deepEqual(b.prefixes(), ["10.0.1.0/24"]);
  assert.deepEqual(a.prefixes(), []);
  assert.equal(b.updateCount, before + 2, "one UPDATE for each source of what was withdrawn");
  change({}, a);
  assert.deepEqual(b.prefixes(), ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]);
  assert.equal(b.updateCount, before + 4);
  assert.ok([a, b, c].every(({ isUp }) => isUp));
});

test("the same configuration again says nothing to anybody", () => {
  const { stage, a, b, change } = trio();
  a.announce(["10.0.0.0/24"]);
  stage.settle();
  const before = b.updateCount;
  change({});
  assert.equal(b.updateCount, before);
});

test("a new import policy is applied to what the peer told before, without a word from it", () => {
  const { stage, a, b, change } = trio();
  a.announce(["10.0.0.0/24"], { communities: [7] });
  a.announce(["10.0.1.0/24"]);
  stage.settle();
  change({ importPolicy: rejecting }, a);
  assert.deepEqual(b.prefixes(), ["10.0.1.0/24"]);
  const status = stage.core.status(0).find(({ address: one }) => one === a.address);
  assert.deepEqual([status?.prefixesReceived, status?.prefixesRefused], [2, 1]);
  const raising: RoutePolicy = {
    name: "up",
    rules: [{ match: {}, action: "accept", set: { localPref: 300 } }],
    otherwise: "reject",
  };
  change({ importPolicy: raising }, a);
  assert.equal(b.heard("10.0.0.0/24")?.localPref, 300);
  change({}, a);
  assert.equal(b.heard("10.0.0.0/24")?.localPref, 100);
  assert.deepEqual(b.prefixes(), ["10.0.0.0/24", "10.0.1.0/24"]);
});

test("a peer may become a client, or cease to be one, while its session stands", () => {
  const { stage, peers, a, b, c } = trio();
  a.announce(["10.0.0.0/24"]);
  stage.settle();
  const withoutCluster = ({ reflectorCluster, ...peer }: PeerConfig): PeerConfig =>
    reflectorCluster === undefined ? { ...peer } : peer;
  stage.configure({ peers: peers.map(withoutCluster) });
  stage.settle();
  assert.deepEqual([b.prefixes(), c.prefixes()], [[], []]);
  stage.configure({ peers: peers.map((peer, i) => (i === 1 ? peer : withoutCluster(peer))) });
  stage.settle();
  assert.deepEqual([b.prefixes(), c.prefixes()], [["10.0.0.0/24"], []]);
  stage.configure({ peers: peers.map((peer, i) => (i === 0 ? peer : withoutCluster(peer))) });
  stage.settle();
  assert.deepEqual([b.prefixes(), c.prefixes()], [["10.0.0.0/24"], ["10.0.0.0/24"]]);
  assert.ok([a, b, c].every(({ isUp }) => isUp));
});

test("too many prefixes end the session, or are told of once", () => {
  for (const action of ["end", "warn"] as const) {
    const { stage, clients } = reflector(2, { peer: () => ({ maxPrefixes: { count: 2, action } }) });
    const [a, b] = clients as [ScriptedPeer, ScriptedPeer];
    a.announce(["10.0.0.0/24", "10.0.1.0/24"]);
    a.announce(["2001:db8::/64", "2001:db8:1::/64"]);
    stage.settle();
    assert.equal(a.isUp, true);
    a.announce(["10.0.2.0/24"]);
    a.announce(["10.0.3.0/24"]);
    stage.settle();
    assert.equal(a.isUp, action === "warn");
    assert.deepEqual(a.notifications, action === "end" ? [maxPrefixesWord("ipv4-unicast", 2)] : []);
    assert.equal(b.prefixes().length, action === "end" ? 0 : 6);
    assert.equal(stage.take("notice").length, action === "end" ? 0 : 1);
  }
});

test("next hops are watched while they matter, and paths without a way to theirs are not used", () => {
  const { stage, clients } = reflector(3, { config: { hasNextHopTracking: true } });
  const [a, b, c] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  a.announce(["10.0.0.0/24"], { localPref: 200 });
  b.announce(["10.0.0.0/24", "10.0.1.0/24"]);
  stage.settle();
  assert.deepEqual(
    stage.take("trackNextHops").map(({ nextHops }) => nextHops),
    [["192.0.2.1", "192.0.2.2"]],
  );
  assert.deepEqual(c.prefixes(), []);
  stage.step({ type: "nextHops", costs: [{ nextHop: address("192.0.2.2"), cost: 10 }] });
  stage.settle();
  assert.deepEqual(c.prefixes(), ["10.0.0.0/24", "10.0.1.0/24"]);
  assert.equal(c.heard("10.0.0.0/24")?.nextHop, "192.0.2.2");
  const row = stage.core.routes({ prefix: route("10.0.0.0/24").prefix })[0];
  assert.equal(row?.paths.find(({ nextHop }) => nextHop === "192.0.2.1")?.lostAt, "reachability");
  stage.step({ type: "nextHops", costs: [{ nextHop: address("192.0.2.1"), cost: 20 }] });
  stage.settle();
  assert.equal(c.heard("10.0.0.0/24")?.nextHop, "192.0.2.1");
  stage.step({ type: "nextHops", costs: [{ nextHop: address("192.0.2.1"), cost: undefined }] });
  stage.settle();
  assert.equal(c.heard("10.0.0.0/24")?.nextHop, "192.0.2.2");
  b.lose();
  stage.settle();
  assert.deepEqual(c.prefixes(), []);
  assert.deepEqual(
    stage.take("untrackNextHops").map(({ nextHops }) => nextHops),
    [["192.0.2.2"]],
  );
  // Without tracking every next hop is good.
  stage.configure({
    peers: stage.core.status(0).map(({ name }) =>
      peerAt(name, {
        isPassive: true,
        families: ["ipv4-unicast", "ipv6-unicast"],
        reflectorCluster: address("10.0.0.1"),
      }),
    ),
  });
  stage.settle();
  assert.deepEqual(c.prefixes(), ["10.0.0.0/24"]);
});

test("a nearer next hop wins between equal paths, and only equally near ones are used together", () => {
  const { stage, clients } = reflector(3, { config: { hasNextHopTracking: true } });
  for (const one of clients.slice(0, 2)) one.announce(["10.0.0.0/24"]);
  stage.settle();
  const learn = (...costs: number[]) => {
    stage.step({ type: "nextHops", costs: costs.map((cost, i) => ({ nextHop: address(`192.0.2.${i + 1}`), cost })) });
    stage.settle();
    return stage
      .take("routes")
      .at(-1)
      ?.updates[0]?.paths.map(({ nextHop }) => nextHop);
  };
  assert.deepEqual(learn(5, 5), ["192.0.2.1", "192.0.2.2"]);
  assert.deepEqual(learn(5, 4), ["192.0.2.2"]);
  assert.equal(stage.core.routes()[0]?.decidedBy, "igpCost");
});

test("BFD is asked to watch sessions, and its word ends one of them", () => {
  const bfd = { minTxMs: 50, minRxMs: 50, multiplier: 3, isMultihop: false };
  const { stage, clients } = reflector(2, { peer: (number) => (number === 1 ? { bfd } : {}) });
  const [a, b] = clients as [ScriptedPeer, ScriptedPeer];
  assert.deepEqual(stage.take("bfdPeers").at(-1)?.peers, [
    { name: "192.0.2.1", address: "192.0.2.1", localAddress: "10.0.0.1", bfd },
  ]);
  a.announce(["10.0.0.0/24"]);
  stage.settle();
  stage.step({ type: "bfd", peer: "192.0.2.1", isUp: true });
  assert.deepEqual(b.prefixes(), ["10.0.0.0/24"]);
  stage.step({ type: "bfd", peer: "192.0.2.1", isUp: false });
  stage.settle();
  assert.deepEqual([a.isUp, b.prefixes()], [false, []]);
  stage.configure({ peers: [] });
  stage.settle();
  assert.deepEqual(stage.take("bfdPeers").at(-1)?.peers, []);
});

test("people are shown the table, what a peer told with what was refused of it, and what it was told", () => {
  const stage = new Stage();
  stage.configure({
    peers: [
      peerAt("192.0.2.1", { isPassive: true, asNumber: 65001, importPolicy: rejecting }),
      peerAt("192.0.2.2", { isPassive: true }),
    ],
  });
  stage.step({ type: "originate", routes: [route("10.9.0.0/24", { communities: [5] })] });
  const outside = new ScriptedPeer(stage, { address: "192.0.2.1", routerId: "1.1.1.1", asNumber: 65001 });
  const inside = new ScriptedPeer(stage, { address: "192.0.2.2", routerId: "1.1.1.2" });
  for (const one of [outside, inside]) one.connect();
  outside.announce(["10.0.0.0/24"], { asPath: through(65001), origin: 2, med: 4 });
  outside.announce(["10.0.1.0/24"], { asPath: through(65001), communities: [7] });
  outside.announce(["10.0.2.0/24"], { asPath: through(65001, 64512) });
  stage.settle();
  const received = [...stage.core.received("192.0.2.1")].flatMap(({ prefix, paths }) =>
    paths.map(({ refusal, isBest, origin, med }) => [prefix, refusal, isBest, origin, med]),
  );
  assert.deepEqual(received, [
    ["10.0.0.0/24", undefined, true, "incomplete", 4],
    ["10.0.1.0/24", "import policy not 7", false, "igp", undefined],
    ["10.0.2.0/24", "own AS number in the AS path", false, "igp", undefined],
  ]);
  const advertised = [...stage.core.advertised("192.0.2.1")].map(({ prefix, paths }) => [prefix, paths[0]?.asPath]);
  assert.deepEqual(advertised, [["10.9.0.0/24", [64512]]]);
  assert.deepEqual([...stage.core.advertised("192.0.2.2")].map(({ prefix }) => prefix).toSorted(), inside.prefixes());
  assert.deepEqual([...stage.core.received("nobody")], []);
  assert.deepEqual(
    stage.core.routes({ family: "ipv4-unicast" }).map(({ prefix }) => prefix),
    ["10.9.0.0/24", "10.0.0.0/24"],
  );
  assert.deepEqual(stage.core.routes({ family: "ipv6-unicast" }), []);
  assert.deepEqual(stage.core.routes({ prefix: route("10.0.1.0/24").prefix }), []);
  const status = stage.core.status(0)[0];
  assert.deepEqual([status?.prefixesReceived, status?.prefixesRefused, status?.prefixesSent], [3, 2, 1]);
  assert.deepEqual(
    stage.take("notice").map(({ peer, text, detail }) => [peer, text, detail]),
    [
      ["192.0.2.1", "routes refused", "import policy not 7"],
      ["192.0.2.1", "routes refused", "own AS number in the AS path"],
    ],
  );
});

test("an external peer without policies hears nothing and is not heard where they are required (RFC 8212)", () => {
  const stage = new Stage();
  const configure = (more: Partial<PeerConfig>) => {
    stage.configure({
      isPolicyRequired: true,
      peers: [
        peerAt("192.0.2.1", { isPassive: true, asNumber: "external", ...more }),
        peerAt("192.0.2.2", { isPassive: true }),
      ],
    });
    stage.settle();
  };
  configure({});
  stage.step({ type: "originate", routes: [route("10.9.0.0/24")] });
  const outside = new ScriptedPeer(stage, { address: "192.0.2.1", routerId: "1.1.1.1", asNumber: 65001 });
  const inside = new ScriptedPeer(stage, { address: "192.0.2.2", routerId: "1.1.1.2" });
  for (const one of [outside, inside]) one.connect();
  outside.announce(["10.0.0.0/24"], { asPath: through(65001) });
  stage.settle();
  assert.deepEqual([outside.prefixes(), inside.prefixes()], [[], ["10.9.0.0/24"]]);
  const all: RoutePolicy = { name: "all", rules: [], otherwise: "accept" };
  configure({ importPolicy: all });
  assert.deepEqual([outside.prefixes(), inside.prefixes()], [[], ["10.0.0.0/24", "10.9.0.0/24"]]);
  configure({ importPolicy: all, exportPolicy: all });
  assert.deepEqual(outside.prefixes(), ["10.9.0.0/24"]);
});

test("a peer that knows us by another AS number hears both, and its routes carry it on (RFC 7705)", () => {
  const stage = new Stage();
  stage.configure({
    peers: [
      peerAt("192.0.2.1", { isPassive: true, asNumber: 65001, localAs: 65099 }),
      peerAt("192.0.2.2", { isPassive: true }),
      peerAt("192.0.2.3", { isPassive: true, asNumber: 65099, localAs: 65099 }),
    ],
  });
  stage.step({ type: "originate", routes: [route("10.9.0.0/24")] });
  const outside = new ScriptedPeer(stage, { address: "192.0.2.1", routerId: "1.1.1.1", asNumber: 65001 });
  const inside = new ScriptedPeer(stage, { address: "192.0.2.2", routerId: "1.1.1.2" });
  const migrating = new ScriptedPeer(stage, {
    address: "192.0.2.3",
    routerId: "1.1.1.3",
    asNumber: 65099,
    isInternal: true,
  });
  for (const one of [outside, inside, migrating]) one.connect();
  outside.announce(["10.0.0.0/24"], { asPath: through(65001) });
  stage.settle();
  assert.deepEqual(outside.heard("10.9.0.0/24")?.asPath, through(65099, 64512));
  assert.deepEqual(inside.heard("10.0.0.0/24")?.asPath, through(65099, 65001));
  // A peer of the AS that we say to be of is an internal one.
  assert.equal(stage.core.status(0)[2]?.state, "established");
  assert.deepEqual(migrating.heard("10.9.0.0/24")?.asPath, []);
});

test("what a workload tells is passed on, inside the prefixes or not", () => {
  const { stage, clients } = reflector(3, {
    config: { exportWithin: [route("10.1.0.0/16").prefix] },
    peer: (number) => (number === 1 ? { type: "workload" } : {}),
  });
  const [a, b, c] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  a.announce(["10.2.0.0/24"]);
  b.announce(["10.3.0.0/24"]);
  stage.settle();
  assert.deepEqual([b.prefixes(), c.prefixes()], [["10.2.0.0/24"], ["10.2.0.0/24"]]);
});

test("a peer whose export policy alone decides hears of routes that the others do not", () => {
  const all: RoutePolicy = { name: "all", rules: [], otherwise: "accept" };
  const { stage, clients } = reflector(3, {
    config: { exportWithin: [route("10.1.0.0/16").prefix] },
    peer: (number) => (number === 2 ? { exportPolicy: all, isExportFree: true } : { exportPolicy: all }),
  });
  const [a, b, c] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  a.announce(["10.1.0.0/24", "10.2.0.0/24"]);
  stage.settle();
  assert.deepEqual([b.prefixes(), c.prefixes()], [["10.1.0.0/24", "10.2.0.0/24"], ["10.1.0.0/24"]]);
});
