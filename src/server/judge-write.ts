import {
  type Change,
  type Identity,
  type Verb,
  authorizeChange,
  authorizeRequest,
  formatIdentity,
} from "../access/index.ts";
import type { Cidr } from "../lib/index.ts";
import {
  type IPAMBlock,
  type IPPool,
  type KindDefinition,
  cidrToName,
  definitionOf,
  isKind,
  resourceKey,
} from "../resources/index.ts";
import { type WriteTarget, readPresent } from "./read-written.ts";
import { StatusError, objectDetails } from "./status.ts";
import type { WatchCache } from "./watch-cache.ts";

/** Forbidden when the identity may never do this with objects of the kind. */
export function judgeRequest(identity: Identity, verb: Verb, definition: KindDefinition, name = ""): void {
  const decision = authorizeRequest(identity, verb, definition.kind);
  if (!decision.isAllowed) throw forbidden(identity, verb, definition, name, decision.reason);
}

/** Forbidden when the identity may not do this very write. */
export function judgeWrite(cache: WatchCache, { identity, definition }: WriteTarget, change: Change): void {
  const facts = { nowMs: Date.now(), blockAt: (cidr: Cidr) => findBlock(cache, cidr), pools: () => listPools(cache) };
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

function listPools(cache: WatchCache): IPPool[] {
  const resources = cache.list("IPPool", undefined).map((pool) => readPresent(definitionOf("IPPool"), pool).resource);
  return resources.filter((resource) => isKind(resource, "IPPool"));
}

function findBlock(cache: WatchCache, cidr: Cidr): IPAMBlock | undefined {
  const found = cache.get("IPAMBlock", resourceKey({ kind: "IPAMBlock", name: cidrToName(cidr) }));
  const resource = found && readPresent(definitionOf("IPAMBlock"), found).resource;
  return resource !== undefined && isKind(resource, "IPAMBlock") ? resource : undefined;
}
