import { z } from "zod";
import { systemLabels } from "../selector/index.ts";
import { Complaint, show } from "./complaint.ts";
import { reference } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { type Rule, rules } from "./rule.ts";
import { isBlank, isEmptyList, isRecord, list, object, optional, refine, required, withoutSign } from "./schema.ts";
import { selectorWithoutGlobal } from "./selector-fields.ts";

export type PolicyType = "Ingress" | "Egress";

/** What NetworkPolicy and GlobalNetworkPolicy have in common. */
export type PolicySpec = {
  readonly tier: string;
  /** Lower first; absent: after all that have one. 0 and negative numbers are ordinary orders. */
  readonly order?: number;
  /** Absent: every endpoint in the policy's reach. */
  readonly selector?: string;
  readonly serviceAccountSelector?: string;
  /** Directions the policy captures: one or two, without repeats. Rules of other directions are kept but mean nothing. */
  readonly types: readonly PolicyType[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
  /** A hint for Calico's own data plane; no effect here. */
  readonly performanceHints?: readonly "AssumeNeededOnEveryNode"[];
};

const defaultTier = "default";

const tier = refine(reference, (name) => {
  if (name === defaultTier) return undefined;
  return new Complaint(
    `${show(name)}: tiers other than default are not supported yet`,
    "write tier: default or leave it out",
  );
});

const policyShape = {
  tier: required(tier.prefault(defaultTier), isBlank),
  order: optional(z.number().transform(withoutSign)),
  selector: optional(selectorWithoutGlobal, isBlank),
  serviceAccountSelector: optional(selectorWithoutGlobal, isBlank),
  types: list(z.enum(["Ingress", "Egress"]), { isSet: true }),
  ingress: optional(rules, isEmptyList),
  egress: optional(rules, isEmptyList),
  performanceHints: optional(list(z.enum(["AssumeNeededOnEveryNode"]), { isSet: true }), isEmptyList),
};

/** The schema of a policy's spec, which may have more members. Absent types are the directions that have rules. */
export function policySpec<S extends z.ZodRawShape>(shape: S) {
  return z.preprocess(withTypes, object({ ...policyShape, ...shape }));
}

function withTypes(spec: unknown): unknown {
  if (!isRecord(spec) || hasEntries(spec["types"])) return spec;
  const types = [];
  if (hasEntries(spec["ingress"]) || !hasEntries(spec["egress"])) types.push("Ingress");
  if (hasEntries(spec["egress"])) types.push("Egress");
  return { ...spec, types };
}

function hasEntries(value: unknown): boolean {
  return value !== undefined && value !== null && !isEmptyList(value);
}

/** Policies carry their tier as a label, whatever the writer put there. */
export function withTierLabel<P extends { readonly metadata: ObjectMeta; readonly spec: PolicySpec }>(policy: P): P {
  const { name, namespace, labels, ...rest } = policy.metadata;
  const labelled = { ...labels, [systemLabels.tier]: policy.spec.tier };
  return {
    ...policy,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels: labelled, ...rest },
  };
}

/** Cells of tables of policies. */
export const policyColumns = {
  Tier: (policy: { readonly spec: PolicySpec }) => policy.spec.tier,
  Order: (policy: { readonly spec: PolicySpec }) =>
    policy.spec.order === undefined ? "last" : String(policy.spec.order),
  Types: (policy: { readonly spec: PolicySpec }) => policy.spec.types.join(","),
  Selector: (policy: { readonly spec: PolicySpec }) => policy.spec.selector ?? "all()",
};
