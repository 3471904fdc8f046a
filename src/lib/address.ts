declare const addressBrand: unique symbol;

/** An IPv4 or IPv6 address in canonical text (dotted quad; RFC 5952). A v4-mapped IPv6 address counts as IPv4. */
export type IpAddress = string & { readonly [addressBrand]: "IpAddress" };

export type IpVersion = 4 | 6;

/** Bits in an address of each version. */
export const addressBits: Readonly<Record<IpVersion, 32 | 128>> = { 4: 32, 6: 128 };

/** Parses an address without zone or prefix length. Undefined when the text is no address. */
export function parseAddress(text: string): IpAddress | undefined {
  const bytes = parseAddressBytes(text);
  if (bytes === undefined) return undefined;
  // Of a dotted quad only the canonical form is accepted.
  return text.includes(":") ? formatAddress(bytes) : (text as IpAddress);
}

export function isAddress(text: string): text is IpAddress {
  return parseAddress(text) === text;
}

export function addressVersion(address: IpAddress): IpVersion {
  return textVersion(address);
}

/** Of a canonical address, or of what begins with one: its first four characters have a dot, or its first five a colon. */
export function textVersion(text: string): IpVersion {
  for (let at = 0; at < 5; at++) if (text.charCodeAt(at) === 58) return 6;
  return 4;
}

/** 4 or 16 octets in network order. */
export function addressToBytes(address: IpAddress): Uint8Array {
  const bytes = parseAddressBytes(address);
  if (bytes === undefined) throw new Error(`assertion failed: ${address} is no address`);
  return bytes;
}

/** From 4 or 16 octets in network order, as they are on the wire. */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length !== 4 && bytes.length !== 16) throw new Error("assertion failed: an address has 4 or 16 octets");
  return formatAddress(bytes);
}

/** Writes the 4 or 16 octets of the address that a text begins with: all of it, or what stands before a slash. */
export function writeAddress(text: string, into: Uint8Array, at: number): void {
  const slash = text.lastIndexOf("/");
  const end = slash === -1 ? text.length : slash;
  if (textVersion(text) === 4) writeIpv4(text, end, into, at);
  else writeIpv6(text, end, into, at);
}

export function addressToBigInt(address: IpAddress): bigint {
  let value = 0n;
  for (const byte of addressToBytes(address)) value = (value << 8n) | BigInt(byte);
  return value;
}

export function addressFromBigInt(value: bigint, version: IpVersion): IpAddress {
  const bytes = new Uint8Array(addressBits[version] / 8);
  let rest = value;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return formatAddress(bytes);
}

/** Orders by version (IPv4 first), then by value. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  return compareBytes(addressToBytes(a), addressToBytes(b));
}

/** Shorter arrays first, then octet by octet. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parseAddressBytes(text: string): Uint8Array | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text);
  return bytes !== undefined && isV4Mapped(bytes) ? bytes.slice(12) : bytes;
}

function isV4Mapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let octet = 0;
  let value = -1;
  let digits = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 46;
    if (code === 46) {
      if (value < 0 || octet > 3) return undefined;
      bytes[octet++] = value;
      value = -1;
      digits = 0;
      continue;
    }
    if (code < 48 || code > 57) return undefined;
    // A leading zero is refused: some readers take it for octal.
    if (digits > 0 && value === 0) return undefined;
    value = Math.max(value, 0) * 10 + (code - 48);
    digits++;
    if (value > 255) return undefined;
  }
  return octet === 4 ? bytes : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  let filled = 0;
  let gapAt = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gapAt = 0;
    at = 2;
  }
  while (at < text.length) {
    const start = at;
    let value = 0;
    for (let digit = hexDigit(text, at); digit >= 0; digit = hexDigit(text, ++at)) value = (value << 4) | digit;
    if (text[at] === ".") {
      const v4 = parseIpv4(text.slice(start));
      if (v4 === undefined || filled > 12) return undefined;
      bytes.set(v4, filled);
      filled += 4;
      break;
    }
    if (at === start || at - start > 4 || filled > 14) return undefined;
    bytes[filled++] = value >> 8;
    bytes[filled++] = value;
    if (at === text.length) break;
    if (text[at++] !== ":" || at === text.length) return undefined;
    if (text[at] !== ":") continue;
    if (gapAt !== -1) return undefined;
    gapAt = filled;
    at++;
  }
  if (gapAt === -1) return filled === 16 ? bytes : undefined;
  if (filled > 14) return undefined;
  bytes.copyWithin(16 - filled + gapAt, gapAt, filled);
  bytes.fill(0, gapAt, 16 - filled + gapAt);
  return bytes;
}

/** Canonical text, as all that is an IpAddress. */
function writeIpv4(text: string, end: number, into: Uint8Array, from: number): void {
  let at = from;
  let value = 0;
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      into[at++] = value;
      value = 0;
    } else value = value * 10 + (code - 48);
  }
  into[at] = value;
}

function writeIpv6(text: string, end: number, into: Uint8Array, from: number): void {
  let at = from;
  let gapAt = -1;
  let i = 0;
  if (text.charCodeAt(0) === 58) {
    gapAt = at;
    i = 2;
  }
  while (i < end) {
    let value = 0;
    for (let digit = hexDigit(text, i); i < end && digit >= 0; digit = hexDigit(text, ++i))
      value = (value << 4) | digit;
    into[at++] = value >> 8;
    into[at++] = value;
    // Behind a colon there is a group, or another colon for the gap.
    if (text.charCodeAt(++i) === 58 && i < end) {
      gapAt = at;
      i++;
    }
  }
  if (gapAt === -1) return;
  let to = from + 16;
  while (at > gapAt) into[--to] = into[--at] as number;
  while (to > gapAt) into[--to] = 0;
}

/** Value of the hexadecimal digit there; -1 when there is none. */
function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

function formatAddress(bytes: Uint8Array): IpAddress {
  const text = bytes.length === 4 ? `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` : formatIpv6(bytes);
  return text as IpAddress;
}

/** RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups shortened. */
function formatIpv6(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    if (end > i) i = end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (start === -1) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}
