import { stringify } from "yaml";
import { type ApiClient, connect } from "../client/index.ts";
import { TortieError, formatAge, formatTable } from "../lib/index.ts";
import { type KindDefinition, type Resource, definitionOf, findKind, kindDefinitions } from "../resources/index.ts";
import { BadInput } from "./failure.ts";
import { type Manifest, readManifests } from "./manifest.ts";

export type ScopeOptions = { readonly namespace?: string; readonly allNamespaces?: boolean };
export type GetOptions = ScopeOptions & { readonly output?: string };

/** Creates or updates every object of the files; nothing when one of them is wrong. */
export async function applyFiles(server: string, paths: readonly string[]): Promise<void> {
  await applyManifests(connect({ socketPath: server }), readManifests(paths));
}

export async function deleteFiles(server: string, paths: readonly string[]): Promise<void> {
  await deleteManifests(connect({ socketPath: server }), readManifests(paths));
}

function kindNamed(text: string): KindDefinition {
  const definition = findKind(text);
  if (definition !== undefined) return definition;
  throw new BadInput([
    `there is no kind "${text}"; there are ${kindDefinitions.map((known) => known.plural).join(", ")}`,
  ]);
}

async function applyManifests(client: ApiClient, manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) {
    const outcome = await applyResource(client, manifest).catch((error: unknown) => {
      if (error instanceof TortieError) {
        throw new TortieError(error.code, `${manifest.where}: ${error.message}`, {
          cause: error,
          fields: error.fields,
          hint: error.hint,
        });
      }
      throw error;
    });
    console.log(`${describe(manifest.resource)} ${outcome}`);
  }
}

async function applyResource(
  client: ApiClient,
  { resource }: Manifest,
): Promise<"created" | "configured" | "unchanged"> {
  const { name, namespace } = resource.metadata;
  const existing = await client.get(resource.kind, scoped(name, namespace));
  if (existing === undefined) {
    await client.create(resource);
    return "created";
  }
  const updated = await client.update({
    ...resource,
    metadata: {
      ...resource.metadata,
      resourceVersion: resource.metadata.resourceVersion ?? existing.metadata.resourceVersion,
    },
  } as Resource);
  return updated.metadata.resourceVersion === existing.metadata.resourceVersion ? "unchanged" : "configured";
}

export async function getObjects(
  server: string,
  kind: string,
  name: string | undefined,
  options: GetOptions,
): Promise<void> {
  const definition = kindNamed(kind);
  const client = connect({ socketPath: server });
  const namespace =
    definition.isNamespaced && options.allNamespaces !== true ? (options.namespace ?? "default") : undefined;
  if (name === undefined) {
    const { items } = await client.list(definition.kind, namespace === undefined ? {} : { namespace });
    printObjects(definition, items, options);
    return;
  }
  const found = await client.get(definition.kind, scoped(name, namespace));
  if (found === undefined) throw notFound(definition, name, namespace);
  printObjects(definition, [found], { ...options, isSingle: true });
}

function printObjects(
  definition: KindDefinition,
  items: readonly Resource[],
  options: { output?: string; allNamespaces?: boolean; isSingle?: boolean },
): void {
  const whole = options.isSingle === true ? items[0] : { apiVersion: "v1", kind: "List", items };
  if (options.output === "json") console.log(JSON.stringify(whole, undefined, 2));
  else if (options.output === "yaml") console.log(stringify(whole).trimEnd());
  else if (options.output === "name") for (const item of items) console.log(describe(item));
  else if (options.output !== undefined)
    throw new BadInput([`-o ${options.output}: the formats are yaml, json and name`]);
  else if (items.length === 0) console.error(`no ${definition.plural} found`);
  else printTable(definition, items, options.allNamespaces === true);
}

function printTable(definition: KindDefinition, items: readonly Resource[], hasNamespace: boolean): void {
  const columns = definition.columns.filter(
    (column) => column.name.toUpperCase() !== "NAME" && column.name.toUpperCase() !== "AGE",
  );
  const showNamespace = hasNamespace && definition.isNamespaced;
  const headings = [
    ...(showNamespace ? ["NAMESPACE"] : []),
    "NAME",
    ...columns.map((column) => column.name.toUpperCase()),
    "AGE",
  ];
  const rows = items.map((item) => [
    ...(showNamespace ? [item.metadata.namespace ?? ""] : []),
    item.metadata.name,
    ...columns.map((column) => column.value(item)),
    formatAge(Date.now() - Date.parse(item.metadata.creationTimestamp ?? "")),
  ]);
  console.log(formatTable(headings, rows));
}

async function deleteManifests(client: ApiClient, manifests: readonly Manifest[]): Promise<void> {
  // Namespaces last: they cannot go while they hold something.
  const ordered = manifests
    .toReversed()
    .toSorted((a, b) => Number(a.resource.kind === "Namespace") - Number(b.resource.kind === "Namespace"));
  for (const { resource } of ordered) {
    await client.delete(resource.kind, scoped(resource.metadata.name, resource.metadata.namespace));
    console.log(`${describe(resource)} deleted`);
  }
}

export async function deleteNamed(
  server: string,
  kind: string | undefined,
  name: string | undefined,
  namespace: string,
): Promise<void> {
  if (kind === undefined || name === undefined)
    throw new BadInput(["say what to delete: tortie delete KIND NAME, or -f FILE"]);
  const definition = kindNamed(kind);
  const client = connect({ socketPath: server });
  await client.delete(definition.kind, scoped(name, definition.isNamespaced ? namespace : undefined));
  console.log(`${qualify(definition)}/${name} deleted`);
}

function scoped(name: string, namespace: string | undefined): { name: string; namespace?: string } {
  return namespace === undefined ? { name } : { name, namespace };
}

function notFound(definition: KindDefinition, name: string, namespace: string | undefined): TortieError {
  const place = namespace === undefined ? "" : ` in namespace ${namespace}`;
  return new TortieError("TT_API_NOT_FOUND", `there is no ${definition.singular} ${name}${place}`, {
    hint: `tortie get ${definition.plural}${definition.isNamespaced ? " -A" : ""} lists those there are`,
  });
}

function describe(resource: Resource): string {
  return `${qualify(definitionOf(resource.kind))}/${resource.metadata.name}`;
}

function qualify(definition: KindDefinition): string {
  return definition.group === "" ? definition.singular : `${definition.singular}.${definition.group}`;
}
