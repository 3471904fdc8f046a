import type { KindDefinition } from "../resources/index.ts";
import { type Labels, parseLabelSelector } from "./label-selector.ts";
import { StatusError } from "./status.ts";
import type { CachedObject } from "./watch-cache.ts";

/** Which objects of a collection a request is about. */
export type ObjectFilter = {
  /** Without selectors a journal's entries go out as they are. */
  readonly hasSelectors: boolean;
  readonly matches: (object: CachedObject) => boolean;
};

type Test = (object: CachedObject) => boolean;

/** Members besides metadata.name and metadata.namespace that fieldSelector may name, by kind: what hosts ask for their own by. */
const selectableFields: Readonly<Record<string, readonly string[]>> = {
  BlockAffinity: ["spec.node"],
  HostEndpoint: ["spec.node"],
  WorkloadEndpoint: ["spec.node"],
};

/** From `labelSelector` and `fieldSelector` of the query and the namespace of the path. BadRequest when they cannot be read. */
export function readFilter(
  query: URLSearchParams,
  { definition, namespace }: { readonly definition: KindDefinition; readonly namespace: string | undefined },
): ObjectFilter {
  const tests: Test[] = [];
  const labelSelector = query.get("labelSelector") ?? "";
  const fieldSelector = query.get("fieldSelector") ?? "";
  if (labelSelector !== "") {
    const holds = parseLabelSelector(labelSelector);
    tests.push((object) => holds(factsOf(object).labels));
  }
  if (fieldSelector !== "") tests.push(...fieldSelector.split(",").map((part) => parseFieldTest(part, definition)));
  const hasSelectors = tests.length > 0;
  if (namespace !== undefined) tests.unshift((object) => object.namespace === namespace);
  return { hasSelectors, matches: (object) => tests.every((test) => test(object)) };
}

function parseFieldTest(text: string, definition: KindDefinition): Test {
  const match = /^\s*([^=!\s]+)\s*(!=|==?)\s*(\S*)\s*$/.exec(text);
  if (match === null) {
    throw new StatusError("BadRequest", `fieldSelector: "${text}" cannot be read; write it like metadata.name=web`);
  }
  const [, path = "", operator, value] = match;
  const read = readerOf(path, definition);
  return operator === "!=" ? (object) => read(object) !== value : (object) => read(object) === value;
}

function readerOf(path: string, definition: KindDefinition): (object: CachedObject) => string {
  if (path === "metadata.name") return ({ name }) => name;
  if (path === "metadata.namespace") return ({ namespace }) => namespace;
  const further = selectableFields[definition.kind] ?? [];
  if (further.includes(path)) return (object) => factsOf(object).node;
  const known = ["metadata.name", "metadata.namespace", ...further].join(", ");
  throw new StatusError(
    "BadRequest",
    `fieldSelector: ${definition.plural} cannot be selected by ${path}; there are ${known}`,
  );
}

type Facts = { readonly labels: Labels; readonly node: string };
const factsByObject = new WeakMap<CachedObject, Facts>();

/** What selectors look at; an object is parsed once for all of them. */
function factsOf(object: CachedObject): Facts {
  const known = factsByObject.get(object);
  if (known !== undefined) return known;
  const { metadata, spec }: { metadata: { labels?: Labels }; spec?: { node?: unknown } } = JSON.parse(object.text);
  const facts = { labels: metadata.labels ?? {}, node: typeof spec?.node === "string" ? spec.node : "" };
  factsByObject.set(object, facts);
  return facts;
}
