import { formatAge } from "../lib/index.ts";
import { type KindDefinition, apiVersionOf } from "../resources/index.ts";
import type { Representation } from "./media-type.ts";

/** What a row of a table brings along of its object. */
type IncludedObject = "None" | "Metadata" | "Object";

export type View = { readonly representation: Representation; readonly include: IncludedObject };

export const plainView: View = { representation: "object", include: "Metadata" };

type ListMetadata = Readonly<Record<string, unknown>>;

/** What comes before the objects of a list: JSON that ends where they begin. */
export function listHead(definition: KindDefinition, metadata: ListMetadata, { representation }: View): string {
  if (representation === "table") return `${JSON.stringify(tableHead(definition, metadata)).slice(0, -1)},"rows":[`;
  const isMetadata = representation === "metadata";
  const kind = isMetadata ? "PartialObjectMetadataList" : `${definition.apiKind}List`;
  const apiVersion = isMetadata ? "meta.k8s.io/v1" : apiVersionOf(definition);
  return `${JSON.stringify({ kind, apiVersion, metadata }).slice(0, -1)},"items":[`;
}

/** One object of a list. */
export function listItem(definition: KindDefinition, text: string, view: View): string {
  if (view.representation === "object") return text;
  return view.representation === "table" ? tableRow(definition, text, view.include) : partialObject(text);
}

/** An object that is an answer, or the object of an event. */
export function wholeObject(definition: KindDefinition, text: string, view: View): string {
  if (view.representation === "object") return text;
  if (view.representation === "metadata") return partialObject(text);
  const { metadata }: { metadata: ListMetadata } = JSON.parse(text);
  const head = listHead(definition, { resourceVersion: metadata["resourceVersion"] }, view);
  return `${head}${tableRow(definition, text, view.include)}]}`;
}

function tableHead({ columns }: KindDefinition, metadata: ListMetadata): unknown {
  const described = columns.map(({ name }) => ({ name, type: "string", format: "", description: "", priority: 0 }));
  const first = { name: "Name", type: "string", format: "name", description: "", priority: 0 };
  const last = { name: "Age", type: "string", format: "", description: "", priority: 0 };
  return { kind: "Table", apiVersion: "meta.k8s.io/v1", metadata, columnDefinitions: [first, ...described, last] };
}

function tableRow(definition: KindDefinition, text: string, include: IncludedObject): string {
  const json: { metadata: { name: string; creationTimestamp?: string } } = JSON.parse(text);
  const { name, creationTimestamp } = json.metadata;
  const decoded = definition.decode(json, { unknownFields: "keep" });
  const told = definition.columns.map((column) => (decoded.ok ? column.value(decoded.value) : "<unreadable>"));
  const age = creationTimestamp === undefined ? "<unknown>" : formatAge(Date.now() - Date.parse(creationTimestamp));
  const cells = JSON.stringify([name, ...told, age]);
  const object = include === "Object" ? text : include === "Metadata" ? partialObject(text) : "null";
  return `{"cells":${cells},"object":${object}}`;
}

function partialObject(text: string): string {
  const { metadata }: { metadata: unknown } = JSON.parse(text);
  return JSON.stringify({ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata });
}
