import { z } from "zod";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { isBlank, object, optional } from "./schema.ts";

/** There is one, named `default`. */
export type ClusterInformation = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "ClusterInformation";
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly clusterGUID?: string;
    /** Separated by commas. */
    readonly clusterType?: string;
    readonly calicoVersion?: string;
    /** False while the data is being moved: nothing may be set up. */
    readonly datastoreReady?: boolean;
    readonly variant?: string;
  };
};

const schema: z.ZodType<ClusterInformation> = resourceSchema(
  {
    apiVersion: "projectcalico.org/v3",
    kind: "ClusterInformation",
    isNamespaced: false,
    name: { isValid: (name) => name === "default", hint: "there is one ClusterInformation, called default" },
  },
  {
    spec: object({
      clusterGUID: optional(z.string(), isBlank),
      clusterType: optional(z.string(), isBlank),
      calicoVersion: optional(z.string(), isBlank),
      datastoreReady: optional(z.boolean()),
      variant: optional(z.string(), isBlank),
    }),
  },
);

export const clusterInformation = defineKind({
  kind: "ClusterInformation",
  plural: "clusterinformations",
  singular: "clusterinformation",
  shortNames: ["clusterinfo", "clusterinfos"],
  isNamespaced: false,
  schema,
  columns: {
    GUID: ({ spec }) => spec.clusterGUID ?? "",
    Ready: ({ spec }) => (spec.datastoreReady === undefined ? "" : String(spec.datastoreReady)),
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "ClusterInformation",
    metadata: { name: "default" },
    spec: { clusterGUID: "0d5a7e0c6c1f4b0f9f0e5a3c2b1d4e6f", clusterType: "tortie", datastoreReady: true },
  },
});
