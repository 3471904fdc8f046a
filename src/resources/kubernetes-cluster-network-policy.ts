import { z } from "zod";
import { checkClusterRules } from "./convert-cluster-network-policy.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { type LabelSelector, labelSelector } from "./label-selector.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { integer, isBlank, isEmptyList, isZero, list, object, optional } from "./schema.ts";

export type KubernetesClusterNetworkPolicySpec = {
  /** Admin or Baseline; a policy of another tier has no effect. */
  readonly tier?: string;
  /** Lower first, within the tier; absent: 0. */
  readonly priority?: number;
  readonly subject?: {
    readonly namespaces?: LabelSelector;
    readonly pods?: { readonly namespaceSelector?: LabelSelector; readonly podSelector?: LabelSelector };
  };
  /** As written: see `convertClusterNetworkPolicy` for what is made of them, also of those that are wrong. */
  readonly ingress?: readonly unknown[];
  readonly egress?: readonly unknown[];
};

/** Kubernetes' policy for administrators, over namespaces and before or after all others. */
export type KubernetesClusterNetworkPolicy = {
  readonly apiVersion: "policy.networking.k8s.io/v1alpha2";
  readonly kind: "KubernetesClusterNetworkPolicy";
  readonly metadata: ObjectMeta;
  readonly spec: KubernetesClusterNetworkPolicySpec;
};

const spec = object({
  tier: optional(z.string(), isBlank),
  priority: optional(integer(0, 1000), isZero),
  subject: optional(
    object({
      namespaces: optional(labelSelector),
      pods: optional(object({ namespaceSelector: optional(labelSelector), podSelector: optional(labelSelector) })),
    }),
  ),
  ingress: optional(list(z.unknown()), isEmptyList),
  egress: optional(list(z.unknown()), isEmptyList),
});

const schema: z.ZodType<KubernetesClusterNetworkPolicy> = resourceSchema(
  {
    apiVersion: "policy.networking.k8s.io/v1alpha2",
    kind: "KubernetesClusterNetworkPolicy",
    apiKind: "ClusterNetworkPolicy",
    isNamespaced: false,
  },
  { spec, status: optional(z.unknown()) },
);

export const kubernetesClusterNetworkPolicy = defineKind({
  kind: "KubernetesClusterNetworkPolicy",
  apiKind: "ClusterNetworkPolicy",
  apiVersion: "policy.networking.k8s.io/v1alpha2",
  plural: "clusternetworkpolicies",
  singular: "clusternetworkpolicy",
  shortNames: ["kcnp"],
  isNamespaced: false,
  schema,
  admit: ({ spec }) => checkClusterRules(spec),
  columns: { Tier: ({ spec }) => spec.tier ?? "", Priority: ({ spec }) => String(spec.priority ?? 0) },
  example: {
    apiVersion: "policy.networking.k8s.io/v1alpha2",
    kind: "ClusterNetworkPolicy",
    metadata: { name: "no-metadata-service" },
    spec: {
      tier: "Admin",
      priority: 10,
      subject: { namespaces: {} },
      egress: [{ name: "metadata", action: "Deny", to: [{ networks: ["198.51.100.254/32"] }] }],
    },
  },
});
