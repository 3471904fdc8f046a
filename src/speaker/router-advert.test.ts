import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type LinkMessage, decodeLinkMessage, encodeLinkMessage } from "./router-advert.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const u16 = fc.integer({ min: 0, max: 0xffff });

const message: fc.Arbitrary<LinkMessage> = fc.oneof(
  fc.constant<LinkMessage>({ type: "solicit" }),
  u16.map((lifetimeSeconds): LinkMessage => ({ type: "advert", lifetimeSeconds })),
  u16.map((identifier): LinkMessage => ({ type: "echoRequest", identifier })),
  u16.map((identifier): LinkMessage => ({ type: "echoReply", identifier })),
);

test("what is encoded is decoded to the same, with and without the sender's link-layer address", () => {
  const linkAddress = fc.option(fc.uint8Array({ minLength: 6, maxLength: 6 }), { nil: undefined });
  fc.assert(
    fc.property(message, linkAddress, (value, address) => {
      assert.deepEqual(decodeLinkMessage(encodeLinkMessage(value, address)), { ok: true, value });
    }),
  );
});

test("any octets are decoded or refused, never more", () => {
  fc.assert(
    fc.property(fc.constantFrom(128, 129, 133, 134), fc.uint8Array({ maxLength: 60 }), (type, rest) => {
      decodeLinkMessage(rest);
      decodeLinkMessage(Uint8Array.of(type, 0, ...rest));
    }),
    { numRuns: 1000 },
  );
});

test("an advert says that we are here and no default router, and what our link-layer address is", () => {
  const advert = encodeLinkMessage({ type: "advert", lifetimeSeconds: 0 }, hex("02 00 5e 10 00 01"));
  assert.deepEqual(advert, hex("86 00 0000 00 00 0000 00000000 00000000 0101 02005e100001"));
});

test("adverts of other routers are read, options and all", () => {
  const prefix = "03 04 40 c0 00015180 00003840 00000000 20010db8000000000000000000000000";
  const mtu = "05 01 0000 000005dc";
  assert.deepEqual(
    decodeLinkMessage(hex(`86 00 1234 40 c0 0708 00000000 00000000 ${prefix} ${mtu} 0101 02005e100001`)),
    {
      ok: true,
      value: { type: "advert", lifetimeSeconds: 1800 },
    },
  );
});

test("a message that the RFC has discarded is refused", () => {
  const cases: [string, string][] = [
    ["a code", "86 01 0000 00 00 0000 00000000 00000000"],
    ["too short an advert", "86 00 0000 00 00 0000 00000000 000000"],
    ["too short a solicitation", "85 00 0000 000000"],
    ["an option without length", "86 00 0000 00 00 0000 00000000 00000000 0100 000000000000"],
    ["an option beyond the end", "85 00 0000 00000000 0102 000000000000"],
    ["half an option", "85 00 0000 00000000 01"],
    ["another type", "87 00 0000 00000000"],
  ];
  for (const [what, text] of cases) assert.equal(decodeLinkMessage(hex(text)).ok, false, what);
});
