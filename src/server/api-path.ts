import { type KindDefinition, apiVersionOf, kindDefinitions } from "../resources/index.ts";
import { StatusError } from "./status.ts";

/** Where objects live: a collection, or one object when there is a name. */
export type ApiPath = {
  readonly definition: KindDefinition;
  /** Of namespaced kinds; undefined for the collection of all namespaces. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource?: "status" | undefined;
};

const definitionByPlace = new Map(
  kindDefinitions.map((definition) => [placeOf(apiVersionOf(definition), definition.plural), definition]),
);

const shape =
  /^\/(?:api\/(v1)|apis\/([^/]+\/[^/]+))(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+)(\/status)?)?$/;
/** A namespace is an object too, and what is in it lies below its own path. */
const namespaceStatus = /^\/api\/v1\/namespaces\/([^/]+)\/status$/;

/** Undefined when there is nothing at this path. BadRequest when it is wrongly encoded. */
export function parseApiPath(path: string): ApiPath | undefined {
  const ofNamespace = namespaceStatus.exec(path);
  const match =
    ofNamespace === null
      ? shape.exec(path)
      : [path, "v1", undefined, undefined, "namespaces", ofNamespace[1], "/status"];
  if (match === null) return undefined;
  const [, core, groupVersion, namespace, plural = "", name, status] = match.map(decodeSegment);
  const definition = definitionByPlace.get(placeOf(core ?? groupVersion ?? "", plural));
  if (definition === undefined) return undefined;
  if (!definition.isNamespaced && namespace !== undefined) return undefined;
  if (definition.isNamespaced && namespace === undefined && name !== undefined) return undefined;
  if (status === undefined) return { definition, namespace, name };
  return definition.hasStatus ? { definition, namespace, name, subresource: "status" } : undefined;
}

function placeOf(apiVersion: string, plural: string): string {
  return `${apiVersion} ${plural}`;
}

function decodeSegment(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    throw new StatusError("BadRequest", "the path is not well encoded");
  }
}
