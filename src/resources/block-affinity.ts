import { z } from "zod";
import type { Cidr } from "../lib/index.ts";
import { cidrToName } from "./ipam-names.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { cidr, reference } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { isBlank, object, required, mustBeFalse } from "./schema.ts";

export type BlockAffinitySpec = {
  /** Only confirmed affinities are announced. */
  readonly state: "confirmed" | "pending" | "pendingDeletion";
  readonly node: string;
  readonly type: "host" | "virtual";
  readonly cidr: Cidr;
};

/** A node's claim on a block. Written by IPAM only. */
export type BlockAffinity = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "BlockAffinity";
  readonly metadata: ObjectMeta;
  readonly spec: BlockAffinitySpec;
};

/** Name of the claim of a node on a block. */
export function blockAffinityName(node: string, cidr: Cidr): string {
  return `${node}-${cidrToName(cidr)}`;
}

const spec = object({
  state: required(z.enum(["confirmed", "pending", "pendingDeletion"]).prefault("confirmed"), isBlank),
  node: required(reference, isBlank),
  type: required(z.enum(["host", "virtual"]).prefault("host"), isBlank),
  cidr: required(cidr({}), isBlank),
  deleted: mustBeFalse("delete the object"),
});

const schema: z.ZodType<BlockAffinity> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "BlockAffinity", isNamespaced: false },
  { spec },
);

export const blockAffinity = defineKind({
  kind: "BlockAffinity",
  plural: "blockaffinities",
  singular: "blockaffinity",
  shortNames: ["affinity", "affinities"],
  isNamespaced: false,
  schema,
  columns: {
    CIDR: ({ spec }) => spec.cidr,
    Node: ({ spec }) => spec.node,
    State: ({ spec }) => spec.state,
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "BlockAffinity",
    metadata: { name: "host-1-10-65-0-0-26" },
    spec: { state: "confirmed", node: "host-1", type: "host", cidr: "10.65.0.0/26" },
  },
});
