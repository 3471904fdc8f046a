import { type Cidr, type IpAddress, parseAddress, parseCidr } from "../../lib/index.ts";
import type {
  BGPConfiguration,
  BGPConfigurationSpec,
  BGPFilter,
  BGPFilterSpec,
  BGPPeer,
  BGPPeerSpec,
  BlockAffinity,
  FelixConfiguration,
  FelixConfigurationSpec,
  GlobalNetworkPolicy,
  GlobalNetworkPolicySpec,
  GlobalNetworkSet,
  HostEndpoint,
  HostEndpointSpec,
  IPPool,
  KubernetesClusterNetworkPolicy,
  KubernetesClusterNetworkPolicySpec,
  KubernetesNetworkPolicy,
  KubernetesNetworkPolicySpec,
  Labels,
  Namespace,
  NetworkPolicy,
  NetworkPolicySpec,
  NetworkSet,
  Node,
  NodeBgp,
  Profile,
  ProfileSpec,
  Secret,
  ServiceAccount,
  Tier,
  WorkloadEndpoint,
  WorkloadEndpointSpec,
} from "../../resources/index.ts";

/** Decoded resources in few words. */

const apiVersion = "projectcalico.org/v3";

export const here = "host-1";

export function address(text: string): IpAddress {
  return parseAddress(text)!;
}

export function cidr(text: string): Cidr {
  return parseCidr(text, { bare: true })!;
}

/** Of namespace `shop`, on this host unless it says otherwise. */
export function endpoint(
  name: string,
  addresses: readonly string[],
  labels: Labels = {},
  spec: Partial<WorkloadEndpointSpec> = {},
  namespace = "shop",
): WorkloadEndpoint {
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { name, namespace, labels },
    spec: {
      node: here,
      interfaceName: `tt${name}`,
      profiles: [`kns.${namespace}`],
      ipNetworks: addresses.map(cidr),
      ...spec,
    },
  };
}

export function namespace(name: string, labels: Labels = {}): Namespace {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels }, spec: {} };
}

export function profile(name: string, spec: ProfileSpec): Profile {
  return { apiVersion, kind: "Profile", metadata: { name }, spec };
}

export function policy(name: string, spec: Partial<NetworkPolicySpec>, namespace = "shop"): NetworkPolicy {
  return {
    apiVersion,
    kind: "NetworkPolicy",
    metadata: { name, namespace },
    spec: { tier: "default", types: ["Ingress"], ...spec },
  };
}

export function globalPolicy(name: string, spec: Partial<GlobalNetworkPolicySpec>): GlobalNetworkPolicy {
  return {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name },
    spec: { tier: "default", types: ["Ingress"], ...spec },
  };
}

export function tier(name: string, order: number, defaultAction: "Deny" | "Pass" = "Deny"): Tier {
  return { apiVersion, kind: "Tier", metadata: { name }, spec: { order, defaultAction } };
}

export function kubernetesPolicy(
  name: string,
  spec: KubernetesNetworkPolicySpec,
  namespace = "shop",
): KubernetesNetworkPolicy {
  return { apiVersion: "networking.k8s.io/v1", kind: "KubernetesNetworkPolicy", metadata: { name, namespace }, spec };
}

export function clusterPolicy(name: string, spec: KubernetesClusterNetworkPolicySpec): KubernetesClusterNetworkPolicy {
  return {
    apiVersion: "policy.networking.k8s.io/v1alpha2",
    kind: "KubernetesClusterNetworkPolicy",
    metadata: { name },
    spec,
  };
}

export function serviceAccount(name: string, labels: Labels, namespace = "shop"): ServiceAccount {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels } };
}

export function hostEndpoint(name: string, labels: Labels, spec: Partial<HostEndpointSpec>): HostEndpoint {
  return {
    apiVersion,
    kind: "HostEndpoint",
    metadata: { name, labels },
    spec: { node: here, interfaceName: "eth0", ...spec },
  };
}

export function networkSet(name: string, nets: readonly string[], labels: Labels, namespace = "shop"): NetworkSet {
  return { apiVersion, kind: "NetworkSet", metadata: { name, namespace, labels }, spec: { nets: nets.map(cidr) } };
}

export function globalNetworkSet(name: string, nets: readonly string[], labels: Labels): GlobalNetworkSet {
  return { apiVersion, kind: "GlobalNetworkSet", metadata: { name, labels }, spec: { nets: nets.map(cidr) } };
}

export function node(name: string, bgp: NodeBgp, labels: Labels = {}): Node {
  return { apiVersion, kind: "Node", metadata: { name, labels }, spec: { bgp } };
}

export function bgpPeer(name: string, spec: BGPPeerSpec): BGPPeer {
  return { apiVersion, kind: "BGPPeer", metadata: { name }, spec };
}

export function bgpConfiguration(name: string, spec: BGPConfigurationSpec): BGPConfiguration {
  return { apiVersion, kind: "BGPConfiguration", metadata: { name }, spec };
}

export function bgpFilter(name: string, spec: BGPFilterSpec): BGPFilter {
  return { apiVersion, kind: "BGPFilter", metadata: { name }, spec };
}

export function secret(name: string, texts: Readonly<Record<string, string>>, namespace = "default"): Secret {
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, new TextEncoder().encode(text).toBase64()]),
  );
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, type: "Opaque", data };
}

export function felixConfiguration(
  name: string,
  spec: FelixConfigurationSpec,
  creationTimestamp?: string,
): FelixConfiguration {
  const metadata = { name, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) };
  return { apiVersion, kind: "FelixConfiguration", metadata, spec };
}

export function pool(name: string, net: string, disableBGPExport = false): IPPool {
  return {
    apiVersion,
    kind: "IPPool",
    metadata: { name },
    spec: {
      cidr: cidr(net),
      blockSize: net.includes(":") ? 122 : 26,
      ipipMode: "Never",
      vxlanMode: "Never",
      nodeSelector: "all()",
      allowedUses: ["Workload"],
      assignmentMode: "Automatic",
      ...(disableBGPExport ? { disableBGPExport } : {}),
    },
  };
}

export function affinity(
  net: string,
  nodeName = here,
  state: BlockAffinity["spec"]["state"] = "confirmed",
): BlockAffinity {
  const name = `${nodeName}-${net.replaceAll(/[./:]/g, "-")}`;
  return {
    apiVersion,
    kind: "BlockAffinity",
    metadata: { name },
    spec: { state, node: nodeName, type: "host", cidr: cidr(net) },
  };
}
