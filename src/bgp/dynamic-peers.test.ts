import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerRange, SessionConfig, SpeakerConfig } from "./config.ts";
import { notification } from "./notification.ts";
import { address, peerAt, route } from "./testing/network.ts";
import { ScriptedPeer, type ScriptedPeerOptions, Stage } from "./testing/scripted-peer.ts";

const session: SessionConfig = {
  type: "dynamic",
  port: 179,
  asNumber: "internal",
  isPassive: true,
  families: ["ipv4-unicast"],
  nextHopMode: "auto",
  reflectorCluster: address("10.0.0.1"),
};

function rangeOf(prefix: string, more: Partial<PeerRange> = {}): PeerRange {
  return { name: "racks", prefix: route(prefix).prefix, session, maxPeers: 3, ...more };
}

function stageWith(config: Partial<SpeakerConfig>) {
  const stage = new Stage();
  stage.configure(config);
  stage.step({ type: "originate", routes: [] });
  const join = (text: string, more: Partial<ScriptedPeerOptions> = {}) => {
    const peer = new ScriptedPeer(stage, { address: text, routerId: text, ...more });
    peer.connect();
    stage.settle();
    return peer;
  };
  return { stage, join, names: () => stage.core.status(stage.nowMs).map(({ name }) => name) };
}

test("whoever connects from inside a range is a peer for as long as it is there", () => {
  const { stage, join, names } = stageWith({ ranges: [rangeOf("192.0.2.0/24")] });
  assert.deepEqual(names(), []);
  const a = join("192.0.2.7");
  const b = join("192.0.2.9");
  assert.deepEqual(names(), ["racks/192.0.2.7", "racks/192.0.2.9"]);
  assert.equal(stage.core.status(stage.nowMs)[0]?.type, "dynamic");
  a.announce(["10.0.0.0/24"]);
  stage.settle();
  assert.deepEqual(b.prefixes(), ["10.0.0.0/24"]);
  a.lose();
  stage.settle();
  assert.deepEqual(b.prefixes(), []);
  assert.deepEqual(names(), ["racks/192.0.2.9"]);
  b.notify(notification(6, 2));
  stage.settle();
  assert.deepEqual(names(), []);
  join("192.0.2.7");
  assert.deepEqual(names(), ["racks/192.0.2.7"]);
});

test("a peer that restarts gracefully is remembered until its time is up", () => {
  const { stage, join, names } = stageWith({ ranges: [rangeOf("192.0.2.0/24")] });
  const families = [{ family: "ipv4-unicast" as const, isForwarding: true }];
  const gracefulRestart = { isRestarting: false, hasNotifications: false, restartTimeSeconds: 50, families };
  const a = join("192.0.2.7", { open: { gracefulRestart } });
  const b = join("192.0.2.9");
  a.announce(["10.0.0.0/24"]);
  stage.settle();
  a.lose();
  stage.pass(49_000);
  assert.deepEqual(b.prefixes(), ["10.0.0.0/24"]);
  assert.equal(names().length, 2);
  a.connect();
  a.announce(["10.0.0.0/24"]);
  stage.pass(10_000);
  assert.deepEqual(b.prefixes(), ["10.0.0.0/24"]);
  a.lose();
  stage.pass(51_000);
  assert.deepEqual(b.prefixes(), []);
  assert.deepEqual(names(), ["racks/192.0.2.9"]);
  assert.deepEqual(
    [...stage.timers.keys()].filter((timer) => timer.startsWith("racks/192.0.2.7")),
    [],
  );
});

test("a peer that is back before its routes were taken away hears nothing of what it told", () => {
  const { stage, join, names } = stageWith({ ranges: [rangeOf("192.0.2.0/24")] });
  const a = join("192.0.2.7");
  const b = join("192.0.2.9");
  a.announce(["10.0.0.0/24"]);
  stage.settle();
  a.lose();
  a.connect();
  stage.settle();
  assert.deepEqual([a.updateCount, a.withdrawnCount, a.prefixes()], [1, 0, []]);
  assert.deepEqual(b.prefixes(), []);
  assert.equal(names().length, 2);
});

test("strangers, and more than there may be, are not taken", () => {
  const { stage, join, names } = stageWith({ ranges: [rangeOf("192.0.2.0/24")] });
  assert.equal(join("198.51.100.1").isUp, false);
  for (let i = 1; i <= 3; i++) join(`192.0.2.${i}`);
  assert.equal(join("192.0.2.4").isUp, false);
  assert.equal(names().length, 3);
  assert.deepEqual(
    stage.take("notice").map(({ text, detail }) => [text, detail]),
    [
      ["connection of an unknown peer refused", "198.51.100.1"],
      ["no more peers are taken from the range", "racks, 192.0.2.4"],
      ["connection of an unknown peer refused", "192.0.2.4"],
    ],
  );
});

test("the narrowest range counts, and a peer that is named counts before all ranges", () => {
  const narrow = rangeOf("192.0.2.0/28", { name: "few", session: { ...session, asNumber: "external" } });
  const { join, names } = stageWith({
    peers: [peerAt("192.0.2.1", { isPassive: true, name: "named" })],
    ranges: [rangeOf("192.0.2.0/24"), narrow],
  });
  join("192.0.2.1");
  join("192.0.2.2", { asNumber: 65001 });
  join("192.0.2.20");
  assert.deepEqual(names(), ["named", "few/192.0.2.2", "racks/192.0.2.20"]);
});

test("link-local neighbours are told apart by their links", () => {
  const { stage } = stageWith({
    ranges: ["eth0", "eth1"].map((linkName) => rangeOf("fe80::/10", { name: linkName, linkName })),
  });
  for (const linkName of ["eth0", "eth1", "eth2"]) {
    stage.step({
      type: "accepted",
      connection: linkName,
      localAddress: address("fe80::1"),
      remoteAddress: address("fe80::2"),
      linkName,
    });
  }
  assert.deepEqual(
    stage.core.status(0).map(({ name, state }) => [name, state]),
    [
      ["eth0/fe80::2%eth0", "openSent"],
      ["eth1/fe80::2%eth1", "openSent"],
    ],
  );
});

test("a new configuration keeps the sessions of a range that stays, and ends those of one that goes", () => {
  const { stage, join, names } = stageWith({ ranges: [rangeOf("192.0.2.0/24")] });
  const a = join("192.0.2.7");
  const b = join("192.0.2.200");
  a.announce(["10.0.0.0/24"]);
  b.announce(["10.0.1.0/24"]);
  stage.settle();
  const exportPolicy = { name: "none", rules: [], otherwise: "reject" as const };
  stage.configure({ ranges: [rangeOf("192.0.2.0/25", { session: { ...session, exportPolicy } })] });
  stage.settle();
  assert.deepEqual([a.isUp, b.isUp], [true, false]);
  assert.deepEqual(a.prefixes(), []);
  assert.deepEqual(
    b.notifications.map(({ code, subcode }) => [code, subcode]),
    [[6, 3]],
  );
  stage.configure({ peers: [peerAt("192.0.2.7", { isPassive: true })] });
  stage.settle();
  assert.deepEqual(names(), ["192.0.2.7"]);
  assert.equal(a.isUp, false);
});

test("thousands of peers are found by their addresses, and each costs the same", () => {
  const { stage, join, names } = stageWith({ ranges: [rangeOf("11.0.0.0/8", { maxPeers: 3000 })] });
  for (let i = 0; i < 3000; i++) join(`11.${i >> 8}.${i & 255}.1`);
  assert.equal(names().length, 3000);
  assert.ok(stage.core.status(0).every(({ state }) => state === "established"));
});
