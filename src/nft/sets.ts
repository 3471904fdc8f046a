import {
  type Cidr,
  type IpAddress,
  type IpVersion,
  addressToBytes,
  cidrAddress,
  cidrLength,
  cidrVersion,
} from "../lib/index.ts";
import type { SetShape } from "./change.ts";
import type { Hex, Verdict } from "./expression.ts";
import { interfaceKey, networkOrder } from "./hex.ts";
import { type Interval, mergeIntervals } from "./intervals.ts";
import type { KeyField, NftSet, SetElement } from "./table.ts";

const addressField: Readonly<Record<IpVersion, KeyField>> = { 4: "ipv4_addr", 6: "ipv6_addr" };

export type PortRange = { readonly low: number; readonly high: number };
export type AddressPort = { readonly address: IpAddress; readonly protocol: number; readonly port: number };

/** A set of single addresses of one version: found by hash. */
export function addressSet(name: string, version: IpVersion, addresses: Iterable<IpAddress>): NftSet {
  return keySet(
    name,
    [addressField[version]],
    mapUnique(addresses, (address) => addressToBytes(address).toHex()),
  );
}

/** A set of prefixes of one version; they may overlap. */
export function netSet(name: string, version: IpVersion, cidrs: Iterable<Cidr>): NftSet {
  return intervalSet(name, addressField[version], netElements(cidrs));
}

/** A set of ports and port ranges; they may overlap. */
export function portSet(name: string, ranges: Iterable<PortRange>): NftSet {
  const intervals = Array.from(ranges, ({ low, high }) => ({ key: networkOrder(low, 2), last: networkOrder(high, 2) }));
  return intervalSet(name, "inet_service", mergeIntervals(intervals));
}

/** A set of (address, protocol, port): named ports. */
export function addressPortSet(name: string, version: IpVersion, members: Iterable<AddressPort>): NftSet {
  return keySet(name, [addressField[version], "inet_proto", "inet_service"], mapUnique(members, addressPortKey));
}

/** The shape of addressSet's sets, for a LivingSet of addressElement's. */
export function addressShape(name: string, version: IpVersion): SetShape {
  return { name, keyType: [addressField[version]], isInterval: false, isVerdictMap: false };
}

/** The shape of netSet's sets. */
export function netShape(name: string, version: IpVersion): SetShape {
  return { name, keyType: [addressField[version]], isInterval: true, isVerdictMap: false };
}

/** The shape of addressPortSet's sets, for a LivingSet of addressPortElement's. */
export function addressPortShape(name: string, version: IpVersion): SetShape {
  const keyType = [addressField[version], "inet_proto", "inet_service"] as const;
  return { name, keyType, isInterval: false, isVerdictMap: false };
}

/** Interface name and address: for a LivingSet of interfaceAddressElement's, and sourceOfInterfaceIn. */
export function interfaceAddressShape(name: string, version: IpVersion): SetShape {
  return { name, keyType: ["ifname", addressField[version]], isInterval: false, isVerdictMap: false };
}

export function interfaceAddressElement(interfaceName: string, address: IpAddress): SetElement {
  return { key: `${interfaceKey(interfaceName)}${addressToBytes(address).toHex()}` };
}

export function addressElement(address: IpAddress): SetElement {
  return { key: addressToBytes(address).toHex() };
}

export function addressPortElement(member: AddressPort): SetElement {
  return { key: addressPortKey(member) };
}

/** A map from interface names to verdicts, for verdictMap. */
export function interfaceMap(name: string, entries: Iterable<readonly [name: string, verdict: Verdict]>): NftSet {
  const verdicts = new Map(Array.from(entries, ([link, verdict]) => [interfaceKey(link), verdict]));
  const elements = Array.from(verdicts, ([key, verdict]) => ({ key, verdict }));
  return { name, keyType: ["ifname"], isInterval: false, isVerdictMap: true, elements };
}

/** Prefixes of one version as elements of an interval set: sorted, merged where they overlap or touch. */
export function netElements(cidrs: Iterable<Cidr>): SetElement[] {
  return mergeIntervals(Array.from(cidrs, netInterval));
}

/** The first and the last address of a prefix. */
export function netInterval(cidr: Cidr): Interval {
  const bytes = addressToBytes(cidrAddress(cidr));
  const bits = cidrLength(cidr);
  const key = bytes.toHex();
  if (bits === (cidrVersion(cidr) === 4 ? 32 : 128)) return { key, last: key };
  const last = bytes.map((octet, i) => octet | (0xff >> Math.min(8, Math.max(0, bits - 8 * i))));
  return { key, last: last.toHex() };
}

/** Every field of a concatenation starts at a 4-octet border. */
function addressPortKey(member: AddressPort): Hex {
  return `${addressToBytes(member.address).toHex()}${networkOrder(member.protocol, 1)}000000${networkOrder(member.port, 2)}0000`;
}

function keySet(name: string, keyType: readonly KeyField[], keys: ReadonlySet<Hex>): NftSet {
  const elements = Array.from(keys, (key) => ({ key }));
  return { name, keyType, isInterval: false, isVerdictMap: false, elements };
}

function intervalSet(name: string, field: KeyField, elements: readonly SetElement[]): NftSet {
  return { name, keyType: [field], isInterval: true, isVerdictMap: false, elements };
}

function mapUnique<T>(values: Iterable<T>, toKey: (value: T) => Hex): Set<Hex> {
  const keys = new Set<Hex>();
  for (const value of values) keys.add(toKey(value));
  return keys;
}
