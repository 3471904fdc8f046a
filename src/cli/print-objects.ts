import { stringify } from "yaml";
import { formatAge, formatTable } from "../lib/index.ts";
import { type KindDefinition, type Resource, encodeResource } from "../resources/index.ts";
import { BadInput } from "./failure.ts";
import { formatJsonPath } from "./json-path.ts";
import { describeObject } from "./kind-argument.ts";

export type Layout = {
  readonly output?: string | undefined;
  /** Whether a column tells the namespaces. */
  readonly hasNamespace?: boolean;
  /** One object that was asked for by name, and no list. */
  readonly isSingle?: boolean;
};

const formats = "wide, yaml, json, name and jsonpath=TEMPLATE";

/** BadInput before anything is asked for. */
export function checkOutput(output: string | undefined): void {
  if (output === undefined || ["wide", "yaml", "json", "name"].includes(output) || output.startsWith("jsonpath="))
    return;
  throw new BadInput([`-o ${output}: the formats are ${formats}`]);
}

/** The objects in the asked form. */
export function formatObjects(definition: KindDefinition, items: readonly Resource[], layout: Layout): string {
  const { output = "", isSingle = false } = layout;
  const [first] = items;
  const whole = () =>
    isSingle && first !== undefined
      ? encodeResource(first)
      : { apiVersion: "v1", kind: "List", items: items.map(encodeResource) };
  if (output === "json") return JSON.stringify(whole(), undefined, 2);
  if (output === "yaml") return stringify(whole(), { aliasDuplicateObjects: false }).trimEnd();
  if (output === "name") return items.map(describeObject).join("\n");
  if (output.startsWith("jsonpath=")) return formatJsonPath(output.slice("jsonpath=".length), whole());
  return formatTable(
    headingsOf(definition, layout),
    items.map((item) => cellsOf(definition, item, layout)),
  );
}

function columnsOf(definition: KindDefinition) {
  return definition.columns.filter(({ name }) => !["NAME", "AGE"].includes(name.toUpperCase()));
}

function headingsOf(definition: KindDefinition, { output, hasNamespace = false }: Layout): string[] {
  return [
    ...(hasNamespace && definition.isNamespaced ? ["NAMESPACE"] : []),
    "NAME",
    ...columnsOf(definition).map(({ name }) => name.toUpperCase()),
    "AGE",
    ...(output === "wide" ? ["LABELS"] : []),
  ];
}

function cellsOf(definition: KindDefinition, item: Resource, { output, hasNamespace = false }: Layout): string[] {
  const { name, namespace = "", creationTimestamp = "", labels = {} } = item.metadata;
  const told = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  return [
    ...(hasNamespace && definition.isNamespaced ? [namespace] : []),
    name,
    ...columnsOf(definition).map((column) => column.value(item)),
    formatAge(Date.now() - Date.parse(creationTimestamp)),
    ...(output === "wide" ? [told.length === 0 ? "<none>" : told.join(",")] : []),
  ];
}
