import {
  type IpAddress,
  type IpVersion,
  addressBits,
  addressFromBytes,
  addressToBytes,
  addressVersion,
  compareBytes,
  parseAddress,
  textVersion,
} from "./address.ts";

declare const cidrBrand: unique symbol;

/** A prefix in canonical text: masked address, `/`, length. Good as a Map key. */
export type Cidr = string & { readonly [cidrBrand]: "Cidr" };

/** What a CIDR text may be (spec: resources, section 0.4). */
export type CidrRules = {
  /** A bare address counts as /32 or /128. */
  readonly bare?: boolean;
  /** Bits beyond the length may be set; they are masked away. */
  readonly hostBits?: boolean;
};

/** Undefined when the text is no CIDR under these rules. */
export function parseCidr(text: string, rules: CidrRules = {}): Cidr | undefined {
  const slash = text.indexOf("/");
  if (slash === -1) {
    const address = rules.bare === true ? parseAddress(text) : undefined;
    return address === undefined ? undefined : addressToCidr(address);
  }
  const address = parseAddress(text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9][0-9]{0,2})$/.test(lengthText)) return undefined;
  const bits = addressBits[addressVersion(address)];
  // ::ffff:a.b.c.d/len counts as the IPv4 prefix it stands for.
  const isMapped = text.slice(0, slash).includes(":") && bits === 32;
  const length = Number(lengthText) - (isMapped ? 96 : 0);
  if (length < 0 || length > bits) return undefined;
  // Most texts are what comes out: nothing has to be put together for them.
  if (bits === 32 && !isMapped && hasNoHostBits(address, length)) return text as Cidr;
  const cidr = makeCidr(address, length);
  if (rules.hostBits !== true && cidrAddress(cidr) !== address) return undefined;
  return cidr;
}

function hasNoHostBits(address: IpAddress, length: number): boolean {
  let value = 0;
  for (const octet of addressToBytes(address)) value = value * 256 + octet;
  return value % 2 ** (32 - length) === 0;
}

/** Masks the address to the length. */
export function makeCidr(address: IpAddress, length: number): Cidr {
  return cidrFromBytes(addressToBytes(address), length);
}

/** From 4 or 16 octets; bits beyond the length are masked away. */
export function cidrFromBytes(bytes: Uint8Array, length: number): Cidr {
  const masked = maskBytes(bytes, length);
  return `${addressFromBytes(masked)}/${length}` as Cidr;
}

export function addressToCidr(address: IpAddress): Cidr {
  return `${address}/${addressBits[addressVersion(address)]}` as Cidr;
}

export function cidrAddress(cidr: Cidr): IpAddress {
  return cidr.slice(0, cidr.indexOf("/")) as IpAddress;
}

export function cidrLength(cidr: Cidr): number {
  let length = 0;
  let scale = 1;
  for (let at = cidr.length - 1, code = cidr.charCodeAt(at); code !== 47; code = cidr.charCodeAt(--at)) {
    length += (code - 48) * scale;
    scale *= 10;
  }
  return length;
}

export function cidrVersion(cidr: Cidr): IpVersion {
  return textVersion(cidr);
}

/** A prefix of a single address. */
export function isHostCidr(cidr: Cidr): boolean {
  return cidrLength(cidr) === addressBits[cidrVersion(cidr)];
}

/** Whether `inner` (an address or a prefix) lies wholly in `outer`. False across versions. */
export function cidrContains(outer: Cidr, inner: Cidr | IpAddress): boolean {
  const innerCidr = inner.includes("/") ? (inner as Cidr) : addressToCidr(inner as IpAddress);
  if (cidrVersion(outer) !== cidrVersion(innerCidr)) return false;
  const length = cidrLength(outer);
  if (cidrLength(innerCidr) < length) return false;
  return makeCidr(cidrAddress(innerCidr), length) === outer;
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return cidrContains(a, b) || cidrContains(b, a);
}

/** IPv4 first, then by address, then shorter first. */
export function compareCidrs(a: Cidr, b: Cidr): number {
  const byAddress = compareBytes(addressToBytes(cidrAddress(a)), addressToBytes(cidrAddress(b)));
  return byAddress === 0 ? cidrLength(a) - cidrLength(b) : byAddress;
}

function maskBytes(bytes: Uint8Array, length: number): Uint8Array {
  if (length === bytes.length * 8) return bytes;
  const masked = new Uint8Array(bytes.length);
  const whole = length >> 3;
  masked.set(bytes.subarray(0, whole));
  const rest = length & 7;
  if (rest !== 0) masked[whole] = (bytes[whole] as number) & (0xff << (8 - rest));
  return masked;
}
