import type { z } from "zod";
import type { Cidr } from "../lib/index.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { cidr } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { isEmptyList, list, object, optional } from "./schema.ts";

/** Addresses that are never given out unasked. */
export type IPReservation = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "IPReservation";
  readonly metadata: ObjectMeta;
  readonly spec: { readonly reservedCIDRs?: readonly Cidr[] };
};

const schema: z.ZodType<IPReservation> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "IPReservation", isNamespaced: false },
  {
    spec: object({
      reservedCIDRs: optional(list(cidr({ bare: true, hostBits: true }), { isSet: true }), isEmptyList),
    }),
  },
);

export const ipReservation = defineKind({
  kind: "IPReservation",
  plural: "ipreservations",
  singular: "ipreservation",
  isNamespaced: false,
  schema,
  columns: { Reserved: ({ spec }) => (spec.reservedCIDRs ?? []).join(",") },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "IPReservation",
    metadata: { name: "routers" },
    spec: { reservedCIDRs: ["10.65.0.0/29", "fd00:10:65::1"] },
  },
});
