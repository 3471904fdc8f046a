import type { BGPConfiguration } from "./bgp-configuration.ts";
import type { BGPFilter } from "./bgp-filter.ts";
import type { BGPPeer } from "./bgp-peer.ts";
import type { BlockAffinity } from "./block-affinity.ts";
import type { CalicoNodeStatus } from "./calico-node-status.ts";
import type { ClusterInformation } from "./cluster-information.ts";
import type { FelixConfiguration } from "./felix-configuration.ts";
import type { GlobalNetworkPolicy } from "./global-network-policy.ts";
import type { GlobalNetworkSet } from "./global-network-set.ts";
import type { HostEndpoint } from "./host-endpoint.ts";
import type { IPAMBlock } from "./ipam-block.ts";
import type { IPAMConfiguration } from "./ipam-configuration.ts";
import type { IPAMHandle } from "./ipam-handle.ts";
import type { IPPool } from "./ip-pool.ts";
import type { IPReservation } from "./ip-reservation.ts";
import type { KubernetesClusterNetworkPolicy } from "./kubernetes-cluster-network-policy.ts";
import type { KubernetesNetworkPolicy } from "./kubernetes-network-policy.ts";
import type { Namespace } from "./namespace.ts";
import type { NetworkPolicy } from "./network-policy.ts";
import type { NetworkSet } from "./network-set.ts";
import type { Node } from "./node.ts";
import type { Profile } from "./profile.ts";
import type { Secret } from "./secret.ts";
import type { ServiceAccount } from "./service-account.ts";
import type { StagedGlobalNetworkPolicy } from "./staged-global-network-policy.ts";
import type { StagedKubernetesNetworkPolicy } from "./staged-kubernetes-network-policy.ts";
import type { StagedNetworkPolicy } from "./staged-network-policy.ts";
import type { Tier } from "./tier.ts";
import type { WorkloadEndpoint } from "./workload-endpoint.ts";

/**
 * An object of the API, told apart by `kind`, which is the name inside: where two kinds of the API have one name, the one of
 * Kubernetes is called `Kubernetes...` here. `encodeResource` gives the API's own form.
 */
export type Resource =
  | BGPConfiguration
  | BGPFilter
  | BGPPeer
  | BlockAffinity
  | CalicoNodeStatus
  | ClusterInformation
  | FelixConfiguration
  | GlobalNetworkPolicy
  | GlobalNetworkSet
  | HostEndpoint
  | IPAMBlock
  | IPAMConfiguration
  | IPAMHandle
  | IPPool
  | IPReservation
  | KubernetesClusterNetworkPolicy
  | KubernetesNetworkPolicy
  | Namespace
  | NetworkPolicy
  | NetworkSet
  | Node
  | Profile
  | Secret
  | ServiceAccount
  | StagedGlobalNetworkPolicy
  | StagedKubernetesNetworkPolicy
  | StagedNetworkPolicy
  | Tier
  | WorkloadEndpoint;

export type Kind = Resource["kind"];
export type ResourceOf<K extends Kind> = { readonly [R in Resource as R["kind"]]: R }[K];

export function isKind<K extends Kind>(resource: Resource, kind: K): resource is ResourceOf<K> {
  return resource.kind === kind;
}

/** `Kind/namespace/name`, the namespace empty for cluster kinds: the one text by which an object is known. */
export function resourceKey(id: {
  readonly kind: Kind;
  readonly namespace?: string | undefined;
  readonly name: string;
}): string {
  return `${id.kind}/${id.namespace ?? ""}/${id.name}`;
}

export function keyOf(resource: Resource): string {
  return resourceKey({ kind: resource.kind, namespace: resource.metadata.namespace, name: resource.metadata.name });
}
