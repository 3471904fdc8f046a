import assert from "node:assert/strict";
import { test } from "node:test";
import { allFamilies } from "./config.ts";
import { address, route } from "./testing/network.ts";
import { reflector } from "./testing/reflector.ts";
import type { ScriptedPeer } from "./testing/scripted-peer.ts";

test("what a client tells goes to all others in the octets of one journal, and not back to it", () => {
  const { stage, clients } = reflector(5);
  const written: Uint8Array[][] = clients.map(() => []);
  for (const [i, client] of clients.entries()) {
    const read = client.read.bind(client);
    client.read = (bytes) => {
      written[i]?.push(bytes);
      read(bytes);
    };
  }
  const [first, second, ...others] = clients;
  first!.announce(["10.1.0.0/24", "10.1.1.0/24"]);
  second!.announce(["10.2.0.0/24"]);
  stage.settle();
  for (const other of others) assert.deepEqual(other.prefixes(), ["10.1.0.0/24", "10.1.1.0/24", "10.2.0.0/24"]);
  assert.deepEqual(first!.prefixes(), ["10.2.0.0/24"]);
  assert.deepEqual(second!.prefixes(), ["10.1.0.0/24", "10.1.1.0/24"]);
  assert.deepEqual(
    written.map((list) => list.length),
    [1, 1, 1, 1, 1],
  );
  assert.equal(written[2]?.[0], written[3]?.[0], "peers at the same place are given the same object");
  assert.equal(written[0]?.[0]?.buffer, written[2]?.[0]?.buffer);
  assert.equal(stage.core.journalBytes <= 16_384, true);
});

test("a change of the best path's source withdraws from the new one and tells the old one", () => {
  const { stage, clients } = reflector(3);
  const [a, b, c] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  a.announce(["10.0.0.0/24"], { localPref: 100 });
  stage.settle();
  assert.deepEqual([a.prefixes(), b.prefixes(), c.prefixes()], [[], ["10.0.0.0/24"], ["10.0.0.0/24"]]);
  b.announce(["10.0.0.0/24"], { localPref: 200 });
  stage.settle();
  assert.deepEqual([a.prefixes(), b.prefixes(), c.prefixes()], [["10.0.0.0/24"], [], ["10.0.0.0/24"]]);
  assert.equal(c.heard("10.0.0.0/24")?.originatorId, "1.1.1.2");
  b.withdraw(["10.0.0.0/24"]);
  stage.settle();
  assert.deepEqual([a.prefixes(), b.prefixes(), c.prefixes()], [[], ["10.0.0.0/24"], ["10.0.0.0/24"]]);
  assert.equal(c.updateCount, 5, "two ends of tables and three announcements, no more");
});

test("where another source's path looks the same only the two sources hear of it", () => {
  const { stage, clients } = reflector(4, {
    peer: (number) => ({ asNumber: number === 4 ? 65000 : 65001 }),
    options: (number) => ({ asNumber: number === 4 ? 65000 : 65001 }),
  });
  const [a, b, c] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  const path = { asPath: [{ type: "sequence" as const, asNumbers: [65001] }] };
  b.announce(["10.0.0.0/24"], path);
  stage.settle();
  const count = c.updateCount;
  // Lower identifier: better, but external peers see our next hop and our AS in front of the same path.
  a.announce(["10.0.0.0/24"], path);
  stage.settle();
  assert.deepEqual([a.prefixes(), b.prefixes(), c.prefixes()], [[], ["10.0.0.0/24"], ["10.0.0.0/24"]]);
  assert.equal(c.updateCount, count);
});

test("a late joiner gets the whole table and then the end of it, and whoever joins with it the same octets", () => {
  const { stage, clients } = reflector(6);
  const [teller, ...rest] = clients as [ScriptedPeer, ...ScriptedPeer[]];
  for (const late of rest.slice(2)) late.lose();
  const prefixes = Array.from({ length: 500 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  teller.announce(prefixes);
  stage.settle();
  const objects = new Set<Uint8Array>();
  for (const late of rest.slice(2)) {
    const read = late.read.bind(late);
    late.read = (bytes) => {
      if (bytes.length > 1000) objects.add(bytes);
      read(bytes);
    };
    late.connect();
  }
  stage.settle();
  for (const late of rest.slice(2)) {
    assert.equal(late.prefixes().length, 500);
    assert.deepEqual(late.ends.toSorted(), allFamilies);
  }
  assert.equal(objects.size, 1, "one object for all");
});

test("a late joiner hears nothing of what was true when others joined", () => {
  const { stage, clients } = reflector(5);
  const [a, b, c, d] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer, ScriptedPeer];
  c.lose();
  d.lose();
  a.announce(["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]);
  stage.settle();
  c.connect();
  stage.settle();
  a.withdraw(["10.0.0.0/24"]);
  a.announce(["10.0.1.0/24"], { med: 1 });
  b.announce(["10.0.2.0/24"], { localPref: 200 });
  stage.settle();
  d.connect();
  stage.settle();
  assert.deepEqual(d.prefixes(), ["10.0.1.0/24", "10.0.2.0/24"]);
  assert.deepEqual([d.updateCount, d.withdrawnCount], [2 + 2, 0]);
});

test("a peer that comes back, or takes again, is not told to forget what is its own", () => {
  const { stage, clients } = reflector(3, { core: { limits: { step: 16, lagBytes: 500 } } });
  const [a, b, c] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  const prefixes = (rack: number) => Array.from({ length: 60 }, (_, i) => `10.${rack}.${i}.0/24`);
  a.announce(prefixes(1));
  b.announce(prefixes(2));
  stage.settle();
  a.lose();
  stage.settle();
  a.connect();
  a.announce(prefixes(1));
  stage.settle();
  assert.deepEqual([a.prefixes(), a.withdrawnCount], [prefixes(2).toSorted(), 0]);
  c.block(true);
  for (let round = 0; round < 20; round++) {
    c.announce(prefixes(3), { med: round });
    a.announce(prefixes(1), { med: round });
    stage.settle();
  }
  c.block(false);
  stage.settle();
  assert.deepEqual([c.prefixes().length, c.withdrawnCount - 60], [120, 0], "60 when the first peer went");
});

test("a peer that takes nothing delays nobody, costs no memory, and gets the newest state when it takes again", () => {
  const { stage, clients } = reflector(3, { core: { limits: { lagBytes: 3000 } } });
  const [teller, slow, quick] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  teller.announce(["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]);
  stage.settle();
  slow.block(true);
  const before = slow.updateCount;
  for (let round = 0; round < 300; round++) {
    teller.announce(["10.0.0.0/24", "10.0.3.0/24"], { med: round });
    if (round === 150) teller.withdraw(["10.0.1.0/24"]);
    stage.settle();
    assert.equal(quick.heard("10.0.0.0/24")?.med, round);
    assert.ok(stage.core.journalBytes <= 20_000, `${stage.core.journalBytes} octets wait`);
  }
  assert.equal(slow.updateCount, before);
  slow.block(false);
  stage.settle();
  assert.deepEqual(slow.prefixes(), quick.prefixes());
  assert.equal(slow.heard("10.0.3.0/24")?.med, 299);
  assert.ok(slow.updateCount - before <= 3, `${slow.updateCount - before} UPDATEs for 300 changes`);
  // And it follows again.
  teller.withdraw(["10.0.2.0/24"]);
  stage.settle();
  assert.deepEqual(slow.prefixes(), ["10.0.0.0/24", "10.0.3.0/24"]);
});

test("a peer for which too many withdrawals would have to be kept loses its session", () => {
  const { stage, clients } = reflector(3, { core: { limits: { lagBytes: 1000, graves: 50 } } });
  const [teller, slow, quick] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  slow.block(true);
  for (let round = 0; round < 200; round++) {
    teller.announce([`10.0.${round}.0/24`]);
    stage.settle();
    teller.withdraw([`10.0.${round}.0/24`]);
    stage.settle();
  }
  assert.equal(slow.isUp, false);
  assert.deepEqual(
    slow.notifications.map(({ code, subcode }) => [code, subcode]),
    [[6, 8]],
  );
  assert.equal(quick.isUp, true);
  assert.deepEqual(quick.prefixes(), []);
});

test("a refresh brings the whole table again, between marks where both ends have agreed on them (RFC 7313)", () => {
  const { stage, clients } = reflector(3, {
    options: (number) => ({ open: { hasEnhancedRefresh: number === 2 } }),
  });
  const [teller, marked, plain] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  teller.announce(["10.0.0.0/24", "2001:db8::/64"]);
  stage.settle();
  for (const one of [marked, plain]) {
    one.table.clear();
    one.refresh("ipv4-unicast");
    stage.settle();
    assert.deepEqual(one.prefixes(), ["10.0.0.0/24"]);
  }
  assert.equal(marked.refreshes, 1);
  assert.equal(plain.refreshes, 0);
});

test("messages are as long as the peer takes them, and a route that fits into none is withdrawn and noted", () => {
  const { stage, clients } = reflector(3, { options: (number) => ({ open: { hasExtendedMessages: number !== 2 } }) });
  const [teller, narrow, wide] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  const communities = (count: number) => Array.from({ length: count }, (_, i) => i);
  const prefixes = Array.from({ length: 3000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  teller.announce(prefixes, { localPref: 100 });
  stage.settle();
  assert.deepEqual([narrow.prefixes().length, wide.prefixes().length], [3000, 3000]);
  assert.ok(wide.updateCount < narrow.updateCount);
  // With the reflector's own marks this is 4,098 octets.
  teller.announce(["10.0.0.0/24"], { localPref: 100, communities: communities(1008) });
  stage.settle();
  assert.equal(wide.heard("10.0.0.0/24")?.communities.length, 1008);
  assert.equal(narrow.heard("10.0.0.0/24"), undefined);
  assert.match(
    stage
      .take("notice")
      .map(({ text, detail }) => `${text}: ${detail}`)
      .join(),
    /too long.*10\.0\.0\.0\/24/,
  );
  teller.announce(["10.0.0.0/24"], { localPref: 100, communities: communities(900) });
  stage.settle();
  assert.equal(narrow.heard("10.0.0.0/24")?.communities.length, 900);
});

test("an UPDATE that just fits from the client is split where the reflector's marks make it too long", () => {
  const { stage, clients } = reflector(2);
  const [teller, other] = clients as [ScriptedPeer, ScriptedPeer];
  const prefixes = Array.from({ length: 1012 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  teller.announce(prefixes, { localPref: 100 });
  stage.settle();
  assert.equal(other.prefixes().length, 1012);
  assert.equal(other.updateCount, 2 + 2);
});

test("nothing but the best path is told without ADD-PATH, and nothing at all of a family that was not agreed on", () => {
  const { stage, clients } = reflector(3, {
    options: (number) => ({ open: number === 3 ? { families: ["ipv4-unicast"] } : {} }),
  });
  const [a, b, c] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  for (const one of [a, b]) one.announce(["10.0.0.0/24", "2001:db8::/64"]);
  stage.settle();
  assert.deepEqual(c.prefixes(), ["10.0.0.0/24"]);
  assert.equal(c.table.size, 1);
});

test("NO_ADVERTISE and NO_EXPORT are obeyed in reflection", () => {
  const { stage, clients } = reflector(3, {
    peer: (number) => (number === 3 ? { asNumber: 65001 } : {}),
    options: (number) => (number === 3 ? { asNumber: 65001 } : {}),
  });
  const [a, b, outside] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  a.announce(["10.0.0.0/24"], { communities: [0xffffff02] });
  a.announce(["10.0.1.0/24"], { communities: [0xffffff01] });
  a.announce(["10.0.2.0/24"]);
  stage.settle();
  assert.deepEqual(b.prefixes(), ["10.0.1.0/24", "10.0.2.0/24"]);
  assert.deepEqual(outside.prefixes(), ["10.0.2.0/24"]);
});

test("own routes go to every sort of peer", () => {
  const { stage, clients } = reflector(2, {
    peer: (number) => (number === 2 ? { asNumber: 65001 } : {}),
    options: (number) => (number === 2 ? { asNumber: 65001 } : {}),
  });
  stage.step({ type: "originate", routes: [route("10.0.0.0/24")] });
  stage.settle();
  for (const one of clients) assert.deepEqual(one.prefixes(), ["10.0.0.0/24"]);
});

test("peers that want the same are one group, and a group that nobody is in costs nothing", () => {
  const { stage, clients } = reflector(4, { peer: (number) => (number === 4 ? { nextHopMode: "self" } : {}) });
  const [teller, , , alone] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer, ScriptedPeer];
  teller.announce(["10.0.0.0/24"]);
  stage.settle();
  assert.equal(alone.heard("10.0.0.0/24")?.nextHop, "10.0.0.1");
  alone.lose();
  stage.settle();
  teller.withdraw(["10.0.0.0/24"]);
  stage.settle();
  assert.deepEqual(stage.core.routes(), []);
});

test("prefixes that are no destinations of unicast routes are refused, and said to be (RFC 4271 section 6.3)", () => {
  const { stage, peers, clients } = reflector(2);
  const [teller, listener] = clients;
  assert.ok(teller !== undefined && listener !== undefined);
  const bad = ["224.0.0.0/3", "224.0.0.0/4", "239.255.0.1/32", "ff00::/8", "ff02::1/128", "fe80::/10", "febf::1/128"];
  const good = ["0.0.0.0/0", "128.0.0.0/1", "223.255.255.0/24", "240.0.0.0/8", "::/0", "fd00::/8", "fec0::/10"];
  teller.announce([...bad, ...good]);
  const importPolicy = { name: "all", rules: [], otherwise: "accept" as const };
  for (const more of [{}, { importPolicy }]) {
    stage.configure({ peers: peers.map((peer) => ({ ...peer, ...more })), nextHop6: address("2001:db8::ffff") });
    stage.settle();
    assert.deepEqual(listener.prefixes(), good.toSorted());
    const refused = [...stage.core.received("192.0.2.1")].filter(({ paths }) => paths[0]?.refusal !== undefined);
    assert.deepEqual(refused.map(({ prefix }) => prefix as string).toSorted(), bad.toSorted());
    assert.equal(refused[0]?.paths[0]?.refusal, "a multicast or link-local prefix");
  }
  teller.withdraw(bad);
  assert.equal(stage.core.status(0)[0]?.prefixesReceived, good.length);
});
