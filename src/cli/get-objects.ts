import { type ApiClient, type Selection, type Target, connect } from "../client/index.ts";
import { type KindDefinition, type Resource, encodeResource } from "../resources/index.ts";
import { BadInput } from "./failure.ts";
import { type ScopeOptions, namespaceOf, notFound, qualify, readTargets } from "./kind-argument.ts";
import { untilStopped } from "./long-running.ts";
import { type Layout, checkOutput, formatObjects } from "./print-objects.ts";

export type GetOptions = ScopeOptions & {
  readonly output?: string;
  readonly selector?: string;
  readonly watch?: boolean;
};

export async function getObjects(target: Target, words: readonly string[], options: GetOptions): Promise<void> {
  const { definition, names } = readTargets(words);
  checkOutput(options.output);
  if (names.length > 0 && (options.selector !== undefined || options.allNamespaces === true))
    throw new BadInput(["name objects, or choose them with -l and -A, not both"]);
  const namespace = namespaceOf(definition, options);
  const layout = { output: options.output, hasNamespace: options.allNamespaces === true };
  const client = connect(target);
  if (names.length > 0 && options.watch !== true) {
    const found = await Promise.all(names.map((name) => getOne(client, definition, name, namespace)));
    console.log(formatObjects(definition, found, { ...layout, isSingle: found.length === 1 }));
    return;
  }
  const selection = { namespace, labelSelector: options.selector };
  const { items, resourceVersion } = await client.list(definition.kind, selection);
  const isNamed = (name: string) => names.length === 0 || names.includes(name);
  const shown = items.filter(({ metadata }) => isNamed(metadata.name));
  if (options.watch === true) {
    await watchObjects(client, definition, { ...selection, resourceVersion, isNamed, shown, layout });
    return;
  }
  const isTable = options.output === undefined || options.output === "wide";
  if (shown.length === 0 && isTable) console.error(`no ${definition.plural} found${placeOf(definition, namespace)}`);
  else if (shown.length > 0 || options.output !== "name") console.log(formatObjects(definition, shown, layout));
}

function placeOf(definition: KindDefinition, namespace: string | undefined): string {
  return definition.isNamespaced && namespace !== undefined ? ` in namespace ${namespace} (-A looks in all)` : "";
}

async function getOne(
  client: ApiClient,
  definition: KindDefinition,
  name: string,
  namespace: string | undefined,
): Promise<Resource> {
  const found = await client.get(definition.kind, { name, namespace });
  if (found === undefined) throw notFound(definition, name, namespace);
  return found;
}

type Watch = Selection & {
  readonly resourceVersion: string;
  readonly isNamed: (name: string) => boolean;
  readonly shown: readonly Resource[];
  readonly layout: Layout;
};

/** Until it is stopped: what there is, then every change. A row that is new to the table follows its columns. */
async function watchObjects(client: ApiClient, definition: KindDefinition, watch: Watch): Promise<void> {
  const { shown, layout, isNamed, ...selection } = watch;
  const isTable = layout.output === undefined || layout.output === "wide";
  const print = (resource: Resource) => {
    if (layout.output === "json") console.log(JSON.stringify(encodeResource(resource)));
    else if (layout.output === "yaml") console.log(`---\n${formatOne(resource)}`);
    else if (!isTable) console.log(formatOne(resource));
    // Below the rows from before, so that the columns stay where they are as long as they are wide enough.
    else
      console.log(
        formatObjects(definition, [...shown, resource], layout)
          .split("\n")
          .at(-1),
      );
  };
  const formatOne = (resource: Resource) => formatObjects(definition, [resource], { ...layout, isSingle: true });
  if (isTable) console.log(formatObjects(definition, shown, layout));
  else for (const resource of shown) print(resource);
  for await (const event of client.watch(definition.kind, { ...selection, signal: untilStopped() })) {
    if (event.type === "put" && isNamed(event.resource.metadata.name)) print(event.resource);
    if (event.type === "delete" && isNamed(event.name)) console.error(`${qualify(definition)}/${event.name} deleted`);
    if (event.type === "unreadable" && isNamed(event.object.name))
      console.error(`${qualify(definition)}/${event.object.name} cannot be read by this version of tortie`);
  }
}
