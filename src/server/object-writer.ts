import { isDeepStrictEqual } from "node:util";
import { type Problem, TortieError, cidrsOverlap } from "../lib/index.ts";
import {
  type KindDefinition,
  type Resource,
  apiVersionOf,
  checkCreate,
  checkUpdate,
  definitionOf,
  isKind,
  kindDefinitions,
  resourceKey,
} from "../resources/index.ts";
import { type Condition, type Store, type StoredObject, readUnmetRevision } from "../store/index.ts";
import { type FieldWrite, formatOwners, ownersAfterUpdate, readOwners } from "./managed-fields.ts";
import { type Json, isRecord, memberOf } from "./json.ts";
import { judgeWrite } from "./judge-write.ts";
import { servedText, storedText } from "./object-text.ts";
import {
  type ServerMetadata,
  type WriteTarget,
  type Written,
  readPresent,
  readWritten,
  separateStatus,
} from "./read-written.ts";
import { StatusError, alreadyExists, conflict, invalid, notFound, objectDetails } from "./status.ts";
import type { CachedObject, WatchCache } from "./watch-cache.ts";
import { type WriteOptions, plainOptions } from "./write-options.ts";

export type Preconditions = { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined };

/** The owners of an object's fields after a write, as metadata.managedFields has them. `next` is made only when it matters. */
export type OwnFields = (old: Json, next: () => Json, known: readonly Json[] | undefined) => readonly Json[];

/** Names are generated anew so often when they are taken. */
const nameAttempts = 8;
/** So many others may create a pool between our judging and our writing. */
const poolAttempts = 10;
/** Another server may be ahead of this one's cache for so long. */
const reachLimitMs = 1_000;

const getItAgain = "get it again and make your change to what is there now";

/** Judges and carries out writes; gives the object's text as it is sent, or throws a StatusError. */
export class ObjectWriter {
  readonly #store: Store;
  readonly #cache: WatchCache;
  /** Pools are created one after another, each judged beside all that are there; only those of other servers come in between. */
  #lastPoolCreation: Promise<unknown> = Promise.resolve();

  constructor(store: Store, cache: WatchCache) {
    this.#store = store;
    this.#cache = cache;
  }

  async create(
    target: WriteTarget,
    json: unknown,
    options: WriteOptions = plainOptions,
    own: (next: () => Json) => readonly Json[] = () => [],
  ): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      const written = readWritten(target, separateStatus(target, json, undefined), options);
      try {
        return await this.#create(target, written, options, own);
      } catch (error) {
        const isTaken = error instanceof StatusError && error.status.reason === "AlreadyExists";
        if (!isTaken || !written.isGenerated || attempt === nameAttempts) throw error;
      }
    }
  }

  async #create(
    target: WriteTarget,
    written: Written,
    options: WriteOptions,
    own: (next: () => Json) => readonly Json[],
  ): Promise<string> {
    const resource = accept(target, written.resource, checkCreate);
    const { name, namespace, resourceVersion } = resource.metadata;
    if (resourceVersion !== undefined) {
      const problem = {
        path: "metadata.resourceVersion",
        message: "must not be given on creation",
        hint: "leave it out",
      };
      throw invalid(target.definition, name, [problem]);
    }
    judgeWrite(this.#cache, target, { next: resource });
    const extra = withOwners(
      written.extra,
      own(() => plain(resource)),
    );
    const creation: Creation = { extra, isDryRun: options.isDryRun };
    if (!isKind(resource, "IPPool")) return this.#insert(resource, namespace, creation);
    const inserted = this.#lastPoolCreation.then(() => this.#insertPool(resource, creation));
    this.#lastPoolCreation = inserted.catch(() => undefined);
    return inserted;
  }

  /** Gives the object as it was, without a new version, when nothing would change. */
  async update(target: WriteTarget, json: unknown, options: WriteOptions = plainOptions): Promise<string> {
    const { definition, namespace, name = "" } = target;
    const resourceVersion = memberOf(memberOf(json, "metadata"), "resourceVersion");
    if (typeof resourceVersion !== "string" || resourceVersion === "") {
      // What else is wrong goes first.
      readWritten(target, json, options);
      const problem = {
        path: "metadata.resourceVersion",
        message: "is missing",
        hint: "give that of the object you changed",
      };
      throw invalid(definition, name, [problem]);
    }
    const present = await this.find(definition, namespace, name, Number(resourceVersion));
    return this.replace(target, present, json, options);
  }

  /** Writes `json` in the place of `present`; a resourceVersion in it must be that of `present`. */
  async replace(
    target: WriteTarget,
    present: CachedObject,
    json: unknown,
    options: WriteOptions,
    own: OwnFields = ownByUpdate(target, options),
  ): Promise<string> {
    const { definition } = target;
    const old = readPresent(definition, present);
    const { resource: decoded, extra } = readWritten(target, separateStatus(target, json, old.json), options);
    const { name, uid, resourceVersion } = decoded.metadata;
    if (resourceVersion !== undefined && resourceVersion !== String(present.revision)) {
      throw conflict(definition, name, `it was changed since you read it; ${getItAgain}`);
    }
    const oldUid = old.resource.metadata.uid;
    if (uid !== undefined && uid !== oldUid) {
      throw conflict(definition, name, `its uid is ${oldUid}, not ${uid}: it was created anew; ${getItAgain}`);
    }
    const next = accept(target, decoded, (resource) => checkUpdate(old.resource, resource));
    judgeWrite(this.#cache, target, { old: old.resource, next });
    const merged = withServerFields(next, {
      uid: oldUid ?? crypto.randomUUID(),
      creationTimestamp: old.resource.metadata.creationTimestamp ?? new Date().toISOString(),
      generation: (old.resource.metadata.generation ?? 0) + (isSpecChanged(old.resource, next) ? 1 : 0),
    });
    const known = isEmptied(extra.managedFields) ? [] : old.extra.managedFields;
    const text = storedText(
      merged,
      withOwners(
        old.extra,
        own(old.json, () => plain(merged), known),
      ),
    );
    if (isSameText(text, storedText(old.resource, old.extra))) return present.text;
    if (options.isDryRun) return servedText({ value: text, modRevision: present.revision });
    const stored = await this.#store.update(present.key, text, present.revision).catch((error: unknown) => {
      if (error instanceof TortieError && error.code === "TT_API_CONFLICT") throw new WriteRace(definition, name);
      return this.#explain(definition, name)(error);
    });
    return this.#finish(stored);
  }

  /** Gives the uid of what is no more. */
  async delete(target: WriteTarget, preconditions: Preconditions, isDryRun = false): Promise<string> {
    const { identity, definition, namespace, name = "" } = target;
    const { uid, resourceVersion } = preconditions;
    const present = await this.find(definition, namespace, name, Number(resourceVersion));
    if (resourceVersion !== undefined && resourceVersion !== String(present.revision)) {
      throw conflict(definition, name, `its resourceVersion is ${present.revision}, not ${resourceVersion}`);
    }
    const presentUid = readUid(present);
    if (uid !== undefined && uid !== presentUid) {
      throw conflict(definition, name, `its uid is ${presentUid}, not ${uid}`);
    }
    const isAdmin = identity.role === "admin";
    // An admin may delete even what cannot be read any more.
    if (!isAdmin) judgeWrite(this.#cache, target, { old: readPresent(definition, present).resource });
    const conditions = definition.kind === "Namespace" ? this.#checkNamespaceDeletion(definition, name) : [];
    if (isDryRun) return presentUid;
    // What was judged is what is deleted.
    const isBound = !isAdmin || uid !== undefined || resourceVersion !== undefined;
    const deleted = await this.#store
      .delete(present.key, isBound ? present.revision : undefined, conditions)
      .catch(this.#explain(definition, name, "something is being created in it"));
    await this.#cache.reach(deleted.modRevision);
    return presentUid;
  }

  /** Judged again when another server has written a pool meanwhile. */
  async #insertPool(pool: Resource & { readonly kind: "IPPool" }, creation: Creation): Promise<string> {
    const prefix = `${resourceKey({ kind: "IPPool", name: "" })}`;
    for (let attempt = 1; ; attempt++) {
      const { revision } = this.#cache;
      const problems = checkPoolOverlap(pool, this.#cache.list("IPPool", undefined));
      if (problems.length > 0) throw invalid(definitionOf("IPPool"), pool.metadata.name, problems);
      try {
        return await this.#insert(pool, undefined, creation, [{ type: "unchangedSince", prefix, revision }]);
      } catch (error) {
        const unmetRevision = readUnmetRevision(error);
        if (unmetRevision === undefined) throw error;
        if (attempt === poolAttempts)
          throw conflict(definitionOf("IPPool"), pool.metadata.name, "others change pools all the time; try again");
        await this.#cache.reach(unmetRevision, AbortSignal.timeout(reachLimitMs));
      }
    }
  }

  async #insert(
    resource: Resource,
    namespace: string | undefined,
    { extra, isDryRun }: Creation,
    conditions: readonly Condition[] = [],
  ): Promise<string> {
    const definition = definitionOf(resource.kind);
    const { name } = resource.metadata;
    const complete = withServerFields(resource, {
      uid: crypto.randomUUID(),
      creationTimestamp: new Date().toISOString(),
      generation: 1,
    });
    const inNamespace = namespace === undefined ? [] : [await this.#requireNamespace(namespace, definition, name)];
    const key = resourceKey({ kind: resource.kind, namespace, name });
    const text = storedText(complete, extra);
    if (isDryRun) {
      if (this.#cache.get(resource.kind, key) !== undefined) throw alreadyExists(definition, name);
      return text;
    }
    const stored = await this.#store.create(key, text, [...inNamespace, ...conditions]).catch((error: unknown) => {
      if (namespace !== undefined && readUnmetRevision(error) !== undefined)
        throw conflict(definitionOf("Namespace"), namespace, "it is being deleted");
      return this.#explain(definition, name)(error);
    });
    return await this.#finish(stored);
  }

  /** What is created in a namespace is created only while that is there; the cache says so more kindly than the store. */
  async #requireNamespace(namespace: string, definition: KindDefinition, name: string): Promise<Condition> {
    const key = resourceKey({ kind: "Namespace", name: namespace });
    const hint = `: create the namespace before what is in it (${definition.singular} "${name}")`;
    // Another server may have made it a moment ago.
    const isThere = this.#cache.get("Namespace", key) !== undefined || (await this.#store.get(key)) !== undefined;
    if (!isThere) throw notFound(definitionOf("Namespace"), namespace, hint);
    return { type: "exists", key };
  }

  /** Refuses when the cache knows of something in it; the conditions are against what it does not know yet. */
  #checkNamespaceDeletion(definition: KindDefinition, name: string): Condition[] {
    if (name === "default") {
      throw new StatusError(
        "Forbidden",
        `namespaces "default" may not be deleted: objects that name no namespace are in it`,
      );
    }
    const content = this.#cache.contentOf(name);
    if (content.length > 0) {
      const told = content
        .map(({ kind, count }) => `${count} ${definitionOf(kind)[count === 1 ? "singular" : "plural"]}`)
        .join(", ");
      throw conflict(definition, name, `it still holds ${told}; delete them first`);
    }
    return kindDefinitions
      .filter(({ isNamespaced }) => isNamespaced)
      .map(({ kind }) => ({
        type: "unchangedSince",
        prefix: resourceKey({ kind, namespace: name, name: "" }),
        revision: 0,
      }));
  }

  /** The object as the cache has it, at `revision` or later; what another server wrote a moment ago is waited for. */
  async find(
    definition: KindDefinition,
    namespace: string | undefined,
    name: string,
    revision: number,
  ): Promise<CachedObject> {
    const { kind } = definition;
    const key = resourceKey({ kind, namespace, name });
    if (revision > this.#cache.revision) await this.#cache.reach(revision, AbortSignal.timeout(reachLimitMs));
    const found = this.#cache.get(kind, key);
    if (found !== undefined) return found;
    const stored = await this.#store.get(key);
    if (stored === undefined) throw notFound(definition, name);
    await this.#cache.reach(stored.modRevision, AbortSignal.timeout(reachLimitMs));
    const now = this.#cache.get(kind, key);
    if (now === undefined) throw notFound(definition, name);
    return now;
  }

  /** Until the cache has what the store has of an object. */
  async catchUp({ definition: { kind }, namespace, name = "" }: WriteTarget): Promise<void> {
    const stored = await this.#store.get(resourceKey({ kind, namespace, name }));
    if (stored !== undefined) await this.#cache.reach(stored.modRevision, AbortSignal.timeout(reachLimitMs));
  }

  /** Answers only after every reader would see the write. */
  async #finish(stored: StoredObject): Promise<string> {
    await this.#cache.reach(stored.modRevision);
    return servedText(stored);
  }

  #explain(definition: KindDefinition, name: string, unmet?: string): (error: unknown) => never {
    return (error) => {
      if (readUnmetRevision(error) !== undefined) {
        if (unmet === undefined) throw error;
        throw conflict(definition, name, unmet);
      }
      const code = error instanceof TortieError ? error.code : undefined;
      if (code === "TT_API_EXISTS") throw alreadyExists(definition, name);
      if (code === "TT_API_NOT_FOUND") throw notFound(definition, name);
      if (code === "TT_API_INVALID")
        throw new StatusError("RequestEntityTooLarge", "the object is larger than the store takes");
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

function accept(target: WriteTarget, resource: Resource, check: typeof checkCreate): Resource {
  const checked = check(resource);
  if (!checked.ok) throw invalid(target.definition, resource.metadata.name, checked.problems);
  return checked.value;
}

function checkPoolOverlap(pool: Resource & { readonly kind: "IPPool" }, others: readonly CachedObject[]): Problem[] {
  const definition = definitionOf("IPPool");
  return others
    .map((other) => readPresent(definition, other).resource)
    .filter((other) => isKind(other, "IPPool"))
    .filter(({ metadata, spec }) => metadata.name !== pool.metadata.name && cidrsOverlap(spec.cidr, pool.spec.cidr))
    .map(({ metadata, spec }) => ({
      path: "spec.cidr",
      message: `${pool.spec.cidr} overlaps ${spec.cidr} of pool ${metadata.name}`,
      hint: "choose another prefix",
    }));
}

function readUid(present: CachedObject): string {
  const { metadata }: { metadata: { uid: string } } = JSON.parse(present.text);
  return metadata.uid;
}

function isSpecChanged(old: Resource, next: Resource): boolean {
  return !isSameText(JSON.stringify(contentOf(old)), JSON.stringify(contentOf(next)));
}

/** All that the generation counts: not metadata, not status. */
function contentOf(resource: Resource): unknown {
  return { ...resource, metadata: undefined, status: undefined };
}

/** Of two JSON texts without spaces; members in another order make no difference, and none in length. */
function isSameText(a: string, b: string): boolean {
  return a === b || (a.length === b.length && isDeepStrictEqual(JSON.parse(a), JSON.parse(b)));
}

function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value));
}

type Creation = { readonly extra: ServerMetadata; readonly isDryRun: boolean };

function withOwners({ generateName }: ServerMetadata, managedFields: readonly Json[]): ServerMetadata {
  return {
    ...(generateName === undefined ? {} : { generateName }),
    ...(managedFields.length === 0 ? {} : { managedFields }),
  };
}

/** An empty list, or one empty entry: the writer wants to be rid of all owners. */
function isEmptied(managedFields: readonly Json[] | undefined): boolean {
  return (
    managedFields !== undefined && managedFields.every((entry) => isRecord(entry) && Object.keys(entry).length === 0)
  );
}

function ownByUpdate(target: WriteTarget, options: WriteOptions): OwnFields {
  return (old, next, known) => {
    if (known === undefined || known.length === 0) return [];
    return formatOwners(ownersAfterUpdate(readOwners(known), old, next(), fieldWrite(target, options)));
  };
}

export function fieldWrite({ definition, subresource }: WriteTarget, { fieldManager }: WriteOptions): FieldWrite {
  return {
    manager: fieldManager,
    apiVersion: apiVersionOf(definition),
    time: `${new Date().toISOString().slice(0, 19)}Z`,
    subresource,
    hasStatus: !definition.hasStatus || subresource === "status",
  };
}

/** Somebody else's write came first; a patch may be tried again. */
export class WriteRace extends StatusError {
  constructor(definition: KindDefinition, name: string) {
    const message = `${definition.plural} "${name}" was not changed: it was changed at the same time; ${getItAgain}`;
    super("Conflict", message, objectDetails(definition, name));
  }
}
