import assert from "node:assert/strict";
import { test } from "node:test";
import { AttributeTable } from "./attribute-table.ts";
import { allFamilies } from "./config.ts";
import { Connection, type ConnectionEvent, type ConnectionState } from "./connection.ts";
import { writeKeepalive, writeMessage, writeNotification, writeOpenMessage, writeRouteRefresh } from "./message.ts";
import { notification } from "./notification.ts";
import type { Open } from "./open.ts";
import type { SpeakerOutput } from "./steps.ts";
import { address } from "./testing/network.ts";
import { hex, toHex } from "./testing/octets.ts";
import { writeEndOfRib } from "./update-writer.ts";

const ownOpen: Open = {
  asNumber: 64512,
  holdTimeSeconds: 90,
  routerId: address("192.0.2.1"),
  families: allFamilies,
  canRefresh: true,
  hasFourOctetAs: true,
  hasExtendedMessages: true,
};
const peerOpen: Open = { ...ownOpen, routerId: address("192.0.2.2"), holdTimeSeconds: 30 };

class Bench {
  readonly outputs: SpeakerOutput[] = [];
  readonly connection: Connection;
  readonly events: ConnectionEvent[] = [];
  nowMs = 0;

  constructor(state: ConnectionState) {
    const random = () => 0.5;
    const table = new AttributeTable();
    const settings = { id: "out:0", isOutgoing: true, peerAs: 64512, open: ownOpen, random, table };
    this.connection = new Connection(settings, this.outputs);
    if (state === "connect") return;
    this.connection.opened(address("192.0.2.1"), 0);
    if (state !== "openSent") this.give(writeOpenMessage(peerOpen));
    if (state === "established") this.give(writeKeepalive());
    assert.equal(this.connection.state, state);
    this.outputs.length = 0;
    this.events.length = 0;
  }

  give(bytes: Uint8Array): void {
    this.events.push(...this.connection.receive(bytes, this.nowMs));
  }

  /** Lets the time come and the timer fire. */
  fire(timer: string, nowMs: number): void {
    this.nowMs = nowMs;
    const event = this.connection.timer(timer, nowMs);
    if (event !== undefined) this.events.push(event);
  }

  /** Type and, of a NOTIFICATION, code and subcode of what was written. */
  written(): string[] {
    return this.outputs.flatMap((output) => {
      if (output.type !== "write") return output.type === "close" ? ["close"] : [];
      const type = output.bytes[18];
      return [type === 3 ? `3:${output.bytes[19]}/${output.bytes[20]}:${toHex(output.bytes.subarray(21))}` : `${type}`];
    });
  }
}

const open = writeOpenMessage(peerOpen);
const update = writeEndOfRib("ipv4-unicast");

test("every message in every state leads where RFC 4271 section 8 and RFC 6608 say", () => {
  const cases: [state: ConnectionState, message: Uint8Array, next: ConnectionState, written: string[]][] = [
    ["openSent", open, "openConfirm", ["4"]],
    ["openSent", writeKeepalive(), "closed", ["3:5/1:04", "close"]],
    ["openSent", update, "closed", ["3:5/1:02", "close"]],
    ["openSent", writeRouteRefresh("ipv4-unicast"), "closed", ["3:5/1:05", "close"]],
    ["openSent", writeNotification(notification(6, 2)), "closed", ["close"]],
    ["openConfirm", writeKeepalive(), "established", []],
    ["openConfirm", open, "closed", ["3:5/2:01", "close"]],
    ["openConfirm", update, "closed", ["3:5/2:02", "close"]],
    ["openConfirm", writeNotification(notification(6, 7)), "closed", ["close"]],
    ["established", writeKeepalive(), "established", []],
    ["established", update, "established", []],
    ["established", writeRouteRefresh("ipv6-unicast"), "established", []],
    ["established", open, "closed", ["3:5/3:01", "close"]],
    ["established", writeNotification(notification(6, 2)), "closed", ["close"]],
    ["established", writeMessage(2, hex("0000 0004 40010105 080a")), "established", []],
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

test("an OPEN that does not fit is refused with its subcode", () => {
  const cases: [name: string, open: Open, written: string][] = [
    ["another AS", { ...peerOpen, asNumber: 65001 }, "3:2/2:"],
    ["our identifier", { ...peerOpen, routerId: ownOpen.routerId }, "3:2/3:c0000201"],
    ["hold time 2", { ...peerOpen, holdTimeSeconds: 2 }, "3:2/6:"],
  ];
  for (const [name, bad, written] of cases) {
    const bench = new Bench("openSent");
    bench.give(writeOpenMessage(bad));
    assert.deepEqual(bench.written(), [written, "close"], name);
  }
});

test("the hold time is the smaller of both, and none when one of them is 0", () => {
  const bench = new Bench("openConfirm");
  assert.equal(bench.connection.agreement?.holdTimeMs, 30_000);
  const still = new Bench("openSent");
  still.give(writeOpenMessage({ ...peerOpen, holdTimeSeconds: 0 }));
  still.give(writeKeepalive());
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
    assert.deepEqual(bench.events, [{ type: "down", reason: "hold timer expired", isLoss: false }]);
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

test("keepalives go out every third of the hold time less some jitter", () => {
  const bench = new Bench("established");
  bench.fire("keepalive", 9000);
  assert.deepEqual(bench.written(), ["4"]);
  assert.deepEqual(bench.outputs.at(-1), { type: "setTimer", timer: "out:0|keepalive", atMs: 9000 + 8750 });
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

test("only an end without a NOTIFICATION counts as a loss", () => {
  const lost = new Bench("established");
  assert.deepEqual(lost.connection.lost("reset"), { type: "down", reason: "reset", isLoss: true });
  const said = new Bench("established");
  said.give(writeNotification(notification(6, 2)));
  assert.deepEqual(said.events, [{ type: "down", reason: "peer: cease: administrative shutdown", isLoss: false }]);
  assert.equal(said.connection.lost("closed"), undefined);
});

test("messages longer than 4,096 octets are taken once both ends have agreed on them", () => {
  const long = writeMessage(2, new Uint8Array(5000));
  const bench = new Bench("established");
  bench.give(long);
  assert.equal(bench.connection.state, "established");
  const plain = new Bench("openSent");
  plain.give(writeOpenMessage({ ...peerOpen, hasExtendedMessages: false }));
  plain.give(writeKeepalive());
  plain.give(long);
  assert.equal(plain.connection.state, "closed");
});
