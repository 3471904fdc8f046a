import type { PeerConfig, RoutePolicy } from "../bgp/index.ts";
import type { Cidr, IpAddress, IpVersion } from "../lib/index.ts";
import type { RuleAction } from "../resources/index.ts";

/**
 * What this host has to know, as differences from what was told before. Every message names a whole object, or the
 * members that come and go of a set, and may be applied twice. A batch is in such an order that what an object refers to
 * is there: sets, policies, profiles, endpoints, routing; removals the other way round.
 */
export type CalcMessage =
  /** The set is new or starts anew: these are all its members. */
  | { readonly type: "setUpdate"; readonly id: string; readonly members: SetMembers }
  | { readonly type: "setChange"; readonly id: string; readonly added: SetMembers; readonly removed: SetMembers }
  | { readonly type: "setRemove"; readonly id: string }
  | { readonly type: "policyUpdate"; readonly policy: ActivePolicy }
  | { readonly type: "policyRemove"; readonly id: string }
  | { readonly type: "profileUpdate"; readonly profile: ActiveProfile }
  | { readonly type: "profileRemove"; readonly id: string }
  | { readonly type: "endpointUpdate"; readonly endpoint: LocalEndpoint }
  | { readonly type: "endpointRemove"; readonly id: string }
  | { readonly type: "hostEndpointUpdate"; readonly endpoint: LocalHostEndpoint }
  | { readonly type: "hostEndpointRemove"; readonly id: string }
  | ({ readonly type: "settingsUpdate" } & HostSettings)
  | ({ readonly type: "natUpdate" } & NatSource)
  | ({ readonly type: "advertUpdate" } & AdvertSource)
  | ({ readonly type: "bgpUpdate" } & BgpWanted);

export type SetMembers =
  /** Both versions mixed; prefixes may lie within each other. */
  | { readonly type: "nets"; readonly nets: readonly Cidr[] }
  | { readonly type: "ports"; readonly ports: readonly PortMember[] };

/** Somebody who listens: address, IP protocol number and port. */
export type PortMember = { readonly address: IpAddress; readonly protocol: number; readonly port: number };

export type Direction = "ingress" | "egress";

/** A policy that applies to an endpoint of this host. */
export type ActivePolicy = {
  /** The key of the resource: `NetworkPolicy/shop/database`. */
  readonly id: string;
  /** Empty for a profile. */
  readonly tier: string;
  readonly ingress: readonly ActiveRule[];
  readonly egress: readonly ActiveRule[];
  /** Established connections of its endpoints that the rules come to forbid are ended. */
  readonly cutsFlows?: true;
};

/** A profile that an endpoint of this host lists. Its id is its name; a name without a profile has no message. */
export type ActiveProfile = ActivePolicy;

/** A rule with every selector turned into the id of a set. Everything that is present must hold. */
export type ActiveRule = {
  readonly action: RuleAction;
  readonly ipVersion?: IpVersion;
  /** IP protocol number. */
  readonly protocol?: number;
  readonly notProtocol?: number;
  readonly icmp?: ActiveIcmp;
  readonly notIcmp?: ActiveIcmp;
  readonly source: ActiveEntity;
  readonly destination: ActiveEntity;
};

/** ICMP or ICMPv6, whichever goes with the packet's version; without type any of them. */
export type ActiveIcmp = { readonly type?: number; readonly code?: number };

/** One end of a packet. Absent members place no condition. */
export type ActiveEntity = {
  /** Inside one of these; as the user wrote them, versions unfiltered. */
  readonly nets?: readonly Cidr[];
  /** Inside none of these. */
  readonly notNets?: readonly Cidr[];
  /** The address is in this set of nets. */
  readonly inSet?: string;
  /** The address is not in this set of nets. */
  readonly notInSet?: string;
  readonly ports?: PortMatches;
  readonly notPorts?: PortMatches;
};

/** Alternatives. */
export type PortMatches = {
  readonly ranges: readonly PortRange[];
  /** Address, protocol and port are in one of these sets of ports, which hold no address outside `inSet`. */
  readonly inSets: readonly string[];
};

/** Both ends belong to it. */
export type PortRange = { readonly first: number; readonly last: number };

/** A workload endpoint of this host. */
export type LocalEndpoint = {
  /** The key of the resource: `WorkloadEndpoint/shop/host--1-...`. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly interfaceName: string;
  readonly mac?: string;
  /** Without repeats, in the order of the resource. */
  readonly addresses: readonly IpAddress[];
  /** Sources that the workload may use beside its own. */
  readonly spoofable: readonly Cidr[];
  /** In the order of evaluation; only those with a policy that applies. */
  readonly tiers: readonly EndpointTier[];
  /** In the order of evaluation; some may name no profile. */
  readonly profileIds: readonly string[];
};

export type EndpointTier = {
  readonly name: string;
  /** For what no rule decided. It counts only in a direction that has policies. */
  readonly defaultAction: "Deny" | "Pass";
  /** Ids of policies in the order of evaluation. */
  readonly ingress: readonly string[];
  readonly egress: readonly string[];
};

/** An interface of this host, or all of them, as an end of its own (spec.interfaceName `*`). */
export type LocalHostEndpoint = {
  /** The key of the resource: `HostEndpoint//host-1-eth0`. */
  readonly id: string;
  readonly name: string;
  /** `*`: every interface without a host endpoint of its own. Absent: found by its addresses. */
  readonly interfaceName?: string;
  /** Without repeats, in the order of the resource. */
  readonly addresses: readonly IpAddress[];
  /** For traffic that ends or begins in the host: policies without a special place. */
  readonly normal: readonly EndpointTier[];
  /** For traffic through the host: policies that ask for it. */
  readonly forward: readonly EndpointTier[];
  /** Before connection tracking, both directions; tiers pass what nothing decided. */
  readonly untracked: readonly EndpointTier[];
  /** Before any address translation, ingress only; tiers pass what nothing decided. */
  readonly preDnat: readonly EndpointTier[];
  /** For `normal`; in the order of evaluation; some may name no profile. */
  readonly profileIds: readonly string[];
};

/** What FelixConfiguration says for this host, defaults filled in, as far as it concerns packets. */
export type HostSettings = {
  /** What becomes of packets from a workload to its host that its egress rules allow. */
  readonly endpointToHostAction: "Drop" | "Accept" | "Return";
  readonly failsafeInbound: readonly FailsafePort[];
  readonly failsafeOutbound: readonly FailsafePort[];
  readonly denyAction: "Drop" | "Reject";
  /** Of Log rules; `%t` tier, `%k` kind, `%n` name, `%p` all of them. */
  readonly logPrefix: string;
  /** Lines of one rule. Absent: no limit. */
  readonly logLimit?: {
    readonly count: number;
    readonly per: "second" | "minute" | "hour" | "day";
    readonly burst: number;
  };
  /** Packets that belong to no connection are dropped. */
  readonly isInvalidDropped: boolean;
  /** Interfaces whose names begin so lead to workloads, beside those of our own prefix; unknown ones are closed. */
  readonly interfacePrefixes: readonly string[];
  /** Workloads may ask for sources that are not their own. */
  readonly canSpoof: boolean;
  readonly mayTunnelVxlan: boolean;
  readonly mayTunnelIpIp: boolean;
  /** Where the agent shows its metrics, and whether it is well; absent: nowhere. An empty host is every address. */
  readonly metricsAt?: { readonly host: string; readonly port: number };
  readonly healthAt?: { readonly host: string; readonly port: number };
};

/** Open whatever the policies say, so that nobody locks himself out. */
export type FailsafePort = {
  /** IP protocol number. */
  readonly protocol: number;
  readonly port: number;
  /** Only with this remote end. */
  readonly net?: Cidr;
};

/** What this host may announce. */
export type AdvertSource = {
  /** Blocks whose affinity to this host is confirmed. */
  readonly blocks: readonly Cidr[];
  /** Pools whose addresses are announced, and those whose addresses are kept at home. */
  readonly exportedPools: readonly Cidr[];
  readonly unexportedPools: readonly Cidr[];
};

/** Who leaves the cluster under the address of its host. */
export type NatSource = {
  /** Pools whose workloads do when they talk to what is in no pool. */
  readonly natPools: readonly Cidr[];
  /** All pools. */
  readonly pools: readonly Cidr[];
};

/** How this host's speaker is to be set up. */
export type BgpWanted = {
  readonly localAs: number;
  readonly routerId: IpAddress;
  readonly listenPort: number;
  /** At all when absent. */
  readonly listenAddresses?: readonly IpAddress[];
  /** Own addresses in the BGP topology. */
  readonly nextHop4?: IpAddress;
  readonly nextHop6?: IpAddress;
  /** Ordered by name. Empty while the own Node is missing. */
  readonly sessions: readonly SessionWanted[];
  readonly exportWithin: readonly Cidr[];
};

export type SessionWanted = PeerConfig & {
  /** The peer is to be reached by way of this neighbour, whatever else the host's routes say. */
  readonly reachableBy?: IpAddress;
  /** Names of the BGPFilters that have rules for the IP version of the session, in order. */
  readonly importFilters: readonly string[];
  readonly exportFilters: readonly string[];
};

/** What filters make of a session; `problem`: it must not be without something that they ask for. */
export type SessionFilters = {
  readonly importPolicy?: RoutePolicy;
  readonly exportPolicy?: RoutePolicy;
  readonly isExportFree?: true;
  readonly problem?: string;
};
