// The data model: for every kind its type, its rules, its defaults, its canonical form and its table columns.
// Must not know how objects are stored, sent or used; an object is judged by itself, or beside what it replaces.
// Start at kinds.ts, then network-policy.ts as the model of one kind; schema.ts has the words schemas are written in.
export { type BGPConfiguration, type BGPConfigurationSpec, bgpDefaults } from "./bgp-configuration.ts";
export { type BGPPeer, type BGPPeerSpec, readPeerAddress } from "./bgp-peer.ts";
export { type BlockAffinity, type BlockAffinitySpec, blockAffinityName } from "./block-affinity.ts";
export { workloadEndpointName, workloadInterfaceName } from "./endpoint-names.ts";
export { isInterfaceName, isObjectName, isSegment } from "./formats.ts";
export type { GlobalNetworkPolicy, GlobalNetworkPolicySpec } from "./global-network-policy.ts";
export type { GlobalNetworkSet, GlobalNetworkSetSpec } from "./global-network-set.ts";
export type { AllocationAttribute, IPAMBlock, IPAMBlockSpec } from "./ipam-block.ts";
export { type IPAMConfiguration, type IPAMConfigurationSpec, ipamDefaults } from "./ipam-configuration.ts";
export type { IPAMHandle, IPAMHandleSpec } from "./ipam-handle.ts";
export { cidrToName } from "./ipam-names.ts";
export type { IPPool, IPPoolSpec, IPPoolUse } from "./ip-pool.ts";
export type { Column, DecodeOptions, KindDefinition } from "./kind-definition.ts";
export {
  apiVersionOf,
  checkCreate,
  checkUpdate,
  decodeResource,
  definitionOf,
  findKind,
  kindDefinitions,
} from "./kinds.ts";
export type { Namespace } from "./namespace.ts";
export { findNearest } from "./nearest.ts";
export { type InterfaceAddress, readInterfaceAddress } from "./network-fields.ts";
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
} from "./profile.ts";
export { type Protocol, type ProtocolName, hasPorts, protocolNumber } from "./protocol.ts";
export { type Kind, type Resource, type ResourceOf, isKind, keyOf, resourceKey } from "./resource.ts";
export type { EntityRule, IcmpMatch, Rule, RuleAction, RuleMetadata, ServiceAccountMatch } from "./rule.ts";
export type { WorkloadEndpoint, WorkloadEndpointPort, WorkloadEndpointSpec } from "./workload-endpoint.ts";
