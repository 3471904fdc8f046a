import type { z } from "zod";
import { isGlobalPolicyName } from "./formats.ts";
import { type GlobalNetworkPolicySpec, checkFlags, globalPolicyShape } from "./global-network-policy.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { policyNameHint } from "./network-policy.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { policyColumns, withTierLabel, withTypes } from "./policy.ts";
import { httpRules } from "./rule.ts";
import { isBlank, isEmptyList, object, optional, refine, required } from "./schema.ts";
import { type Staged, applyStagedDefaults, checkDeletion, stagedAction } from "./staged-policy.ts";

/** A GlobalNetworkPolicy that is thought through and never enforced. */
export type StagedGlobalNetworkPolicy = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "StagedGlobalNetworkPolicy";
  readonly metadata: ObjectMeta;
  readonly spec: Staged<GlobalNetworkPolicySpec>;
};

const spec = object({
  ...globalPolicyShape,
  types: optional(globalPolicyShape.types, isEmptyList),
  stagedAction: required(stagedAction, isBlank),
});

const schema: z.ZodType<StagedGlobalNetworkPolicy> = resourceSchema(
  {
    apiVersion: "projectcalico.org/v3",
    kind: "StagedGlobalNetworkPolicy",
    isNamespaced: false,
    name: { isValid: isGlobalPolicyName, hint: policyNameHint },
  },
  { spec: refine(spec, (value) => (value.stagedAction === "Delete" ? checkDeletion(value) : checkFlags(value))) },
);

export const stagedGlobalNetworkPolicy = defineKind({
  kind: "StagedGlobalNetworkPolicy",
  plural: "stagedglobalnetworkpolicies",
  singular: "stagedglobalnetworkpolicy",
  shortNames: ["sgnp"],
  isNamespaced: false,
  schema,
  applyDefaults: (json) => withTierLabel(applyStagedDefaults(json, withTypes)),
  leftOut: httpRules,
  columns: { Action: ({ spec }) => spec.stagedAction, ...policyColumns },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "StagedGlobalNetworkPolicy",
    metadata: { name: "allow-ping" },
    spec: { stagedAction: "Delete", tier: "default" },
  },
});
