import { z } from "zod";
import { Complaint } from "./complaint.ts";
import { type Condition, conditions } from "./conditions.ts";
import { isSegment } from "./formats.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { policyOrder } from "./policy.ts";
import { type Json, isRecord, object, optional, refine } from "./schema.ts";

export type TierSpec = {
  /** Lower first. */
  readonly order: number;
  /** For what no rule of the tier's policies decided, where at least one of them applies. */
  readonly defaultAction: "Deny" | "Pass";
};

/** A stage of evaluation: its policies stand together, before or after those of other tiers. */
export type Tier = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "Tier";
  readonly metadata: ObjectMeta;
  readonly spec: TierSpec;
  readonly status?: { readonly conditions?: readonly Condition[] };
};

const defaultOrder = 1_000_000;

/** Always there, whether or not they are stored, and the same everywhere. */
export const builtInTiers: ReadonlyMap<string, TierSpec> = new Map<string, TierSpec>([
  ["kube-admin", { order: 1000, defaultAction: "Pass" }],
  ["default", { order: defaultOrder, defaultAction: "Deny" }],
  ["kube-baseline", { order: 10_000_000, defaultAction: "Pass" }],
]);

function applyDefaults(json: Json): Json {
  const spec = json["spec"] ?? {};
  if (!isRecord(spec)) return json;
  const { order, defaultAction } = spec;
  return { ...json, spec: { ...spec, order: order ?? defaultOrder, defaultAction: defaultAction ?? "Deny" } };
}

const schema: z.ZodType<Tier> = refine(
  resourceSchema(
    {
      apiVersion: "projectcalico.org/v3",
      kind: "Tier",
      isNamespaced: false,
      name: {
        isValid: isSegment,
        hint: "at most 63 lower-case letters, digits and dashes, with letters or digits at both ends",
      },
    },
    {
      spec: object({ order: policyOrder, defaultAction: z.enum(["Deny", "Pass"]) }),
      status: optional(object({ conditions: optional(conditions) })),
    },
  ),
  ({ metadata, spec }) => {
    const fixed = builtInTiers.get(metadata.name);
    if (fixed === undefined) return [];
    return (["order", "defaultAction"] as const)
      .filter((member) => spec[member] !== fixed[member])
      .map((member) => new Complaint(`of the built-in tier must be ${fixed[member]}`, "", ["spec", member]));
  },
);

export const tier = defineKind({
  kind: "Tier",
  plural: "tiers",
  singular: "tier",
  isNamespaced: false,
  hasStatus: true,
  schema,
  applyDefaults,
  columns: { Order: ({ spec }) => String(spec.order), DefaultAction: ({ spec }) => spec.defaultAction },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "Tier",
    metadata: { name: "security" },
    spec: { order: 100, defaultAction: "Pass" },
  },
});
