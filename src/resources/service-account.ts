import { z } from "zod";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { isBlank, isEmptyList, list, object, optional } from "./schema.ts";

/** The core Kubernetes kind: whose labels the endpoints that run as it inherit (see `serviceAccountProfile`). */
export type ServiceAccount = {
  readonly apiVersion: "v1";
  readonly kind: "ServiceAccount";
  readonly metadata: ObjectMeta;
  readonly secrets?: readonly { readonly name?: string; readonly namespace?: string }[];
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly automountServiceAccountToken?: boolean;
  readonly spec?: undefined;
};

const text = optional(z.string(), isBlank);

const schema: z.ZodType<ServiceAccount> = resourceSchema(
  { apiVersion: "v1", kind: "ServiceAccount", isNamespaced: true },
  {
    secrets: optional(list(object({ name: text, namespace: text })), isEmptyList),
    imagePullSecrets: optional(list(object({ name: text })), isEmptyList),
    automountServiceAccountToken: optional(z.boolean()),
  },
);

export const serviceAccount = defineKind({
  kind: "ServiceAccount",
  apiVersion: "v1",
  plural: "serviceaccounts",
  singular: "serviceaccount",
  shortNames: ["sa"],
  isNamespaced: true,
  schema,
  columns: {
    Labels: ({ metadata }) =>
      Object.entries(metadata.labels ?? {})
        .map(([label, value]) => `${label}=${value}`)
        .join(","),
  },
  example: {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "robot", namespace: "shop", labels: { team: "blue" } },
  },
});
