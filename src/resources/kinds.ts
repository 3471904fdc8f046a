import { type Problem, type Result, failure, success } from "../lib/index.ts";
import { bgpConfiguration } from "./bgp-configuration.ts";
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
import { isRecord } from "./schema.ts";
import { workloadEndpoint } from "./workload-endpoint.ts";

const definitions: { readonly [K in Kind]: KindDefinition<K> } = {
  BGPConfiguration: bgpConfiguration,
  BGPPeer: bgpPeer,
  BlockAffinity: blockAffinity,
  GlobalNetworkPolicy: globalNetworkPolicy,
  GlobalNetworkSet: globalNetworkSet,
  IPAMBlock: ipamBlock,
  IPAMConfiguration: ipamConfiguration,
  IPAMHandle: ipamHandle,
  IPPool: ipPool,
  Namespace: namespace,
  NetworkPolicy: networkPolicy,
  NetworkSet: networkSet,
  Node: node,
  Profile: profile,
  WorkloadEndpoint: workloadEndpoint,
};

/** Every kind of the API, by name. */
export const kindDefinitions: readonly KindDefinition[] = Object.values(definitions);

const definitionByName = new Map<string, KindDefinition>();
for (const definition of kindDefinitions) {
  const { kind, plural, singular, shortNames, group } = definition;
  for (const name of [kind.toLowerCase(), plural, singular, ...shortNames]) {
    definitionByName.set(name, definition);
    if (group !== "") definitionByName.set(`${name}.${group}`, definition);
  }
}

/** By kind, plural, singular or short name, in any case, with or without the group: `gnp`, `Node`, `ippools.projectcalico.org`. */
export function findKind(name: string): KindDefinition | undefined {
  return definitionByName.get(name.toLowerCase());
}

export function definitionOf<K extends Kind>(kind: K): KindDefinition<K> {
  return definitions[kind];
}

/** Reads an object of any kind: defaults filled in, judged by itself, in canonical form. Total. */
export function decodeResource(json: unknown, options?: DecodeOptions): Result<Resource> {
  if (!isRecord(json)) return failure("", `must be an object with apiVersion, kind and metadata, not ${show(json)}`);
  const { apiVersion, kind } = json;
  if (typeof kind !== "string" || kind === "")
    return failure("kind", "is missing", "say what the object is, such as NetworkPolicy");
  const known = kindDefinitions.find((definition) => definition.kind === kind);
  if (known === undefined) {
    const kinds = kindDefinitions.map((definition) => definition.kind);
    const nearest = findNearest(kind, kinds);
    return failure(
      "kind",
      `there is no kind ${show(kind)}`,
      nearest === undefined ? `there are ${kinds.join(", ")}` : `write ${nearest}`,
    );
  }
  const expected = apiVersionOf(known);
  if (apiVersion === expected) return known.decode(json, options);
  if (typeof apiVersion !== "string" || apiVersion === "") {
    return failure("apiVersion", "is missing", `write ${expected}`);
  }
  return failure("apiVersion", `there is no ${kind} of ${show(apiVersion)} here`, `there is one of ${expected}`);
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
