/*
 * Distinguished Encoding Rules (ITU-T X.690), the writing half, as far as certificates need it. Each function gives the octets
 * of one complete element.
 */

export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = contents.reduce((sum, { length }) => sum + length, 0);
  const head = [tag, ...lengthOctets(length)];
  const whole = new Uint8Array(head.length + length);
  whole.set(head);
  let at = head.length;
  for (const content of contents) {
    whole.set(content, at);
    at += content.length;
  }
  return whole;
}

export function sequence(...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return element(0x30, ...contents);
}

export function set(...contents: readonly Uint8Array[]): Uint8Array {
  return element(0x31, ...contents);
}

/** A constructed element with a tag of its own, as `[0] EXPLICIT`. */
export function tagged(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  return element(0xa0 | tag, ...contents);
}

/** Non-negative, from big-endian octets. */
export function integer(octets: Uint8Array): Uint8Array {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const digits = octets.subarray(start);
  // A first bit that is set would make it negative.
  return (digits[0] ?? 0) >= 0x80 ? element(0x02, Uint8Array.of(0), digits) : element(0x02, digits);
}

export function smallInteger(value: number): Uint8Array {
  return integer(Uint8Array.of(value));
}

export function boolean(value: boolean): Uint8Array {
  return element(0x01, Uint8Array.of(value ? 0xff : 0));
}

/** Whole octets. */
export function bitString(octets: Uint8Array): Uint8Array {
  return element(0x03, Uint8Array.of(0), octets);
}

/** Named bits, the first of which is bit 0; fewer than nine. */
export function flags(...bits: readonly number[]): Uint8Array {
  const value = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0);
  return element(0x03, Uint8Array.of(7 - Math.max(...bits), value));
}

export function octetString(...contents: readonly Uint8Array[]): Uint8Array {
  return element(0x04, ...contents);
}

export function utf8String(text: string): Uint8Array {
  return element(0x0c, new TextEncoder().encode(text));
}

/** Dotted: `2.5.4.3`. */
export function objectIdentifier(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return element(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** UTCTime up to 2049, GeneralizedTime from then on (RFC 5280, section 4.1.2.5). Whole seconds. */
export function time(ms: number): Uint8Array {
  const digits = Temporal.Instant.fromEpochMilliseconds(Math.floor(ms / 1000) * 1000)
    .toString()
    .replaceAll(/[-:T]/g, "");
  const isShort = Number(digits.slice(0, 4)) < 2050;
  return element(isShort ? 0x17 : 0x18, new TextEncoder().encode(isShort ? digits.slice(2) : digits));
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}

function base128(value: number): number[] {
  const octets = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) octets.unshift(0x80 | (rest % 128));
  return octets;
}
