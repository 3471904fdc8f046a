import { type Cidr, addressToBytes, cidrAddress, cidrFromBytes, cidrLength } from "../lib/index.ts";
import type { Family } from "./config.ts";
import type { OctetReader } from "./octets.ts";

declare const prefixKeyBrand: unique symbol;

/**
 * A prefix as it stands on the wire, one character an octet: length in bits, then the octets that the length needs,
 * bits beyond it zero. The key of every table; text for people is made at the edges only. Of one family: the
 * same key means another prefix in the other.
 */
export type PrefixKey = string & { readonly [prefixKeyBrand]: "PrefixKey" };

/** Prefixes up to the end of the reader. Undefined when one is longer than the family allows or than its slice. */
export function readPrefixes(reader: OctetReader, family: Family): PrefixKey[] | undefined {
  const maxBits = family === "ipv4-unicast" ? 32 : 128;
  const keys: PrefixKey[] = [];
  while (reader.left > 0) {
    const bits = reader.u8();
    const octets = reader.take((bits + 7) >> 3);
    if (bits > maxBits || reader.isFailed) return undefined;
    keys.push(makeKey(bits, octets));
  }
  return keys;
}

export function cidrToKey(cidr: Cidr): PrefixKey {
  const bits = cidrLength(cidr);
  return makeKey(bits, addressToBytes(cidrAddress(cidr)).subarray(0, (bits + 7) >> 3));
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

function makeKey(bits: number, octets: Uint8Array): PrefixKey {
  const mask = partMask(bits);
  const last = octets.length - 1;
  let text = String.fromCharCode(bits);
  for (let i = 0; i <= last; i++) {
    const octet = octets[i] ?? 0;
    text += String.fromCharCode(i === last && mask !== 0 ? octet & mask : octet);
  }
  return text as PrefixKey;
}

/** Of the last octet of a length that is no multiple of 8, the bits that count; 0 when all do. */
function partMask(bits: number): number {
  return (bits & 7) === 0 ? 0 : (0xff00 >> (bits & 7)) & 0xff;
}
