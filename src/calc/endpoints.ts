import { type Cidr, addressToCidr, cidrAddress } from "../lib/index.ts";
import {
  type GlobalNetworkSet,
  type HostEndpoint,
  type NetworkSet,
  type WorkloadEndpoint,
  defaultProfileName,
  hasPorts,
  keyOf,
  protocolNumber,
} from "../resources/index.ts";
import { systemLabels } from "../selector/index.ts";
import type { Labels } from "./label-index.ts";
import type { SetItem } from "./member-sets.ts";
import type { EndpointSort } from "./local-endpoints.ts";
import type { EndpointTier, LocalEndpoint, LocalHostEndpoint } from "./messages.ts";
import { type PolicyResource, hostSubject, isForForward, placeOf, workloadSubject } from "./policy.ts";

/** An endpoint as selectors and named ports see it. */
export function endpointItem({ metadata, spec }: WorkloadEndpoint): SetItem {
  const labels = {
    ...ownLabels(metadata.labels),
    [systemLabels.namespace]: metadata.namespace ?? "",
    ...(spec.orchestrator === undefined ? {} : { [systemLabels.orchestrator]: spec.orchestrator }),
    ...(spec.serviceAccountName === undefined ? {} : { [systemLabels.serviceAccount]: spec.serviceAccountName }),
  };
  const ports = (spec.ports ?? []).flatMap(({ name, protocol, port }) =>
    name === undefined || !hasPorts(protocol) ? [] : [{ name, protocol: protocolNumber(protocol), port }],
  );
  return { labels, parents: spec.profiles ?? [], nets: unique(spec.ipNetworks ?? []), ports };
}

/** An interface of a host as selectors and named ports see it: it is in no namespace. */
export function hostEndpointItem({ metadata, spec }: HostEndpoint): SetItem {
  const ports = (spec.ports ?? []).map(({ name, protocol, port }) => ({
    name,
    protocol: protocolNumber(protocol),
    port,
  }));
  const nets = unique((spec.expectedIPs ?? []).map(addressToCidr));
  return { labels: ownLabels(metadata.labels), parents: spec.profiles ?? [], nets, ports };
}

/** A set of nets as selectors see it: one with a namespace inherits that namespace's labels. */
export function networkSetItem({ metadata, spec }: NetworkSet | GlobalNetworkSet): SetItem {
  const { namespace } = metadata;
  const labels = ownLabels(metadata.labels);
  const nets = unique(spec.nets ?? []);
  if (namespace === undefined) return { labels, parents: [], nets, ports: [] };
  const parents = [defaultProfileName(namespace)];
  return { labels: { ...labels, [systemLabels.namespace]: namespace }, parents, nets, ports: [] };
}

/** Workloads as LocalEndpoints has them. */
export const workloads: EndpointSort<WorkloadEndpoint, LocalEndpoint> = {
  subjectOf: workloadSubject,
  itemOf: endpointItem,
  describe: (endpoint, policies, sort) => {
    const { metadata, spec } = endpoint;
    return {
      id: keyOf(endpoint),
      namespace: metadata.namespace ?? "",
      name: metadata.name,
      interfaceName: spec.interfaceName,
      ...(spec.mac === undefined ? {} : { mac: spec.mac }),
      addresses: unique(spec.ipNetworks ?? []).map(cidrAddress),
      spoofable: unique(spec.allowSpoofedSourcePrefixes ?? []),
      tiers: sort(policies),
      profileIds: [...new Set(spec.profiles ?? [])],
    };
  },
};

/** Interfaces of this host as LocalEndpoints has them. */
export const hostInterfaces: EndpointSort<HostEndpoint, LocalHostEndpoint> = {
  subjectOf: hostSubject,
  itemOf: hostEndpointItem,
  describe: (endpoint, policies, sort) => {
    const { metadata, spec } = endpoint;
    const those = (isMeant: (policy: PolicyResource) => boolean) =>
      sort(new Map([...policies].filter(([, policy]) => isMeant(policy))));
    return {
      id: keyOf(endpoint),
      name: metadata.name,
      ...(spec.interfaceName === undefined ? {} : { interfaceName: spec.interfaceName }),
      addresses: [...new Set(spec.expectedIPs ?? [])],
      normal: those((policy) => placeOf(policy) === "normal"),
      forward: those(isForForward),
      untracked: passing(those((policy) => placeOf(policy) === "untracked")),
      preDnat: passing(those((policy) => placeOf(policy) === "preDnat")).map((tier) => ({ ...tier, egress: [] })),
      profileIds: [...new Set(spec.profiles ?? [])],
    };
  },
};

/** What nothing decided there goes on to the places behind. */
function passing(tiers: readonly EndpointTier[]): EndpointTier[] {
  return tiers.map((tier) => ({ ...tier, defaultAction: "Pass" }));
}

/** Labels that only the system gives cannot be had by writing them: nobody passes for a member of a namespace. */
function ownLabels(labels: Labels = {}): Labels {
  const { namespacePrefix, serviceAccountPrefix, namespace, serviceAccount } = systemLabels;
  const entries = Object.entries(labels).filter(
    ([label]) =>
      label !== namespace &&
      label !== serviceAccount &&
      !label.startsWith(namespacePrefix) &&
      !label.startsWith(serviceAccountPrefix),
  );
  return Object.fromEntries(entries);
}

function unique(cidrs: readonly Cidr[]): Cidr[] {
  return [...new Set(cidrs)];
}
