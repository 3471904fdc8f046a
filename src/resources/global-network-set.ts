import type { z } from "zod";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { type NetworkSetSpec, checkSetLabels, formatNets, networkSetSpec } from "./network-set.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { refine } from "./schema.ts";

export type GlobalNetworkSetSpec = NetworkSetSpec;

export type GlobalNetworkSet = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "GlobalNetworkSet";
  readonly metadata: ObjectMeta;
  readonly spec: GlobalNetworkSetSpec;
};

const schema: z.ZodType<GlobalNetworkSet> = refine(
  resourceSchema(
    { apiVersion: "projectcalico.org/v3", kind: "GlobalNetworkSet", isNamespaced: false },
    { spec: networkSetSpec },
  ),
  checkSetLabels,
);

export const globalNetworkSet = defineKind({
  kind: "GlobalNetworkSet",
  plural: "globalnetworksets",
  singular: "globalnetworkset",
  shortNames: ["gns"],
  isNamespaced: false,
  schema,
  columns: { Nets: formatNets },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkSet",
    metadata: { name: "blocked", labels: { reputation: "bad" } },
    spec: { nets: ["203.0.113.0/24", "2001:db8:bad::/48"] },
  },
});
