import type { Family } from "./config.ts";
import { writeAttribute } from "./attributes.ts";
import {
  afiOf,
  attributeFlag,
  attributeType,
  headerBytes,
  maxMessageBytes,
  messageType,
  unicastSafi,
} from "./numbers.ts";
import { writeMessage } from "./message.ts";
import { OctetWriter } from "./octets.ts";
import type { PrefixKey } from "./prefix-key.ts";

/** Attributes as one peer is told them, without MP_REACH_NLRI. */
export type EncodedAttributes = {
  readonly bytes: Uint8Array;
  /** 16 or 32 octets for IPv6 in MP_REACH_NLRI; unused for IPv4, whose next hop stands in `bytes`. */
  readonly nextHop: Uint8Array;
};

/** Header, lengths of withdrawn routes and attributes. */
const fixedBytes = headerBytes + 4;

/**
 * UPDATEs that announce all `keys` with one set of attributes, each of at most `maxBytes`. `unfit` are prefixes that do
 * not fit beside the attributes even alone.
 */
export function writeAnnouncements(
  family: Family,
  keys: readonly PrefixKey[],
  encoded: EncodedAttributes,
  maxBytes = maxMessageBytes,
): { messages: Uint8Array[]; unfit: PrefixKey[] } {
  // MP_REACH_NLRI: attribute header with a long length, AFI, SAFI, length of the next hop, reserved octet.
  const reachBytes = family === "ipv4-unicast" ? 0 : 4 + 5 + encoded.nextHop.length;
  const room = maxBytes - fixedBytes - encoded.bytes.length - reachBytes;
  const { chunks, unfit } = chunkKeys(keys, room);
  const messages = chunks.map((chunk) => writeMessage(messageType.update, writeAnnouncement(family, chunk, encoded)));
  return { messages, unfit };
}

function writeAnnouncement(family: Family, keys: readonly PrefixKey[], encoded: EncodedAttributes): Uint8Array {
  const writer = new OctetWriter(maxMessageBytes);
  writer.u16(0);
  const lengthAt = writer.length;
  writer.u16(0);
  if (family !== "ipv4-unicast") {
    // RFC 7606 section 5.1: first of all attributes.
    writeAttribute(writer, attributeFlag.optional, attributeType.mpReach, (body) => {
      body.u16(afiOf(family));
      body.u8(unicastSafi);
      body.u8(encoded.nextHop.length);
      body.put(encoded.nextHop);
      body.u8(0);
      for (const key of keys) body.latin1(key);
    });
  }
  writer.put(encoded.bytes);
  writer.setU16(lengthAt, writer.length - lengthAt - 2);
  if (family === "ipv4-unicast") for (const key of keys) writer.latin1(key);
  return writer.finish();
}

export function writeWithdrawals(family: Family, keys: readonly PrefixKey[], maxBytes = maxMessageBytes): Uint8Array[] {
  const room = maxBytes - fixedBytes - (family === "ipv4-unicast" ? 0 : 4 + 3);
  return chunkKeys(keys, room).chunks.map((chunk) => writeMessage(messageType.update, writeWithdrawal(family, chunk)));
}

/** An UPDATE that says: this was the whole table (RFC 4724 section 2). */
export function writeEndOfRib(family: Family): Uint8Array {
  return writeMessage(messageType.update, writeWithdrawal(family, []));
}

function writeWithdrawal(family: Family, keys: readonly PrefixKey[]): Uint8Array {
  const writer = new OctetWriter(maxMessageBytes);
  if (family === "ipv4-unicast") {
    writer.u16(0);
    for (const key of keys) writer.latin1(key);
    writer.setU16(0, writer.length - 2);
    writer.u16(0);
    return writer.finish();
  }
  writer.u32(0);
  writeAttribute(writer, attributeFlag.optional, attributeType.mpUnreach, (body) => {
    body.u16(afiOf(family));
    body.u8(unicastSafi);
    for (const key of keys) body.latin1(key);
  });
  writer.setU16(2, writer.length - 4);
  return writer.finish();
}

function chunkKeys(keys: readonly PrefixKey[], roomBytes: number): { chunks: PrefixKey[][]; unfit: PrefixKey[] } {
  const chunks: PrefixKey[][] = [];
  const unfit: PrefixKey[] = [];
  let chunk: PrefixKey[] = [];
  let used = 0;
  for (const key of keys) {
    if (key.length > roomBytes) {
      unfit.push(key);
      continue;
    }
    if (used + key.length > roomBytes) {
      chunks.push(chunk);
      chunk = [];
      used = 0;
    }
    chunk.push(key);
    used += key.length;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return { chunks, unfit };
}
