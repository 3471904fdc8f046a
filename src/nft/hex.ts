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
  return step(value, "f", 1);
}

/** The value before, of the same width; undefined before zero. */
export function previousHex(value: Hex): Hex | undefined {
  return step(value, "0", -1);
}

/** Digits at the end that go over to the other end of their range, and the one before them that takes the difference. */
function step(value: Hex, over: "0" | "f", difference: 1 | -1): Hex | undefined {
  let at = value.length - 1;
  while (at >= 0 && value[at] === over) at--;
  if (at < 0) return undefined;
  const digit = (Number.parseInt(value.charAt(at), 16) + difference).toString(16);
  return `${value.slice(0, at)}${digit}${(over === "f" ? "0" : "f").repeat(value.length - 1 - at)}`;
}

/** The interface name behind interfaceKey's key. */
export function interfaceOfKey(key: Hex): string {
  return new TextDecoder().decode(Uint8Array.fromHex(key)).replace(/\0+$/, "");
}
