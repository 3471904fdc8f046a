import assert from "node:assert/strict";
import { test } from "node:test";
import { writeKeepalive, writeNotification, writeRouteRefresh } from "./message.ts";
import { notification } from "./notification.ts";
import { isSameSession } from "./peer.ts";
import { update } from "./testing/messages.ts";
import { Script } from "./testing/script.ts";
import { address, peerAt } from "./testing/values.ts";

const graceful = (isRestarting = false, hasNotifications = false) => ({
  gracefulRestart: {
    isRestarting,
    hasNotifications,
    restartTimeSeconds: 120,
    families: [{ family: "ipv4-unicast" as const, isForwarding: true }],
  },
});
/** An UPDATE with as many prefixes of 10.0.0.0/8. */
const routes = (count: number) =>
  update(
    "",
    "400101 00 400200 400304 c0000202 400504 00000064",
    Array.from({ length: count }, (_, i) => `18 0a00${i.toString(16).padStart(2, "0")}`).join(" "),
  );
const endOfRib = update("", "", "");
const collision = "3:6/7:";

test("a peer is called at once, again after a refusal, and less and less often", () => {
  const script = new Script();
  const delays = Array.from({ length: 6 }, () => {
    const [connection = ""] = script.connections;
    script.lose(connection, "refused");
    const delayMs = script.retryMs;
    script.wait(delayMs ?? 0);
    return delayMs;
  });
  assert.deepEqual(delays, [200, 500, 1000, 2000, 5000, 5000]);
  assert.equal(script.status.lastError, "refused");
  assert.equal(script.connections.size, 1);
});

test("a connection that does not come up is given up after five seconds", () => {
  const script = new Script();
  const [first = ""] = script.connections;
  script.wait(5000);
  assert.deepEqual(script.said.get(first), ["close"]);
  assert.equal(script.connections.size, 1);
  assert.equal(script.status.state, "connect");
});

test("a passive peer is never called", () => {
  const script = new Script({ isPassive: true });
  assert.equal(script.status.state, "active");
  script.lose(script.establish());
  script.wait(600_000);
  assert.equal(script.connections.size, 0);
  assert.equal(script.retryMs, undefined);
});

test("after a NOTIFICATION of either side the next attempt waits longer each time", () => {
  const script = new Script();
  const delays = Array.from({ length: 7 }, (_, i) => {
    const connection = script.connect();
    if (i % 2 === 0) script.send(connection, writeNotification(notification(2, 2)));
    else script.open(connection, { asNumber: 65001 });
    const delayMs = script.retryMs;
    script.wait(delayMs ?? 0);
    return delayMs;
  });
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 15_000, 30_000, 30_000]);
  assert.equal(script.status.lastError, "peer: OPEN error: bad peer AS");
  assert.deepEqual(script.status.lastNotification, { code: 2, subcode: 2, isOurs: false });
});

test("a session that held lets the attempts begin anew, one that did not does not", () => {
  const script = new Script();
  const session = (lastsMs: number) => {
    const connection = script.establish();
    for (let sinceMs = 0; sinceMs < lastsMs; sinceMs += 10_000) {
      script.wait(Math.min(10_000, lastsMs - sinceMs));
      script.send(connection, writeKeepalive());
    }
    script.send(connection, writeNotification(notification(6, 4)));
    return script.retryMs;
  };
  assert.deepEqual([session(1000), session(1000), session(40_000), session(0)], [1000, 2000, 1000, 2000]);
});

test("a connection of the peer is as good as one to it", () => {
  const script = new Script();
  const connection = script.establish();
  assert.deepEqual(script.said.get(connection)?.slice(0, 2), ["1", "4"]);
  // Our own attempt is over.
  assert.deepEqual([...script.connections], [connection]);
  assert.equal(script.retryMs, undefined);
});

test("of two connections with an OPEN that of the higher identifier stays (RFC 4271 section 6.8, RFC 6286)", () => {
  const cases: [name: string, peer: { routerId?: string; asNumber?: number }, staysOurs: boolean][] = [
    ["the peer's is higher", { routerId: "192.0.2.2" }, false],
    ["ours is higher", { routerId: "10.0.0.1" }, true],
    ["as numbers, not as text", { routerId: "9.0.0.1" }, true],
    ["alike, and the peer's AS is higher", { routerId: "192.0.2.1", asNumber: 65001 }, false],
    ["alike, and ours is higher", { routerId: "192.0.2.1", asNumber: 64000 }, true],
  ];
  for (const [name, { routerId = "", asNumber = 64512 }, staysOurs] of cases) {
    for (const isOursFirst of [true, false]) {
      const script = new Script({ asNumber });
      const ours = script.connect();
      const theirs = script.accept();
      const open = { routerId: address(routerId), asNumber };
      for (const id of isOursFirst ? [ours, theirs] : [theirs, ours]) script.open(id, open);
      const [stays, goes] = staysOurs ? [ours, theirs] : [theirs, ours];
      assert.deepEqual([...script.connections], [stays], name);
      assert.deepEqual(script.said.get(goes)?.slice(-2), [collision, "close"], name);
      script.send(stays, writeKeepalive());
      assert.equal(script.status.state, "established", name);
      assert.equal(script.status.lastError, "", name);
    }
  }
});

test("the AS number that a peer is shown counts in a collision (RFC 7705)", () => {
  const script = new Script({ asNumber: 65001, localAs: 65002 });
  const [ours, theirs] = [script.connect(), script.accept()];
  for (const id of [ours, theirs]) script.open(id, { routerId: address("192.0.2.1"), asNumber: 65001 });
  assert.deepEqual([...script.connections], [ours]);
});

test("a peer without graceful restart that connects beside its session is sent away", () => {
  const script = new Script();
  const session = script.establish();
  script.wait(6000);
  const second = script.accept();
  script.open(second);
  assert.deepEqual(script.said.get(second), ["1", collision, "close"]);
  assert.deepEqual([...script.connections], [session]);
  assert.equal(script.status.state, "established");
});

test("a peer that restarts gracefully and connects beside its session has exactly one, and keeps its routes", () => {
  const script = new Script();
  const old = script.establish(graceful());
  script.send(old, routes(2), endOfRib);
  script.wait(6000);
  const fresh = script.accept();
  script.open(fresh, graceful(true));
  // Without a word: what the old connection still carried is nobody's any more.
  assert.equal(script.said.get(old)?.at(-1), "close");
  assert.ok(!script.said.get(old)?.some((word) => word.startsWith("3")));
  assert.deepEqual([...script.connections], [fresh]);
  assert.equal(script.routes.size, 2);
  script.send(fresh, writeKeepalive(), routes(1), endOfRib);
  assert.equal(script.status.state, "established");
  assert.deepEqual([...script.routes], ["10.0.0.0/24"]);
  assert.equal(script.status.isRestarting, false);
});

test("whatever is tried from a peer's address beside its session does not touch it", () => {
  const script = new Script({}, {});
  const session = script.establish(graceful());
  script.send(session, routes(3), endOfRib);
  script.wait(6000);
  for (let i = 0; i < 200; i++) {
    const connection = script.accept();
    if (i % 5 === 0) script.send(connection, new Uint8Array(19));
    else if (i % 5 === 1) script.open(connection, { asNumber: 65001 });
    else if (i % 5 === 2) script.open(connection, { routerId: address("192.0.2.1") });
    else if (i % 5 === 3) script.send(connection, writeKeepalive());
    assert.ok(script.connections.size <= 6);
    assert.equal(script.connections.has(session), true);
  }
  assert.equal(script.status.state, "established");
  assert.equal(script.status.lastError, "");
  assert.equal(script.routes.size, 3);
  assert.equal(script.retryMs, undefined);
  script.send(session, writeRouteRefresh("ipv4-unicast"));
  assert.equal(script.status.state, "established");
});

test("whatever is tried from a peer's address before its session does not keep us from calling it", () => {
  const script = new Script();
  const [first = ""] = script.connections;
  script.lose(first, "refused");
  const { retryMs } = script;
  for (let i = 0; i < 50; i++) script.send(script.accept(), new Uint8Array(19));
  assert.equal(script.retryMs, retryMs);
  script.wait(retryMs ?? 0);
  const ours = script.connect();
  script.open(ours);
  script.send(ours, writeKeepalive());
  assert.equal(script.status.state, "established");
});

test("a peer that tells too many prefixes is sent away until its time is up", () => {
  const script = new Script({ maxPrefixes: { count: 2, action: "end", retryMs: 60_000 } });
  const session = script.establish(graceful());
  script.send(session, routes(2));
  assert.equal(script.status.state, "established");
  script.send(session, routes(3));
  assert.deepEqual(script.said.get(session)?.slice(-2), ["3:6/1:00010100000002", "close"]);
  assert.equal(script.status.state, "idle");
  assert.equal(script.status.lastError, "cease: maximum number of prefixes reached");
  assert.deepEqual(script.status.lastNotification, { code: 6, subcode: 1, isOurs: true });
  assert.equal(script.routes.size, 0);
  const early = script.accept();
  assert.deepEqual(script.said.get(early), ["3:6/5:", "close"]);
  assert.equal(script.retryMs, 60_000);
  script.wait(60_000);
  assert.equal(script.status.state, "connect");
  script.establish();
});

test("without a time it is for good, until the limit is another one", () => {
  const limit = { count: 1, action: "end" as const };
  const script = new Script({ maxPrefixes: limit });
  script.send(script.establish(), routes(2));
  script.wait(3_600_000);
  assert.equal(script.status.state, "idle");
  script.input({ type: "configure", config: script.config });
  assert.equal(script.status.state, "idle");
  const peers = [peerAt("192.0.2.2", { maxPrefixes: { ...limit, count: 5 } })];
  script.input({ type: "configure", config: { ...script.config, peers } });
  assert.equal(script.status.state, "connect");
});

test("a limit that only warns ends nothing", () => {
  const script = new Script({ maxPrefixes: { count: 1, action: "warn" } });
  script.send(script.establish(), routes(3));
  assert.equal(script.status.state, "established");
  assert.equal(script.routes.size, 3);
  assert.equal(script.notices.length, 1);
});

test("BFD's word that a peer is gone ends its session and its routes at once (RFC 5882)", () => {
  const bfd = { minTxMs: 50, minRxMs: 50, multiplier: 3, isMultihop: false };
  const script = new Script({ bfd });
  assert.equal(script.status.bfd, "down");
  const session = script.establish(graceful());
  script.send(session, routes(3), endOfRib);
  script.input({ type: "bfd", peer: "192.0.2.2", isUp: true });
  assert.equal(script.status.bfd, "up");
  assert.equal(script.status.state, "established");
  script.input({ type: "bfd", peer: "192.0.2.2", isUp: false });
  assert.deepEqual(script.said.get(session)?.slice(-2), ["3:6/10:", "close"]);
  assert.equal(script.routes.size, 0);
  assert.equal(script.status.lastError, "cease: BFD down");
  // What BFD says while there is no session ends nothing.
  script.establish();
  script.input({ type: "bfd", peer: "192.0.2.3", isUp: false });
  assert.equal(script.status.state, "established");
});

test("a peer that switches BFD off keeps its session and its routes, and BFD can fail again later (RFC 5882)", () => {
  const bfd = { minTxMs: 50, minRxMs: 50, multiplier: 3, isMultihop: false };
  const script = new Script({ bfd });
  const session = script.establish(graceful());
  script.send(session, routes(3), endOfRib);
  script.input({ type: "bfd", peer: "192.0.2.2", isUp: true });
  script.input({ type: "bfd", peer: "192.0.2.2", isUp: false, isOff: true });
  assert.equal(script.status.bfd, "down");
  assert.equal(script.status.state, "established");
  assert.equal(script.routes.size, 3);
  script.input({ type: "bfd", peer: "192.0.2.2", isUp: true });
  script.input({ type: "bfd", peer: "192.0.2.2", isUp: false });
  assert.equal(script.status.lastError, "cease: BFD down");
});

test("a peer is asked for all its routes again when it can be asked", () => {
  const script = new Script();
  const session = script.establish();
  script.said.set(session, []);
  script.input({ type: "refresh", peer: "192.0.2.2" });
  assert.deepEqual(script.said.get(session), ["5"]);
  const other = new Script();
  const deaf = other.establish({ canRefresh: false });
  other.said.set(deaf, []);
  other.input({ type: "refresh", peer: "192.0.2.2" });
  assert.deepEqual(other.said.get(deaf), []);
});

test("a shutdown is said with a word for the operators at the other end, and no stranger is left without one", () => {
  const script = new Script();
  const session = script.establish();
  const stranger = script.accept("192.0.2.77");
  assert.deepEqual(script.said.get(stranger), ["3:6/5:", "close"]);
  script.input({ type: "stop", reason: "shutDown", text: "bye" });
  assert.deepEqual(script.said.get(session)?.slice(-2), ["3:6/2:03627965", "close"]);
  const restarting = new Script();
  const other = restarting.establish();
  restarting.input({ type: "stop", reason: "restart" });
  assert.equal(restarting.said.get(other)?.at(-1), "close");
  assert.ok(!restarting.said.get(other)?.some((word) => word.startsWith("3")));
});

test("a shutdown is a Hard Reset to a peer that would keep our routes (RFC 8538)", () => {
  const script = new Script();
  const session = script.establish(graceful(false, true));
  script.input({ type: "stop", reason: "shutDown", text: "bye" });
  assert.deepEqual(script.said.get(session)?.slice(-2), ["3:6/9:060203627965", "close"]);
});

test("routes outlive a NOTIFICATION where both ends know RFC 8538", () => {
  for (const [hasNotifications, code, subcode, kept] of [
    [true, 6, 4, 3],
    [true, 4, 0, 3],
    [true, 6, 9, 0],
    [false, 6, 4, 0],
  ] as const) {
    const script = new Script();
    const session = script.establish(graceful(false, hasNotifications));
    script.send(session, routes(3), endOfRib, writeNotification(notification(code, subcode)));
    assert.equal(script.status.state, "active");
    assert.equal(script.routes.size, kept);
    assert.equal(script.status.isRestarting, kept > 0);
  }
});

test("the status tells what the peer said and what was agreed on", () => {
  const script = new Script({ asNumber: "external", reflectorCluster: address("1.1.1.1") });
  assert.equal(script.status.asNumber, 0);
  const session = script.establish({ ...graceful(), asNumber: 65001, holdTimeSeconds: 30 });
  const { status } = script;
  assert.equal(status.asNumber, 65001);
  assert.equal(status.routerId, "192.0.2.2");
  assert.equal(status.localAddress, "192.0.2.1");
  assert.equal(status.holdTimeMs, 30_000);
  // A client is an internal peer.
  assert.equal(status.isReflectorClient, false);
  assert.ok(status.capabilities.includes("graceful-restart"));
  assert.equal(status.messagesReceived, 2);
  assert.equal(status.messagesSent, script.said.get(session)?.length);
  assert.equal(new Script({ asNumber: "internal" }).status.asNumber, 64512);
  assert.equal(new Script({ asNumber: "internal", localAs: 65009 }).status.asNumber, 65009);
});

test("settings that are said in the OPEN or made with the connection make another session, others do not", () => {
  const base = peerAt("192.0.2.2");
  const policy = { name: "p", rules: [], otherwise: "accept" as const };
  const other = [
    { address: address("192.0.2.3") },
    { port: 1790 },
    { linkName: "eth0" },
    { localAddress: address("192.0.2.1") },
    { asNumber: "external" as const },
    { localAs: 65001 },
    { password: "x" },
    { withheld: "why" },
    { ttlSecurityHops: 1 },
    { holdTimeSeconds: 9 },
    { restartTimeSeconds: 9 },
    { longLivedStaleSeconds: 9 },
    { hasExtendedNextHop: true },
    { addPath: { canSend: true, canReceive: false, maxSent: 2 } },
    { families: ["ipv6-unicast" as const] },
  ];
  for (const more of other) assert.ok(!isSameSession(base, { ...base, ...more }), JSON.stringify(more));
  const same = [
    { type: "globalPeer" as const },
    { isPassive: true },
    { nextHopMode: "self" as const },
    { reflectorCluster: address("1.1.1.1") },
    { allowLocalAs: 1 },
    { maxPrefixes: { count: 1, action: "warn" as const } },
    { importPolicy: policy },
    { exportPolicy: policy },
    { longLivedStaleSeconds: 0 },
    { hasExtendedNextHop: false },
    { addPath: { canSend: false, canReceive: false, maxSent: 2 } },
  ];
  for (const more of same) assert.ok(isSameSession(base, { ...base, ...more }), JSON.stringify(more));
});

test("an attempt that nobody answers says so, and that the password may be the reason where there is one", () => {
  for (const password of [undefined, "p1"]) {
    const script = new Script(password === undefined ? {} : { password });
    script.wait(4999);
    assert.equal(script.status.lastError, "");
    script.wait(1);
    const doubt = password === undefined ? "" : "; the other end may have another password, or none";
    assert.equal(script.status.lastError, `connecting: no answer${doubt}`);
    assert.equal(script.status.state, "connect", "it is tried anew");
  }
});
