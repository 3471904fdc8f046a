import { z } from "zod";
import type { Problem } from "../lib/index.ts";
import { checkRules } from "./convert-network-policy.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { type LabelSelector, labelSelector } from "./label-selector.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { type PolicyType, policyTypes } from "./policy.ts";
import { isBlank, isEmptyList, list, object, optional, required } from "./schema.ts";

export type KubernetesNetworkPolicySpec = {
  /** Absent or without terms: every pod of the namespace. */
  readonly podSelector?: LabelSelector;
  readonly policyTypes?: readonly PolicyType[];
  readonly ingress?: readonly KubernetesIngressRule[];
  readonly egress?: readonly KubernetesEgressRule[];
};

/** Absent peers or ports: any. */
export type KubernetesIngressRule = {
  readonly from?: readonly KubernetesPeer[];
  readonly ports?: readonly KubernetesPort[];
};
export type KubernetesEgressRule = {
  readonly to?: readonly KubernetesPeer[];
  readonly ports?: readonly KubernetesPort[];
};

export type KubernetesPeer = {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
};

export type KubernetesPort = {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
};

/**
 * Kubernetes' own NetworkPolicy. Prefixes and ports are as written, even where nothing can be made of them: an object that
 * counts as absent because of one bad rule would open what its other rules close. Such rules are refused on writing only.
 */
export type KubernetesNetworkPolicy = {
  readonly apiVersion: "networking.k8s.io/v1";
  readonly kind: "KubernetesNetworkPolicy";
  readonly metadata: ObjectMeta;
  readonly spec: KubernetesNetworkPolicySpec;
};

const peer = object({
  podSelector: optional(labelSelector),
  namespaceSelector: optional(labelSelector),
  ipBlock: optional(object({ cidr: required(z.string(), isBlank), except: optional(list(z.string()), isEmptyList) })),
});

const ports = optional(
  list(
    object({
      protocol: optional(z.string(), isBlank),
      port: optional(z.union([z.number(), z.string()])),
      endPort: optional(z.number()),
    }),
  ),
  isEmptyList,
);
const peers = optional(list(peer), isEmptyList);

export const kubernetesPolicyShape = {
  podSelector: optional(labelSelector),
  policyTypes: optional(policyTypes, isEmptyList),
  ingress: optional(list(object({ from: peers, ports })), isEmptyList),
  egress: optional(list(object({ to: peers, ports })), isEmptyList),
};

const schema: z.ZodType<KubernetesNetworkPolicy> = resourceSchema(
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "KubernetesNetworkPolicy",
    apiKind: "NetworkPolicy",
    isNamespaced: true,
  },
  { spec: object(kubernetesPolicyShape) },
);

export const kubernetesNetworkPolicy = defineKind({
  kind: "KubernetesNetworkPolicy",
  apiKind: "NetworkPolicy",
  apiVersion: "networking.k8s.io/v1",
  plural: "networkpolicies",
  singular: "networkpolicy",
  shortNames: ["netpol", "knp"],
  isNamespaced: true,
  schema,
  admit: ({ spec }): Problem[] => checkRules(spec),
  columns: { PodSelector: ({ spec }) => JSON.stringify(spec.podSelector ?? {}) },
  example: {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "database", namespace: "shop" },
    spec: {
      podSelector: { matchLabels: { role: "database" } },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { role: "frontend" } } }, { ipBlock: { cidr: "198.51.100.0/24" } }],
          ports: [{ protocol: "TCP", port: 5432 }],
        },
      ],
    },
  },
});
