import type { z } from "zod";
import { isPolicyName } from "./formats.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { policyNameHint } from "./network-policy.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { type PolicySpec, policyColumns, policyShape, withTierLabel, withTypes } from "./policy.ts";
import { httpRules } from "./rule.ts";
import { isBlank, isEmptyList, object, optional, refine, required } from "./schema.ts";
import { type Staged, applyStagedDefaults, checkDeletion, stagedAction } from "./staged-policy.ts";

/** A NetworkPolicy that is thought through and never enforced. */
export type StagedNetworkPolicy = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "StagedNetworkPolicy";
  readonly metadata: ObjectMeta;
  readonly spec: Staged<PolicySpec>;
};

const shape = policyShape(false);
const spec = object({
  ...shape,
  types: optional(shape.types, isEmptyList),
  stagedAction: required(stagedAction, isBlank),
});

const schema: z.ZodType<StagedNetworkPolicy> = resourceSchema(
  {
    apiVersion: "projectcalico.org/v3",
    kind: "StagedNetworkPolicy",
    isNamespaced: true,
    name: { isValid: isPolicyName, hint: policyNameHint },
  },
  { spec: refine(spec, checkDeletion) },
);

export const stagedNetworkPolicy = defineKind({
  kind: "StagedNetworkPolicy",
  plural: "stagednetworkpolicies",
  singular: "stagednetworkpolicy",
  shortNames: ["snp", "scnp"],
  isNamespaced: true,
  schema,
  applyDefaults: (json) => withTierLabel(applyStagedDefaults(json, withTypes)),
  leftOut: httpRules,
  columns: { Action: ({ spec }) => spec.stagedAction, ...policyColumns },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "StagedNetworkPolicy",
    metadata: { name: "database", namespace: "shop" },
    spec: {
      stagedAction: "Set",
      selector: "role == 'database'",
      types: ["Ingress"],
      ingress: [{ action: "Allow", protocol: "TCP", destination: { ports: [5432] } }],
    },
  },
});
