import { type Problem, type Result, failure, success } from "../lib/index.ts";
import { bgpConfiguration } from "./bgp-configuration.ts";
import { bgpFilter } from "./bgp-filter.ts";
import { calicoNodeStatus } from "./calico-node-status.ts";
import { clusterInformation } from "./cluster-information.ts";
import { felixConfiguration } from "./felix-configuration.ts";
import { hostEndpoint } from "./host-endpoint.ts";
import { ipReservation } from "./ip-reservation.ts";
import { kubernetesClusterNetworkPolicy } from "./kubernetes-cluster-network-policy.ts";
import { kubernetesNetworkPolicy } from "./kubernetes-network-policy.ts";
import { secret } from "./secret.ts";
import { serviceAccount } from "./service-account.ts";
import { stagedGlobalNetworkPolicy } from "./staged-global-network-policy.ts";
import { stagedKubernetesNetworkPolicy } from "./staged-kubernetes-network-policy.ts";
import { stagedNetworkPolicy } from "./staged-network-policy.ts";
import { tier } from "./tier.ts";
import { bgpPeer } from "./bgp-peer.ts";
import { blockAffinity } from "./block-affinity.ts";
import { show } from "./complaint.ts";
import { globalNetworkPolicy } from "./global-network-policy.ts";
import { globalNetworkSet } from "./global-network-set.ts";
import { ipPool } from "./ip-pool.ts";
import { ipamBlock } from "./ipam-block.ts";
import { ipamConfiguration } from "./ipam-configuration.ts";
import { ipamHandle } from "./ipam-handle.ts";
import type { DecodeOptions, KindDefinition } from "./kind-definition.ts";
import { namespace } from "./namespace.ts";
import { findNearest } from "./nearest.ts";
import { networkPolicy } from "./network-policy.ts";
import { networkSet } from "./network-set.ts";
import { node } from "./node.ts";
import { profile } from "./profile.ts";
import { type Kind, type Resource, keyOf } from "./resource.ts";
import { type Json, isRecord } from "./schema.ts";
import { workloadEndpoint } from "./workload-endpoint.ts";

const definitions: { readonly [K in Kind]: KindDefinition<K> } = {
  BGPConfiguration: bgpConfiguration,
  BGPFilter: bgpFilter,
  BGPPeer: bgpPeer,
  BlockAffinity: blockAffinity,
  CalicoNodeStatus: calicoNodeStatus,
  ClusterInformation: clusterInformation,
  FelixConfiguration: felixConfiguration,
  GlobalNetworkPolicy: globalNetworkPolicy,
  GlobalNetworkSet: globalNetworkSet,
  HostEndpoint: hostEndpoint,
  IPAMBlock: ipamBlock,
  IPAMConfiguration: ipamConfiguration,
  IPAMHandle: ipamHandle,
  IPPool: ipPool,
  IPReservation: ipReservation,
  Namespace: namespace,
  NetworkPolicy: networkPolicy,
  NetworkSet: networkSet,
  Node: node,
  Profile: profile,
  Secret: secret,
  ServiceAccount: serviceAccount,
  StagedGlobalNetworkPolicy: stagedGlobalNetworkPolicy,
  StagedKubernetesNetworkPolicy: stagedKubernetesNetworkPolicy,
  StagedNetworkPolicy: stagedNetworkPolicy,
  Tier: tier,
  WorkloadEndpoint: workloadEndpoint,
  // Behind those whose names in the API they share: the bare name means the other one.
  KubernetesClusterNetworkPolicy: kubernetesClusterNetworkPolicy,
  KubernetesNetworkPolicy: kubernetesNetworkPolicy,
};

/** Kinds of Calico's API that are left out here on purpose, and why. */
const leftOutKinds: ReadonlyMap<string, string> = new Map([
  ["KubeControllersConfiguration", "there are no such controllers here"],
]);

/** Every kind of the API, by name. */
export const kindDefinitions: readonly KindDefinition[] = Object.values(definitions);

const definitionByName = new Map<string, KindDefinition>();
for (const definition of kindDefinitions) {
  const { kind, plural, singular, shortNames, group } = definition;
  for (const name of [kind.toLowerCase(), plural, singular, ...shortNames]) {
    if (!definitionByName.has(name)) definitionByName.set(name, definition);
    if (group !== "") definitionByName.set(`${name}.${group}`, definition);
  }
}

/**
 * By kind, plural, singular or short name, in any case, with or without the group: `gnp`, `Node`,
 * `ippools.projectcalico.org`. Of two kinds with one name the bare one means Calico's.
 */
export function findKind(name: string): KindDefinition | undefined {
  return definitionByName.get(name.toLowerCase());
}

export function definitionOf<K extends Kind>(kind: K): KindDefinition<K> {
  return definitions[kind];
}

/** The object with those defaults filled in that are stored with it, whatever else may be wrong. Fails for kinds without any. */
export function applyDefaults(json: unknown): Result<Json> {
  if (!isRecord(json)) return failure("", `must be an object, not ${show(json)}`);
  const definition = kindDefinitions.find(
    (known) => known.apiKind === json["kind"] && apiVersionOf(known) === json["apiVersion"],
  );
  if (definition === undefined) return failure("kind", `there is no kind ${show(json["kind"])} of this apiVersion`);
  if (definition.applyDefaults !== undefined) return success(definition.applyDefaults(json));
  return failure("kind", `${definition.kind} has no defaults that are stored`);
}

/** Reads an object of any kind: defaults filled in, judged by itself, in canonical form. Total. */
export function decodeResource(json: unknown, options?: DecodeOptions): Result<Resource> {
  if (!isRecord(json)) return failure("", `must be an object with apiVersion, kind and metadata, not ${show(json)}`);
  const { apiVersion, kind } = json;
  if (typeof kind !== "string" || kind === "")
    return failure("kind", "is missing", "say what the object is, such as NetworkPolicy");
  const candidates = kindDefinitions.filter((definition) => definition.apiKind === kind || definition.kind === kind);
  const [first] = candidates;
  if (first === undefined) return refuseKind(kind);
  const known = candidates.find((definition) => apiVersionOf(definition) === apiVersion);
  if (known !== undefined) return known.decode(json, options);
  const expected = candidates.map(apiVersionOf).join(" or ");
  if (typeof apiVersion !== "string" || apiVersion === "") {
    return failure("apiVersion", "is missing", `write ${expected}`);
  }
  return failure("apiVersion", `there is no ${kind} of ${show(apiVersion)} here`, `there is one of ${expected}`);
}

function refuseKind(kind: string): Result<never> {
  const why = leftOutKinds.get(kind);
  if (why !== undefined) {
    return { ok: false, problems: [{ path: "kind", message: `${kind} is left out`, hint: why, isUnsupported: true }] };
  }
  const kinds = [...new Set(kindDefinitions.map((definition) => definition.apiKind))];
  const nearest = findNearest(kind, kinds);
  const hint = nearest === undefined ? `there are ${kinds.join(", ")}` : `write ${nearest}`;
  return failure("kind", `there is no kind ${show(kind)}`, hint);
}

/** The object as the API has it: with the API's name for its kind. */
export function encodeResource(resource: Resource): Json {
  return { ...resource, kind: definitionOf(resource.kind).apiKind };
}

export function apiVersionOf({ group, version }: KindDefinition): string {
  return group === "" ? version : `${group}/${version}`;
}

/** Whether an object that decoded may come into being. */
export function checkCreate(resource: Resource): Result<Resource> {
  return admitted(resource, definitionOf(resource.kind).admit(resource, undefined));
}

/** Whether `next`, which decoded, may take the place of `old`: names stay, and so do the members a kind holds fixed. */
export function checkUpdate(old: Resource, next: Resource): Result<Resource> {
  if (keyOf(old) !== keyOf(next)) {
    return failure(
      "metadata.name",
      `an object cannot become another one: this is ${keyOf(old)}`,
      "create the other one and delete this",
    );
  }
  const { uid } = next.metadata;
  if (uid !== undefined && uid !== old.metadata.uid) {
    return failure(
      "metadata.uid",
      "is not that of the object there is now",
      "it was deleted and created again; read it anew",
    );
  }
  return admitted(next, definitionOf(next.kind).admit(next, old));
}

function admitted(resource: Resource, problems: readonly Problem[]): Result<Resource> {
  return problems.length === 0 ? success(resource) : { ok: false, problems };
}
