import type { Family } from "../../../src/bgp/index.ts";
import type { Place } from "../network.ts";

export const routerNames = ["bird", "frr", "gobgp", "exabgp"] as const;
export type RouterName = (typeof routerNames)[number];

/** A route that a router tells by itself. */
export type Told = {
  readonly prefix: string;
  /** Needed by those that do not put in their own address. */
  readonly nextHop: string;
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  readonly med?: number;
  readonly localPref?: number;
  /** Where a router can be made to claim them: these are for ExaBGP. */
  readonly asPath?: readonly number[];
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  readonly pathId?: number;
};

/** How a router is to speak with one neighbour. */
export type Neighbor = {
  /** A word. */
  readonly name: string;
  readonly address: string;
  readonly localAddress: string;
  /** The router's own address in each family, where a route needs one that the session does not have. */
  readonly nextHops: Readonly<Record<Family, string>>;
  /** Unnumbered: the neighbour is whoever is at the other end of this link. */
  readonly linkName?: string;
  readonly remoteAs: number;
  readonly families: readonly Family[];
  readonly isPassive?: boolean;
  readonly password?: string;
  /** Accept and send as RFC 5082 says, for a neighbour this many hops away. */
  readonly securityHops?: number;
  /** Hops to an external neighbour that is not next to it, without RFC 5082. */
  readonly multihop?: number;
  readonly restartSeconds?: number;
  readonly longLivedSeconds?: number;
  readonly addPath?: "send" | "receive" | "both";
  readonly isClient?: boolean;
  readonly maxPrefixes?: number;
  readonly allowOwnAs?: number;
  readonly hasExtendedNextHop?: boolean;
  readonly hasBfd?: boolean;
  readonly holdSeconds?: number;
  readonly isNextHopKept?: boolean;
};

export type RouterConfig = {
  readonly asNumber: number;
  readonly routerId: string;
  readonly neighbors: readonly Neighbor[];
  readonly told: readonly Told[];
  /** Pass on what was learned from other neighbours. */
  readonly isTransit?: boolean;
  readonly clusterId?: string;
};

/** A route as the router has it from a neighbour. */
export type Seen = {
  readonly prefix: string;
  readonly nextHop: string;
  /** Numbers with blanks between. */
  readonly asPath: string;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly localPref?: number;
  readonly med?: number;
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  readonly isStale: boolean;
};

/** A daemon in a namespace. What waits here waits for an answer of the daemon, never for a state of the network. */
export interface Router {
  readonly place: Place;
  /** Until it can be connected to. */
  start(config: RouterConfig, options?: { readonly isRestart?: boolean }): Promise<void>;
  /** The whole set of own routes. */
  tell(told: readonly Told[]): Promise<void>;
  isUp(neighbor: string): Promise<boolean>;
  /** What it has accepted from the neighbour. */
  seen(neighbor: string, family: Family): Promise<readonly Seen[]>;
  /** How many prefixes it has from the neighbour. */
  count(neighbor: string, family: Family): Promise<number>;
  askRefresh(neighbor: string, family: Family): Promise<void>;
  /** Ends the session by hand, with a reason where it can send one. */
  shutDown(neighbor: string, reason: string): Promise<void>;
  /** All that it says about the neighbour, and its log. */
  words(neighbor: string): Promise<string>;
  pause(): void;
  resume(): void;
  crash(): Promise<void>;
}

export function versionOf(family: Family): 4 | 6 {
  return family === "ipv4-unicast" ? 4 : 6;
}

export function isOfFamily(prefix: string, family: Family): boolean {
  return prefix.includes(":") === (family === "ipv6-unicast");
}
