import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerConfig } from "./config.ts";
import { writeRouteRefresh } from "./message.ts";
import { notification } from "./notification.ts";
import { community } from "./numbers.ts";
import type { Open } from "./open.ts";
import { reflector } from "./testing/reflector.ts";
import type { ScriptedPeer } from "./testing/scripted-peer.ts";

type Restart = NonNullable<Open["gracefulRestart"]>;

function restart(more: Partial<Restart> = {}, isForwarding = true): Restart {
  const families = (["ipv4-unicast", "ipv6-unicast"] as const).map((family) => ({ family, isForwarding }));
  return { isRestarting: false, hasNotifications: true, restartTimeSeconds: 100, families, ...more };
}

function longLived(staleTimeSeconds: number, isForwarding = true): NonNullable<Open["longLivedRestart"]> {
  return [{ family: "ipv4-unicast", isForwarding, staleTimeSeconds }];
}

/** Client 1 tells, 2 hears; both are as `open` says. */
function pair(open: Partial<Open>, peer: Partial<PeerConfig> = {}) {
  const all = reflector(3, { options: (number) => (number < 3 ? { open } : {}), peer: () => peer });
  const [teller, listener, plain] = all.clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  teller.announce(["10.0.0.0/24"]);
  teller.announce(["10.0.1.0/24"], { communities: [community.noLlgr] });
  all.stage.settle();
  return { ...all, teller, listener, plain };
}

test("routes of a peer that is lost wait for its restart time, and go when it does not come", () => {
  const { stage, teller, listener } = pair({ gracefulRestart: restart() });
  teller.lose();
  stage.pass(99_000);
  assert.deepEqual(listener.prefixes(), ["10.0.0.0/24", "10.0.1.0/24"]);
  assert.ok(stage.core.routes().every(({ paths }) => paths.every(({ isStale }) => isStale)));
  assert.equal(stage.core.status(stage.nowMs)[0]?.isRestarting, true);
  stage.pass(2000);
  assert.deepEqual(listener.prefixes(), []);
});

test("a peer that comes back is told nothing of its own, and what it does not tell again goes at its End-of-RIB", () => {
  const { stage, teller, listener } = pair({ gracefulRestart: restart() });
  teller.lose();
  stage.pass(5000);
  const count = listener.updateCount;
  teller.connect();
  teller.announce(["10.0.0.0/24"]);
  stage.pass(1000);
  assert.deepEqual(listener.prefixes(), ["10.0.0.0/24", "10.0.1.0/24"]);
  assert.equal(listener.updateCount, count, "nothing changes for the others");
  teller.endOfRib("ipv4-unicast");
  stage.pass(1000);
  assert.deepEqual(listener.prefixes(), ["10.0.0.0/24"]);
});

test("a NOTIFICATION keeps the routes where both ends have agreed on it, unless it is a hard reset (RFC 8538)", () => {
  const cases: [code: number, subcode: number, hasNotifications: boolean, kept: boolean][] = [
    [4, 0, true, true],
    [6, 4, true, true],
    [6, 9, true, false],
    [4, 0, false, false],
  ];
  for (const [code, subcode, hasNotifications, kept] of cases) {
    const { stage, teller, listener } = pair({ gracefulRestart: restart({ hasNotifications }) });
    teller.notify(notification(code, subcode, subcode === 9 ? [6, 4] : []));
    stage.pass(1000);
    assert.equal(listener.prefixes().length, kept ? 2 : 0, `${code}/${subcode} ${hasNotifications}`);
  }
});

test("a peer that stays away longer leaves its routes as a last resort, marked, for those who know the mark (RFC 9494)", () => {
  const open = { gracefulRestart: restart(), longLivedRestart: longLived(1000) };
  const { stage, teller, listener, plain } = pair(open, { longLivedStaleSeconds: 5000 });
  teller.lose();
  stage.pass(101_000);
  assert.deepEqual(listener.prefixes(), ["10.0.0.0/24"], "NO_LLGR: not that one");
  assert.deepEqual(listener.heard("10.0.0.0/24")?.communities, [community.llgrStale]);
  assert.equal(listener.heard("10.0.0.0/24")?.localPref, 100);
  // Who does not know the mark, but is of this AS, is told not to prefer it and to keep it.
  assert.deepEqual(plain.heard("10.0.0.0/24")?.communities, [community.llgrStale, community.noExport]);
  assert.equal(plain.heard("10.0.0.0/24")?.localPref, 0);
  // Whatever else there is is better.
  plain.announce(["10.0.0.0/24"], { localPref: 1 });
  stage.settle();
  assert.equal(listener.heard("10.0.0.0/24")?.localPref, 1);
  plain.withdraw(["10.0.0.0/24"]);
  stage.pass(998_000);
  assert.deepEqual(listener.prefixes(), ["10.0.0.0/24"]);
  stage.pass(2000);
  assert.deepEqual(listener.prefixes(), []);
});

test("our own limit of the last resort counts when it is the shorter one, and none means none", () => {
  const open = { gracefulRestart: restart(), longLivedRestart: longLived(1000) };
  for (const [longLivedStaleSeconds, leftAtMs] of [
    [10, 111_000],
    [0, 101_000],
  ] as const) {
    const { stage, teller, listener } = pair(open, { longLivedStaleSeconds });
    teller.lose();
    stage.pass(leftAtMs - 2000);
    assert.notDeepEqual(listener.prefixes(), []);
    stage.pass(2000);
    assert.deepEqual(listener.prefixes(), []);
  }
});

test("a peer that comes back takes its routes out of the last resort, and its time does not begin anew when it goes again", () => {
  const open = { gracefulRestart: restart({ restartTimeSeconds: 0 }), longLivedRestart: longLived(100) };
  const { stage, teller, listener } = pair(open, { longLivedStaleSeconds: 5000 });
  teller.announce(["10.0.2.0/24"]);
  stage.settle();
  teller.lose();
  stage.pass(50_000);
  assert.deepEqual(listener.heard("10.0.0.0/24")?.communities, [community.llgrStale]);
  teller.connect();
  teller.announce(["10.0.0.0/24"]);
  stage.pass(10_000);
  assert.deepEqual(listener.heard("10.0.0.0/24")?.communities, []);
  assert.deepEqual(listener.heard("10.0.2.0/24")?.communities, [community.llgrStale]);
  teller.lose();
  stage.pass(30_000);
  assert.deepEqual(listener.prefixes(), ["10.0.0.0/24", "10.0.2.0/24"]);
  stage.pass(11_000);
  assert.deepEqual(listener.prefixes(), []);
});

test("a peer that comes back without having forwarded loses what was kept", () => {
  for (const isForwarding of [true, false]) {
    const open = { gracefulRestart: restart({}, isForwarding), longLivedRestart: longLived(100, isForwarding) };
    const { stage, teller, listener } = pair(open, { longLivedStaleSeconds: 100 });
    teller.lose();
    stage.pass(1000);
    teller.connect();
    stage.pass(1000);
    assert.equal(listener.prefixes().length, isForwarding ? 2 : 0);
  }
});

test("a refresh that the peer marks takes away what it does not tell again (RFC 7313)", () => {
  const { stage, teller, listener } = pair({ hasEnhancedRefresh: true });
  teller.say(writeRouteRefresh("ipv4-unicast", "begin"));
  teller.announce(["10.0.1.0/24"], { communities: [community.noLlgr] });
  teller.announce(["10.0.2.0/24"]);
  stage.pass(1000);
  assert.deepEqual(listener.prefixes(), ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]);
  teller.say(writeRouteRefresh("ipv4-unicast", "end"));
  stage.pass(1000);
  assert.deepEqual(listener.prefixes(), ["10.0.1.0/24", "10.0.2.0/24"]);
});

test("a refresh that the peer never ends ends by itself", () => {
  const { stage, teller, listener } = pair({ hasEnhancedRefresh: true });
  teller.say(writeRouteRefresh("ipv4-unicast", "begin"));
  for (let i = 0; i < 100; i++) teller.say(writeRouteRefresh("ipv4-unicast", "begin"));
  teller.announce(["10.0.0.0/24"]);
  stage.pass(359_000);
  assert.deepEqual(listener.prefixes(), ["10.0.0.0/24", "10.0.1.0/24"]);
  stage.pass(2000);
  assert.deepEqual(listener.prefixes(), ["10.0.0.0/24"]);
});

test("a refresh that begins anew a thousand times counts from its last beginning", () => {
  const { stage, teller, listener } = pair({ hasEnhancedRefresh: true });
  const prefixes = Array.from({ length: 40 }, (_, i) => `10.0.${i}.0/24`);
  teller.announce(prefixes);
  for (let i = 0; i < 1000; i++) {
    teller.say(writeRouteRefresh("ipv4-unicast", "begin"));
    teller.announce([prefixes[i % 40]!], { med: i });
  }
  stage.pass(1000);
  assert.deepEqual(listener.prefixes(), prefixes.toSorted());
  teller.announce(["10.0.7.0/24"]);
  teller.say(writeRouteRefresh("ipv4-unicast", "end"));
  stage.pass(1000);
  assert.deepEqual(listener.prefixes(), ["10.0.39.0/24", "10.0.7.0/24"]);
});

test("a mark of a refresh before the End-of-RIB is passed over (RFC 7313)", () => {
  const { stage, teller, listener } = pair({ hasEnhancedRefresh: true, gracefulRestart: restart() });
  const begin = writeRouteRefresh("ipv4-unicast", "begin");
  const end = writeRouteRefresh("ipv4-unicast", "end");
  teller.lose();
  teller.connect();
  teller.say(begin);
  teller.say(end);
  stage.pass(1000);
  assert.deepEqual(listener.prefixes(), ["10.0.0.0/24", "10.0.1.0/24"], "what is stale waits for the End-of-RIB");
  teller.announce(["10.0.1.0/24"]);
  teller.endOfRib("ipv4-unicast");
  stage.pass(1000);
  assert.deepEqual(listener.prefixes(), ["10.0.1.0/24"]);
  teller.say(begin);
  teller.say(end);
  stage.pass(1000);
  assert.deepEqual(listener.prefixes(), []);
});

test("who is refreshed before it has its End-of-RIB is told everything again without marks (RFC 7313)", () => {
  const { stage, clients } = reflector(2, {
    core: { tellsRoutes: false },
    options: () => ({ open: { hasEnhancedRefresh: true, gracefulRestart: restart() } }),
  });
  const [teller, listener] = clients as [ScriptedPeer, ScriptedPeer];
  teller.announce(["10.0.0.0/24"]);
  stage.settle();
  assert.equal(listener.updateCount, 1);
  listener.refresh("ipv4-unicast");
  stage.pass(1000);
  assert.deepEqual([listener.updateCount, listener.refreshes, listener.ends], [2, 0, []]);
  for (const client of clients) client.endOfRib("ipv4-unicast");
  stage.pass(60_000);
  assert.ok(listener.ends.includes("ipv4-unicast"));
  listener.refresh("ipv4-unicast");
  stage.pass(1000);
  assert.equal(listener.refreshes, 1);
});

test("who lets a peer that takes nothing keep our routes keeps the routes of the peer (RFC 8538)", () => {
  for (const hasNotifications of [true, false]) {
    const { stage, teller, listener } = reflectorThatGivesUp(hasNotifications);
    stage.pass(1000);
    assert.equal(teller.isUp, false, "it is given up");
    assert.deepEqual(listener.prefixes().includes("10.9.0.0/24"), hasNotifications);
    stage.pass(101_000);
    assert.equal(listener.prefixes().includes("10.9.0.0/24"), false);
  }
});

/** One that has told a route takes nothing while more is withdrawn than can be kept for it. */
function reflectorThatGivesUp(hasNotifications: boolean) {
  const { stage, clients } = reflector(3, {
    core: { limits: { graves: 10, lagBytes: 100 } },
    options: () => ({ open: { gracefulRestart: restart({ hasNotifications }) } }),
  });
  const [teller, listener, other] = clients as [ScriptedPeer, ScriptedPeer, ScriptedPeer];
  const prefixes = Array.from({ length: 100 }, (_, i) => `10.1.${i}.0/24`);
  teller.announce(["10.9.0.0/24"]);
  other.announce(prefixes);
  stage.settle();
  teller.block(true);
  other.withdraw(prefixes);
  stage.settle();
  return { stage, teller, listener };
}
