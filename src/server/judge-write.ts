import {
  type Change,
  type Identity,
  type Verb,
  authorizeChange,
  authorizeRequest,
  authorizeSecretRead,
  formatIdentity,
} from "../access/index.ts";
import { passwordKeys, passwordNamespace } from "../calc/index.ts";
import type { Cidr } from "../lib/index.ts";
import {
  type Kind,
  type KindDefinition,
  type ResourceOf,
  cidrToName,
  definitionOf,
  isKind,
  resourceKey,
} from "../resources/index.ts";
import type { ApiPath } from "./api-path.ts";
import { type WriteTarget, readPresent } from "./read-written.ts";
import { StatusError, objectDetails } from "./status.ts";
import type { WatchCache } from "./watch-cache.ts";

/** Forbidden when the identity may never do this with objects of the kind. */
export function judgeRequest(identity: Identity, verb: Verb, definition: KindDefinition, name = ""): void {
  const decision = authorizeRequest(identity, verb, definition.kind);
  if (!decision.isAllowed) throw forbidden(identity, verb, definition, name, decision.reason);
}

/** Forbidden when the identity may not read these Secrets. */
export function judgeSecretRead(
  cache: WatchCache,
  identity: Identity,
  verb: Verb,
  { definition, namespace, name }: ApiPath,
  fieldSelector: string | null,
): void {
  const [, selected] = /^metadata\.name==?([^,=!\s]+)$/.exec(fieldSelector ?? "") ?? [];
  const decision = authorizeSecretRead(identity, { namespace, name: name ?? selected }, (node, secret) =>
    isPasswordOf(cache, node, secret),
  );
  if (!decision.isAllowed) throw forbidden(identity, verb, definition, name ?? "", decision.reason);
}

function isPasswordOf(
  cache: WatchCache,
  name: string,
  secret: { readonly namespace: string; readonly name: string },
): boolean {
  const node = findObject(cache, "Node", name);
  if (node === undefined || secret.namespace !== passwordNamespace) return false;
  const peers = listObjects(cache, "BGPPeer");
  return passwordKeys(node, peers, findObject(cache, "BGPConfiguration", "default")).has(secret.name);
}

/** Forbidden when the identity may not do this very write. */
export function judgeWrite(cache: WatchCache, { identity, definition }: WriteTarget, change: Change): void {
  const facts = {
    nowMs: Date.now(),
    blockAt: (cidr: Cidr) => findObject(cache, "IPAMBlock", cidrToName(cidr)),
    pools: () => listObjects(cache, "IPPool"),
  };
  const decision = authorizeChange(identity, change, facts);
  if (decision.isAllowed) return;
  const verb = change.old === undefined ? "create" : change.next === undefined ? "delete" : "update";
  const name = (change.next ?? change.old)?.metadata.name ?? "";
  throw forbidden(identity, verb, definition, name, decision.reason);
}

function forbidden(
  identity: Identity,
  verb: Verb,
  definition: KindDefinition,
  name: string,
  reason: string,
): StatusError {
  const { plural, group } = definition;
  const what = `${plural}${group === "" ? "" : `.${group}`}${name === "" ? "" : ` "${name}"`}`;
  const message = `${what} is forbidden: ${formatIdentity(identity)} cannot ${verb} ${plural}: ${reason}`;
  return new StatusError("Forbidden", message, objectDetails(definition, name));
}

function listObjects<K extends Kind>(cache: WatchCache, kind: K): ResourceOf<K>[] {
  const resources = cache.list(kind, undefined).map((object) => readPresent(definitionOf(kind), object).resource);
  return resources.filter((resource) => isKind(resource, kind));
}

/** Of a kind without namespaces. */
function findObject<K extends Kind>(cache: WatchCache, kind: K, name: string): ResourceOf<K> | undefined {
  const found = cache.get(kind, resourceKey({ kind, name }));
  const resource = found && readPresent(definitionOf(kind), found).resource;
  return resource !== undefined && isKind(resource, kind) ? resource : undefined;
}
