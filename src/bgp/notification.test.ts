import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { writeNotification } from "./message.ts";
import {
  describeNotification,
  hardReset,
  isForGood,
  maxPrefixesWord,
  notification,
  shutdownWord,
} from "./notification.ts";
import { read } from "./testing/messages.ts";
import { toHex } from "./testing/octets.ts";

const words = (text: string) => {
  const octets = new TextEncoder().encode(text);
  return Uint8Array.of(octets.length, ...octets);
};

test("a notification is told in words, the peer's own among them", () => {
  const cases: [code: number, subcode: number, data: ArrayLike<number>, text: string][] = [
    [6, 2, words("bye"), "cease: administrative shutdown (bye)"],
    [6, 4, words("Größe ändern"), "cease: administrative reset (Größe ändern)"],
    [6, 3, words("bye"), "cease: peer de-configured"],
    [2, 2, [], "OPEN error: bad peer AS"],
    [4, 0, [], "hold timer expired"],
    [8, 0, [], "send hold timer expired"],
    [5, 2, [2], "finite state machine error: unexpected message in OpenConfirm"],
    [6, 10, [], "cease: BFD down"],
    [7, 1, [], "ROUTE-REFRESH error: invalid message length"],
    [99, 3, [], "error 99: subcode 3"],
    [99, 0, [], "error 99"],
    [6, 9, [6, 2, ...words("bye")], "cease: hard reset: cease: administrative shutdown (bye)"],
    [6, 9, [6, 9, 6, 9], "cease: hard reset"],
    [6, 9, [6], "cease: hard reset"],
  ];
  for (const [code, subcode, data, text] of cases) {
    assert.equal(describeNotification(notification(code, subcode, data)), text);
  }
});

test("what a peer says cannot upset a terminal or a log, nor reach beyond its length", () => {
  const told = (data: ArrayLike<number>) => describeNotification(notification(6, 2, data));
  assert.equal(told(words("a\u001b[2J\nb\u2028c\u202ed")), "cease: administrative shutdown (a[2Jbcd)");
  assert.equal(told([4, 0x62, 0x79]), "cease: administrative shutdown");
  assert.equal(told([2, 0x62, 0x79, 0x65]), "cease: administrative shutdown (by)");
  assert.equal(told([0, 0x62]), "cease: administrative shutdown");
  assert.equal(told([2, 0xc3, 0x28]), "cease: administrative shutdown (\ufffd()");
  assert.equal(told(words("x".repeat(255))), `cease: administrative shutdown (${"x".repeat(255)})`);
});

test("our own words are cut between characters where they are too long", () => {
  assert.equal(toHex(shutdownWord("bye").data), "03627965");
  assert.deepEqual(shutdownWord().data, new Uint8Array(0));
  assert.equal(shutdownWord("x".repeat(300)).data.length, 256);
  const wide = shutdownWord("ä".repeat(200)).data;
  assert.deepEqual([wide[0], wide.length], [254, 255]);
});

test("a hard reset carries the word that it stands for, and some words are for good", () => {
  const word = shutdownWord("bye");
  assert.equal(toHex(hardReset(word).data), "060203627965");
  for (const subcode of [1, 2, 3, 10]) assert.ok(isForGood(notification(6, subcode)));
  for (const subcode of [4, 5, 6, 7, 8]) assert.ok(!isForGood(notification(6, subcode)));
  assert.ok(!isForGood(notification(3, 1)));
  assert.equal(toHex(maxPrefixesWord("ipv6-unicast", 100_000).data), "000201000186a0");
});

test("a NOTIFICATION survives the way to octets and back, its data cut to what a message holds", () => {
  fc.assert(
    fc.property(fc.nat(255), fc.nat(255), fc.uint8Array({ maxLength: 100 }), (code, subcode, data) => {
      const word = notification(code, subcode, data);
      assert.deepEqual(read(writeNotification(word)), { type: "notification", notification: word });
      describeNotification(word);
    }),
  );
  assert.equal(writeNotification(notification(1, 2, new Uint8Array(5000))).length, 4096);
});
