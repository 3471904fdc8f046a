import { isDeepStrictEqual } from "node:util";
import { type Problem, TortieError, cidrsOverlap } from "../lib/index.ts";
import {
  type KindDefinition,
  type Resource,
  checkCreate,
  checkUpdate,
  definitionOf,
  isKind,
  resourceKey,
} from "../resources/index.ts";
import type { Store, StoredObject } from "../store/index.ts";
import { NamespaceGuard } from "./namespace-guard.ts";
import { servedText, storedText } from "./object-text.ts";
import { StatusError, alreadyExists, conflict, invalid, notFound } from "./status.ts";
import type { CachedObject, WatchCache } from "./watch-cache.ts";

/** Whose write it is; the name is that of the path, undefined on creation. */
export type WriteTarget = {
  readonly definition: KindDefinition;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
};

export type Preconditions = { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined };

const getItAgain = "get it again and make your change to what is there now";

/** Judges and carries out writes; gives the object's text as it is sent, or throws a StatusError. */
export class ObjectWriter {
  readonly #store: Store;
  readonly #cache: WatchCache;
  readonly #namespaces = new NamespaceGuard();
  /** Pools are created one after another: each is judged beside all that are there. */
  #lastPoolCreation: Promise<unknown> = Promise.resolve();

  constructor(store: Store, cache: WatchCache) {
    this.#store = store;
    this.#cache = cache;
  }

  async create(target: WriteTarget, json: unknown): Promise<string> {
    const resource = accept(target, decode(target, json), checkCreate);
    const { name, namespace, resourceVersion } = resource.metadata;
    if (resourceVersion !== undefined) {
      const problem = {
        path: "metadata.resourceVersion",
        message: "must not be given on creation",
        hint: "leave it out",
      };
      throw invalid(target.definition, name, [problem]);
    }
    if (!isKind(resource, "IPPool")) return this.#insert(resource, namespace);
    const creation = this.#lastPoolCreation.then(() => {
      const problems = checkPoolOverlap(resource, this.#cache.list("IPPool", undefined));
      if (problems.length > 0) throw invalid(target.definition, name, problems);
      return this.#insert(resource, namespace);
    });
    this.#lastPoolCreation = creation.catch(() => undefined);
    return creation;
  }

  /** Gives the object as it was, without a new version, when nothing would change. */
  async update(target: WriteTarget, json: unknown): Promise<string> {
    const { definition } = target;
    const decoded = decode(target, json);
    const { name, resourceVersion, uid } = decoded.metadata;
    if (resourceVersion === undefined) {
      const problem = {
        path: "metadata.resourceVersion",
        message: "is missing",
        hint: "give that of the object you changed",
      };
      throw invalid(definition, name, [problem]);
    }
    const present = this.#find(definition, decoded.metadata.namespace, name);
    if (String(present.revision) !== resourceVersion) {
      throw conflict(definition, name, `it was changed since you read it; ${getItAgain}`);
    }
    const old = readPresent(definition, present);
    if (uid !== undefined && uid !== old.metadata.uid) {
      throw conflict(
        definition,
        name,
        `its uid is ${old.metadata.uid}, not ${uid}: it was created anew; ${getItAgain}`,
      );
    }
    const next = accept(target, decoded, (resource) => checkUpdate(old, resource));
    const merged = withServerFields(next, {
      uid: old.metadata.uid ?? crypto.randomUUID(),
      creationTimestamp: old.metadata.creationTimestamp ?? new Date().toISOString(),
      generation: (old.metadata.generation ?? 0) + (isSpecChanged(old, next) ? 1 : 0),
    });
    const text = storedText(merged);
    if (isSameJson(text, storedText(old))) return present.text;
    const stored = await this.#store.update(present.key, text, present.revision).catch(this.#explain(definition, name));
    return this.#finish(stored);
  }

  /** Gives the uid of what is no more. */
  async delete({ definition, namespace, name = "" }: WriteTarget, preconditions: Preconditions): Promise<string> {
    const present = this.#find(definition, namespace, name);
    const { uid, resourceVersion } = preconditions;
    if (resourceVersion !== undefined && resourceVersion !== String(present.revision)) {
      throw conflict(definition, name, `its resourceVersion is ${present.revision}, not ${resourceVersion}`);
    }
    const presentUid = readUid(present);
    if (uid !== undefined && uid !== presentUid) {
      throw conflict(definition, name, `its uid is ${presentUid}, not ${uid}`);
    }
    using _ = definition.kind === "Namespace" ? this.#beginNamespaceDeletion(definition, name) : undefined;
    const isBound = uid !== undefined || resourceVersion !== undefined;
    const deleted = await this.#store
      .delete(present.key, isBound ? present.revision : undefined)
      .catch(this.#explain(definition, name));
    await this.#cache.reach(deleted.modRevision);
    return presentUid;
  }

  async #insert(resource: Resource, namespace: string | undefined): Promise<string> {
    const definition = definitionOf(resource.kind);
    const { name } = resource.metadata;
    const namespaces = definitionOf("Namespace");
    using creation = namespace === undefined ? undefined : this.#namespaces.beginCreation(namespace);
    if (namespace !== undefined) {
      if (creation === undefined) throw conflict(namespaces, namespace, "it is being deleted");
      const key = resourceKey({ kind: "Namespace", name: namespace });
      const hint = `: create the namespace before what is in it (${definition.singular} "${name}")`;
      if (this.#cache.get("Namespace", key) === undefined) throw notFound(namespaces, namespace, hint);
    }
    const complete = withServerFields(resource, {
      uid: crypto.randomUUID(),
      creationTimestamp: new Date().toISOString(),
      generation: 1,
    });
    const key = resourceKey({ kind: resource.kind, namespace, name });
    const stored = await this.#store.create(key, storedText(complete)).catch(this.#explain(definition, name));
    return await this.#finish(stored);
  }

  #beginNamespaceDeletion(definition: KindDefinition, name: string): Disposable {
    if (name === "default") {
      throw new StatusError(
        "Forbidden",
        `namespaces "default" may not be deleted: objects that name no namespace are in it`,
      );
    }
    const deletion = this.#namespaces.beginDeletion(name);
    if (deletion === undefined) throw conflict(definition, name, "something is being created in it");
    const content = this.#cache.contentOf(name);
    if (content.length === 0) return deletion;
    deletion[Symbol.dispose]();
    const told = content
      .map(({ kind, count }) => `${count} ${definitionOf(kind)[count === 1 ? "singular" : "plural"]}`)
      .join(", ");
    throw conflict(definition, name, `it still holds ${told}; delete them first`);
  }

  #find(definition: KindDefinition, namespace: string | undefined, name: string): CachedObject {
    const found = this.#cache.get(definition.kind, resourceKey({ kind: definition.kind, namespace, name }));
    if (found === undefined) throw notFound(definition, name);
    return found;
  }

  /** Answers only after every reader would see the write. */
  async #finish(stored: StoredObject): Promise<string> {
    await this.#cache.reach(stored.modRevision);
    return servedText(stored);
  }

  #explain(definition: KindDefinition, name: string): (error: unknown) => never {
    return (error) => {
      const code = error instanceof TortieError ? error.code : undefined;
      if (code === "TT_API_EXISTS") throw alreadyExists(definition, name);
      if (code === "TT_API_NOT_FOUND") throw notFound(definition, name);
      if (code === "TT_API_CONFLICT")
        throw conflict(definition, name, `it was changed at the same time; ${getItAgain}`);
      throw error;
    };
  }
}

type ServerFields = { readonly uid: string; readonly creationTimestamp: string; readonly generation: number };

function withServerFields<R extends Resource>(resource: R, fields: ServerFields): R {
  return { ...resource, metadata: { ...resource.metadata, ...fields } };
}

/** The body as a resource; what the path says and the body does not is filled in, what they say differently is refused. */
function decode(target: WriteTarget, json: unknown): Resource {
  const { definition, namespace, name } = target;
  if (!isRecord(json)) throw new StatusError("BadRequest", "the body must be a JSON object");
  const metadata = isRecord(json["metadata"]) ? { ...json["metadata"] } : {};
  if (namespace !== undefined && isUnset(metadata["namespace"])) metadata["namespace"] = namespace;
  if (name !== undefined && isUnset(metadata["name"])) metadata["name"] = name;
  const decoded = definition.decode({ ...json, metadata });
  if (!decoded.ok) throw invalid(definition, String(metadata["name"] ?? name ?? ""), decoded.problems);
  const found = decoded.value.metadata;
  const problems: Problem[] = [];
  if (namespace !== undefined && found.namespace !== namespace)
    problems.push(differs("metadata.namespace", found.namespace, namespace));
  if (name !== undefined && found.name !== name) problems.push(differs("metadata.name", found.name, name));
  if (problems.length > 0) throw invalid(definition, found.name, problems);
  return decoded.value;
}

function differs(path: string, found: string | undefined, wanted: string): Problem {
  return { path, message: `is ${found}, but the request is for ${wanted}`, hint: "make both the same" };
}

function accept(target: WriteTarget, resource: Resource, check: typeof checkCreate): Resource {
  const checked = check(resource);
  if (!checked.ok) throw invalid(target.definition, resource.metadata.name, checked.problems);
  return checked.value;
}

function checkPoolOverlap(pool: Resource & { readonly kind: "IPPool" }, others: readonly CachedObject[]): Problem[] {
  const definition = definitionOf("IPPool");
  return others
    .map((other) => readPresent(definition, other))
    .filter((other) => isKind(other, "IPPool"))
    .filter(({ metadata, spec }) => metadata.name !== pool.metadata.name && cidrsOverlap(spec.cidr, pool.spec.cidr))
    .map(({ metadata, spec }) => ({
      path: "spec.cidr",
      message: `${pool.spec.cidr} overlaps ${spec.cidr} of pool ${metadata.name}`,
      hint: "choose another prefix",
    }));
}

function readPresent(definition: KindDefinition, present: CachedObject): Resource {
  const decoded = definition.decode(JSON.parse(present.text), { unknownFields: "keep" });
  if (decoded.ok) return decoded.value;
  throw new TortieError("TT_STORE", `${present.key} in the store is not valid for this version`, {
    hint: "delete it and create it anew",
  });
}

function readUid(present: CachedObject): string {
  const { metadata }: { metadata: { uid: string } } = JSON.parse(present.text);
  return metadata.uid;
}

function isSpecChanged(old: Resource, next: Resource): boolean {
  return !isDeepStrictEqual(plain(contentOf(old)), plain(contentOf(next)));
}

/** All that the generation counts: not metadata, not status. */
function contentOf(resource: Resource): unknown {
  return { ...resource, metadata: undefined, status: undefined };
}

function isSameJson(a: string, b: string): boolean {
  return a === b || isDeepStrictEqual(JSON.parse(a), JSON.parse(b));
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
