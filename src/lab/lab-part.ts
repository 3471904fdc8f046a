import type { Cidr, IpAddress } from "../lib/index.ts";
import { type Resource, keyOf } from "../resources/index.ts";
import type { DualAddress } from "./address-plan.ts";

/** A lab is a set of parts. Bringing a lab up, changing it and taking things from it is the difference of two sets. */
export type LabPart = NamespacePart | LinkPart | ProcessPart | ResourcePart | WorkloadPart;

export type NamespacePart = {
  readonly type: "namespace";
  /** Also its name in /run/netns. */
  readonly name: string;
  readonly role: "fabric" | "spine" | "server" | "host" | "workload";
  /** Addresses on `lo` besides the usual ones. */
  readonly loopback: readonly IpAddress[];
};

export type LinkPart = {
  readonly type: "link";
  readonly host: LinkEnd;
  readonly fabric: LinkEnd;
  /** The fabric's end is a port of the segment's bridge. */
  readonly isBridged: boolean;
  /** Prefixes that the fabric reaches by the host's end of the link, one of each IP version. */
  readonly behindHost: readonly Cidr[];
  /** Prefixes that the host reaches by the fabric's end; of several links that lead there the one of the lowest metric is used. */
  readonly behindFabric: { readonly prefixes: readonly Cidr[]; readonly metric: number };
};

export type LinkEnd = {
  readonly namespace: string;
  readonly interface: string;
  readonly mac: string;
  readonly addresses: readonly [] | DualAddress;
};

export type ProcessPart = {
  readonly type: "process";
  /** Also the name of its log. */
  readonly name: string;
  readonly role: "server" | "agent" | "spine";
  /** Where it runs; absent: beside the keeper. */
  readonly namespace?: string;
  /** Words behind `tortie`. */
  readonly args: readonly string[];
  /** What a spine reads again when told to. */
  readonly config?: SpineConfig;
};

/** A spine of the fabric: who its hosts are and what it tells them. */
export type SpineConfig = {
  readonly asNumber: number;
  readonly routerId: IpAddress;
  /** Prefixes of its own that it announces. */
  readonly networks: readonly Cidr[];
  readonly sessions: readonly SpineSession[];
};

export type SpineSession = {
  readonly host: string;
  readonly asNumber: number;
  readonly address: IpAddress;
  readonly localAddress: IpAddress;
};

export type ResourcePart = {
  readonly type: "resource";
  readonly resource: Resource;
  /** Written in the lab file, not made by the lab. */
  readonly isFromFile: boolean;
};

export type WorkloadPart = {
  readonly type: "workload";
  readonly name: string;
  readonly host: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly profiles?: readonly string[];
};

export function partKey(part: LabPart): string {
  switch (part.type) {
    case "namespace":
    case "process":
    case "workload":
      return `${part.type}/${part.name}`;
    case "link":
      return `link/${part.host.namespace}/${part.host.interface}`;
    case "resource":
      return `resource/${keyOf(part.resource)}`;
  }
}
