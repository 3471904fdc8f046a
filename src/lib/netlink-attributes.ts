/**
 * Netlink attributes (struct nlattr): the type-length-value form that rtnetlink and nfnetlink share.
 * Headers are in host order (little endian on every machine we run on); payloads as their family says.
 */
import { textVersion, writeAddress } from "./address.ts";

const nestedFlag = 0x8000;
const typeMask = 0x3fff;

/** Writes netlink messages one after another into one growing buffer. */
export class NetlinkWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(sizeBytes = 4096) {
    this.#bytes = new Uint8Array(sizeBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** The octets written so far; a view that the next write may invalidate. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  reset(): void {
    this.#length = 0;
  }

  /** struct nlmsghdr followed by whatever `body` writes. `type`, `flags` as in linux/netlink.h. */
  message(type: number, flags: number, sequence: number, body: () => void): void {
    const start = this.begin(type, flags, sequence);
    body();
    this.end(start);
  }

  /** The same in two steps: what is written until `end` is the message's. */
  begin(type: number, flags: number, sequence: number): number {
    const start = this.#length;
    this.#grow(16);
    this.#view.setUint16(start + 4, type, true);
    this.#view.setUint16(start + 6, flags, true);
    this.#view.setUint32(start + 8, sequence, true);
    return start;
  }

  /** `start` is what `begin` gave. */
  end(start: number): void {
    this.#view.setUint32(start, this.#length - start, true);
    this.#align();
  }

  /** Raw octets of a family header (struct rtmsg, struct nfgenmsg ...), padded to 4. */
  header(bytes: ArrayLike<number>): void {
    const start = this.#length;
    this.#grow(bytes.length);
    // Quicker than `set` for what is this short.
    for (let i = 0; i < bytes.length; i++) this.#bytes[start + i] = bytes[i] as number;
    this.#align();
  }

  attribute(type: number, payload: ArrayLike<number>): void {
    const start = this.#open(type, payload.length);
    this.#bytes.set(payload, start);
    this.#align();
  }

  /** Octets that are given as lower-case hexadecimal digits. */
  hex(type: number, digits: string): void {
    const octets = digits.length >> 1;
    const start = this.#open(type, octets);
    for (let at = 0; at < octets; at++)
      this.#bytes[start + at] = (digitAt(digits, 2 * at) << 4) | digitAt(digits, 2 * at + 1);
    this.#align();
  }

  /** An address, or that of a prefix, in canonical text. */
  address(type: number, text: string): void {
    const start = this.#open(type, textVersion(text) === 4 ? 4 : 16);
    writeAddress(text, this.#bytes, start);
  }

  /** NUL-terminated, as names are in both families. */
  text(type: number, text: string): void {
    const from = this.#open(type, text.length + 1);
    let at = 0;
    for (let code = text.charCodeAt(0); code < 128; code = text.charCodeAt(++at)) this.#bytes[from + at] = code;
    if (at === text.length) return this.#align();
    // Not all of it is ASCII, which names seldom are: written anew.
    this.#length = from - 4;
    const encoded = new TextEncoder().encode(text);
    const start = this.#open(type, encoded.length + 1);
    this.#bytes.set(encoded, start);
    this.#align();
  }

  u8(type: number, value: number): void {
    const at = this.#open(type, 1);
    this.#bytes[at] = value;
    this.#align();
  }

  /** Host order: rtnetlink. */
  u16(type: number, value: number): void {
    const at = this.#open(type, 2);
    this.#view.setUint16(at, value, true);
    this.#align();
  }

  u32(type: number, value: number): void {
    const at = this.#open(type, 4);
    this.#view.setUint32(at, value, true);
  }

  /** Network order: nfnetlink, and ports in rtnetlink. */
  u16be(type: number, value: number): void {
    const at = this.#open(type, 2);
    this.#view.setUint16(at, value, false);
    this.#align();
  }

  u32be(type: number, value: number): void {
    const at = this.#open(type, 4);
    this.#view.setUint32(at, value, false);
  }

  u64be(type: number, value: bigint): void {
    const at = this.#open(type, 8);
    this.#view.setBigUint64(at, value, false);
  }

  flag(type: number): void {
    this.#open(type, 0);
  }

  /** An attribute that holds attributes. A nest is at most 65,535 octets: the caller splits longer lists. */
  nest(type: number, body: () => void): void {
    const start = this.beginNest(type);
    body();
    this.endNest(start);
  }

  /** What `nest` does, without a function. Gives what `endNest` is to be called with, when what is in it has been written. */
  beginNest(type: number): number {
    const start = this.#length;
    this.#open(type | nestedFlag, 0);
    return start;
  }

  endNest(start: number): void {
    const size = this.#length - start;
    if (size > 0xffff) throw new Error("assertion failed: a netlink attribute is longer than 65,535 octets");
    this.#view.setUint16(start, size, true);
  }

  /** Where the payload starts. It may replace the buffer: look at #bytes and #view only afterwards. */
  #open(type: number, payloadBytes: number): number {
    const start = this.#length;
    this.#grow(4 + payloadBytes);
    this.#view.setUint16(start, 4 + payloadBytes, true);
    this.#view.setUint16(start + 2, type, true);
    return start + 4;
  }

  /** Appends that many zero octets. */
  #grow(count: number): void {
    const end = this.#length + count;
    // Room for the alignment that follows, so that #align never has to grow.
    if (end + 4 > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, end + 4));
      bigger.set(this.bytes());
      this.#bytes = bigger;
      this.#view = new DataView(bigger.buffer);
    }
    if (count > 64) this.#bytes.fill(0, this.#length, end + 4);
    else for (let at = this.#length; at < end + 4; at++) this.#bytes[at] = 0;
    this.#length = end;
  }

  #align(): void {
    this.#length = (this.#length + 3) & ~3;
  }
}

function digitAt(digits: string, at: number): number {
  const code = digits.charCodeAt(at);
  return code < 0x40 ? code - 0x30 : code - 0x57;
}

export type NetlinkMessage = {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Family header and attributes: all behind struct nlmsghdr. */
  readonly body: Uint8Array;
};

/** Splits a datagram into its messages. A length that lies ends the list; it never throws. */
export function readMessages(datagram: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let offset = 0;
  while (offset + 16 <= datagram.length) {
    const length = u32At(datagram, offset);
    if (length < 16 || offset + length > datagram.length) break;
    messages.push({
      type: u16At(datagram, offset + 4),
      flags: u16At(datagram, offset + 6),
      sequence: u32At(datagram, offset + 8),
      body: datagram.subarray(offset + 16, offset + length),
    });
    offset += (length + 3) & ~3;
  }
  return messages;
}

export type NetlinkAttributes = ReadonlyMap<number, Uint8Array>;

/** Attributes by type; of a repeated type the last one counts. A length that lies ends the list. */
export function readAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let offset = 0, length = attributeAt(bytes, 0); length > 0; length = attributeAt(bytes, offset)) {
    found.set(u16At(bytes, offset + 2) & typeMask, bytes.subarray(offset + 4, offset + length));
    offset += (length + 3) & ~3;
  }
  return found;
}

/** Attributes in their order, for nests that are lists. */
export function readAttributeList(bytes: Uint8Array): [type: number, payload: Uint8Array][] {
  const found: [number, Uint8Array][] = [];
  for (let offset = 0, length = attributeAt(bytes, 0); length > 0; length = attributeAt(bytes, offset)) {
    found.push([u16At(bytes, offset + 2) & typeMask, bytes.subarray(offset + 4, offset + length)]);
    offset += (length + 3) & ~3;
  }
  return found;
}

/** Octets of the attribute that begins there, header included; 0 when none does. */
function attributeAt(bytes: Uint8Array, offset: number): number {
  if (offset + 4 > bytes.length) return 0;
  const length = u16At(bytes, offset);
  return length < 4 || offset + length > bytes.length ? 0 : length;
}

/** Text up to the first NUL. */
export function readText(payload: Uint8Array): string {
  const end = payload.indexOf(0);
  return new TextDecoder().decode(end === -1 ? payload : payload.subarray(0, end));
}

export function readU32(payload: Uint8Array): number {
  return payload.length < 4 ? 0 : u32At(payload, 0);
}

export function readU16(payload: Uint8Array): number {
  return payload.length < 2 ? 0 : u16At(payload, 0);
}

export function readU32be(payload: Uint8Array): number {
  return viewOf(payload, 4)?.getUint32(0, false) ?? 0;
}

export function readU16be(payload: Uint8Array): number {
  return viewOf(payload, 2)?.getUint16(0, false) ?? 0;
}

export function readU64be(payload: Uint8Array): bigint {
  return viewOf(payload, 8)?.getBigUint64(0, false) ?? 0n;
}

function viewOf(payload: Uint8Array, size: number): DataView | undefined {
  return payload.length < size ? undefined : new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** In host order. Octets behind the end count as 0; no view has to be made for it. */
function u16At(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

function u32At(bytes: Uint8Array, at: number): number {
  return (u16At(bytes, at) | (u16At(bytes, at + 2) << 16)) >>> 0;
}
