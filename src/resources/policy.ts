import { z } from "zod";
import { systemLabels } from "../selector/index.ts";
import { isLabelValue } from "./formats.ts";
import { reference } from "./network-fields.ts";
import { type Rule, rules } from "./rule.ts";
import { type Json, isBlank, isEmptyList, isRecord, list, optional, required, withoutSign } from "./schema.ts";
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

/** The members of a policy's spec; `isGlobal`: it is of no namespace. */
export function policyShape(isGlobal: boolean) {
  return {
    tier: required(reference.prefault(defaultTier), isBlank),
    order: optional(policyOrder),
    selector: optional(selectorWithoutGlobal, isBlank),
    serviceAccountSelector: optional(selectorWithoutGlobal, isBlank),
    types: policyTypes,
    ingress: optional(rules({ direction: "ingress", isGlobal }), isEmptyList),
    egress: optional(rules({ direction: "egress", isGlobal }), isEmptyList),
    performanceHints: optional(list(z.enum(["AssumeNeededOnEveryNode"]), { isSet: true }), isEmptyList),
  };
}

export const policyOrder = z.number().transform(withoutSign);
export const policyTypes = list(z.enum(["Ingress", "Egress"]), { isSet: true });

/** Absent types are the directions that have rules; and policies carry their tier as a label, whatever the writer put there. */
export function applyPolicyDefaults(json: Json): Json {
  return withTierLabel(withTypes(json));
}

export function withTypes(json: Json): Json {
  const spec = json["spec"] ?? {};
  if (!isRecord(spec) || hasEntries(spec["types"])) return json;
  const types = [];
  if (hasEntries(spec["ingress"]) || !hasEntries(spec["egress"])) types.push("Ingress");
  if (hasEntries(spec["egress"])) types.push("Egress");
  return { ...json, spec: { ...spec, types } };
}

export function withTierLabel(json: Json): Json {
  const { metadata } = json;
  const spec = json["spec"] ?? {};
  if (!isRecord(spec) || !isRecord(metadata)) return json;
  const tier = isUnset(spec["tier"]) ? defaultTier : spec["tier"];
  const labels = metadata["labels"] ?? {};
  // A name too long for a label is that of no tier; the schema has its say about the others.
  if (!isRecord(labels) || typeof tier !== "string" || !isLabelValue(tier)) return json;
  return { ...json, metadata: { ...metadata, labels: { ...labels, [systemLabels.tier]: tier } } };
}

export function hasEntries(value: unknown): boolean {
  return value !== undefined && value !== null && !isEmptyList(value);
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

/** Cells of tables of policies. */
export const policyColumns = {
  Tier: ({ spec }: Columned) => spec.tier,
  Order: ({ spec }: Columned) => (spec.order === undefined ? "last" : String(spec.order)),
  Types: ({ spec }: Columned) => (spec.types ?? []).join(","),
  Selector: ({ spec }: Columned) => spec.selector ?? "all()",
};

type Columned = { readonly spec: Pick<PolicySpec, "tier" | "order" | "selector"> & Partial<Pick<PolicySpec, "types">> };
