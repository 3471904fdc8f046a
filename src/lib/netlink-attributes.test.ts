import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  NetlinkWriter,
  readAttributeList,
  readAttributes,
  readMessages,
  readText,
  readU16,
  readU16be,
  readU32,
  readU32be,
  readU64be,
} from "./netlink-attributes.ts";

test("a message is written as the kernel lays it out", () => {
  const writer = new NetlinkWriter(16);
  writer.message(0x18, 0x501, 7, () => {
    writer.header([2, 32, 0, 0]);
    writer.attribute(1, [10, 65, 0, 1]);
    writer.text(3, "lo");
    writer.nest(8, () => writer.u16be(1, 179));
  });
  assert.equal(
    Buffer.from(writer.bytes()).toString("hex"),
    "30000000180001050700000000000000" +
      "02200000" +
      "080001000a410001" +
      "070003006c6f0000" +
      "0c000880" +
      "0600010000b30000",
  );
});

test("what is written is read back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 300 })), { maxLength: 20 }),
      fc.nat(0xffff),
      (attributes, type) => {
        const writer = new NetlinkWriter(16);
        for (let copy = 0; copy < 2; copy++) {
          writer.message(type, 1, copy, () => {
            for (const [attributeType, payload] of attributes) writer.attribute(attributeType, payload);
          });
        }
        const messages = readMessages(writer.bytes());
        assert.deepEqual(
          messages.map((message) => message.sequence),
          [0, 1],
        );
        assert.equal(messages[0]?.type, type);
        const read = readAttributeList(messages[1]!.body).map(([attributeType, payload]) => [
          attributeType,
          [...payload],
        ]);
        assert.deepEqual(
          read,
          attributes.map(([attributeType, payload]) => [attributeType, [...payload]]),
        );
      },
    ),
  );
});

test("octets given as digits are written as those octets", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (octets) => {
      const [byDigits, byOctets] = [new NetlinkWriter(16), new NetlinkWriter(16)];
      for (const type of [1, 2]) {
        byDigits.hex(type, octets.toHex());
        byOctets.attribute(type, octets);
      }
      assert.deepEqual(byDigits.bytes(), byOctets.bytes());
    }),
  );
});

test("a nest that is begun and ended is one like any other", () => {
  const [a, b] = [new NetlinkWriter(16), new NetlinkWriter(16)];
  const start = a.beginNest(7);
  a.u32(1, 5);
  a.endNest(start);
  b.nest(7, () => b.u32(1, 5));
  assert.deepEqual(a.bytes(), b.bytes());
});

test("numbers keep their byte order", () => {
  const writer = new NetlinkWriter();
  writer.u32(1, 0x01020304);
  writer.u32be(2, 0x01020304);
  writer.u16be(3, 0x0102);
  writer.u64be(4, 0x0102030405060708n);
  const attributes = readAttributes(writer.bytes());
  assert.equal(readU32(attributes.get(1)!), 0x01020304);
  assert.deepEqual([...attributes.get(1)!], [4, 3, 2, 1]);
  assert.equal(readU32be(attributes.get(2)!), 0x01020304);
  assert.equal(readU16be(attributes.get(3)!), 0x0102);
  assert.equal(readU64be(attributes.get(4)!), 0x0102030405060708n);
});

test("no value is lost while the buffer grows", () => {
  const writer = new NetlinkWriter(16);
  for (let number = 1; number < 300; number++) {
    writer.u8(number, number & 0xff);
    writer.u16(number, number);
    writer.u32(number, number);
    writer.u16be(number, number);
    writer.u32be(number, number);
    writer.u64be(number, BigInt(number));
  }
  const attributes = readAttributeList(writer.bytes());
  assert.equal(attributes.length, 299 * 6);
  for (const [at, [type, payload]] of attributes.entries()) {
    const read = [
      payload[0],
      readU16(payload),
      readU32(payload),
      readU16be(payload),
      readU32be(payload),
      Number(readU64be(payload)),
    ];
    assert.equal(read[at % 6], at % 6 === 0 ? type & 0xff : type);
  }
});

test("any octets are read without an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const message of readMessages(bytes)) readAttributes(message.body);
      readAttributeList(bytes);
      readText(bytes);
      readU32(bytes);
      readU64be(bytes);
    }),
  );
});
