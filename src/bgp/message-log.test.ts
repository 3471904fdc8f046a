import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Detour, MessageLog } from "./message-log.ts";

/** Adds a message of that many octets, all of one value. */
function add(log: MessageLog, length: number, value: number): void {
  const { bytes, at } = log.add(length);
  bytes.fill(value, at, at + length);
}

test("readers get what was added from where they stand, whatever the chunks", () => {
  const message = fc.record({ length: fc.integer({ min: 19, max: 5000 }), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 60 }), fc.nat(60), fc.nat(200_000), (messages, place, expected) => {
      const log = new MessageLog();
      const ends = [0];
      log.expect(expected);
      for (const { length, value } of messages) {
        add(log, length, value);
        ends.push(log.end);
      }
      const from = ends[Math.min(place, messages.length)] ?? 0;
      const whole = Buffer.concat(messages.map(({ length, value }) => Buffer.alloc(length, value)));
      assert.deepEqual(Buffer.concat(log.read(from)), whole.subarray(from));
      log.trim(from);
      assert.deepEqual(Buffer.concat(log.read(from)), whole.subarray(from));
      assert.equal(log.messageCount, messages.length);
    }),
    { numRuns: 50 },
  );
});

test("a reader with detours passes over parts and is given others in their place", () => {
  const log = new MessageLog();
  for (const value of [1, 2, 3, 4]) add(log, 20, value);
  const detours: Detour[] = [
    { from: 0, to: 20, skipped: 1, inserted: 0 },
    { from: 40, to: 40, skipped: 0, bytes: Buffer.alloc(3, 9), inserted: 1 },
    { from: 60, to: 80, skipped: 1, inserted: 0 },
  ];
  const seen = Buffer.concat(log.readWith(0, detours));
  assert.deepEqual(seen, Buffer.concat([Buffer.alloc(20, 2), Buffer.alloc(3, 9), Buffer.alloc(20, 3)]));
});

test("readers at one place are given the very same views", () => {
  const log = new MessageLog();
  add(log, 100, 1);
  add(log, 100, 2);
  assert.equal(log.read(100), log.read(100));
  assert.equal(log.read(0)[0]?.buffer, log.read(100)[0]?.buffer);
});

test("what has been read by all costs no memory", () => {
  const log = new MessageLog();
  for (let i = 0; i < 100; i++) add(log, 20_000, i);
  assert.ok(log.sizeBytes >= 2_000_000);
  log.trim(log.end - 20_000);
  assert.ok(log.sizeBytes <= 300_000);
  log.trim(log.end);
  log.rest();
  assert.equal(log.sizeBytes, 0);
  add(log, 30, 7);
  assert.deepEqual(Buffer.concat(log.read(log.end - 30)), Buffer.alloc(30, 7));
});

test("messages that are expected together stand together", () => {
  const log = new MessageLog();
  add(log, 30, 1);
  log.expect(60_000);
  const from = log.end;
  for (let i = 0; i < 60; i++) add(log, 1000, i);
  assert.equal(log.read(from).length, 1);
});
