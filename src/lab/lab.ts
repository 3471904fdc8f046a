import type { Cidr } from "../lib/index.ts";
import type { Resource } from "../resources/index.ts";

/** A network to build: what a lab file says, with defaults filled in. */
export type Lab = {
  readonly name: string;
  readonly fabric: Fabric;
  readonly hosts: readonly LabHost[];
  readonly pools: readonly LabPool[];
  /** Objects to apply beside those that the lab makes itself; the latter give way. */
  readonly resources: readonly Resource[];
};

/** One L2 segment, or a routed fabric where every host has a link to every spine. */
export type Fabric = { readonly type: "segment" } | { readonly type: "spines"; readonly count: number };

export type LabHost = {
  readonly name: string;
  /** Labels of its Node resource. */
  readonly labels: Readonly<Record<string, string>>;
  readonly workloads: readonly LabWorkload[];
};

export type LabWorkload = {
  /** Unique in the lab: also the name of its network namespace. */
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Name of its profile; absent: that of its namespace. */
  readonly profile?: string;
};

export type LabPool = { readonly cidr: Cidr /** Prefix length of its blocks. */; readonly blockSize: number };

export function spineNames(fabric: Fabric): readonly string[] {
  return fabric.type === "spines" ? Array.from({ length: fabric.count }, (_, at) => `spine-${at + 1}`) : [];
}
