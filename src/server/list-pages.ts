import { type Kind, type KindDefinition, resourceKey } from "../resources/index.ts";
import type { ObjectFilter } from "./object-filter.ts";
import { readNumber } from "./query.ts";
import { StatusError, expired, notReached } from "./status.ts";
import type { CachedObject, WatchCache } from "./watch-cache.ts";

export type Page = {
  readonly objects: readonly CachedObject[];
  /** Of a list: `continue` and `remainingItemCount` are there when more follows. */
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
};

/** All objects of a kind at a revision, by key. The objects are shared with the cache, as long as that has them too. */
type Snapshot = { readonly revision: number; readonly objects: readonly CachedObject[]; readonly madeMs: number };

type Place = { readonly definition: KindDefinition; readonly namespace: string | undefined };

/** A client has so long for all pages of a list; what it then holds is 410. */
const keepMs = 300_000;
/** Lists that are read page by page at the same time; beyond that the oldest expires. */
const maxSnapshots = 32;
/** A client that was answered by another server may be ahead of this one's cache for so long. */
const reachLimitMs = 1_000;

/** Lists, page by page when asked: every page is of the moment of the first one. */
export class ListPages {
  readonly #cache: WatchCache;
  readonly #nowMs: () => number;
  /** By kind and revision, oldest first. */
  readonly #snapshots = new Map<string, Snapshot>();
  /** Of each kind the objects by key, as they were when its journal ended there: kubectl asks every list in pages. */
  readonly #sorted = new Map<Kind, { readonly end: number; readonly objects: readonly CachedObject[] }>();

  constructor(cache: WatchCache, nowMs: () => number = () => performance.now()) {
    this.#cache = cache;
    this.#nowMs = nowMs;
  }

  /** Expired when the pages before this one were of a time that is forgotten; BadRequest for a token that is none of ours. */
  async read(place: Place, query: URLSearchParams, filter: ObjectFilter): Promise<Page> {
    const limit = readNumber(query, "limit");
    const token = query.get("continue") ?? "";
    if (token !== "") {
      const { revision, after } = readToken(token);
      return this.#cut(place, this.#recall(place, revision), after, limit, filter);
    }
    await this.#checkVersion(place, query);
    const { kind } = place.definition;
    const { revision } = this.#cache;
    if (limit > 0) {
      const objects = this.#all(kind);
      return this.#cut(place, { revision, objects, madeMs: this.#nowMs() }, "", limit, filter);
    }
    const objects = this.#cache.list(kind, place.namespace);
    return {
      objects: filter.hasSelectors ? objects.filter(filter.matches) : objects,
      metadata: { resourceVersion: String(revision) },
    };
  }

  /** Lets go of what is too old; to be called every half minute or so. */
  sweep(): void {
    for (const [key, { madeMs }] of this.#snapshots) {
      if (this.#nowMs() - madeMs > keepMs) this.#snapshots.delete(key);
    }
  }

  async #checkVersion({ definition }: Place, query: URLSearchParams): Promise<void> {
    const version = readNumber(query, "resourceVersion");
    const match = query.get("resourceVersionMatch") ?? "";
    if (!["", "Exact", "NotOlderThan"].includes(match)) {
      throw new StatusError("BadRequest", `resourceVersionMatch is Exact or NotOlderThan, not ${match}`);
    }
    if (version === 0) return;
    await this.#cache.reach(version, AbortSignal.timeout(reachLimitMs));
    if (version > this.#cache.revision) throw notReached(version);
    if (match === "Exact" && !this.#isUnchanged(definition, version)) throw expired(`version ${version} is gone`);
  }

  #all(kind: Kind): readonly CachedObject[] {
    const { end } = this.#cache.journal(kind);
    const known = this.#sorted.get(kind);
    if (known?.end === end) return known.objects;
    const objects = this.#cache.list(kind, undefined);
    this.#sorted.set(kind, { end, objects });
    return objects;
  }

  #isUnchanged({ kind }: KindDefinition, revision: number): boolean {
    return this.#cache.cursorAfter(kind, revision) === this.#cache.journal(kind).end;
  }

  /** After a restart, or at another server, the pages go on as long as nothing of the kind has changed. */
  #recall({ definition }: Place, revision: number): Snapshot {
    const known = this.#snapshots.get(`${definition.kind} ${revision}`);
    if (known !== undefined && this.#nowMs() - known.madeMs <= keepMs) return known;
    if (revision <= this.#cache.revision && this.#isUnchanged(definition, revision)) {
      return { revision, objects: this.#all(definition.kind), madeMs: this.#nowMs() };
    }
    throw expired("the continue token is too old");
  }

  #cut({ definition, namespace }: Place, snapshot: Snapshot, after: string, limit: number, filter: ObjectFilter): Page {
    const { revision, objects } = snapshot;
    const prefix = resourceKey({ kind: definition.kind, namespace, name: "" });
    const found: CachedObject[] = [];
    let at = firstAfter(objects, after);
    if (namespace !== undefined) at = Math.max(at, firstAfter(objects, prefix));
    let isMore = false;
    for (; at < objects.length && !isMore; at++) {
      const object = objects[at];
      if (object === undefined || (namespace !== undefined && !object.key.startsWith(prefix))) break;
      if (!filter.matches(object)) continue;
      if (limit > 0 && found.length === limit) isMore = true;
      else found.push(object);
    }
    const last = found.at(-1);
    if (!isMore || last === undefined) return { objects: found, metadata: { resourceVersion: String(revision) } };
    this.#keep(definition, snapshot);
    const isCounted = !filter.hasSelectors && namespace === undefined;
    return {
      objects: found,
      metadata: {
        resourceVersion: String(revision),
        continue: makeToken(revision, last.key),
        ...(isCounted ? { remainingItemCount: objects.length - at + 1 } : {}),
      },
    };
  }

  #keep({ kind }: KindDefinition, snapshot: Snapshot): void {
    const key = `${kind} ${snapshot.revision}`;
    if (this.#snapshots.has(key)) return;
    this.#snapshots.set(key, snapshot);
    for (const oldest of this.#snapshots.keys()) {
      if (this.#snapshots.size <= maxSnapshots) break;
      this.#snapshots.delete(oldest);
    }
  }
}

/** Index of the first object whose key is greater. */
function firstAfter(objects: readonly CachedObject[], key: string): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((objects[middle]?.key ?? "") > key) high = middle;
    else low = middle + 1;
  }
  return low;
}

function makeToken(revision: number, after: string): string {
  return Buffer.from(JSON.stringify({ v: 1, revision, after })).toString("base64url");
}

function readToken(token: string): { readonly revision: number; readonly after: string } {
  try {
    const json: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (typeof json === "object" && json !== null && "revision" in json && "after" in json) {
      const { revision, after } = json;
      if (Number.isSafeInteger(revision) && typeof after === "string") return { revision: Number(revision), after };
    }
  } catch {
    // What is no JSON is told below.
  }
  throw new StatusError("BadRequest", "the continue token is not one of this server; list again without it");
}
