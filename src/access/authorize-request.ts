import type { Kind } from "../resources/index.ts";
import type { Identity, Role } from "./identity.ts";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** The reason completes the sentence "... is forbidden: ". */
export type Decision = { readonly isAllowed: true } | { readonly isAllowed: false; readonly reason: string };

export const allowed: Decision = { isAllowed: true };

export function refused(reason: string): Decision {
  return { isAllowed: false, reason };
}

const readVerbs: ReadonlySet<Verb> = new Set(["get", "list", "watch"]);

/** What address management reads. */
const ipamReads: readonly Kind[] = [
  "BlockAffinity",
  "IPAMBlock",
  "IPAMConfiguration",
  "IPAMHandle",
  "IPPool",
  "IPReservation",
  "Namespace",
  "Node",
];

/** What BGP sessions depend on. Which Secrets is for `authorizeSecretRead` to say. */
const bgpReads: readonly Kind[] = ["BGPConfiguration", "BGPFilter", "BGPPeer", "IPPool", "Node", "Secret"];

/** Everything that says how a host forwards, filters and announces. */
const nodeReads: readonly Kind[] = [
  ...ipamReads,
  ...bgpReads,
  "CalicoNodeStatus",
  "ClusterInformation",
  "FelixConfiguration",
  "GlobalNetworkPolicy",
  "GlobalNetworkSet",
  "HostEndpoint",
  "KubernetesClusterNetworkPolicy",
  "KubernetesNetworkPolicy",
  "NetworkPolicy",
  "NetworkSet",
  "Profile",
  "ServiceAccount",
  "StagedGlobalNetworkPolicy",
  "StagedKubernetesNetworkPolicy",
  "StagedNetworkPolicy",
  "Tier",
  "WorkloadEndpoint",
];

const writeVerbs: readonly Verb[] = ["create", "update", "patch", "delete"];
const changeVerbs: readonly Verb[] = ["update", "patch"];

type Writes = { readonly [K in Kind]?: readonly Verb[] };

/** Of one node's; `authorizeChange` tells which objects these are. */
const cniWrites: Writes = {
  BlockAffinity: writeVerbs,
  IPAMBlock: writeVerbs,
  IPAMHandle: writeVerbs,
  WorkloadEndpoint: writeVerbs,
};

/** A host may not take itself out of the cluster: its Node is deleted by whoever decommissions it. */
const nodeWrites: Writes = { ...cniWrites, CalicoNodeStatus: changeVerbs, Node: ["create", ...changeVerbs] };

const rulesByRole: { readonly [R in Role]: (verb: Verb, kind: Kind) => boolean } = {
  admin: () => true,
  // Not even by name: what is in a secret is often in its annotations too, where kubectl keeps what was applied last.
  viewer: (verb, kind) => readVerbs.has(verb) && kind !== "Secret",
  node: (verb, kind) => mayReadOrWrite(verb, kind, nodeReads, nodeWrites),
  reflector: (verb, kind) => mayReadOrWrite(verb, kind, bgpReads, {}),
  cni: (verb, kind) => mayReadOrWrite(verb, kind, [...ipamReads, "WorkloadEndpoint"], cniWrites),
};

const reasonByRole: { readonly [R in Role]: string } = {
  admin: "",
  viewer: "a viewer reads everything but secrets, and writes nothing",
  node: "a node reads what it needs to run, and writes only what is its own",
  reflector: "this role reads what the BGP sessions of one node depend on, and writes nothing",
  cni: "this role reads and writes only the endpoints and addresses of one node",
};

/**
 * Whether anything of this sort is ever allowed; a write is then judged by the objects as well, see `authorizeChange`, and
 * a read of Secrets by `authorizeSecretRead`.
 */
export function authorizeRequest(identity: Identity, verb: Verb, kind: Kind): Decision {
  return rulesByRole[identity.role](verb, kind) ? allowed : refused(reasonByRole[identity.role]);
}

function mayReadOrWrite(verb: Verb, kind: Kind, reads: readonly Kind[], writes: Writes): boolean {
  return readVerbs.has(verb) ? reads.includes(kind) : (writes[kind]?.includes(verb) ?? false);
}
