import { z } from "zod";
import type { Problem, Result } from "../lib/index.ts";
import { type NameRule, objectMeta, objectName } from "./object-meta.ts";
import { decodeWith } from "./problems.ts";
import { type Kind, type Resource, type ResourceOf, isKind } from "./resource.ts";
import { isRecord, object } from "./schema.ts";

export type DecodeOptions = {
  /**
   * What to do with a member nobody knows. `refuse` (the default) makes each a problem; `keep` carries it
   * along unread, as a reader must that may be older than what it reads.
   */
  readonly unknownFields?: "refuse" | "keep";
};

/** All that is particular to a kind. */
export type KindDefinition<K extends Kind = Kind> = {
  readonly kind: K;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly group: "projectcalico.org" | "";
  readonly version: "v3" | "v1";
  readonly isNamespaced: boolean;
  /** Total: any value gives an object in canonical form or the list of all problems found. */
  decode(json: unknown, options?: DecodeOptions): Result<ResourceOf<K>>;
  /** What speaks against a write, beyond the object by itself: `old` is what it replaces, undefined on creation. */
  admit(next: Resource, old: Resource | undefined): readonly Problem[];
  readonly columns: readonly Column[];
  /** A complete object, as JSON-shaped value, that decodes. */
  readonly example: unknown;
};

/** A column of a table of objects of the kind, besides name, namespace and age. */
export type Column = { readonly name: string; readonly value: (resource: Resource) => string };

type KindOptions<K extends Kind> = {
  readonly kind: K;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly isNamespaced: boolean;
  readonly isCore?: boolean;
  readonly schema: z.ZodType<ResourceOf<K>>;
  readonly admit?: (next: ResourceOf<K>, old: ResourceOf<K> | undefined) => readonly Problem[];
  readonly columns: Readonly<Record<string, (resource: ResourceOf<K>) => string>>;
  readonly example: unknown;
};

export function defineKind<K extends Kind>(options: KindOptions<K>): KindDefinition<K> {
  const { kind, plural, singular, shortNames = [], isNamespaced, isCore = false, schema, example } = options;
  return {
    kind,
    plural,
    singular,
    shortNames,
    group: isCore ? "" : "projectcalico.org",
    version: isCore ? "v1" : "v3",
    isNamespaced,
    decode: (json, decodeOptions) => decodeWith(schema, json, decodeOptions),
    admit: (next, old) => {
      if (options.admit === undefined || !isKind(next, kind)) return [];
      return options.admit(next, old !== undefined && isKind(old, kind) ? old : undefined);
    },
    columns: Object.entries(options.columns).map(([name, value]) => ({
      name,
      value: (resource) => (isKind(resource, kind) ? value(resource) : ""),
    })),
    example,
  };
}

type Head<A extends string, K extends string> = {
  readonly apiVersion: A;
  readonly kind: K;
  readonly isNamespaced: boolean;
  readonly name?: NameRule;
};

/** The schema of a whole object. An absent spec counts as an empty one. */
export function resourceSchema<A extends string, K extends string, M extends z.ZodRawShape>(
  head: Head<A, K>,
  members: M,
) {
  const schema = object({
    apiVersion: z.literal(head.apiVersion),
    kind: z.literal(head.kind),
    metadata: objectMeta(head.name ?? objectName, head.isNamespaced),
    ...members,
  });
  return z.preprocess(
    (json) => (isRecord(json) && (json["spec"] ?? null) === null ? { ...json, spec: {} } : json),
    schema,
  );
}
