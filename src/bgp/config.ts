import type { Cidr, IpAddress } from "../lib/index.ts";

export type Family = "ipv4-unicast" | "ipv6-unicast";

export const allFamilies: readonly Family[] = ["ipv4-unicast", "ipv6-unicast"];

export type NextHopMode = "auto" | "self" | "keep";

export type PeerConfig = {
  /** Unique among the peers; stays the same while the session is meant to be the same one. */
  readonly name: string;
  readonly type: "nodeMesh" | "nodePeer" | "globalPeer";
  readonly address: IpAddress;
  readonly port: number;
  /** Address to connect from; also the only one at which this peer's connections are taken. */
  readonly localAddress?: IpAddress;
  readonly asNumber: number;
  /** Wait for the peer to connect. */
  readonly isPassive: boolean;
  readonly families: readonly Family[];
  readonly nextHopMode: NextHopMode;
  /** Accept only packets that crossed at most this many hops (RFC 5082). */
  readonly ttlSecurityHops?: number;
  /** Proposed hold time: 0 (never) or 3 to 65,535. 90 when absent. */
  readonly holdTimeSeconds?: number;
};

export type SpeakerConfig = {
  readonly localAs: number;
  /** An IPv4 address other than 0.0.0.0. */
  readonly routerId: IpAddress;
  readonly listenPort: number;
  /** How long peers keep our routes while we restart: 0 to 4,095 (RFC 4724). */
  readonly restartTimeSeconds: number;
  /** Routes learned from peers are passed on only inside these prefixes. Own routes are not looked at. */
  readonly exportWithin: readonly Cidr[] | "all";
  /** Own addresses, for a family that is carried over a session of the other IP version. */
  readonly nextHop4?: IpAddress;
  readonly nextHop6?: IpAddress;
  readonly peers: readonly PeerConfig[];
};

/** A route of our own. The next hop is ours. */
export type OriginatedRoute = {
  readonly prefix: Cidr;
  /** 0 to 2^32-1; told to internal peers only. */
  readonly localPref: number;
  readonly med?: number;
  readonly communities?: readonly number[];
  readonly largeCommunities?: readonly LargeCommunity[];
};

export type LargeCommunity = readonly [global: number, first: number, second: number];

export type BestPath = {
  readonly nextHop: IpAddress;
  /** Of an IPv6 peer that told it beside its global one. */
  readonly linkLocalNextHop?: IpAddress;
  /** Address and name of the peer that the path came from. */
  readonly peer: IpAddress;
  readonly peerName: string;
  readonly isInternal: boolean;
  /** Left-most first; the members of a set stand in one element, as `{1 2}`. */
  readonly asPath: readonly (number | string)[];
  readonly localPref?: number;
  readonly med?: number;
  readonly communities: readonly number[];
};

/** The paths to forward by now. None: the prefix is not reachable by BGP. Several: ECMP, the best one first. */
export type RouteUpdate = { readonly prefix: Cidr; readonly paths: readonly BestPath[] };

/** What set one path apart from the rest, in the order of RFC 4271 section 9.1.2. */
export type DecidingStep =
  | "onlyPath"
  | "localPref"
  | "locallyOriginated"
  | "asPathLength"
  | "origin"
  | "med"
  | "externalOverInternal"
  | "routerId"
  | "clusterListLength"
  | "peerAddress";

/** One prefix of the table with all its paths, for people. */
export type RibRow = {
  readonly prefix: Cidr;
  readonly decidedBy: DecidingStep;
  readonly paths: readonly RibPath[];
};

export type RibPath = Omit<BestPath, "nextHop" | "peer" | "peerName"> & {
  /** Absent on a route of our own. */
  readonly nextHop?: IpAddress;
  readonly peer?: IpAddress;
  readonly peerName?: string;
  /** The peer's session is down, or is fresh and has not told this path again yet (RFC 4724). */
  readonly isStale: boolean;
  readonly isBest: boolean;
  /** Forwarded by: the best path and its equals. */
  readonly isUsed: boolean;
  /** The step at which it lost against the best path; absent on the best one. */
  readonly lostAt?: DecidingStep;
};

export type PeerState = "idle" | "connect" | "active" | "openSent" | "openConfirm" | "established";

export type PeerStatus = {
  readonly name: string;
  readonly address: IpAddress;
  readonly port: number;
  readonly type: PeerConfig["type"];
  readonly asNumber: number;
  readonly state: PeerState;
  /** When the state was entered, in milliseconds of the clock that drives the speaker. */
  readonly since: number;
  /** Milliseconds since the session was established; 0 when it is not. */
  readonly uptimeMs: number;
  /** What both ends speak once established, else what is configured. */
  readonly families: readonly Family[];
  readonly prefixesReceived: number;
  readonly prefixesSent: number;
  /** The session is down or fresh, and routes of before are still in use. */
  readonly isRestarting: boolean;
  /** Why the last session or attempt ended; empty when none has. */
  readonly lastError: string;
};
