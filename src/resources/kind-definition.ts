import { z } from "zod";
import type { Problem, Result } from "../lib/index.ts";
import { toJsonSchema } from "./json-schema.ts";
import { type NameRule, objectMeta, objectName } from "./object-meta.ts";
import { decodeWith } from "./problems.ts";
import { type Kind, type Resource, type ResourceOf, isKind } from "./resource.ts";
import { type Json, isRecord, object } from "./schema.ts";

export type DecodeOptions = {
  /**
   * What to do with a member nobody knows. `refuse` (the default) makes each a problem; `keep` carries it
   * along unread, as a reader must that may be older than what it reads; `drop` leaves it out.
   */
  readonly unknownFields?: "refuse" | "keep" | "drop";
};

/** All that is particular to a kind. */
export type KindDefinition<K extends Kind = Kind> = {
  /** By this name, which no two kinds share, the kind is known inside: a decoded object has it as `kind`. */
  readonly kind: K;
  /** What `kind` says in the API. Only with group and version it tells which kind is meant: there are two NetworkPolicies. */
  readonly apiKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** Empty for the kinds of core Kubernetes. */
  readonly group: string;
  readonly version: string;
  readonly isNamespaced: boolean;
  /** `status` is written apart from the rest. */
  readonly hasStatus: boolean;
  /**
   * Total: any value gives an object in canonical form or the list of all problems found. `kind` may be said either way. An
   * object that asks for what is left out on purpose is refused only when nothing else is wrong with it.
   */
  decode(json: unknown, options?: DecodeOptions): Result<ResourceOf<K>>;
  /** What speaks against a write, beyond the object by itself: `old` is what it replaces, undefined on creation. */
  admit(next: Resource, old: Resource | undefined): readonly Problem[];
  /** Fills in, without a look at the rest, the defaults that are stored with an object; undefined for kinds without any. */
  readonly applyDefaults: ((json: Json) => Json) | undefined;
  readonly columns: readonly Column[];
  /** A complete object, as JSON-shaped value, that decodes. */
  readonly example: unknown;
  /** The form of its objects, for OpenAPI and for people; not all of its rules can be said in it. */
  readonly jsonSchema: () => Json;
};

/** A column of a table of objects of the kind, besides name, namespace and age. */
export type Column = { readonly name: string; readonly value: (resource: Resource) => string };

type KindOptions<K extends Kind> = {
  readonly kind: K;
  /** Where the API has another name for it. */
  readonly apiKind?: string;
  /** Of other groups than projectcalico.org/v3. */
  readonly apiVersion?: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly isNamespaced: boolean;
  readonly hasStatus?: boolean;
  readonly schema: z.ZodType<ResourceOf<K>>;
  readonly applyDefaults?: (json: Json) => Json;
  readonly admit?: (next: ResourceOf<K>, old: ResourceOf<K> | undefined) => readonly Problem[];
  /** What a valid object asks for that is left out on purpose. */
  readonly leftOut?: (resource: ResourceOf<K>) => readonly Problem[];
  readonly columns: Readonly<Record<string, (resource: ResourceOf<K>) => string>>;
  readonly example: unknown;
};

export function defineKind<K extends Kind>(options: KindOptions<K>): KindDefinition<K> {
  const { kind, plural, singular, shortNames = [], isNamespaced, schema, applyDefaults, leftOut, example } = options;
  const [version = "", group = ""] = (options.apiVersion ?? "projectcalico.org/v3").split("/").toReversed();
  return {
    kind,
    apiKind: options.apiKind ?? kind,
    plural,
    singular,
    shortNames,
    group,
    version,
    isNamespaced,
    hasStatus: options.hasStatus ?? false,
    applyDefaults,
    decode: (json, decodeOptions) => {
      const complete = applyDefaults !== undefined && isRecord(json) ? applyDefaults(json) : json;
      const decoded = decodeWith(schema, complete, decodeOptions);
      const problems = decoded.ok && leftOut !== undefined ? leftOut(decoded.value) : [];
      if (problems.length === 0) return decoded;
      return { ok: false, problems: problems.map((problem) => ({ ...problem, isUnsupported: true })) };
    },
    admit: (next, old) => {
      if (options.admit === undefined || !isKind(next, kind)) return [];
      return options.admit(next, old !== undefined && isKind(old, kind) ? old : undefined);
    },
    columns: Object.entries(options.columns).map(([name, value]) => ({
      name,
      value: (resource) => (isKind(resource, kind) ? value(resource) : ""),
    })),
    example,
    jsonSchema: () => toJsonSchema(schema, kind),
  };
}

type Head<A extends string, K extends string> = {
  readonly apiVersion: A;
  readonly kind: K;
  readonly apiKind?: string;
  readonly isNamespaced: boolean;
  readonly name?: NameRule;
};

/** The schema of a whole object. An absent spec, of kinds that have one, counts as an empty one. */
export function resourceSchema<A extends string, K extends string, M extends z.ZodRawShape>(
  head: Head<A, K>,
  members: M,
) {
  const kinds = [head.kind, ...(head.apiKind === undefined ? [] : [head.apiKind])];
  const schema = object({
    apiVersion: z.literal(head.apiVersion),
    kind: z.literal(kinds).transform(() => head.kind),
    metadata: objectMeta(head.name ?? objectName, head.isNamespaced),
    ...members,
  });
  const hasSpec = "spec" in members;
  return z.preprocess(
    (json) => (hasSpec && isRecord(json) && (json["spec"] ?? null) === null ? { ...json, spec: {} } : json),
    schema,
  );
}
