import { z } from "zod";
import { fieldNote } from "./field-notes.ts";
import { type Json, isRecord } from "./schema.ts";

/** JSON Schema keywords that say nothing to a reader of the API, or nothing that its dialect of OpenAPI knows. */
const dropped = new Set(["$schema", "propertyNames"]);

/** A schema that says nothing must say something: kubectl explain fails over an empty one. */
const anything: Json = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

/** What a kind's schema takes, in OpenAPI 3.0's dialect of JSON Schema; rules it cannot express are left out. */
export function toJsonSchema(schema: z.ZodType, kind: string): Json {
  const { required: _, ...root } = clean(
    z.toJSONSchema(schema, { io: "input", unrepresentable: "any", target: "openapi-3.0" }),
    kind,
    "",
  );
  // An absent spec counts as an empty one.
  return root;
}

/** `name` is that of the member whose schema it is. */
function clean(schema: unknown, kind: string, name: string): Json {
  if (!isRecord(schema) || Object.keys(schema).length === 0) return anything;
  const cleaned = new Map<string, unknown>();
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === "properties" && isRecord(value)) cleaned.set(keyword, cleanMembers(value, kind, name));
    else if (keyword === "required") cleaned.set(keyword, keepRequired(value, schema["properties"]));
    else if (keyword === "items") cleaned.set(keyword, clean(value, kind, name));
    else if (keyword === "additionalProperties") {
      // Empty says that anything may be there, false that unknown members are refused: kubectl is told neither.
      if (isRecord(value) && Object.keys(value).length > 0) cleaned.set(keyword, clean(value, kind, ""));
    } else if (keyword === "default") {
      if (typeof value !== "object") cleaned.set(keyword, value);
    } else if (!dropped.has(keyword)) cleaned.set(keyword, value);
  }
  return Object.fromEntries([...cleaned].filter(([, value]) => value !== undefined));
}

function cleanMembers(members: Json, kind: string, parent: string): Json {
  // The kinds of Kubernetes say other things with the same names.
  const hasNotes = !kind.startsWith("Kubernetes") && kind !== "FelixConfiguration";
  const cleaned = Object.entries(members).map(([name, member]) => {
    const description = hasNotes ? fieldNote(kind, parent, name) : "";
    const schema = clean(member, kind, name);
    return [name, description === "" || "description" in schema ? schema : { ...schema, description }];
  });
  return Object.fromEntries(cleaned);
}

/** Lists and objects that look required have a default, or count as empty when they are not there. */
function keepRequired(required: unknown, members: unknown): readonly unknown[] | undefined {
  const kept = (Array.isArray(required) ? required : []).filter((name) => {
    const member = isRecord(members) ? members[name] : undefined;
    return isRecord(member) && ["string", "number", "integer", "boolean"].includes(String(member["type"]));
  });
  return kept.length === 0 ? undefined : kept;
}
