import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AttributeTable } from "./attribute-table.ts";
import { allFamilies } from "./config.ts";
import { Framer } from "./framer.ts";
import { writeKeepalive, writeMessage, writeNotification, writeRouteRefresh } from "./message.ts";
import { notification } from "./notification.ts";
import { external, internal, read } from "./testing/messages.ts";
import { hex, toHex } from "./testing/octets.ts";

test("the smallest messages have the octets that the RFCs draw", () => {
  const marker = "ff".repeat(16);
  assert.equal(toHex(writeKeepalive()), `${marker}001304`);
  assert.equal(toHex(writeNotification(notification(6, 2))), `${marker}0015030602`);
  assert.equal(toHex(writeRouteRefresh("ipv6-unicast")), `${marker}00170500020001`);
  assert.equal(toHex(writeRouteRefresh("ipv4-unicast", "begin")), `${marker}00170500010101`);
  assert.equal(toHex(writeRouteRefresh("ipv4-unicast", "end")), `${marker}00170500010201`);
});

test("a ROUTE-REFRESH tells family and subtype, whatever stands behind them", () => {
  const whole = writeMessage(5, hex("0002 01 01 80000000"));
  assert.deepEqual(read(whole), { type: "routeRefresh", family: "ipv6-unicast", subtype: 1, whole });
  const foreign = writeMessage(5, hex("0001 00 80"));
  assert.deepEqual(read(foreign), { type: "routeRefresh", family: undefined, subtype: 0, whole: foreign });
});

test("any octets behind any header are read without an exception", () => {
  const contexts = [internal, external, { ...internal, isFourOctetAs: false, addPathReceive: allFamilies }];
  const table = new AttributeTable(20_000);
  fc.assert(
    fc.property(fc.nat(7), fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...contexts), (type, body, context) => {
      const bytes = writeMessage(type, body);
      read(bytes, context, table);
      read(bytes.subarray(0, 19), context, table);
      const framer = new Framer();
      framer.push(bytes);
      while (framer.next() instanceof Uint8Array);
    }),
    { numRuns: 3000 },
  );
});
