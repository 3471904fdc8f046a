import {
  type Family,
  type OriginatedRoute,
  type PeerConfig,
  type SpeakerConfig,
  allFamilies,
} from "../../src/bgp/index.ts";
import { type Cidr, type IpAddress, parseAddress, parseCidr } from "../../src/lib/index.ts";
import type { Neighbor, RouterConfig, Told } from "./routers/index.ts";

// Addresses, prefixes and configurations of both sides, made out of each other so that they fit.

export function address(text: string): IpAddress {
  const found = parseAddress(text);
  if (found === undefined) throw new Error(`${text} is no address`);
  return found;
}

export function cidr(text: string): Cidr {
  const found = parseCidr(text);
  if (found === undefined) throw new Error(`${text} is no prefix`);
  return found;
}

/** The end of a wire: host 1 is its left end, 2 its right one. */
export type WireEnd = { readonly wire: number; readonly host: 1 | 2 };

export function wireAddress({ wire, host }: WireEnd, family: Family): IpAddress {
  return address(family === "ipv4-unicast" ? `10.9.${wire}.${host}` : `fd00:9:${wire}::${host}`);
}

/** The prefixes that scenarios tell: the first of owner 7 is 10.7.1.0/26 and fd00:7:1::/122. */
export function prefixOf(owner: number, at: number, family: Family): Cidr {
  return cidr(family === "ipv4-unicast" ? `10.${owner}.${at}.0/26` : `fd00:${owner}:${at}::/122`);
}

/** A prefix of one address: number `at` of the owner. */
export function hostPrefix(owner: number, at: number, family: Family): Cidr {
  return cidr(
    family === "ipv4-unicast" ? `10.${owner}.${at >> 8}.${at & 255}/32` : `fd00:${owner}::${(at + 1).toString(16)}/128`,
  );
}

export const ourOwner = 77;
export const theirOwner = 88;
export const sourceOwner = 66;

export const internalAs = 64_512;
export const externalAs = 4_200_000_001;

export const ourRouterId = address("10.255.0.1");
export const theirRouterId = address("10.255.0.2");
export const otherRouterId = address("10.255.0.3");

/** Of the session whose transport, and by default whose routes, are of this family; both ends call it so. */
export function sessionName(family: Family): "v4" | "v6" {
  return family === "ipv4-unicast" ? "v4" : "v6";
}

export function ourRoute(family: Family): OriginatedRoute {
  return { prefix: prefixOf(ourOwner, 1, family), localPref: 100 };
}

export function theirRoute(family: Family, end: WireEnd = theirEnd): Told {
  return { prefix: prefixOf(theirOwner, 1, family), nextHop: wireAddress(end, family) };
}

/** `count` routes of the peer's own. */
export function manyOfTheirs(count: number, family: Family, end: WireEnd = theirEnd): Told[] {
  const nextHop = wireAddress(end, family);
  return Array.from({ length: count }, (_, at) => ({ prefix: hostPrefix(theirOwner, at, family), nextHop }));
}

export function manyOfOurs(count: number, family: Family, owner: number = ourOwner): OriginatedRoute[] {
  return Array.from({ length: count }, (_, at) => ({ prefix: hostPrefix(owner, at, family), localPref: 100 }));
}

export const ourEnd: WireEnd = { wire: 1, host: 1 };
export const theirEnd: WireEnd = { wire: 1, host: 2 };

/** Both sides of the sessions between two. */
export type Link = {
  readonly ourAs: number;
  readonly theirAs: number;
  readonly ourEnd: WireEnd;
  readonly theirEnd: WireEnd;
  /** One session over the IP version of this family, with both families, in place of one a family. */
  readonly onlyOver?: Family;
  /** Before the names of our sessions. */
  readonly prefix?: string;
};

export const firstLink: Link = { ourAs: internalAs, theirAs: internalAs, ourEnd, theirEnd };

function transportsOf({ onlyOver }: Link): readonly Family[] {
  return onlyOver === undefined ? allFamilies : [onlyOver];
}

function familiesOf({ onlyOver }: Link, transport: Family): readonly Family[] {
  return onlyOver === undefined ? [transport] : allFamilies;
}

export function peersOf(link: Link, more: Partial<PeerConfig> = {}): PeerConfig[] {
  return transportsOf(link).map((transport) => ({
    name: `${link.prefix ?? ""}${sessionName(transport)}`,
    type: "nodePeer",
    address: wireAddress(link.theirEnd, transport),
    localAddress: wireAddress(link.ourEnd, transport),
    port: 179,
    asNumber: link.theirAs,
    isPassive: false,
    families: familiesOf(link, transport),
    nextHopMode: "auto",
    ...more,
  }));
}

export function neighborsOf(link: Link, more: Partial<Neighbor> = {}): Neighbor[] {
  return transportsOf(link).map((transport) => ({
    name: `${link.prefix ?? ""}${sessionName(transport)}`,
    address: wireAddress(link.ourEnd, transport),
    localAddress: wireAddress(link.theirEnd, transport),
    nextHops: {
      "ipv4-unicast": wireAddress(link.theirEnd, "ipv4-unicast"),
      "ipv6-unicast": wireAddress(link.theirEnd, "ipv6-unicast"),
    },
    remoteAs: link.ourAs,
    families: familiesOf(link, transport),
    ...more,
  }));
}

export function speakerConfig(end: WireEnd, localAs: number, peers: readonly PeerConfig[]): SpeakerConfig {
  return {
    localAs,
    routerId: ourRouterId,
    listenPort: 179,
    restartTimeSeconds: 120,
    exportWithin: "all",
    nextHop4: wireAddress(end, "ipv4-unicast"),
    nextHop6: wireAddress(end, "ipv6-unicast"),
    peers,
  };
}

export function routerConfig(asNumber: number, neighbors: readonly Neighbor[], told: readonly Told[]): RouterConfig {
  return { asNumber, routerId: theirRouterId, neighbors, told };
}
