import type { Family } from "./config.ts";
import { afiOf, attributeFlag, attributeType, headerBytes, messageType, unicastSafi } from "./numbers.ts";
import type { PrefixKey } from "./prefix-key.ts";

/** Attributes as one peer is told them, without MP_REACH_NLRI. */
export type EncodedAttributes = {
  readonly bytes: Uint8Array;
  /** 16 octets for MP_REACH_NLRI; undefined when the next hop stands in `bytes` (RFC 4271). */
  readonly nextHop: Uint8Array | undefined;
};

/** A prefix and its path identifier, which is written where the session carries them (RFC 7911). */
export type Nlri = { readonly key: PrefixKey; readonly pathId: number };

/** How UPDATEs of a session are written. */
export type UpdateFormat = {
  readonly family: Family;
  readonly hasPathIds: boolean;
  readonly maxMessageBytes: number;
};

/** Where to write; it changes with the next call. */
export type Room = { readonly bytes: Uint8Array; readonly at: number };

/** Takes messages: each is written wholly before the next is asked for. */
export interface MessageSink {
  /** Room for one message of that many octets. */
  add(length: number): Room;
}

/** Header, lengths of withdrawn routes and attributes. */
const fixedBytes = headerBytes + 4;
/** Of MP_REACH_NLRI without the next hop: header with a long length, AFI, SAFI, length of the next hop, reserved octet. */
const reachBytes = 4 + 5;
/** Of MP_UNREACH_NLRI: header with a long length, AFI, SAFI. */
const unreachBytes = 4 + 3;

/** Octets that are left for prefixes beside the attributes; none when it is not more than 0. */
export function roomFor({ bytes, nextHop }: EncodedAttributes, format: UpdateFormat): number {
  return format.maxMessageBytes - fixedBytes - bytes.length - (nextHop === undefined ? 0 : reachBytes + nextHop.length);
}

export function nlriBytes(key: PrefixKey, { hasPathIds }: UpdateFormat): number {
  return hasPathIds ? key.length + 4 : key.length;
}

/** UPDATEs that announce all of them with one set of attributes. All must fit: see `roomFor`. */
export function writeAnnouncements(
  sink: MessageSink,
  nlri: readonly Nlri[],
  encoded: EncodedAttributes,
  format: UpdateFormat,
): void {
  forEachPart(nlri, roomFor(encoded, format), format, (from, to, sizeBytes) => {
    writeAnnouncement(sink, nlri, from, to, sizeBytes, encoded, format);
  });
}

function writeAnnouncement(
  sink: MessageSink,
  nlri: readonly Nlri[],
  from: number,
  to: number,
  sizeBytes: number,
  { bytes: attributes, nextHop }: EncodedAttributes,
  format: UpdateFormat,
): void {
  const bodyBytes = nextHop === undefined ? 0 : 5 + nextHop.length + sizeBytes;
  const reachHeaderBytes = nextHop === undefined ? 0 : bodyBytes > 255 ? 4 : 3;
  const attributeBytes = attributes.length + reachHeaderBytes + bodyBytes;
  const length = fixedBytes + attributeBytes + (nextHop === undefined ? sizeBytes : 0);
  const { bytes, at: start } = sink.add(length);
  let at = writeHeader(bytes, start, length);
  at = writeU16(bytes, at, 0);
  at = writeU16(bytes, at, attributeBytes);
  if (nextHop !== undefined) {
    // RFC 7606 section 5.1: first of all attributes.
    at = writeMpHeader(bytes, at, attributeType.mpReach, bodyBytes, format.family);
    bytes[at++] = nextHop.length;
    bytes.set(nextHop, at);
    at += nextHop.length;
    bytes[at++] = 0;
    at = writeNlri(bytes, at, nlri, from, to, format);
  }
  bytes.set(attributes, at);
  at += attributes.length;
  if (nextHop === undefined) writeNlri(bytes, at, nlri, from, to, format);
}

/** UPDATEs that withdraw all of them. */
export function writeWithdrawals(sink: MessageSink, nlri: readonly Nlri[], format: UpdateFormat): void {
  const room = format.maxMessageBytes - fixedBytes - (format.family === "ipv4-unicast" ? 0 : unreachBytes);
  forEachPart(nlri, room, format, (from, to, sizeBytes) => {
    writeWithdrawal(sink, nlri, from, to, sizeBytes, format);
  });
}

/** An UPDATE that says: this was the whole table (RFC 4724 section 2). */
export function writeEndOfRib(sink: MessageSink, format: UpdateFormat): void {
  writeWithdrawal(sink, [], 0, 0, 0, format);
}

function writeWithdrawal(
  sink: MessageSink,
  nlri: readonly Nlri[],
  from: number,
  to: number,
  sizeBytes: number,
  format: UpdateFormat,
): void {
  if (format.family === "ipv4-unicast") {
    const length = fixedBytes + sizeBytes;
    const { bytes, at: start } = sink.add(length);
    let at = writeHeader(bytes, start, length);
    at = writeU16(bytes, at, sizeBytes);
    at = writeNlri(bytes, at, nlri, from, to, format);
    writeU16(bytes, at, 0);
    return;
  }
  const bodyBytes = 3 + sizeBytes;
  const attributeBytes = (bodyBytes > 255 ? 4 : 3) + bodyBytes;
  const length = fixedBytes + attributeBytes;
  const { bytes, at: start } = sink.add(length);
  let at = writeHeader(bytes, start, length);
  at = writeU16(bytes, at, 0);
  at = writeU16(bytes, at, attributeBytes);
  at = writeMpHeader(bytes, at, attributeType.mpUnreach, bodyBytes, format.family);
  writeNlri(bytes, at, nlri, from, to, format);
}

/** As many in each part as there is room for, in order. */
function forEachPart(
  nlri: readonly Nlri[],
  roomBytes: number,
  format: UpdateFormat,
  write: (from: number, to: number, sizeBytes: number) => void,
): void {
  let from = 0;
  let used = 0;
  for (let i = 0; i < nlri.length; i++) {
    const one = nlri[i];
    if (one === undefined) continue;
    const size = nlriBytes(one.key, format);
    if (used + size > roomBytes) {
      write(from, i, used);
      from = i;
      used = 0;
    }
    used += size;
  }
  if (used > 0) write(from, nlri.length, used);
}

function writeHeader(bytes: Uint8Array, at: number, length: number): number {
  bytes.fill(0xff, at, at + 16);
  writeU16(bytes, at + 16, length);
  bytes[at + 18] = messageType.update;
  return at + headerBytes;
}

function writeMpHeader(bytes: Uint8Array, start: number, type: number, bodyBytes: number, family: Family): number {
  let at = start;
  const isLong = bodyBytes > 255;
  bytes[at++] = isLong ? attributeFlag.optional | attributeFlag.extendedLength : attributeFlag.optional;
  bytes[at++] = type;
  if (isLong) at = writeU16(bytes, at, bodyBytes);
  else bytes[at++] = bodyBytes;
  at = writeU16(bytes, at, afiOf(family));
  bytes[at++] = unicastSafi;
  return at;
}

function writeNlri(
  bytes: Uint8Array,
  start: number,
  nlri: readonly Nlri[],
  from: number,
  to: number,
  { hasPathIds }: UpdateFormat,
): number {
  let at = start;
  for (let i = from; i < to; i++) {
    const one = nlri[i];
    if (one === undefined) continue;
    const { key, pathId } = one;
    if (hasPathIds) {
      at = writeU16(bytes, at, pathId >>> 16);
      at = writeU16(bytes, at, pathId & 0xffff);
    }
    for (let j = 0; j < key.length; j++) bytes[at++] = key.charCodeAt(j);
  }
  return at;
}

function writeU16(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
  return at + 2;
}
