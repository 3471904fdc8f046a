import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { describeMessage } from "./describe-message.ts";
import { writeKeepalive, writeMessage, writeNotification } from "./message.ts";

const internal = { isInternal: true, isFourOctetAs: true };
const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const update = (text: string) => describeMessage(writeMessage(2, hex(text)), internal);

test("an UPDATE is told with its attributes and routes", () => {
  const path = "40 02 14 02 02 00000001 00000002 01 02 00000005 00000004";
  const { result, message } = update(
    `0000 0030 400101 00 ${path} 400304 c0000201 800404 00000007 c00804 fde80001 18 0a0102 20 0a010203`,
  );
  assert.equal(result, "ok");
  assert.deepEqual(message, {
    type: "update",
    attributes: {
      origin: "igp",
      asPath: [
        { type: "sequence", asns: [1, 2] },
        { type: "set", asns: [5, 4] },
      ],
      med: 7,
      communities: ["65000:1"],
    },
    announce: [
      { family: "ipv4-unicast", prefix: "10.1.2.0/24", nextHop: "192.0.2.1" },
      { family: "ipv4-unicast", prefix: "10.1.2.3/32", nextHop: "192.0.2.1" },
    ],
    withdraw: [],
    asPathText: "1 2 {4,5}",
    asPathHops: 3,
  });
});

test("withdrawals, ends of RIB and families that are not spoken are told apart", () => {
  assert.deepEqual(update("0004 18 0a0102 0000").message?.["withdraw"], [
    { family: "ipv4-unicast", prefix: "10.1.2.0/24" },
  ]);
  assert.equal(update("0000 0000").message?.["endOfRib"], "ipv4-unicast");
  assert.equal(update("0000 0006 800f03 0002 01").message?.["endOfRib"], "ipv6-unicast");
  assert.deepEqual(update("0000 0006 800f03 0001 80").message?.["ignored"], ["afi 1 safi 128"]);
});

test("a bad attribute costs its routes, a bad message the session", () => {
  assert.equal(update("0000 000e 400101 03 40 02 00 400304 c0000201 08 0a").result, "withdraw");
  assert.deepEqual(update("0000 0004 400101"), { result: "error", notification: { code: 3, subcode: 1 } });
  assert.deepEqual(describeMessage(hex("00".repeat(19)), internal).notification, { code: 1, subcode: 1 });
  assert.deepEqual(describeMessage(hex("ff".repeat(16)), internal).notification, { code: 1, subcode: 2 });
  const twice = new Uint8Array([...writeKeepalive(), ...writeKeepalive()]);
  assert.deepEqual(describeMessage(twice, internal).notification, { code: 1, subcode: 2 });
});

test("the other messages are told by their type", () => {
  assert.deepEqual(describeMessage(writeKeepalive(), internal), { result: "ok", message: { type: "keepalive" } });
  const cease = writeNotification({ code: 6, subcode: 2, data: hex("00") });
  assert.deepEqual(describeMessage(cease, internal).message, { type: "notification", code: 6, subcode: 2, data: "00" });
  assert.equal(describeMessage(writeMessage(5, hex("0001 00 01")), internal).message?.["family"], "ipv4-unicast");
  const open = writeMessage(1, hex("04 5ba0 00b4 c0000201 0e 02 0c 0104 00010001 4104 fa56ea00"));
  assert.deepEqual(describeMessage(open, internal).message, {
    type: "open",
    version: 4,
    asNumber: 23456,
    as4: 4200000000,
    holdTime: 180,
    routerId: "192.0.2.1",
    capabilities: ["ipv4-unicast", "four-octet-as"],
  });
});

test("a capability of the wrong length makes an OPEN malformed, an unknown one does not", () => {
  const openWith = (capability: string) => {
    const octets = hex(capability);
    const head = hex("04 fc00 00b4 c0000201");
    const body = Uint8Array.of(...head, octets.length + 2, 2, octets.length, ...octets);
    return describeMessage(writeMessage(1, body), internal).result;
  };
  for (const capability of ["0200", "0600", "4002 0078", "4006 0078 00010100", "4104 00000001", "ff03 010203"]) {
    assert.equal(openWith(capability), "ok", capability);
  }
  for (const capability of ["0103 000100", "0201 00", "0601 00", "4001 00", "4003 007800", "4102 0001"]) {
    assert.equal(openWith(capability), "error", capability);
  }
});

test("any octets give a description that survives JSON", () => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 200 }))
      .map(([type, body]) => writeMessage(type, body)),
  );
  fc.assert(
    fc.property(octets, fc.boolean(), fc.boolean(), (bytes, isInternal, isFourOctetAs) => {
      const description = describeMessage(bytes, { isInternal, isFourOctetAs });
      assert.deepEqual(JSON.parse(JSON.stringify(description)), description);
    }),
    { numRuns: 2000 },
  );
});
