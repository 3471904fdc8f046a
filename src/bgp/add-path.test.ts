import assert from "node:assert/strict";
import { test } from "node:test";
import { type Family, allFamilies } from "./config.ts";
import { address, route } from "./testing/network.ts";
import { reflector } from "./testing/reflector.ts";
import type { ScriptedPeer } from "./testing/scripted-peer.ts";

const both = { canSend: true, canReceive: true };
const offer = (way: Partial<typeof both>) =>
  allFamilies.map((family: Family) => ({ family, canSend: false, canReceive: false, ...way }));

/** Clients 1 to 3 tell one path each, 4 hears `maxSent` of them, 5 tells several, 6 knows nothing of identifiers. */
function anycast(maxSent: number) {
  return reflector(6, {
    peer: (number) =>
      number === 4 || number === 5 ? { addPath: { canSend: number === 4, canReceive: number === 5, maxSent } } : {},
    options: (number) => ({
      open: { addPath: number === 4 ? offer({ canReceive: true }) : number === 5 ? offer({ canSend: true }) : [] },
    }),
  });
}

const hops = (peer: ScriptedPeer, prefix = "10.0.0.1/32") =>
  peer
    .allHeard(prefix)
    .map(({ attributes }) => attributes.nextHop)
    .toSorted();

test("a peer that takes several paths hears of the best ones, up to as many as it is configured for", () => {
  for (const maxSent of [1, 2, 8]) {
    const { stage, clients } = anycast(maxSent);
    for (const client of clients.slice(0, 3)) client.announce(["10.0.0.1/32"]);
    stage.settle();
    const wanted = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].slice(0, maxSent);
    assert.deepEqual(hops(clients[3]!), wanted);
    assert.deepEqual(hops(clients[5]!), ["192.0.2.1"], "others are told the best one only");
    clients[0]!.withdraw(["10.0.0.1/32"]);
    stage.settle();
    assert.deepEqual(hops(clients[3]!), ["192.0.2.2", "192.0.2.3"].slice(0, maxSent));
  }
});

test("a path keeps its identifier while it changes, and no other path has it", () => {
  const { stage, clients } = anycast(8);
  const idsOf = () => new Map(clients[3]!.allHeard("10.0.0.1/32").map((one) => [one.attributes.nextHop, one.pathId]));
  for (const client of clients.slice(0, 3)) client.announce(["10.0.0.1/32"]);
  stage.settle();
  const before = idsOf();
  assert.equal(new Set(before.values()).size, 3);
  clients[1]!.announce(["10.0.0.1/32"], { localPref: 500, communities: [1] });
  stage.settle();
  assert.deepEqual(idsOf(), before);
  assert.deepEqual(
    clients[3]!.allHeard("10.0.0.1/32").find(({ attributes }) => attributes.localPref === 500)?.pathId,
    before.get(address("192.0.2.2")),
  );
});

test("several paths of one peer are told apart by its identifiers, and withdrawn by them", () => {
  const { stage, clients } = anycast(8);
  const teller = clients[4]!;
  teller.announce(["10.0.0.1/32"], { nextHop: address("192.0.2.71") }, 7);
  teller.announce(["10.0.0.1/32"], { nextHop: address("192.0.2.72"), localPref: 200 }, 8);
  teller.announce(["10.0.0.1/32"], { nextHop: address("192.0.2.73") }, 0);
  stage.settle();
  assert.deepEqual(hops(clients[3]!), ["192.0.2.71", "192.0.2.72", "192.0.2.73"]);
  assert.deepEqual(hops(clients[5]!), ["192.0.2.72"]);
  const [row] = stage.core.routes();
  assert.deepEqual(row?.paths.map(({ pathId, isBest, lostAt }) => [pathId, isBest, lostAt]).toSorted(), [
    [0, false, "localPref"],
    [7, false, "localPref"],
    [8, true, undefined],
  ]);
  teller.announce(["10.0.0.1/32"], { nextHop: address("192.0.2.74") }, 7);
  teller.withdraw(["10.0.0.1/32"], 8);
  stage.settle();
  assert.deepEqual(hops(clients[3]!), ["192.0.2.73", "192.0.2.74"]);
  teller.lose();
  stage.settle();
  assert.deepEqual(hops(clients[3]!), []);
});

test("a peer is not told its own paths among several", () => {
  const { stage, clients } = reflector(3, {
    peer: () => ({ addPath: { canSend: true, canReceive: true, maxSent: 8 } }),
    options: () => ({ open: { addPath: offer(both) } }),
  });
  for (const client of clients) client.announce(["10.0.0.1/32", "2001:db8:1::/64"], {}, 1);
  stage.settle();
  assert.deepEqual(hops(clients[0]!), ["192.0.2.2", "192.0.2.3"]);
  assert.deepEqual(hops(clients[1]!), ["192.0.2.1", "192.0.2.3"]);
  assert.equal(clients[2]!.allHeard("2001:db8:1::/64").length, 2);
});

test("the number of paths can be changed while the session stands", () => {
  const { stage, peers, clients } = anycast(8);
  for (const client of clients.slice(0, 3)) client.announce(["10.0.0.1/32", "10.0.0.2/32"]);
  stage.settle();
  const count = clients[3]!.updateCount;
  const addPath = { canSend: true, canReceive: false, maxSent: 1 };
  stage.configure({ peers: peers.map((peer) => (peer.name === "192.0.2.4" ? { ...peer, addPath } : peer)) });
  stage.settle();
  assert.equal(clients[3]!.isUp, true);
  assert.deepEqual(hops(clients[3]!), ["192.0.2.1"]);
  assert.deepEqual(hops(clients[3]!, "10.0.0.2/32"), ["192.0.2.1"]);
  assert.equal(
    clients[3]!.updateCount,
    count + 2,
    "two paths are withdrawn, each by one UPDATE at most, and nothing is told again",
  );
});

test("a peer that makes up ever new identifiers costs no more than the paths that it keeps", () => {
  const { stage, clients } = anycast(2);
  const teller = clients[4]!;
  for (let id = 1; id < 5000; id++) {
    teller.announce(["10.0.0.1/32"], {}, id);
    teller.withdraw(["10.0.0.1/32"], id - 1);
    if (id % 500 === 0) stage.settle();
  }
  stage.settle();
  assert.deepEqual(hops(clients[3]!), ["192.0.2.5"]);
});

test("of the paths of one prefix a peer may have a thousand or so; more are refused, and cost the others nothing", () => {
  const { stage, clients } = anycast(2);
  const [other, , , listener, teller] = clients;
  assert.ok(other !== undefined && listener !== undefined && teller !== undefined);
  other.announce(["10.0.0.1/32"], { localPref: 50 });
  for (let id = 1; id <= 1100; id++) teller.announce(["10.0.0.1/32"], {}, id);
  teller.announce(["10.0.0.2/32"], {}, 1100);
  stage.settle();
  const status = () => stage.core.status(0).find(({ name }) => name === "192.0.2.5");
  const counts = () => [status()?.prefixesReceived, status()?.prefixesRefused];
  assert.deepEqual(counts(), [1101, 76]);
  assert.equal(stage.core.routes({ prefix: route("10.0.0.1/32").prefix })[0]?.paths.length, 1025);
  const refused = [...stage.core.received("192.0.2.5")].find(({ paths }) => paths[0]?.pathId === 1099);
  assert.match(refused?.paths[0]?.refusal ?? "", /^more than 1024 paths of one prefix$/);
  assert.deepEqual(hops(listener, "10.0.0.2/32"), ["192.0.2.5"]);
  // Those that are there can be changed and go, and make room.
  teller.announce(["10.0.0.1/32"], { localPref: 300 }, 7);
  assert.deepEqual(counts(), [1101, 76]);
  for (let id = 1; id <= 1100; id++) if (id !== 7) teller.withdraw(["10.0.0.1/32"], id);
  teller.announce(["10.0.0.1/32"], {}, 1100);
  assert.deepEqual(counts(), [3, 0]);
  teller.lose();
  stage.settle();
  assert.equal(stage.core.routes({ prefix: route("10.0.0.1/32").prefix })[0]?.paths.length, 1);
});

test("paths beyond a thousand stay refused when a changed policy has everything judged again", () => {
  const { stage, peers, clients } = anycast(2);
  const teller = clients[4]!;
  for (let id = 1; id <= 1030; id++) teller.announce(["10.0.0.1/32"], {}, id);
  stage.settle();
  const importPolicy = { name: "all", rules: [], otherwise: "accept" as const };
  stage.configure({ peers: peers.map((peer) => ({ ...peer, importPolicy })) });
  stage.settle();
  assert.equal(stage.core.status(0).find(({ name }) => name === "192.0.2.5")?.prefixesRefused, 6);
});
