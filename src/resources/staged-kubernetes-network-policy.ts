import type { z } from "zod";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { type KubernetesNetworkPolicySpec, kubernetesPolicyShape } from "./kubernetes-network-policy.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { hasEntries } from "./policy.ts";
import { type Json, isBlank, isRecord, object, refine, required } from "./schema.ts";
import { type StagedAction, applyStagedDefaults, checkDeletion, stagedAction } from "./staged-policy.ts";

/** A NetworkPolicy of Kubernetes that is thought through and never enforced. */
export type StagedKubernetesNetworkPolicy = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "StagedKubernetesNetworkPolicy";
  readonly metadata: ObjectMeta;
  readonly spec: KubernetesNetworkPolicySpec & { readonly stagedAction: StagedAction };
};

function withPolicyTypes(json: Json): Json {
  const spec = json["spec"] ?? {};
  if (!isRecord(spec) || hasEntries(spec["policyTypes"])) return json;
  const types = hasEntries(spec["egress"]) ? ["Ingress", "Egress"] : ["Ingress"];
  return { ...json, spec: { ...spec, policyTypes: types } };
}

/** Selecting everything is what an absent selector does too. */
function isEmptyRecord(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length === 0;
}

const schema: z.ZodType<StagedKubernetesNetworkPolicy> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "StagedKubernetesNetworkPolicy", isNamespaced: true },
  {
    spec: refine(object({ ...kubernetesPolicyShape, stagedAction: required(stagedAction, isBlank) }), (spec) => {
      const { podSelector, ...rest } = spec;
      return checkDeletion(isEmptyRecord(podSelector) ? rest : spec);
    }),
  },
);

export const stagedKubernetesNetworkPolicy = defineKind({
  kind: "StagedKubernetesNetworkPolicy",
  plural: "stagedkubernetesnetworkpolicies",
  singular: "stagedkubernetesnetworkpolicy",
  shortNames: ["sknp"],
  isNamespaced: true,
  schema,
  applyDefaults: (json) => applyStagedDefaults(json, withPolicyTypes),
  columns: {
    Action: ({ spec }) => spec.stagedAction,
    Types: ({ spec }) => (spec.policyTypes ?? []).join(","),
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "StagedKubernetesNetworkPolicy",
    metadata: { name: "database", namespace: "shop" },
    spec: {
      stagedAction: "Set",
      podSelector: { matchLabels: { role: "database" } },
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 5432 }] }],
    },
  },
});
