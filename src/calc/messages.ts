import type { PeerConfig } from "../bgp/index.ts";
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
  readonly ingress: readonly ActiveRule[];
  readonly egress: readonly ActiveRule[];
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

/** What this host may announce. */
export type AdvertSource = {
  /** Blocks whose affinity to this host is confirmed. */
  readonly blocks: readonly Cidr[];
  /** Pools whose addresses are announced, and those whose addresses are kept at home. */
  readonly exportedPools: readonly Cidr[];
  readonly unexportedPools: readonly Cidr[];
};

/** How this host's speaker is to be set up. */
export type BgpWanted = {
  readonly localAs: number;
  readonly routerId: IpAddress;
  readonly listenPort: number;
  /** Own addresses in the BGP topology. */
  readonly nextHop4?: IpAddress;
  readonly nextHop6?: IpAddress;
  /** Ordered by name. Empty while the own Node is missing. */
  readonly sessions: readonly SessionWanted[];
  readonly exportWithin: readonly Cidr[];
};

export type SessionWanted = PeerConfig;
