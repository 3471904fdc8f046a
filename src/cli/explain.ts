import { stringify } from "yaml";
import { formatTable } from "../lib/index.ts";
import { type Json, type KindDefinition, apiVersionOf, findNearest, kindDefinitions } from "../resources/index.ts";
import { BadInput } from "./failure.ts";
import { kindNamed } from "./kind-argument.ts";

export type ExplainFlags = { readonly recursive?: boolean };

/** `KIND` or `KIND.member.member`: what goes there. Needs no server. */
export function explain(path: string, { recursive = false }: ExplainFlags): string {
  const [kind = "", ...names] = path.split(".");
  const definition = kindNamed(kind);
  const schema = names.reduce<Json>(
    (parent, name, at) => enter(parent, name, [kind, ...names.slice(0, at)].join(".")),
    schemaOf(definition),
  );
  const place = names.length === 0 ? [] : [`FIELD:    ${names.join(".")} <${typeName(schema)}>`];
  const lines = [
    `KIND:     ${definition.apiKind}`,
    `VERSION:  ${apiVersionOf(definition)}`,
    ...place,
    ...notesOf(schema),
  ];
  const fields = formatFields(schema, recursive, "  ");
  if (fields.length > 0) lines.push("", "FIELDS:", ...fields);
  if (names.length === 0) lines.push("", "EXAMPLE:", ...indent(stringify(definition.example).trimEnd()));
  return lines.join("\n");
}

export function formatApiResources(): string {
  const rows = kindDefinitions.map((definition) => {
    const { plural, shortNames, isNamespaced, apiKind } = definition;
    return [plural, shortNames.join(","), apiVersionOf(definition), String(isNamespaced), apiKind];
  });
  return formatTable(["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"], rows);
}

/** The kind's schema, with the members that every object has. */
function schemaOf(definition: KindDefinition): Json {
  const schema = definition.jsonSchema();
  const properties = membersOf(schema);
  return { ...schema, properties: { ...properties, metadata: metadata(definition) } };
}

function metadata({ isNamespaced }: KindDefinition): Json {
  const text = (description: string) => ({ type: "string", description });
  const texts = (description: string) => ({ type: "object", additionalProperties: { type: "string" }, description });
  return {
    type: "object",
    required: ["name"],
    properties: {
      name: text("unique among the objects of the kind, and of the namespace where there is one"),
      ...(isNamespaced ? { namespace: text("where the object lives; `default` if it is not said") } : {}),
      labels: texts("what selectors look at"),
      annotations: texts("anything that tools and people want to keep with the object"),
    },
  };
}

function enter(parent: Json, name: string, path: string): Json {
  const members = membersOf(parent);
  const found = members[name];
  if (isSchema(found)) return found;
  const known = Object.keys(members);
  if (known.length === 0) throw new BadInput([`${path} has no members to explain`]);
  const nearest = findNearest(name, known);
  const advice = nearest === undefined ? `there are ${known.join(", ")}` : `did you mean ${nearest}?`;
  throw new BadInput([`${path} has no member ${name}; ${advice}`]);
}

/** Of an object, or of the objects in a list. */
export function membersOf(schema: Json): Readonly<Record<string, unknown>> {
  const { items, properties } = schema;
  if (isSchema(items)) return membersOf(items);
  return isSchema(properties) ? properties : {};
}

export function requiredOf(schema: Json): readonly unknown[] {
  const { items, required } = schema;
  if (isSchema(items)) return requiredOf(items);
  return Array.isArray(required) ? required : [];
}

export function isSchema(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `text`, `list of number`, `map of text`, `number or text`, `object`. */
export function typeName(schema: Json): string {
  const { type, items, anyOf, additionalProperties } = schema;
  if (Array.isArray(anyOf)) return anyOf.filter(isSchema).map(typeName).join(" or ");
  if (type === "array") return `list of ${isSchema(items) ? typeName(items) : "anything"}`;
  if (isSchema(additionalProperties)) return `map of ${typeName(additionalProperties)}`;
  if (type === "integer" || type === "number") return "number";
  return type === "string" ? "text" : typeof type === "string" ? type : "anything";
}

/** What else a schema says: a description, the values that are allowed, the default. */
export function notesOf(schema: Json): string[] {
  const { description, enum: values, items, default: standard } = schema;
  const allowed = Array.isArray(values) ? values : isSchema(items) && Array.isArray(items["enum"]) ? items["enum"] : [];
  return [
    ...(typeof description === "string" ? [description] : []),
    ...(allowed.length > 0 ? [`one of ${allowed.map(String).join(", ")}`] : []),
    ...(standard === undefined ? [] : [`default ${String(standard)}`]),
  ];
}

function formatFields(schema: Json, isRecursive: boolean, margin: string): string[] {
  const required = requiredOf(schema);
  return Object.entries(membersOf(schema)).flatMap(([name, member]) => {
    if (!isSchema(member)) return [];
    const notes = [...(required.includes(name) ? ["required"] : []), ...notesOf(member)];
    const line = `${margin}${name} <${typeName(member)}>${notes.length === 0 ? "" : `  ${notes.join("; ")}`}`;
    return [line, ...(isRecursive ? formatFields(member, true, `${margin}  `) : [])];
  });
}

function indent(text: string): string[] {
  return text.split("\n").map((line) => `  ${line}`);
}
