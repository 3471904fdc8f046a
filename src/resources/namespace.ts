import { z } from "zod";
import { isSegment } from "./formats.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { isBlank, isEmptyList, object, optional } from "./schema.ts";

/** The core Kubernetes kind: a place for names, whose labels the endpoints in it inherit (see `namespaceProfile`). */
export type Namespace = {
  readonly apiVersion: "v1";
  readonly kind: "Namespace";
  readonly metadata: ObjectMeta;
  readonly spec: { readonly finalizers?: readonly string[] };
  readonly status?: { readonly phase?: string };
};

const schema: z.ZodType<Namespace> = resourceSchema(
  {
    apiVersion: "v1",
    kind: "Namespace",
    isNamespaced: false,
    name: {
      isValid: isSegment,
      hint: "at most 63 lower-case letters, digits and dashes, with letters or digits at both ends",
    },
  },
  {
    spec: object({ finalizers: optional(z.array(z.string()), isEmptyList) }),
    status: optional(object({ phase: optional(z.string(), isBlank) })),
  },
);

export const namespace = defineKind({
  kind: "Namespace",
  plural: "namespaces",
  singular: "namespace",
  shortNames: ["ns"],
  isNamespaced: false,
  apiVersion: "v1",
  schema,
  columns: {
    Labels: ({ metadata }) =>
      Object.entries(metadata.labels ?? {})
        .map(([label, value]) => `${label}=${value}`)
        .join(","),
  },
  example: { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", labels: { stage: "production" } } },
});
