import { assert } from "../lib/index.ts";
import type { Hex } from "./expression.ts";

/** IFNAMSIZ: a name and at least one NUL. */
const interfaceNameOctets = 16;

export function networkOrder(value: number, octets: number): Hex {
  return value.toString(16).padStart(octets * 2, "0");
}

/** 32 bits as the kernel has them in memory; little endian, as every machine we run on. */
export function hostOrder(value: number): Hex {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes.toHex();
}

/** An interface name as the kernel compares it: 16 octets, NUL-filled. */
export function interfaceKey(name: string): Hex {
  const bytes = new Uint8Array(interfaceNameOctets);
  const encoded = new TextEncoder().encode(name);
  assert(encoded.length > 0 && encoded.length < interfaceNameOctets, `"${name}" is no interface name`);
  bytes.set(encoded);
  return bytes.toHex();
}

/** The next value of the same width; undefined behind the last one. */
export function nextHex(value: Hex): Hex | undefined {
  return addHex(value, 1n);
}

/** The value before, of the same width; undefined before zero. */
export function previousHex(value: Hex): Hex | undefined {
  return addHex(value, -1n);
}

function addHex(value: Hex, difference: bigint): Hex | undefined {
  const sum = BigInt(`0x${value}`) + difference;
  if (sum < 0n) return undefined;
  const text = sum.toString(16).padStart(value.length, "0");
  return text.length > value.length ? undefined : text;
}
