import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type BfdPacket, decodeBfdPacket, encodeBfdPacket } from "./packet.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const packet: fc.Arbitrary<BfdPacket> = fc
  .record(
    {
      diagnostic: fc.constantFrom(
        "none",
        "detectionTimeExpired",
        "echoFailed",
        "neighbourSignaledDown",
        "forwardingPlaneReset",
        "pathDown",
        "concatenatedPathDown",
        "administrativelyDown",
        "reverseConcatenatedPathDown",
      ),
      state: fc.constantFrom("adminDown", "down", "init", "up"),
      isPoll: fc.boolean(),
      isFinal: fc.boolean(),
      isIndependent: fc.boolean(),
      isDemand: fc.boolean(),
      multiplier: fc.integer({ min: 1, max: 255 }),
      myDiscriminator: fc.integer({ min: 1, max: 0xffffffff }),
      yourDiscriminator: u32,
      minTxUs: u32,
      minRxUs: u32,
      minEchoRxUs: u32,
    } as const,
    { noNullPrototype: true },
  )
  .filter(({ state, yourDiscriminator }) => yourDiscriminator !== 0 || state === "down" || state === "adminDown");

test("what is encoded is decoded to the same", () => {
  fc.assert(
    fc.property(packet, (value) => {
      assert.deepEqual(decodeBfdPacket(encodeBfdPacket(value)), { ok: true, value });
    }),
  );
});

test("any octets are decoded or refused, never more", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), packet, fc.nat(23), fc.nat(255), (bytes, value, at, octet) => {
      decodeBfdPacket(bytes);
      const changed = encodeBfdPacket(value);
      changed[at] = octet;
      const decoded = decodeBfdPacket(changed);
      if (decoded.ok) assert.ok(decoded.value.multiplier > 0 && decoded.value.myDiscriminator > 0);
    }),
    { numRuns: 1000 },
  );
});

test("a packet of another speaker reads as it was captured", () => {
  // Of BIRD 2.0.12 with `min tx interval 70 ms; min rx interval 50 ms; multiplier 4`, before it has heard anybody.
  const captured = hex("20 40 04 18 0955e817 00000000 000f4240 0000c350 00000000");
  assert.deepEqual(decodeBfdPacket(captured), {
    ok: true,
    value: {
      diagnostic: "none",
      state: "down",
      isPoll: false,
      isFinal: false,
      isIndependent: false,
      isDemand: false,
      multiplier: 4,
      myDiscriminator: 0x0955e817,
      yourDiscriminator: 0,
      minTxUs: 1_000_000,
      minRxUs: 50_000,
      minEchoRxUs: 0,
    },
  });
});

test("a packet that the RFC has discarded is refused", () => {
  const good = "20 c0 03 18 00000001 00000002 0000c350 0000c350 00000000";
  assert.ok(decodeBfdPacket(hex(good)).ok);
  assert.ok(decodeBfdPacket(hex(`${good} ff`)).ok, "what follows the length does not count");
  const cases: [string, string][] = [
    ["version 0", "00 c0 03 18 00000001 00000002 0000c350 0000c350 00000000"],
    ["version 2", "40 c0 03 18 00000001 00000002 0000c350 0000c350 00000000"],
    ["a length below the least", "20 c0 03 17 00000001 00000002 0000c350 0000c350 00000000"],
    ["a length beyond the end", "20 c0 03 19 00000001 00000002 0000c350 0000c350 00000000"],
    ["no multiplier", "20 c0 00 18 00000001 00000002 0000c350 0000c350 00000000"],
    ["the multipoint bit", "20 c1 03 18 00000001 00000002 0000c350 0000c350 00000000"],
    ["authentication", "20 c4 03 1a 00000001 00000002 0000c350 0000c350 00000000 0102"],
    ["no discriminator of the sender", "20 c0 03 18 00000000 00000002 0000c350 0000c350 00000000"],
    ["none of the receiver while up", "20 c0 03 18 00000001 00000000 0000c350 0000c350 00000000"],
    ["none of the receiver in init", "20 80 03 18 00000001 00000000 0000c350 0000c350 00000000"],
    ["too few octets", "20 c0 03 18 00000001 00000002 0000c350 0000c350 000000"],
  ];
  for (const [what, text] of cases) assert.equal(decodeBfdPacket(hex(text)).ok, false, what);
});
