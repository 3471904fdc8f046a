import assert from "node:assert/strict";
import { test } from "node:test";
import { agree, agreedCapabilities } from "./agreement.ts";
import { AttributeTable } from "./attribute-table.ts";
import { Connection, type ConnectionEvent, type ConnectionSettings, type ConnectionState } from "./connection.ts";
import { writeKeepalive, writeMessage, writeNotification, writeOpenMessage, writeRouteRefresh } from "./message.ts";
import { notification, shutdownWord } from "./notification.ts";
import type { Open } from "./open.ts";
import type { SpeakerOutput } from "./steps.ts";
import { openOf, update } from "./testing/messages.ts";
import { hex, join, toHex } from "./testing/octets.ts";
import { address } from "./testing/values.ts";

const ownOpen = openOf();
const peerOpen = openOf({ routerId: address("192.0.2.2"), holdTimeSeconds: 30 });
const graceful = {
  gracefulRestart: { isRestarting: false, hasNotifications: true, restartTimeSeconds: 120, families: [] },
};

class Bench {
  readonly outputs: SpeakerOutput[] = [];
  readonly connection: Connection;
  readonly events: ConnectionEvent[] = [];
  readonly counts = { received: 0, sent: 0 };
  nowMs = 0;

  constructor(
    state: ConnectionState,
    { peer = {}, ...more }: Partial<ConnectionSettings> & { readonly peer?: Partial<Open> } = {},
  ) {
    const settings: ConnectionSettings = {
      id: "out:0",
      isOutgoing: true,
      peerAs: 64512,
      open: ownOpen,
      random: () => 0.5,
      table: new AttributeTable(),
      counts: this.counts,
      ...more,
    };
    this.connection = new Connection(settings, this.outputs);
    if (state === "connect") return;
    this.connection.opened(address("192.0.2.1"), 0);
    if (state !== "openSent") this.give(writeOpenMessage({ ...peerOpen, ...peer }));
    if (state === "established") this.give(writeKeepalive());
    assert.equal(this.connection.state, state);
    this.outputs.length = 0;
    this.events.length = 0;
  }

  give(...messages: readonly Uint8Array[]): void {
    this.events.push(...this.connection.receive(join(...messages), this.nowMs));
  }

  /** Lets the time come and the timer fire. */
  fire(timer: string, nowMs: number): void {
    this.nowMs = nowMs;
    const event = this.connection.timer(timer, nowMs);
    if (event !== undefined) this.events.push(event);
  }

  /** Type and, of a NOTIFICATION, code, subcode and data of what was written. */
  written(): string[] {
    return this.outputs.flatMap((output) => {
      if (output.type !== "write") return output.type === "close" ? ["close"] : [];
      const type = output.bytes[18];
      return [type === 3 ? `3:${output.bytes[19]}/${output.bytes[20]}:${toHex(output.bytes.subarray(21))}` : `${type}`];
    });
  }
}

const open = writeOpenMessage(peerOpen);
const emptyUpdate = update("", "", "");

test("every message in every state leads where RFC 4271 section 8 and RFC 6608 say", () => {
  const unsaid = ["close"];
  const cases: [state: ConnectionState, message: Uint8Array, next: ConnectionState, written: string[]][] = [
    ["openSent", open, "openConfirm", ["4"]],
    ["openSent", writeKeepalive(), "closed", ["3:5/1:04", "close"]],
    ["openSent", emptyUpdate, "closed", ["3:5/1:02", "close"]],
    ["openSent", writeRouteRefresh("ipv4-unicast"), "closed", ["3:5/1:05", "close"]],
    ["openSent", writeNotification(notification(6, 2)), "closed", unsaid],
    ["openSent", writeMessage(9, hex("00")), "closed", ["3:1/3:09", "close"]],
    ["openSent", new Uint8Array(19), "closed", ["3:1/1:", "close"]],
    ["openConfirm", writeKeepalive(), "established", []],
    ["openConfirm", open, "closed", ["3:5/2:01", "close"]],
    ["openConfirm", emptyUpdate, "closed", ["3:5/2:02", "close"]],
    ["openConfirm", writeRouteRefresh("ipv4-unicast"), "closed", ["3:5/2:05", "close"]],
    ["openConfirm", writeNotification(notification(6, 7)), "closed", unsaid],
    ["openConfirm", writeMessage(6, hex("00")), "closed", ["3:1/3:06", "close"]],
    ["established", writeKeepalive(), "established", []],
    ["established", emptyUpdate, "established", []],
    ["established", writeRouteRefresh("ipv6-unicast"), "established", []],
    ["established", open, "closed", ["3:5/3:01", "close"]],
    ["established", writeNotification(notification(6, 2)), "closed", unsaid],
    ["established", update("", "40010100 400200 400304c0000201", "08 0a"), "established", []],
    ["established", writeMessage(2, hex("0005 0000")), "closed", ["3:3/1:", "close"]],
    ["established", writeMessage(9, hex("00")), "closed", ["3:1/3:09", "close"]],
    ["established", new Uint8Array(19), "closed", ["3:1/1:", "close"]],
  ];
  for (const [state, message, next, written] of cases) {
    const bench = new Bench(state);
    bench.give(message);
    const note = `${state} ${message[18]}`;
    assert.equal(bench.connection.state, next, note);
    assert.deepEqual(bench.written(), written, note);
    assert.equal(bench.events.at(-1)?.type === "down", next === "closed", note);
  }
});

test("what comes behind the end of a connection is not looked at", () => {
  const bench = new Bench("established");
  bench.give(new Uint8Array(19), emptyUpdate);
  bench.give(emptyUpdate);
  assert.deepEqual(
    bench.events.map(({ type }) => type),
    ["down"],
  );
  assert.equal(bench.connection.timer("hold", 1e9), undefined);
  assert.equal(bench.connection.lost("late"), undefined);
  assert.deepEqual(bench.written(), ["3:1/1:", "close"]);
});

test("an OPEN that does not fit is refused with its subcode", () => {
  const cases: [name: string, settings: Partial<ConnectionSettings>, open: Partial<Open>, written: string][] = [
    ["another AS", {}, { asNumber: 65001 }, "3:2/2:"],
    ["the internal AS where another is wanted", { peerAs: "external" }, {}, "3:2/2:"],
    ["another AS where the internal one is wanted", { peerAs: "internal" }, { asNumber: 65001 }, "3:2/2:"],
    ["our identifier", {}, { routerId: ownOpen.routerId }, "3:2/3:c0000201"],
    ["hold time 2", {}, { holdTimeSeconds: 2 }, "3:2/6:"],
    [
      "no family in common",
      { open: { ...ownOpen, families: ["ipv4-unicast"] } },
      { families: ["ipv6-unicast"] },
      "3:2/7:010400010001",
    ],
  ];
  for (const [name, settings, more, written] of cases) {
    const bench = new Bench("openSent", settings);
    bench.give(writeOpenMessage({ ...peerOpen, ...more }));
    assert.deepEqual(bench.written(), [written, "close"], name);
    const end = bench.events.at(-1);
    assert.ok(end?.type === "down" && end.isOurs === true && !end.isLoss, name);
  }
});

test("an OPEN that fits is taken", () => {
  const cases: [name: string, settings: Partial<ConnectionSettings>, open: Partial<Open>][] = [
    ["any external AS", { peerAs: "external" }, { asNumber: 4200000001 }],
    ["the internal AS", { peerAs: "internal" }, {}],
    ["our identifier in another AS (RFC 6286)", { peerAs: 65001 }, { asNumber: 65001, routerId: ownOpen.routerId }],
    // RFC 7705: whether a peer is internal goes by the AS number that it is shown.
    ["the AS that we show", { peerAs: "internal", open: { ...ownOpen, asNumber: 65001 } }, { asNumber: 65001 }],
    ["narrow AS numbers", { peerAs: 64512 }, { hasFourOctetAs: false }],
  ];
  for (const [name, settings, more] of cases) {
    const bench = new Bench("openSent", settings);
    bench.give(writeOpenMessage({ ...peerOpen, ...more }));
    assert.equal(bench.connection.state, "openConfirm", name);
  }
});

test("both ends agree on what both can do", () => {
  const none = agree(openOf({ holdTimeSeconds: 90 }), openOf({ holdTimeSeconds: 9, families: ["ipv6-unicast"] }));
  assert.equal(none.holdTimeMs, 9000);
  assert.deepEqual(none.families, ["ipv6-unicast"]);
  assert.equal(none.maxMessageBytes, 65535);
  assert.deepEqual([none.addPathSend, none.addPathReceive], [[], []]);
  assert.deepEqual(agreedCapabilities(none), [
    "four-octet-as",
    "extended-message",
    "route-refresh",
    "enhanced-route-refresh",
  ]);
  const plain = openOf({
    hasExtendedMessages: false,
    hasFourOctetAs: false,
    hasEnhancedRefresh: false,
    canRefresh: false,
  });
  const least = agree(openOf({ hasExtendedNextHop: true }), plain);
  assert.equal(least.maxMessageBytes, 4096);
  assert.equal(least.canRefresh, false);
  assert.deepEqual(agreedCapabilities(least), []);

  const own = openOf({
    ...graceful,
    hasExtendedNextHop: true,
    addPath: [
      { family: "ipv4-unicast", canSend: true, canReceive: false },
      { family: "ipv6-unicast", canSend: true, canReceive: true },
    ],
  });
  const peer = openOf({
    ...graceful,
    hasExtendedNextHop: true,
    addPath: [
      { family: "ipv4-unicast", canSend: true, canReceive: true },
      { family: "ipv6-unicast", canSend: true, canReceive: false },
    ],
    longLivedRestart: [],
  });
  const most = agree(own, peer);
  assert.deepEqual(most.addPathSend, ["ipv4-unicast"]);
  assert.deepEqual(most.addPathReceive, ["ipv6-unicast"]);
  assert.ok(most.hasExtendedNextHop && most.hasGracefulNotifications);
  assert.deepEqual(agreedCapabilities(most).slice(4), [
    "extended-next-hop ipv4-unicast",
    "add-path send ipv4-unicast",
    "add-path receive ipv6-unicast",
    "graceful-restart",
    "graceful-restart notification",
    "long-lived-graceful-restart",
  ]);
});

test("the hold time is the smaller of both, and none when one of them is 0", () => {
  const bench = new Bench("openConfirm");
  assert.equal(bench.connection.agreement?.holdTimeMs, 30_000);
  const still = new Bench("openSent");
  still.give(writeOpenMessage({ ...peerOpen, holdTimeSeconds: 0 }), writeKeepalive());
  assert.equal(still.connection.state, "established");
  assert.ok(still.outputs.every(({ type }) => type !== "setTimer"));
});

test("the hold timer ends a silent connection in every state, and a message puts it off", () => {
  const limits: [ConnectionState, number][] = [
    ["openSent", 240_000],
    ["openConfirm", 30_000],
    ["established", 30_000],
  ];
  for (const [state, limitMs] of limits) {
    const bench = new Bench(state);
    bench.fire("hold", limitMs - 1);
    assert.equal(bench.connection.state, state);
    bench.fire("hold", limitMs);
    assert.deepEqual(bench.written(), ["3:4/0:", "close"], state);
    const [end] = bench.events;
    assert.ok(end?.type === "down" && !end.isLoss);
    assert.equal(end.reason, "hold timer expired");
  }
  const bench = new Bench("established");
  bench.nowMs = 29_000;
  bench.give(writeKeepalive());
  bench.fire("hold", 30_000);
  assert.deepEqual(bench.outputs, [{ type: "setTimer", timer: "out:0|hold", atMs: 59_000 }]);
});

test("a part of a message does not put the hold timer off", () => {
  const bench = new Bench("established");
  bench.nowMs = 29_000;
  bench.give(writeKeepalive().subarray(0, 10));
  bench.fire("hold", 30_000);
  assert.equal(bench.connection.state, "closed");
});

test("a hold timer that fires late lets what has come in the meantime be read first", () => {
  const busy = new Bench("established");
  busy.fire("hold", 31_000);
  assert.equal(busy.connection.state, "established");
  assert.deepEqual(busy.outputs, [{ type: "setTimer", timer: "out:0|hold", atMs: 31_100 }]);
  busy.give(writeKeepalive());
  busy.fire("hold", 31_100);
  assert.equal(busy.connection.state, "established");

  const silent = new Bench("established");
  silent.fire("hold", 31_000);
  silent.fire("hold", 31_100);
  assert.equal(silent.connection.state, "closed");

  // But not for ever, however busy we are.
  const endless = new Bench("established");
  for (let nowMs = 31_000; nowMs < 59_000; nowMs += 1000) endless.fire("hold", nowMs);
  assert.equal(endless.connection.state, "established");
  endless.fire("hold", 60_000);
  assert.equal(endless.connection.state, "closed");
});

test("keepalives go out every third of the hold time less some jitter, from OpenConfirm on", () => {
  const bench = new Bench("openSent");
  bench.give(open);
  const timers = bench.outputs.filter(({ type }) => type === "setTimer");
  assert.deepEqual(timers, [
    { type: "setTimer", timer: "out:0|hold", atMs: 30_000 },
    { type: "setTimer", timer: "out:0|keepalive", atMs: 8750 },
  ]);
  const later = new Bench("established");
  later.fire("keepalive", 9000);
  assert.deepEqual(later.written(), ["4"]);
  assert.deepEqual(later.outputs.at(-1), { type: "setTimer", timer: "out:0|keepalive", atMs: 9000 + 8750 });
});

test("a peer that takes nothing for eight minutes is given up (RFC 9687)", () => {
  const bench = new Bench("established");
  bench.connection.blocked(0);
  assert.ok(bench.connection.isBlocked);
  bench.fire("send", 479_000);
  assert.equal(bench.connection.state, "established");
  bench.fire("send", 480_000);
  assert.deepEqual(bench.written().slice(-2), ["3:8/0:", "close"]);
  const drained = new Bench("established");
  drained.connection.blocked(0);
  drained.connection.drained();
  drained.fire("send", 480_000);
  assert.equal(drained.connection.state, "established");
});

test("the send hold time is twice a long hold time, and none without a hold time", () => {
  const timers = (holdTimeSeconds: number) => {
    const bench = new Bench("established", { open: { ...ownOpen, holdTimeSeconds }, peer: { holdTimeSeconds } });
    bench.connection.blocked(0);
    return bench.outputs.filter(({ type }) => type === "setTimer");
  };
  assert.deepEqual(timers(300), [{ type: "setTimer", timer: "out:0|send", atMs: 600_000 }]);
  assert.deepEqual(timers(240), [{ type: "setTimer", timer: "out:0|send", atMs: 480_000 }]);
  assert.deepEqual(timers(0), []);
});

test("only an end without a NOTIFICATION counts as a loss", () => {
  const lost = new Bench("established");
  assert.deepEqual(lost.connection.lost("reset"), { type: "down", reason: "reset", isLoss: true });
  const said = new Bench("established");
  const word = notification(6, 2);
  said.give(writeNotification(word));
  assert.deepEqual(said.events, [
    { type: "down", reason: "peer: cease: administrative shutdown", isLoss: false, word, isOurs: false },
  ]);
  assert.equal(said.connection.lost("closed"), undefined);
});

test("where both ends know RFC 8538, a NOTIFICATION is a loss unless it is a Hard Reset", () => {
  const settings = { open: { ...ownOpen, ...graceful }, peer: graceful };
  const isLoss = (bench: Bench) => bench.events.some((event) => event.type === "down" && event.isLoss);
  const heard = (code: number, subcode: number, more: object = settings, state: ConnectionState = "established") => {
    const bench = new Bench(state, more);
    bench.give(writeNotification(notification(code, subcode)));
    return isLoss(bench);
  };
  assert.equal(heard(6, 4), true);
  assert.equal(heard(4, 0), true);
  assert.equal(heard(6, 9), false);
  assert.equal(heard(6, 4, settings, "openConfirm"), false);
  assert.equal(heard(6, 4, { peer: graceful }), false);
  assert.equal(heard(6, 4, { open: settings.open }), false);
  const silent = new Bench("established", settings);
  silent.fire("hold", 30_000);
  assert.equal(isLoss(silent), true);
});

test("an end for good is said as a Hard Reset where another word would be a loss (RFC 8538)", () => {
  const closing = (more: object, state: ConnectionState = "established") => {
    const bench = new Bench(state, more);
    bench.connection.close(shutdownWord("bye"));
    return bench.written();
  };
  const settings = { open: { ...ownOpen, ...graceful }, peer: graceful };
  assert.deepEqual(closing(settings), ["3:6/9:060203627965", "close"]);
  assert.deepEqual(closing({}), ["3:6/2:03627965", "close"]);
  assert.deepEqual(closing(settings, "openConfirm"), ["3:6/2:03627965", "close"]);
  assert.deepEqual(closing({}, "connect"), ["close"]);
  const collision = new Bench("established", settings);
  collision.connection.close(notification(6, 7));
  assert.deepEqual(collision.written(), ["3:6/7:", "close"]);
});

test("messages longer than 4,096 octets are taken once both ends have agreed on them", () => {
  const long = update("", `40010100 400200 400304c0000201 d06313e8${"00".repeat(5096)}`, "");
  const bench = new Bench("established");
  bench.give(long);
  assert.equal(bench.connection.state, "established");
  const plain = new Bench("established", { peer: { hasExtendedMessages: false } });
  plain.give(long);
  assert.deepEqual(plain.written(), [`3:1/2:${toHex(long.subarray(16, 18))}`, "close"]);
  const early = new Bench("openSent");
  early.give(long);
  assert.deepEqual(early.written(), [`3:1/2:${toHex(long.subarray(16, 18))}`, "close"]);
});

test("a request for everything again is told for the families of the session", () => {
  const events = (message: Uint8Array, peer: Partial<Open> = {}) => {
    const bench = new Bench("established", { peer });
    bench.give(message);
    return bench.events.map((event) => (event.type === "down" ? bench.written() : event));
  };
  const mark = (subtype: "begin" | "end") => writeRouteRefresh("ipv6-unicast", subtype);
  assert.deepEqual(events(writeRouteRefresh("ipv4-unicast")), [{ type: "refresh", family: "ipv4-unicast" }]);
  assert.deepEqual(events(mark("begin")), [{ type: "refreshBegin", family: "ipv6-unicast" }]);
  assert.deepEqual(events(mark("end")), [{ type: "refreshEnd", family: "ipv6-unicast" }]);
  // Marks of a peer that did not offer them, other families, and subtypes that nobody knows mean nothing.
  assert.deepEqual(events(mark("begin"), { hasEnhancedRefresh: false }), []);
  assert.deepEqual(events(writeRouteRefresh("ipv6-unicast"), { families: ["ipv4-unicast"] }), []);
  assert.deepEqual(events(writeMessage(5, hex("0001 03 01"))), []);
  assert.deepEqual(events(writeMessage(5, hex("0019 00 41"))), []);
  // RFC 5291 puts filters behind; RFC 7313 lets nothing stand behind a mark.
  assert.deepEqual(events(writeMessage(5, hex("0001 00 01 01"))), [{ type: "refresh", family: "ipv4-unicast" }]);
  const long = writeMessage(5, hex("0001 01 01 00"));
  assert.deepEqual(events(long), [[`3:7/1:${toHex(long)}`, "close"]]);
  assert.deepEqual(events(long, { hasEnhancedRefresh: false }), []);
});

test("messages are counted in both directions", () => {
  const bench = new Bench("established");
  const before = { ...bench.counts };
  bench.give(writeKeepalive(), emptyUpdate, emptyUpdate.subarray(0, 10));
  bench.connection.write(join(emptyUpdate, emptyUpdate), 2);
  bench.fire("keepalive", 1000);
  assert.deepEqual(bench.counts, { received: before.received + 2, sent: before.sent + 3 });
});

test("an UPDATE is read by what was agreed on", () => {
  const addPath = [{ family: "ipv4-unicast" as const, canSend: true, canReceive: true }];
  const bench = new Bench("established", { open: { ...ownOpen, addPath }, peer: { addPath } });
  bench.give(update("", "40010100 400200 400304c0000201", "00000007 08 0a"));
  const [event] = bench.events;
  assert.ok(event?.type === "update");
  assert.deepEqual(event.update.announced[0]?.pathIds, [7]);
});
