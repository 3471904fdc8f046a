import { z } from "zod";
import { Complaint, show } from "./complaint.ts";
import { isSecretKey } from "./formats.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { type Json, isFalse, isRecord, optional, textMap } from "./schema.ts";

/** The core Kubernetes kind. What is written as `stringData` becomes part of `data`. Its values must reach no log. */
export type Secret = {
  readonly apiVersion: "v1";
  readonly kind: "Secret";
  readonly metadata: ObjectMeta;
  readonly type: string;
  readonly immutable?: boolean;
  /** In base64. */
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: undefined;
};

const maxBytes = 1024 * 1024;

/** The octets in base64 with padding, as Kubernetes wants it. */
function readBase64(text: string): Uint8Array | undefined {
  const isForm = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  return isForm ? Uint8Array.fromBase64(text) : undefined;
}

/** The text under a key of a secret; undefined when there is no such key. */
export function secretText({ data = {} }: Secret, key: string): string | undefined {
  const octets = Object.hasOwn(data, key) ? readBase64(data[key] ?? "") : undefined;
  return octets === undefined ? undefined : new TextDecoder().decode(octets);
}

/** No complaint may quote a value. */
const data = textMap(
  (key, value) => {
    if (!isSecretKey(key)) return new Complaint(`${show(key)} is no key`, "at most 253 letters, digits and . - _");
    return readBase64(value) === undefined ? new Complaint("is not base64", "or give it in stringData") : undefined;
  },
  (map) => {
    const bytes = Object.values(map).reduce((sum, value) => sum + (value.length / 4) * 3, 0);
    return bytes > maxBytes ? new Complaint(`is larger than ${maxBytes} bytes`) : undefined;
  },
);

/** What is no text stays, for the schema to refuse. */
function mergeStringData(json: Json): Json {
  const { stringData, ...rest } = json;
  if (stringData === null) return rest;
  const present = rest["data"] ?? {};
  if (!isRecord(stringData) || !isRecord(present)) return json;
  const encoded = Object.entries(stringData).map(([key, value]): [string, unknown] => {
    return [key, typeof value === "string" ? new TextEncoder().encode(value).toBase64() : value];
  });
  return { ...rest, data: Object.fromEntries([...Object.entries(present), ...encoded]) };
}

const schema: z.ZodType<Secret> = z.preprocess(
  (json) => (isRecord(json) && json["stringData"] !== undefined ? mergeStringData(json) : json),
  resourceSchema(
    { apiVersion: "v1", kind: "Secret", isNamespaced: true },
    {
      type: z.preprocess((value) => (value === "" ? undefined : value), z.string().default("Opaque")),
      immutable: optional(z.boolean(), isFalse),
      data: optional(data),
    },
  ),
);

export const secret = defineKind({
  kind: "Secret",
  apiVersion: "v1",
  plural: "secrets",
  singular: "secret",
  isNamespaced: true,
  schema,
  admit: (next, old) => {
    if (old?.immutable !== true) return [];
    if (next.immutable === true && sameData(next, old)) return [];
    return [{ path: "immutable", message: "this secret cannot be changed any more", hint: "make another one" }];
  },
  columns: { Type: ({ type }) => type, Keys: ({ data }) => Object.keys(data ?? {}).join(",") },
  example: {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "bgp", namespace: "default" },
    type: "Opaque",
    data: { password: "dG9ydGll" },
  },
});

function sameData({ data: a = {} }: Secret, { data: b = {} }: Secret): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
