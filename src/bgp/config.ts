import type { Cidr, IpAddress } from "../lib/index.ts";

export type Family = "ipv4-unicast" | "ipv6-unicast";

export const allFamilies: readonly Family[] = ["ipv4-unicast", "ipv6-unicast"];

export type NextHopMode = "auto" | "self" | "keep";

/**
 * Where a session comes from: the mesh of nodes, a BGPPeer that selects this node, one for all nodes, a workload of this
 * node, or a range of addresses from which neighbours are taken as they come.
 */
export type PeerType = "nodeMesh" | "nodePeer" | "globalPeer" | "workload" | "dynamic";

/** What a peer may be and how it is spoken to, wherever its address comes from. */
export type SessionConfig = {
  readonly type: PeerType;
  readonly port: number;
  /** Address to connect from; also the only one at which this peer's connections are taken. */
  readonly localAddress?: IpAddress;
  /** The peer's AS number, or that it must be ours (`internal`) or any other (`external`). */
  readonly asNumber: number | "internal" | "external";
  /** Our AS number as this peer sees it, when it is not the speaker's (RFC 7705). */
  readonly localAs?: number;
  /** How many times our own AS number may stand in a path from this peer. 0 when absent. */
  readonly allowLocalAs?: number;
  /** Wait for the peer to connect. */
  readonly isPassive: boolean;
  readonly families: readonly Family[];
  readonly nextHopMode: NextHopMode;
  /** The peer is a client of ours as route reflector, in this cluster (RFC 4456). Internal peers only. */
  readonly reflectorCluster?: IpAddress;
  /** For TCP's MD5 signatures (RFC 2385): 1 to 80 octets; may change under a session. Never in a log, a status or a recording. */
  readonly password?: string;
  /** Accept only packets that crossed at most this many hops, 1 to 255 (RFC 5082). */
  readonly ttlSecurityHops?: number;
  /** Proposed hold time: 0 (never) or 3 to 65,535. 90 when absent. */
  readonly holdTimeSeconds?: number;
  /** Of us, for this peer, when it is not the speaker's: 0 to 4,095 (RFC 4724). */
  readonly restartTimeSeconds?: number;
  /** How long routes of a peer that does not come back stay as a last resort: 0 to 16,777,215 (RFC 9494). 0 when absent. */
  readonly longLivedStaleSeconds?: number;
  /** Offer to tell, or to hear, several paths of a prefix (RFC 7911). Neither when absent. */
  readonly addPath?: {
    readonly canSend: boolean;
    readonly canReceive: boolean /** Paths told a prefix, best first: 1 to 255. */;
    readonly maxSent: number;
  };
  /** Offer IPv4 prefixes with IPv6 next hops (RFC 8950). */
  readonly hasExtendedNextHop?: boolean;
  /** More prefixes of one family than this end the session (RFC 4486), or are only told of in the log. */
  readonly maxPrefixes?: {
    readonly count: number;
    readonly action: "end" | "warn" /** Milliseconds until a new attempt after `end`; never when absent. */;
    readonly retryMs?: number;
  };
  readonly importPolicy?: RoutePolicy;
  readonly exportPolicy?: RoutePolicy;
  /** `exportPolicy` alone says which learned routes are passed on, whatever the speaker's `exportWithin`. */
  readonly isExportFree?: boolean;
  /** Fast failure detection (RFC 5880). */
  readonly bfd?: BfdConfig;
};

export type PeerConfig = SessionConfig & {
  /** Unique among the peers; stays the same while the session is meant to be the same one. */
  readonly name: string;
  readonly address: IpAddress;
  /** The link on which a link-local address means the peer. */
  readonly linkName?: string;
  /** Why there must be no session for now: the peer is known and shown, and neither called nor heard. */
  readonly withheld?: string;
};

/**
 * Peers that need not be named one by one: whoever connects from inside is one. They are waited for, not called, but for
 * two cases, both not with `session.isPassive`. On a link of point to point that has nothing but link-local addresses the
 * neighbour is looked for, by its router advertisements, and called. And a peer that was lost without a word is called for
 * as long as it may keep our routes, since some (FRR) wait for that.
 */
export type PeerRange = {
  /** Unique among the ranges; a peer is called `NAME/ADDRESS`. */
  readonly name: string;
  readonly prefix: Cidr;
  /** Only on this link; needed for link-local prefixes. */
  readonly linkName?: string;
  readonly session: SessionConfig;
  /** Who was there when the run before ended, a short while ago; looked at with the first configuration only. */
  readonly expected?: readonly { readonly address: IpAddress; readonly linkName?: string }[];
  /** At most so many at a time. */
  readonly maxPeers: number;
};

export type BfdConfig = {
  /** Milliseconds: 10 to 60,000. */
  readonly minTxMs: number;
  readonly minRxMs: number;
  /** Packets lost in a row that mean a failure: 1 to 255. */
  readonly multiplier: number;
  /** Across routers (RFC 5883), UDP port 4784. */
  readonly isMultihop: boolean;
};

/** Rules in order; the first that matches and says `accept` or `reject` decides, `next` only changes the route. */
export type RoutePolicy = {
  /** Named in `explain` output. */
  readonly name: string;
  readonly rules: readonly RouteRule[];
  readonly otherwise: "accept" | "reject";
};

export type RouteRule = {
  readonly match: RouteMatch;
  readonly action: "accept" | "reject" | "next";
  readonly set?: RouteSet;
};

export type PrefixRange = { readonly prefix: Cidr; readonly minLength: number; readonly maxLength: number };

/** All that is named must hold; an empty match holds always. */
export type RouteMatch = {
  readonly family?: Family;
  /** Inside the prefix and of a length within the bounds, both included. */
  readonly prefixes?: readonly PrefixRange[];
  /** In none of these. */
  readonly notPrefixes?: readonly PrefixRange[];
  /** The local preference, 100 where there is none. */
  readonly localPref?: number;
  readonly isOwn?: boolean;
  /** All of them are there. */
  readonly communities?: readonly number[];
  readonly largeCommunities?: readonly LargeCommunity[];
  /** The AS path begins with these. */
  readonly asPathPrefix?: readonly number[];
  /** Learned from peers of these types. */
  readonly peerTypes?: readonly PeerType[];
  readonly isFromInternal?: boolean;
};

export type RouteSet = {
  readonly localPref?: number;
  readonly med?: number;
  readonly addCommunities?: readonly number[];
  readonly removeCommunities?: readonly number[];
  readonly addLargeCommunities?: readonly LargeCommunity[];
  readonly removeLargeCommunities?: readonly LargeCommunity[];
  /** Put before the path, left-most first. */
  readonly prepend?: readonly number[];
};

export type SpeakerConfig = {
  readonly localAs: number;
  /** An IPv4 address other than 0.0.0.0. */
  readonly routerId: IpAddress;
  readonly listenPort: number;
  /** Only at these addresses; at all when absent. */
  readonly listenAddresses?: readonly IpAddress[];
  /** How long peers keep our routes while we restart: 0 to 4,095 (RFC 4724). */
  readonly restartTimeSeconds: number;
  /** Routes learned from peers are passed on only inside these prefixes. Own ones, and those of workloads, are not looked at. */
  readonly exportWithin: readonly Cidr[] | "all";
  /** Own addresses, for a family that is carried over a session of the other IP version. */
  readonly nextHop4?: IpAddress;
  readonly nextHop6?: IpAddress;
  /** External peers without an import policy are not heard, those without an export policy not told (RFC 8212). */
  readonly isPolicyRequired?: boolean;
  /** Next hops count only when the routing table of the host has a way to them: see `trackNextHops` in steps.ts. */
  readonly hasNextHopTracking?: boolean;
  readonly peers: readonly PeerConfig[];
  readonly ranges?: readonly PeerRange[];
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
  /** The link that the peer is on, where one is configured: a link-local next hop means something only there. */
  readonly linkName?: string;
  readonly isInternal: boolean;
  /** Left-most first; the members of a set stand in one element, as `{1 2}`. */
  readonly asPath: readonly (number | string)[];
  readonly localPref?: number;
  readonly med?: number;
  readonly communities: readonly number[];
};

/** The paths to forward by now. None: the prefix is not reachable by BGP. Several: ECMP, the best one first. */
export type RouteUpdate = { readonly prefix: Cidr; readonly paths: readonly BestPath[] };

/** Which rows of the table are asked for; all of them when nothing is said. */
export type RouteQuery = { readonly family?: Family; readonly prefix?: Cidr };

/** What set one path apart from the rest, in the order of RFC 4271 section 9.1.2. */
export type DecidingStep =
  | "onlyPath"
  /** The next hop cannot be reached: the path is no candidate. */
  | "reachability"
  /** A stale path of last resort loses against every other (RFC 9494). */
  | "staleness"
  | "localPref"
  | "locallyOriginated"
  | "asPathLength"
  | "origin"
  | "med"
  | "externalOverInternal"
  | "igpCost"
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
  /** The path identifier of a peer that tells several paths (RFC 7911). */
  readonly pathId?: number;
  readonly origin?: "igp" | "egp" | "incomplete";
  /** Of a route that was reflected: who told it first, and the clusters that it passed, the last one first (RFC 4456). */
  readonly originatorId?: IpAddress;
  readonly clusterList?: readonly IpAddress[];
  readonly largeCommunities?: readonly LargeCommunity[];
  /** What the host's way to the next hop costs, where next hops are tracked. */
  readonly igpCost?: number;
  readonly isBest: boolean;
  /** Forwarded by: the best path and its equals. */
  readonly isUsed: boolean;
  /** The step at which it lost against the best path; absent on the best one. */
  readonly lostAt?: DecidingStep;
  /** Why it is no candidate though the peer told it: the import policy's name or the rule of the RFCs. */
  readonly refusal?: string;
};

export type PeerState = "idle" | "connect" | "active" | "openSent" | "openConfirm" | "established";

export type PeerStatus = {
  readonly name: string;
  readonly address: IpAddress;
  readonly port: number;
  readonly type: PeerType;
  /** The peer's once it has said it, else what is configured; 0 while that is open. */
  readonly asNumber: number;
  readonly state: PeerState;
  /** When the state was entered, in milliseconds of the clock that drives the speaker. */
  readonly since: number;
  /** Milliseconds since the session was established; 0 when it is not. */
  readonly uptimeMs: number;
  /** What both ends speak once established, else what is configured. */
  readonly families: readonly Family[];
  /** Those that were refused, too. */
  readonly prefixesReceived: number;
  readonly prefixesSent: number;
  /** The session is down or fresh, and routes of before are still in use. */
  readonly isRestarting: boolean;
  /** As the peer said in its OPEN; absent before the first. */
  readonly routerId?: IpAddress;
  readonly localAddress?: IpAddress;
  readonly isReflectorClient: boolean;
  /** Agreed; 0 when not established or when neither end wants one. */
  readonly holdTimeMs: number;
  /** What both ends agreed on, by the names that people know, such as `add-path send ipv4-unicast`. */
  readonly capabilities: readonly string[];
  readonly messagesReceived: number;
  readonly messagesSent: number;
  /** Prefixes that came and that the import policy or a rule of the RFCs turned away. */
  readonly prefixesRefused: number;
  /** Absent when BFD is not asked for. */
  readonly bfd?: "up" | "down";
  /** Why the last session or attempt ended; empty when none has. Of a peer that is withheld: why it is. */
  readonly lastError: string;
  /** There is to be no session for now. */
  readonly isWithheld?: true;
  /** The NOTIFICATION that it ended with; absent when there was none, as when a connection is refused or lost. */
  readonly lastNotification?: { readonly code: number; readonly subcode: number; readonly isOurs: boolean };
};
