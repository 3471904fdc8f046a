import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { allFamilies } from "./config.ts";
import { type MessageContext, describeMessage } from "./describe-message.ts";
import { writeKeepalive, writeMessage, writeNotification } from "./message.ts";
import { hex } from "./testing/octets.ts";

const internal: MessageContext = { isInternal: true, isFourOctetAs: true, addPath: [], hasExtendedNextHop: false };
const rich: MessageContext = { ...internal, addPath: allFamilies, hasExtendedNextHop: true };
const update = (text: string, context = internal) => describeMessage(writeMessage(2, hex(text)), context);

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

test("path identifiers and next hops of the other version are told where the session has them", () => {
  const hop = "20010db8000000000000000000000001";
  const reach = `80 0e 1b 0001 01 10 ${hop} 00 00000007 08 0a`;
  const { result, message } = update(`0006 00000003 08 0b 0025 ${reach} 400101 00 400200`, rich);
  assert.equal(result, "ok");
  assert.deepEqual(message?.["announce"], [
    { family: "ipv4-unicast", prefix: "10.0.0.0/8", nextHop: "2001:db8::1", pathId: 7 },
  ]);
  assert.deepEqual(message?.["withdraw"], [{ family: "ipv4-unicast", prefix: "11.0.0.0/8", pathId: 3 }]);
  assert.deepEqual(update("0000 001c 80 0e 17 0001 01 10 " + hop + " 00 08 0a 4001", internal).notification, {
    code: 3,
    subcode: 9,
  });
});

test("of two next hops the global one is told", () => {
  const hops = "20010db8000000000000000000000001 fe800000000000000000000000000001";
  const { message } = update(`0000 0031 80 0e 27 0002 01 20 ${hops} 00 08 20 400101 00 400200`);
  assert.deepEqual(message?.["announce"], [{ family: "ipv6-unicast", prefix: "2000::/8", nextHop: "2001:db8::1" }]);
  assert.deepEqual(message?.["wire"], { linkLocalNextHop: "fe80::1" });
});

test("AS numbers of a narrow peer are told as they truly are", () => {
  const path = "40 02 06 02 02 0001 5ba0  c0 11 06 02 01 00011170";
  const told = (context: MessageContext) => update(`0000 001d 400101 00 ${path} 400304 c0000201 08 0a`, context);
  assert.equal(told({ ...internal, isFourOctetAs: false }).message?.["asPathText"], "1 70000");
  assert.equal(told(internal).result, "withdraw");
});

test("what goes no further is told as ignored", () => {
  const { message } = update("0000 0012 400101 00 400200 400304 c0000201 80 63 01 07 08 0a");
  assert.deepEqual(message?.["ignored"], ["attribute 99"]);
});

test("the other messages are told by their type", () => {
  assert.deepEqual(describeMessage(writeKeepalive(), internal), { result: "ok", message: { type: "keepalive" } });
  const cease = writeNotification({ code: 6, subcode: 2, data: hex("00") });
  assert.deepEqual(describeMessage(cease, internal).message, { type: "notification", code: 6, subcode: 2, data: "00" });
  assert.deepEqual(describeMessage(writeMessage(5, hex("0001 00 01")), internal).message, {
    type: "route-refresh",
    family: "ipv4-unicast",
    subtype: 0,
  });
  assert.deepEqual(describeMessage(writeMessage(5, hex("0019 01 41")), internal).message, {
    type: "route-refresh",
    family: null,
    subtype: 1,
    afi: 25,
    safi: 65,
  });
  const open = writeMessage(1, hex("04 5ba0 00b4 c0000201 10 02 0e 0104 00010001 4104 fa56ea00 c800"));
  assert.deepEqual(describeMessage(open, internal).message, {
    type: "open",
    version: 4,
    asNumber: 23456,
    as4: 4200000000,
    holdTime: 180,
    routerId: "192.0.2.1",
    capabilities: [
      { code: 1, name: "multiprotocol", value: "00010001" },
      { code: 65, name: "four-octet-as", value: "fa56ea00" },
      { code: 200, name: "capability 200", value: "" },
    ],
  });
});

test("any octets give a description that survives JSON", () => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 200 }))
      .map(([type, body]) => writeMessage(type, body)),
  );
  const flag = fc.boolean();
  fc.assert(
    fc.property(octets, flag, flag, flag, (bytes, isInternal, isFourOctetAs, hasExtendedNextHop) => {
      const addPath = allFamilies.slice(isInternal ? 0 : 1);
      const description = describeMessage(bytes, { isInternal, isFourOctetAs, hasExtendedNextHop, addPath });
      assert.deepEqual(JSON.parse(JSON.stringify(description)), description);
    }),
    { numRuns: 2000 },
  );
});
