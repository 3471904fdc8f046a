import type { z } from "zod";
import type { Cidr } from "../lib/index.ts";
import { systemLabels } from "../selector/index.ts";
import { Complaint } from "./complaint.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { cidr } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { isEmptyList, list, object, optional, refine } from "./schema.ts";

export type NetworkSetSpec = { readonly nets?: readonly Cidr[] };

export type NetworkSet = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "NetworkSet";
  readonly metadata: ObjectMeta;
  readonly spec: NetworkSetSpec;
};

export const networkSetSpec = object({
  nets: optional(list(cidr({ bare: true, hostBits: true }), { isSet: true }), isEmptyList),
});

/** That label is the system's: it tells namespaced sets from global ones. */
export function checkSetLabels({ metadata }: { readonly metadata: ObjectMeta }): Complaint | undefined {
  if (!Object.hasOwn(metadata.labels ?? {}, systemLabels.namespace)) return undefined;
  return new Complaint("this label is set by the system", "leave it out", [
    "metadata",
    "labels",
    systemLabels.namespace,
  ]);
}

const schema: z.ZodType<NetworkSet> = refine(
  resourceSchema(
    { apiVersion: "projectcalico.org/v3", kind: "NetworkSet", isNamespaced: true },
    { spec: networkSetSpec },
  ),
  checkSetLabels,
);

export const networkSet = defineKind({
  kind: "NetworkSet",
  plural: "networksets",
  singular: "networkset",
  shortNames: ["netset", "netsets"],
  isNamespaced: true,
  schema,
  columns: { Nets: formatNets },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "NetworkSet",
    metadata: { name: "offices", namespace: "shop", labels: { place: "office" } },
    spec: { nets: ["198.51.100.0/24", "2001:db8:1::/48"] },
  },
});

/** The first few; all of a long list would fill the screen. */
export function formatNets({ spec: { nets = [] } }: { readonly spec: NetworkSetSpec }): string {
  return nets.length > 3 ? `${nets.slice(0, 3).join(",")} and ${nets.length - 3} more` : nets.join(",");
}
