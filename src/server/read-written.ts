import type { Identity } from "../access/index.ts";
import { type Problem, type Result, TortieError } from "../lib/index.ts";
import type { KindDefinition, Resource } from "../resources/index.ts";
import { type Json, isRecord, memberOf, withMember } from "./json.ts";
import { StatusError, invalid } from "./status.ts";
import type { CachedObject } from "./watch-cache.ts";
import type { WriteOptions } from "./write-options.ts";

/** Whose write it is; the name is that of the path, undefined on creation. */
export type WriteTarget = {
  readonly identity: Identity;
  readonly definition: KindDefinition;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource?: "status" | undefined;
};

/** Metadata that no kind knows: it is the server's, and stored beside the rest. */
export type ServerMetadata = { readonly generateName?: string; readonly managedFields?: readonly Json[] };

export type Written = { readonly resource: Resource; readonly extra: ServerMetadata; readonly isGenerated: boolean };

/** As Kubernetes: no vowels, so that no words come about. */
const nameLetters = "bcdfghjklmnpqrstvwxz2456789";
const generatedLength = 5;
/** Of a generated name, all in all. */
const maxNameLength = 63;
const maxWarnings = 20;

/** The body as a resource; what the path says and the body does not is filled in, what they say differently is refused. */
export function readWritten(target: WriteTarget, json: unknown, options: WriteOptions): Written {
  const { definition, namespace, name } = target;
  if (!isRecord(json)) throw new StatusError("BadRequest", "the body must be a JSON object");
  const { metadata, extra } = splitMetadata(json["metadata"]);
  const filled = { ...metadata };
  if (namespace !== undefined && isUnset(metadata["namespace"])) filled["namespace"] = namespace;
  if (name !== undefined && isUnset(metadata["name"])) filled["name"] = name;
  const isGenerated = extra.generateName !== undefined && isUnset(filled["name"]);
  if (isGenerated) filled["name"] = generateName(extra.generateName ?? "");
  const decoded = decodeBody(definition, { ...json, metadata: filled }, options);
  if (!decoded.ok) throw invalid(definition, String(filled["name"] ?? ""), decoded.problems);
  const found = decoded.value.metadata;
  const problems: Problem[] = [];
  if (namespace !== undefined && found.namespace !== namespace)
    problems.push(differs("metadata.namespace", found.namespace, namespace));
  if (name !== undefined && found.name !== name) problems.push(differs("metadata.name", found.name, name));
  if (problems.length > 0) throw invalid(definition, found.name, problems);
  return { resource: decoded.value, extra, isGenerated };
}

function decodeBody(definition: KindDefinition, json: Json, options: WriteOptions): Result<Resource> {
  const strict = definition.decode(json);
  if (strict.ok || options.fieldValidation === "Strict") return strict;
  const tolerant = definition.decode(json, { unknownFields: "drop" });
  // Every problem that leaves with the unknown fields is one of them.
  if (tolerant.ok && options.fieldValidation === "Warn") {
    for (const { path, message, hint } of strict.problems.slice(0, maxWarnings)) {
      options.warn(`${message} "${path}"${hint === "" ? "" : ` (${hint})`}: it is left out`);
    }
  }
  return tolerant;
}

/** An object of the cache: what its kind knows, and what is the server's. */
export function readPresent(
  definition: KindDefinition,
  present: CachedObject,
): { readonly resource: Resource; readonly extra: ServerMetadata; readonly json: Json } {
  const json: Json = JSON.parse(present.text);
  const { metadata, extra } = splitMetadata(json["metadata"]);
  const decoded = definition.decode({ ...json, metadata }, { unknownFields: "keep" });
  if (decoded.ok) return { resource: decoded.value, extra, json };
  throw new TortieError("TT_STORE", `${present.key} in the store is not valid for this version`, {
    hint: "delete it and create it anew",
  });
}

/** `status` is written by those who watch over the object, the rest by its user; neither touches the part of the other. */
export function separateStatus(target: WriteTarget, json: unknown, old: Json | undefined): unknown {
  if (!target.definition.hasStatus || !isRecord(json)) return json;
  if (target.subresource === "status") {
    const resourceVersion = memberOf(json["metadata"], "resourceVersion");
    const metadata = withMember(isRecord(old?.["metadata"]) ? old["metadata"] : {}, "resourceVersion", resourceVersion);
    return withMember({ ...old, metadata }, "status", json["status"]);
  }
  return withMember(json, "status", old?.["status"]);
}

function splitMetadata(metadata: unknown): { readonly metadata: Json; readonly extra: ServerMetadata } {
  if (!isRecord(metadata)) return { metadata: {}, extra: {} };
  const { generateName, managedFields, ...rest } = metadata;
  return {
    metadata: rest,
    extra: {
      ...(typeof generateName === "string" && generateName !== "" ? { generateName } : {}),
      ...(Array.isArray(managedFields) ? { managedFields } : {}),
    },
  };
}

function generateName(prefix: string): string {
  const letters = [...crypto.getRandomValues(new Uint8Array(generatedLength))];
  const suffix = letters.map((byte) => nameLetters[byte % nameLetters.length]).join("");
  return prefix.slice(0, maxNameLength - generatedLength) + suffix;
}

function differs(path: string, found: string | undefined, wanted: string): Problem {
  return { path, message: `is ${found}, but the request is for ${wanted}`, hint: "make both the same" };
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}
