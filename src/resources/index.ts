// The data model: for every kind its type, its rules, its defaults, its canonical form and its table columns.
// Must not know how objects are stored, sent or used; an object is judged by itself, or beside what it replaces.
// Start at kinds.ts, then network-policy.ts as the model of one kind; schema.ts has the words schemas are written in.
export { asNumber } from "./as-number.ts";
export type { BGPFilter, BGPFilterOperation, BGPFilterRule, BGPFilterSpec } from "./bgp-filter.ts";
export { type BGPConfiguration, type BGPConfigurationSpec, bgpDefaults } from "./bgp-configuration.ts";
export { type BGPPeer, type BGPPeerSpec, readPeerAddress } from "./bgp-peer.ts";
export { type BlockAffinity, type BlockAffinitySpec, blockAffinityName } from "./block-affinity.ts";
export type { CalicoNodeStatus, CalicoNodeStatusReport, CalicoNodeStatusSpec } from "./calico-node-status.ts";
export type { ClusterInformation } from "./cluster-information.ts";
export { community, readCommunity } from "./community.ts";
export { Complaint } from "./complaint.ts";
export type { Condition } from "./conditions.ts";
export { convertClusterNetworkPolicy } from "./convert-cluster-network-policy.ts";
export { convertNetworkPolicy } from "./convert-network-policy.ts";
export { type ConvertedObject, convertKubernetesObject } from "./convert-object.ts";
export { convertPod } from "./convert-pod.ts";
export { duration, readDuration } from "./duration.ts";
export { workloadEndpointName, workloadInterfaceName } from "./endpoint-names.ts";
export type { FelixConfiguration, FelixConfigurationSpec } from "./felix-configuration.ts";
export { isInterfaceName, isObjectName, isSegment } from "./formats.ts";
export type { GlobalNetworkPolicy, GlobalNetworkPolicySpec } from "./global-network-policy.ts";
export type { GlobalNetworkSet, GlobalNetworkSetSpec } from "./global-network-set.ts";
export type { HostEndpoint, HostEndpointSpec } from "./host-endpoint.ts";
export type { AllocationAttribute, IPAMBlock, IPAMBlockSpec } from "./ipam-block.ts";
export { type IPAMConfiguration, type IPAMConfigurationSpec, ipamDefaults } from "./ipam-configuration.ts";
export type { IPAMHandle, IPAMHandleSpec } from "./ipam-handle.ts";
export { cidrToName } from "./ipam-names.ts";
export type { IPPool, IPPoolSpec, IPPoolUse } from "./ip-pool.ts";
export type { IPReservation } from "./ip-reservation.ts";
export type { Column, DecodeOptions, KindDefinition } from "./kind-definition.ts";
export {
  apiVersionOf,
  applyDefaults,
  checkCreate,
  checkUpdate,
  decodeResource,
  definitionOf,
  encodeResource,
  findKind,
  kindDefinitions,
} from "./kinds.ts";
export type {
  KubernetesClusterNetworkPolicy,
  KubernetesClusterNetworkPolicySpec,
} from "./kubernetes-cluster-network-policy.ts";
export type {
  KubernetesEgressRule,
  KubernetesIngressRule,
  KubernetesNetworkPolicy,
  KubernetesNetworkPolicySpec,
  KubernetesPeer,
  KubernetesPort,
} from "./kubernetes-network-policy.ts";
export {
  type LabelExpression,
  type LabelSelector,
  namespaceSelectorText,
  podSelectorText,
  readLabelSelector,
} from "./label-selector.ts";
export type { Namespace } from "./namespace.ts";
export { findNearest } from "./nearest.ts";
export { type InterfaceAddress, address, cidr, readInterfaceAddress } from "./network-fields.ts";
export type { NetworkPolicy, NetworkPolicySpec } from "./network-policy.ts";
export type { NetworkSet, NetworkSetSpec } from "./network-set.ts";
export type { Node, NodeAddress, NodeBgp, NodeSpec } from "./node.ts";
export type { Annotations, Labels, ObjectMeta } from "./object-meta.ts";
export type { PolicySpec, PolicyType } from "./policy.ts";
export { type Port, type PortMatch, readPort } from "./port.ts";
export {
  type Profile,
  type ProfileSpec,
  defaultAllowProfile,
  defaultProfileName,
  namespaceProfile,
  serviceAccountProfile,
  serviceAccountProfileName,
} from "./profile.ts";
export { type Protocol, type ProtocolName, hasPorts, protocolNumber } from "./protocol.ts";
export type { Dscp, QosControls, QosMember } from "./qos-controls.ts";
export { readQuantity } from "./quantity.ts";
export { type Kind, type Resource, type ResourceOf, isKind, keyOf, resourceKey } from "./resource.ts";
export type {
  EntityRule,
  IcmpMatch,
  Rule,
  RuleAction,
  RuleMetadata,
  ServiceAccountMatch,
  ServiceMatch,
} from "./rule.ts";
export { decodeWith } from "./problems.ts";
export { type Json, convert, integer, isRecord, list, object, optional, refine, textOf } from "./schema.ts";
export { type Secret, secretText } from "./secret.ts";
export type { PasswordRef, SecretKeyRef } from "./secret-key.ts";
export type { ServiceAccount } from "./service-account.ts";
export type { StagedGlobalNetworkPolicy } from "./staged-global-network-policy.ts";
export type { StagedKubernetesNetworkPolicy } from "./staged-kubernetes-network-policy.ts";
export type { StagedNetworkPolicy } from "./staged-network-policy.ts";
export type { Staged, StagedAction } from "./staged-policy.ts";
export { type Tier, type TierSpec, builtInTiers } from "./tier.ts";
export { type ValueType, isValueType, readValue } from "./value.ts";
export type { WorkloadEndpoint, WorkloadEndpointPort, WorkloadEndpointSpec } from "./workload-endpoint.ts";
