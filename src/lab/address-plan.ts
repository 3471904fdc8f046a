import {
  type Cidr,
  type IpAddress,
  type IpVersion,
  addressFromBigInt,
  addressToBigInt,
  assert,
  makeCidr,
  parseAddress,
} from "../lib/index.ts";

/** A host has a number, from 1; all its addresses follow from it, so that other hosts coming and going change nothing. */
export const maxHosts = 2000;
export const maxSpines = 16;

export const spineAsNumber = 65_000;
/** Private AS numbers of four octets (RFC 6996). */
const firstHostAsNumber = 4_200_000_000;

/** Room for 2,048 links of two addresses. */
const linksLength = { 4: 20, 6: 64 } as const;
const hostsLength = { 4: 16, 6: 64 } as const;
const firstAddress = {
  hosts: { 4: address("172.30.0.0"), 6: address("fd00:30::") },
  links: { 4: address("172.31.0.0"), 6: address("fd00:31::") },
} as const;

/** What all addresses of hosts are taken from. */
export const hostsPrefixes: readonly [Cidr, Cidr] = [
  makeCidr(firstAddress.hosts[4], hostsLength[4]),
  makeCidr(firstAddress.hosts[6], hostsLength[6]),
];

/** What no pool may overlap: addresses of hosts and of the fabric. */
export const ownPrefixes: readonly Cidr[] = [
  makeCidr(firstAddress.hosts[4], hostsLength[4]),
  makeCidr(firstAddress.hosts[6], 32),
  makeCidr(firstAddress.links[4], 16),
  makeCidr(firstAddress.links[6], 32),
];

/** An address and the length of the subnet it sits in. */
type SubnetAddress = { readonly address: IpAddress; readonly length: number };

/** A pair, one of each IP version. */
export type DualAddress = readonly [SubnetAddress, SubnetAddress];

/** Keeps the numbers of hosts that are there and gives the lowest free ones to new hosts, in their order. */
export function numberHosts(names: readonly string[], present: ReadonlyMap<string, number>): Map<string, number> {
  const numbers = new Map<string, number>();
  const taken = new Set<number>();
  for (const name of names) {
    const number = present.get(name);
    if (number !== undefined) taken.add(number);
  }
  let next = 1;
  for (const name of names) {
    let number = present.get(name);
    if (number === undefined) {
      while (taken.has(next)) next++;
      number = next;
      taken.add(number);
    }
    numbers.set(name, number);
  }
  return numbers;
}

/** Where BGP peers and people find the host: 172.30.0.N/16 and fd00:30::N/64 on a segment, /32 and /128 on `lo` otherwise. */
export function hostAddresses(number: number, isOnSegment: boolean): DualAddress {
  return bothVersions((version) => ({
    address: offset(firstAddress.hosts[version], BigInt(number)),
    length: isOnSegment ? hostsLength[version] : version === 4 ? 32 : 128,
  }));
}

export function hostAsNumber(number: number): number {
  return firstHostAsNumber + number;
}

/** What a spine's links take their addresses from: 172.31.0.0/20 and fd00:31:0:1::/64 for the first spine. */
export function spinePrefixes(spine: number): readonly [Cidr, Cidr] {
  return [makeCidr(linkBase(spine, 4), linksLength[4]), makeCidr(linkBase(spine, 6), linksLength[6])];
}

/** The spine's own address: the second of its prefix, since no host has number 0. */
export function spineAddresses(spine: number): DualAddress {
  return bothVersions((version) => ({
    address: offset(linkBase(spine, version), 1n),
    length: version === 4 ? 32 : 128,
  }));
}

/** Both ends of the link between a host and a spine: a /31 (RFC 3021) and a /127 (RFC 6164), the spine's address is the even one. */
export function linkAddresses(
  host: number,
  spine: number,
): { readonly host: DualAddress; readonly spine: DualAddress } {
  const end = (odd: bigint) =>
    bothVersions((version) => ({
      address: offset(linkBase(spine, version), 2n * BigInt(host) + odd),
      length: version === 4 ? 31 : 127,
    }));
  return { host: end(1n), spine: end(0n) };
}

/** Locally administered, and the same in every run, so that captures can be compared. */
export function linkMac(host: number, spine: number, end: "host" | "fabric"): string {
  const octets = [0x02, 0x30, spine, end === "host" ? 1 : 2, host >> 8, host & 0xff];
  return octets.map((octet) => octet.toString(16).padStart(2, "0")).join(":");
}

/** Spines count from 1. */
function linkBase(spine: number, version: IpVersion): IpAddress {
  return version === 4
    ? offset(firstAddress.links[4], BigInt(spine - 1) << 12n)
    : offset(firstAddress.links[6], BigInt(spine) << 64n);
}

function bothVersions(make: (version: IpVersion) => SubnetAddress): DualAddress {
  return [make(4), make(6)];
}

function offset(base: IpAddress, by: bigint): IpAddress {
  return addressFromBigInt(addressToBigInt(base) + by, base.includes(":") ? 6 : 4);
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  assert(parsed !== undefined, `${text} is no address`);
  return parsed;
}
