import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressToBytes } from "../lib/index.ts";
import { AttributeTable } from "./attribute-table.ts";
import { type PathAttributes, emptyAttributes, writeAttributes } from "./attributes.ts";
import { type Family, allFamilies } from "./config.ts";
import { MessageLog } from "./message-log.ts";
import { readMessage } from "./message.ts";
import { maxExtendedMessageBytes, maxMessageBytes } from "./numbers.ts";
import { type PrefixKey, cidrToKey, keyAt } from "./prefix-key.ts";
import { hex } from "./testing/octets.ts";
import { address, route } from "./testing/values.ts";
import type { Update } from "./update.ts";
import {
  type EncodedAttributes,
  type Nlri,
  type UpdateFormat,
  nlriBytes,
  roomFor,
  writeAnnouncements,
  writeEndOfRib,
  writeWithdrawals,
} from "./update-writer.ts";

const four: UpdateFormat = { family: "ipv4-unicast", hasPathIds: false, maxMessageBytes };
const six: UpdateFormat = { ...four, family: "ipv6-unicast" };

/** The messages that stand one behind the other in the log, by the lengths that their headers say. */
function cut(log: MessageLog): Uint8Array[] {
  const bytes = Buffer.concat(log.read(0));
  const messages: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt16BE(at + 16)) {
    messages.push(bytes.subarray(at, at + bytes.readUInt16BE(at + 16)));
  }
  assert.equal(messages.length, log.messageCount);
  return messages;
}

function written(write: (log: MessageLog) => void): Uint8Array[] {
  const log = new MessageLog(1);
  write(log);
  return cut(log);
}

function readAll(messages: readonly Uint8Array[], { family, hasPathIds }: UpdateFormat): Update[] {
  const table = new AttributeTable();
  return messages.map((bytes) => {
    const context = {
      isInternal: true,
      isFourOctetAs: true,
      families: [family],
      addPathReceive: hasPathIds ? [family] : [],
      hasExtendedNextHop: true,
    };
    const message = readMessage(bytes, context, table);
    assert.ok(message.type === "update" && message.outcome === "ok", JSON.stringify(message));
    return message;
  });
}

function encode(attributes: PathAttributes): EncodedAttributes {
  const { nextHop } = attributes;
  const isSix = nextHop?.includes(":") === true;
  return { bytes: writeAttributes(attributes, true), nextHop: isSix ? addressToBytes(nextHop) : undefined };
}

const marker = "ff".repeat(16);

test("messages are octet for octet what RFC 4271, RFC 4760 and RFC 7911 want", () => {
  const nlri = (prefix: string, pathId = 0): Nlri => ({ key: cidrToKey(route(prefix).prefix), pathId });
  const attributes = { bytes: hex("400101 00 400200"), nextHop: undefined };
  const withSix = { ...attributes, nextHop: addressToBytes(address("2001:db8::1")) };
  const withIds: UpdateFormat = { ...four, hasPathIds: true };
  const hop = "10 20010db8000000000000000000000001 00";
  const cases: readonly [(log: MessageLog) => void, string][] = [
    [
      (log) => writeAnnouncements(log, [nlri("10.0.0.0/8"), nlri("0.0.0.0/0")], attributes, four),
      "0021 02 0000 0007 40010100400200 080a 00",
    ],
    [
      (log) => writeAnnouncements(log, [nlri("10.0.0.0/8", 258)], attributes, withIds),
      "0024 02 0000 0007 40010100400200 00000102 080a",
    ],
    [
      (log) => writeAnnouncements(log, [nlri("2001:db8::/32")], withSix, six),
      `003b 02 0000 0024 800e1a 0002 01 ${hop} 2020010db8 40010100400200`,
    ],
    [(log) => writeWithdrawals(log, [nlri("10.0.0.0/8")], four), "0019 02 0002 080a 0000"],
    [(log) => writeWithdrawals(log, [nlri("2001:db8::/32")], six), "0022 02 0000 000b 800f08 0002 01 2020010db8"],
    [(log) => writeEndOfRib(log, four), "0017 02 0000 0000"],
    [(log) => writeEndOfRib(log, six), "001d 02 0000 0006 800f03 0002 01"],
    [(log) => writeAnnouncements(log, [], attributes, four), ""],
  ];
  for (const [write, wanted] of cases) {
    const [bytes] = written(write);
    assert.deepEqual(
      Buffer.from(bytes ?? []).toString("hex"),
      wanted === "" ? "" : `${marker}${wanted}`.replaceAll(" ", ""),
    );
  }
});

const anyFormat = fc.record({
  family: fc.constantFrom(...allFamilies),
  hasPathIds: fc.boolean(),
  maxMessageBytes: fc.oneof(
    fc.integer({ min: 90, max: 700 }),
    fc.constantFrom(maxMessageBytes, maxExtendedMessageBytes),
  ),
});

function anyNlri(family: Family): fc.Arbitrary<Nlri[]> {
  const octets = family === "ipv4-unicast" ? 4 : 16;
  const one = fc.record({
    key: fc
      .tuple(fc.uint8Array({ minLength: octets, maxLength: octets }), fc.nat(8 * octets))
      .map(([bytes, bits]) => keyAt(bytes, 0, bits)),
    pathId: fc.nat(0xffff_ffff),
  });
  return fc.array(one, { maxLength: 600, size: "max" });
}

const anyCase = anyFormat.chain((format) => fc.record({ format: fc.constant(format), nlri: anyNlri(format.family) }));

/** No message is too long, and none ends before the next prefix would not have fitted. */
function assertPacked(
  messages: readonly Uint8Array[],
  counts: readonly number[],
  nlri: readonly Nlri[],
  format: UpdateFormat,
) {
  let at = 0;
  for (const [i, bytes] of messages.entries()) {
    assert.ok(bytes.length <= format.maxMessageBytes, `${bytes.length} octets`);
    at += counts[i] ?? 0;
    const next = nlri[at];
    // Where the multiprotocol attribute is short, its length takes one octet instead of two.
    const spare = format.maxMessageBytes - bytes.length;
    if (next !== undefined) assert.ok(spare <= nlriBytes(next.key, format), `${spare} octets left`);
  }
}

type Told = { readonly keys: readonly PrefixKey[]; readonly pathIds?: readonly number[] };

/** Prefixes as they were read; identifiers only where the session carries them. */
function told(parts: readonly (readonly Told[])[]): (PrefixKey | string)[] {
  return parts.flat().flatMap(({ keys, pathIds }) => keys.map((key, i) => `${key} ${pathIds?.[i] ?? ""}`));
}

function wanted(nlri: readonly Nlri[], { hasPathIds }: UpdateFormat): string[] {
  return nlri.map(({ key, pathId }) => `${key} ${hasPathIds ? pathId : ""}`);
}

const countOf = (parts: readonly Told[]) => parts.reduce((sum, { keys }) => sum + keys.length, 0);

test("whatever is announced is read again, in order, with its attributes, in messages as full as they may be", () => {
  fc.assert(
    fc.property(anyCase, fc.boolean(), fc.nat(200), ({ format, nlri }, isOverSix, communityCount) => {
      const isSix = isOverSix || format.family === "ipv6-unicast";
      const attributes: PathAttributes = {
        ...emptyAttributes,
        localPref: 100,
        communities: Array.from({ length: communityCount }, (_, i) => i),
        nextHop: address(isSix ? "2001:db8::1" : "192.0.2.1"),
      };
      const encoded = encode(attributes);
      const fit = nlri.filter(({ key }) => nlriBytes(key, format) <= roomFor(encoded, format));
      const messages = written((log) => writeAnnouncements(log, fit, encoded, format));
      const updates = readAll(messages, format);
      assert.deepEqual(told(updates.map(({ announced }) => announced)), wanted(fit, format));
      for (const { announced, withdrawn } of updates) {
        assert.deepEqual(withdrawn, []);
        for (const { set } of announced) assert.deepEqual(set.attributes, attributes);
      }
      assertPacked(
        messages,
        updates.map(({ announced }) => countOf(announced)),
        fit,
        format,
      );
    }),
    { numRuns: 300 },
  );
});

test("whatever is withdrawn is read again, in order, in messages as full as they may be", () => {
  fc.assert(
    fc.property(anyCase, ({ format, nlri }) => {
      const messages = written((log) => writeWithdrawals(log, nlri, format));
      const updates = readAll(messages, format);
      assert.deepEqual(told(updates.map(({ withdrawn }) => withdrawn)), wanted(nlri, format));
      for (const { announced, endOfRib } of updates) assert.deepEqual([announced, endOfRib], [[], undefined]);
      assertPacked(
        messages,
        updates.map(({ withdrawn }) => countOf(withdrawn)),
        nlri,
        format,
      );
    }),
    { numRuns: 300 },
  );
});

test("the end of a table is told of one family, and read so", () => {
  for (const format of [four, six]) {
    const updates = readAll(
      written((log) => writeEndOfRib(log, format)),
      format,
    );
    assert.deepEqual(
      updates.map(({ endOfRib }) => endOfRib),
      [format.family],
    );
  }
});
