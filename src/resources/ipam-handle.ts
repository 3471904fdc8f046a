import type { z } from "zod";
import { parseCidr } from "../lib/index.ts";
import { Complaint, show } from "./complaint.ts";
import { numberMap } from "./ipam-block.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { isBlank, object, refine, required, textOf, mustBeFalse } from "./schema.ts";

export type IPAMHandleSpec = {
  readonly handleID: string;
  /** Addresses the handle has in each block, by the block's CIDR. May be too high after a crash, never too low. */
  readonly block: Readonly<Record<string, number>>;
};

/** Index from a handle to the blocks it has addresses in. Written by IPAM only. */
export type IPAMHandle = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "IPAMHandle";
  readonly metadata: ObjectMeta;
  readonly spec: IPAMHandleSpec;
};

const block = refine(numberMap, (map) => {
  const wrong = Object.keys(map).find((name) => parseCidr(name) !== name);
  return wrong === undefined ? undefined : new Complaint(`${show(wrong)} is no CIDR in canonical form`, "", [wrong]);
});

const spec = object({
  handleID: required(
    textOf((text) => text !== "", "a handle"),
    isBlank,
  ),
  block: block.prefault({}),
  deleted: mustBeFalse("delete the object"),
});

const schema: z.ZodType<IPAMHandle> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "IPAMHandle", isNamespaced: false },
  { spec },
);

export const ipamHandle = defineKind({
  kind: "IPAMHandle",
  plural: "ipamhandles",
  singular: "ipamhandle",
  isNamespaced: false,
  schema,
  columns: {
    Handle: ({ spec }) => spec.handleID,
    Addresses: ({ spec }) => String(Object.values(spec.block).reduce((sum, count) => sum + count, 0)),
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "IPAMHandle",
    metadata: { name: "tortie.shop.web-1" },
    spec: { handleID: "tortie.shop.web-1", block: { "10.65.0.0/26": 1 } },
  },
});
