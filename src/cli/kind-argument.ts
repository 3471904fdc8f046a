import { TortieError } from "../lib/index.ts";
import {
  type KindDefinition,
  type Resource,
  definitionOf,
  findKind,
  findNearest,
  kindDefinitions,
} from "../resources/index.ts";
import { BadInput } from "./failure.ts";

/** Any name of a kind; BadInput with the nearest one when there is none. */
export function kindNamed(text: string): KindDefinition {
  const definition = findKind(text);
  if (definition !== undefined) return definition;
  const plurals = kindDefinitions.map((known) => known.plural);
  const nearest = findNearest(text, [
    ...plurals,
    ...kindDefinitions.flatMap((known) => [known.singular, ...known.shortNames]),
  ]);
  const advice = nearest === undefined ? `there are ${[...new Set(plurals)].join(", ")}` : `did you mean ${nearest}?`;
  throw new BadInput([`there is no kind "${text}"; ${advice} (tortie api-resources lists all)`]);
}

/** `KIND NAME...` or `KIND/NAME ...`, as kubectl takes them: the kind, and the names if there are any. */
export function readTargets(words: readonly string[]): {
  readonly definition: KindDefinition;
  readonly names: string[];
} {
  const [first = "", ...rest] = words;
  if (!first.includes("/")) return { definition: kindNamed(first), names: [...rest] };
  const definition = kindNamed(first.split("/")[0] ?? "");
  const names = words.map((word) => {
    const [kind = "", name = "", ...more] = word.split("/");
    if (name === "" || more.length > 0) throw new BadInput([`${word}: write KIND/NAME`]);
    if (kindNamed(kind) !== definition) throw new BadInput([`${word}: name objects of one kind at a time`]);
    return name;
  });
  return { definition, names };
}

export type ScopeOptions = { readonly namespace?: string; readonly allNamespaces?: boolean };

/** Undefined: of all namespaces, or of a kind that has none. */
export function namespaceOf(definition: KindDefinition, options: ScopeOptions): string | undefined {
  if (!definition.isNamespaced || options.allNamespaces === true) return undefined;
  return options.namespace ?? "default";
}

export function notFound(definition: KindDefinition, name: string, namespace: string | undefined): TortieError {
  const place = namespace === undefined ? "" : ` in namespace ${namespace}`;
  return new TortieError("TT_API_NOT_FOUND", `there is no ${definition.singular} ${name}${place}`, {
    hint: `tortie get ${definition.plural}${definition.isNamespaced ? " -A" : ""} lists those there are`,
  });
}

/** `networkpolicy.projectcalico.org/web`, as scripts know objects. */
export function describeObject(resource: Resource): string {
  return `${qualify(definitionOf(resource.kind))}/${resource.metadata.name}`;
}

export function qualify(definition: KindDefinition): string {
  return definition.group === "" ? definition.singular : `${definition.singular}.${definition.group}`;
}
