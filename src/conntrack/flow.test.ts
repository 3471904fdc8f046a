import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NetlinkWriter, addressFromBytes, readMessages } from "../lib/index.ts";
import { CTA_ID, CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, type FlowTuple, readFlow, writeTuple } from "./flow.ts";
import { encodeFlowDeletions, encodeFlowDump } from "./flow-request.ts";

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const record = <T>(of: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(of, { noNullPrototype: true });
const u16 = fc.nat(0xffff);
const u8 = fc.nat(0xff);
const rest = fc.oneof(
  record({ protocol: u8 }),
  record({ protocol: u8, ports: fc.tuple(u16, u16) }),
  record({ protocol: u8, icmp: record({ id: u16, type: u8, code: u8 }) }),
);
const tuples: fc.Arbitrary<FlowTuple> = fc.constantFrom(4, 16).chain((length) =>
  fc.tuple(octets(length), octets(length), rest).map(([source, destination, more]) => ({
    source: addressFromBytes(source),
    destination: addressFromBytes(destination),
    ...more,
  })),
);

test("a connection that is written is read back, of both versions and all protocols", () => {
  fc.assert(
    fc.property(tuples, tuples, fc.nat(0xffffffff), (original, reply, id) => {
      const writer = new NetlinkWriter();
      writer.message(0x100, 0, 1, () => {
        writer.header([2, 0, 0, 0]);
        writeTuple(writer, CTA_TUPLE_ORIG, original);
        writeTuple(writer, CTA_TUPLE_REPLY, reply);
        writer.u32be(CTA_ID, id);
      });
      const [message] = readMessages(writer.bytes());
      assert.deepEqual(readFlow(message!), { id, original, reply });
    }),
  );
});

test("any octets are read without an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
      readFlow({ type: 0x100, flags: 0, sequence: 1, body });
    }),
  );
});

test("a dump by source and a deletion are laid out as ctnetlink wants them", () => {
  const source = addressFromBytes(Uint8Array.of(10, 65, 0, 1));
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  assert.equal(
    hex(encodeFlowDump({ direction: "reply", source }, 7)),
    "38000000010101030700000000000000" + // nlmsghdr
      "02000000" + // nfgenmsg: AF_INET
      "10000280" +
      "0c000180" +
      "080001000a410001" + // CTA_TUPLE_REPLY { CTA_TUPLE_IP { CTA_IP_V4_SRC } }
      "14001980" +
      "0800010000000000" +
      "0800020001000000", // CTA_FILTER { ORIG_FLAGS 0, REPLY_FLAGS IP_SRC }
  );
  const original: FlowTuple = { source, destination: source, protocol: 17, ports: [53, 54] };
  assert.equal(
    hex(encodeFlowDeletions([{ id: 9, original, reply: original }], 3)),
    "50000000020105000300000000000000" +
      "02000000" +
      "34000180" +
      "14000180" +
      "080001000a410001" +
      "080002000a410001" +
      "1c000280" +
      "0500010011000000" +
      "0600020000350000" +
      "0600030000360000" +
      "08000c0000000009",
  );
});
