import { type KindDefinition, apiVersionOf, kindDefinitions } from "../resources/index.ts";
import { type Json, isRecord } from "./json.ts";

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** What OpenAPI calls a kind: the group the other way round, as Kubernetes does. */
export function schemaName({ group, version, apiKind }: KindDefinition): string {
  const place = group === "" ? "io.k8s.api.core" : group.split(".").toReversed().join(".");
  return `${place}.${version}.${apiKind}`;
}

export function groupVersionKind({ group, version, apiKind: kind }: KindDefinition): Json {
  return { group, version, kind };
}

/** The schemas of a group version, by name; `refer` writes a reference in the style of the document they go into. */
export function schemasOf(apiVersion: string, refer: (name: string) => Json): Readonly<Record<string, Json>> {
  const kinds = kindDefinitions.filter((definition) => apiVersionOf(definition) === apiVersion);
  const schemas = kinds.map((definition) => [schemaName(definition), kindSchema(definition, refer)] as const);
  return {
    ...Object.fromEntries(schemas),
    [`${meta}.ObjectMeta`]: objectMeta(refer),
    [`${meta}.ManagedFieldsEntry`]: managedFieldsEntry,
  };
}

function kindSchema(definition: KindDefinition, refer: (name: string) => Json): Json {
  const { properties, ...schema } = definition.jsonSchema();
  const members = isRecord(properties) ? properties : {};
  const text = (description: string) => ({ type: "string", description });
  return {
    ...schema,
    type: "object",
    description: `${definition.apiKind} of ${apiVersionOf(definition)}.`,
    properties: {
      ...members,
      apiVersion: text(`Always ${apiVersionOf(definition)}.`),
      kind: text(`Always ${definition.apiKind}.`),
      metadata: { ...refer(`${meta}.ObjectMeta`) },
    },
    "x-kubernetes-group-version-kind": [groupVersionKind(definition)],
  };
}

function objectMeta(refer: (name: string) => Json): Json {
  const text = (description: string) => ({ type: "string", description });
  const texts = (description: string) => ({ type: "object", additionalProperties: { type: "string" }, description });
  return {
    type: "object",
    description: "What every object has.",
    properties: {
      name: text("Name of the object; with the kind, and the namespace where there is one, it is unique."),
      generateName: text("Beginning of the name, when name is not given; the server adds five letters."),
      namespace: text("Where the object lives; only of kinds that have namespaces."),
      labels: texts("What selectors look at."),
      annotations: texts("Anything that tools and people want to keep with the object."),
      uid: text("Given by the server on creation."),
      resourceVersion: text("Given by the server with every change; say it to change only what you have read."),
      generation: { type: "integer", format: "int64", description: "Counted up by the server when the spec changes." },
      creationTimestamp: { type: "string", format: "date-time", description: "Given by the server on creation." },
      managedFields: {
        type: "array",
        description: "Who owns which fields; only of objects that were applied by the server.",
        items: refer(`${meta}.ManagedFieldsEntry`),
      },
    },
  };
}

const managedFieldsEntry: Json = {
  type: "object",
  description: "One owner of fields.",
  properties: {
    manager: { type: "string", description: "Name of the owner." },
    operation: { type: "string", description: "Apply or Update." },
    apiVersion: { type: "string", description: "Version of the fields." },
    time: { type: "string", format: "date-time", description: "When the owner came to own them." },
    fieldsType: { type: "string", description: "Always FieldsV1." },
    fieldsV1: { type: "object", description: "The fields, each name after f:." },
    subresource: { type: "string", description: "The subresource they were written through." },
  },
};

export type ApiOperation = {
  readonly action: string;
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  readonly parameters: readonly string[];
};

const write = ["dryRun", "fieldManager", "fieldValidation"];
const selection = ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion"];

/** All paths of a kind with what can be done there, as both versions of OpenAPI tell it. */
export function pathsOf(definition: KindDefinition): readonly (readonly [path: string, ApiOperation[]])[] {
  const { group, version, plural, isNamespaced, hasStatus } = definition;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = `${root}/${isNamespaced ? "namespaces/{namespace}/" : ""}${plural}`;
  const list: ApiOperation = { action: "list", method: "get", parameters: selection };
  const get: ApiOperation = { action: "get", method: "get", parameters: [] };
  const put: ApiOperation = { action: "put", method: "put", parameters: write };
  const patch: ApiOperation = { action: "patch", method: "patch", parameters: [...write, "force"] };
  const paths: [string, ApiOperation[]][] = [
    [collection, [list, { action: "post", method: "post", parameters: write }]],
    [`${collection}/{name}`, [get, put, patch, { action: "delete", method: "delete", parameters: ["dryRun"] }]],
  ];
  if (isNamespaced) paths.push([`${root}/${plural}`, [list]]);
  if (hasStatus) paths.push([`${collection}/{name}/status`, [get, put, patch]]);
  return paths;
}
