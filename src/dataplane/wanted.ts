import type { OriginatedRoute } from "../bgp/index.ts";
import type { LinkAddress, Neighbour, NextHop, Route } from "../netlink/index.ts";
import type { Table } from "../nft/index.ts";

/** What the kernel of this host and its BGP speaker are to hold: all of it, not a difference. */
export type Wanted = {
  readonly table: Table;
  /** In the order in which they are to be written. */
  readonly sysctls: readonly Sysctl[];
  /** Links that are to be up. Others are left as they are. */
  readonly links: readonly WantedLink[];
  readonly addresses: readonly LinkAddress[];
  readonly neighbours: readonly Neighbour[];
  /** Single next hops stand before the groups made of them. */
  readonly nextHops: readonly NextHop[];
  readonly routes: readonly Route[];
  readonly adverts: readonly OriginatedRoute[];
};

/** All but what BGP has learned; `routes` are the host's own. */
export type LocalWanted = Omit<Wanted, "nextHops">;

export type WantedLink = { readonly index: number; readonly name: string; readonly isUp: true };

export type Sysctl = {
  /** Below /proc/sys, with slashes: the name of a link may have dots. */
  readonly path: string;
  readonly value: string;
  /** Some kernels lack it and do well without. */
  readonly isOptional?: true;
  /** Name of the link that it goes with. */
  readonly link?: string;
};

/** How far an endpoint has come, for people. */
export type EndpointStatus = {
  /** The key of the resource. */
  readonly id: string;
  readonly interfaceName: string;
  readonly state: /** Its interface carries packets under its rules. */
    | "up"
    /** The rules are in the kernel, the interface is not up yet. */
    | "down"
    /** The rules are not confirmed by the kernel yet. */
    | "closed"
    /** There is no such interface. */
    | "absent"
    /** Another endpoint of a lower key has the interface. */
    | "shadowed"
    /** It asks for sources that are not its own, and the settings do not allow that. */
    | "refused";
  /** Addresses that an endpoint on a newer interface has too, and gets. */
  readonly lostAddresses: readonly string[];
};
