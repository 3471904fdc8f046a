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
  return address.includes(":") ? 6 : 4;
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
  const gap = text.indexOf("::");
  if (gap !== -1 && text.indexOf("::", gap + 1) !== -1) return undefined;
  const head = gap === -1 ? text : text.slice(0, gap);
  const tail = gap === -1 ? "" : text.slice(gap + 2);
  const left = parseGroups(head, gap === -1);
  const right = parseGroups(tail, true);
  if (left === undefined || right === undefined) return undefined;
  const missing = 16 - left.length - right.length;
  if (gap === -1 ? missing !== 0 : missing < 2) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(left, 0);
  bytes.set(right, 16 - right.length);
  return bytes;
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    if (group.includes(".")) {
      const v4 = i === groups.length - 1 && mayEndInIpv4 ? parseIpv4(group) : undefined;
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
      continue;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes.length <= 16 ? bytes : undefined;
}

function formatAddress(bytes: Uint8Array): IpAddress {
  const text = bytes.length === 4 ? bytes.join(".") : formatIpv6(bytes);
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
