import { type Cidr, addressToBytes, cidrAddress, cidrFromBytes, cidrLength } from "../lib/index.ts";
import type { Family } from "./config.ts";

declare const prefixKeyBrand: unique symbol;

/**
 * A prefix as it stands on the wire, one character an octet: length in bits, then the octets that the length needs,
 * bits beyond it zero. The key of every table; text for people is made at the edges only. Of one family: the
 * same key means another prefix in the other.
 */
export type PrefixKey = string & { readonly [prefixKeyBrand]: "PrefixKey" };

export function cidrToKey(cidr: Cidr): PrefixKey {
  const bits = cidrLength(cidr);
  return keyAt(addressToBytes(cidrAddress(cidr)), 0, bits);
}

export function keyToCidr(key: PrefixKey, family: Family): Cidr {
  const octets = new Uint8Array(family === "ipv4-unicast" ? 4 : 16);
  for (let i = 1; i < key.length; i++) octets[i - 1] = key.charCodeAt(i);
  return cidrFromBytes(octets, key.charCodeAt(0));
}

/** Whether `inner` lies wholly in `outer`; both of one family. */
export function keyContains(outer: PrefixKey, inner: PrefixKey): boolean {
  const bits = outer.charCodeAt(0);
  if (inner.charCodeAt(0) < bits) return false;
  const whole = bits >> 3;
  for (let i = 1; i <= whole; i++) if (outer.charCodeAt(i) !== inner.charCodeAt(i)) return false;
  const mask = partMask(bits);
  return mask === 0 || ((outer.charCodeAt(whole + 1) ^ inner.charCodeAt(whole + 1)) & mask) === 0;
}

/** The prefix of that many bits whose octets, all of them there, stand at `at`. */
export function keyAt(bytes: Uint8Array, at: number, bits: number): PrefixKey {
  const last = at + ((bits + 7) >> 3) - 1;
  const mask = partMask(bits);
  const final = mask === 0 ? (bytes[last] ?? 0) : (bytes[last] ?? 0) & mask;
  const a = bytes[at] ?? 0;
  const b = bytes[at + 1] ?? 0;
  const c = bytes[at + 2] ?? 0;
  // One call for all characters is a third of the work of a concatenation, so the common lengths are spelled out.
  switch (last - at + 1) {
    case 0:
      return String.fromCharCode(bits) as PrefixKey;
    case 1:
      return String.fromCharCode(bits, final) as PrefixKey;
    case 2:
      return String.fromCharCode(bits, a, final) as PrefixKey;
    case 3:
      return String.fromCharCode(bits, a, b, final) as PrefixKey;
    case 4:
      return String.fromCharCode(bits, a, b, c, final) as PrefixKey;
    case 16:
      return longKey(bytes, at, bits, final) as PrefixKey;
  }
  let text = String.fromCharCode(bits, a, b, c, bytes[at + 3] ?? 0);
  for (let i = at + 4; i < last; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return (text + String.fromCharCode(final)) as PrefixKey;
}

function longKey(o: Uint8Array, at: number, bits: number, final: number): string {
  // biome-ignore format: a table
  return String.fromCharCode(
    bits, o[at] ?? 0, o[at + 1] ?? 0, o[at + 2] ?? 0, o[at + 3] ?? 0, o[at + 4] ?? 0, o[at + 5] ?? 0, o[at + 6] ?? 0,
    o[at + 7] ?? 0, o[at + 8] ?? 0, o[at + 9] ?? 0, o[at + 10] ?? 0, o[at + 11] ?? 0, o[at + 12] ?? 0, o[at + 13] ?? 0,
    o[at + 14] ?? 0, final,
  );
}

/** Of the last octet of a length that is no multiple of 8, the bits that count; 0 when all do. */
function partMask(bits: number): number {
  return (bits & 7) === 0 ? 0 : (0xff00 >> (bits & 7)) & 0xff;
}

declare const pathKeyBrand: unique symbol;

/** A prefix with the path identifier before it, if there is one (RFC 7911): the key of what one peer told. */
export type PathKey = string & { readonly [pathKeyBrand]: "PathKey" };

export function makePathKey(key: PrefixKey, pathId: number | undefined): PathKey {
  const text = pathId === undefined ? key : String.fromCharCode(pathId >>> 16, pathId & 0xffff) + key;
  return text as string as PathKey;
}

/** The prefix of a key that was made with an identifier, or without one. */
export function prefixOfPathKey(key: PathKey, hasPathId: boolean): PrefixKey {
  return (hasPathId ? key.slice(2) : key) as string as PrefixKey;
}
