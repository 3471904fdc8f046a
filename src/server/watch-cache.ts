import { TortieError } from "../lib/index.ts";
import { type Kind, kindDefinitions } from "../resources/index.ts";
import type { Store, StoredObject, WatchBatch } from "../store/index.ts";
import { KindJournal } from "./kind-journal.ts";
import { servedText } from "./object-text.ts";

export type CachedObject = {
  readonly key: string;
  readonly kind: Kind;
  /** Empty for cluster kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** JSON as it is sent, resourceVersion and all. */
  readonly text: string;
};

type KindCache = {
  readonly objects: Map<string, CachedObject>;
  readonly journal: KindJournal;
  readonly watchers: Set<() => void>;
};

const kindByName = new Map<string, Kind>(kindDefinitions.map(({ kind }) => [kind, kind]));

/** At the start this much of the store's log is read back, so that clients go on where they were after a restart. */
const historyRevisions = 8192;

/**
 * All objects in memory, kept up by one watch on the store, whatever the number of clients:
 *
 *   store ──one watch──> WatchCache ──> objects of the kind        (get, list)
 *                             └──────> journal of the kind ──> a cursor for each watcher
 *
 * `revision` is the one that all of it stands at; a write is answered only after the cache has reached it, so that who has
 * been answered, or was told by one who has, reads what was written.
 */
export class WatchCache {
  readonly #kinds = new Map<string, KindCache>();
  readonly #store: Store;
  readonly #signal: AbortSignal;
  #events: AsyncIterator<WatchBatch>;
  #waiting: { readonly revision: number; resolve(): void }[] = [];
  #revision: number;
  #isStopped = false;
  /** Changes up to this revision were never seen here. */
  #firstRevision: number;

  /** Reads the whole store. `follow` must then run for as long as the cache is used. */
  static async load(store: Store, signal: AbortSignal): Promise<WatchCache> {
    const { revision, objects } = await store.list("");
    const history = await openHistory(store, revision, signal);
    const cache = new WatchCache(store, signal, history);
    cache.#replace(revision, objects);
    let batch: WatchBatch = history.first ?? { events: [], revision };
    for (;;) {
      cache.#apply(batch);
      if (batch.revision >= revision) return cache;
      const { done, value } = await history.events.next();
      batch = done === true ? { events: [], revision } : value;
    }
  }

  private constructor(store: Store, signal: AbortSignal, history: History) {
    this.#store = store;
    this.#signal = signal;
    this.#revision = history.afterRevision;
    this.#firstRevision = history.afterRevision;
    this.#events = history.events;
    for (const { kind } of kindDefinitions) {
      this.#kinds.set(kind, { objects: new Map(), journal: new KindJournal(), watchers: new Set() });
    }
  }

  get revision(): number {
    return this.#revision;
  }

  get(kind: Kind, key: string): CachedObject | undefined {
    return this.#of(kind).objects.get(key);
  }

  /** By key. `namespace` undefined: of all namespaces. */
  list(kind: Kind, namespace: string | undefined): CachedObject[] {
    const all = [...this.#of(kind).objects.values()];
    const listed = namespace === undefined ? all : all.filter((object) => object.namespace === namespace);
    return listed.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Kinds and numbers of what is in a namespace. */
  contentOf(namespace: string): { readonly kind: Kind; readonly count: number }[] {
    const namespaced = kindDefinitions.filter(({ isNamespaced }) => isNamespaced);
    return namespaced
      .map(({ kind }) => ({ kind, count: this.list(kind, namespace).length }))
      .filter(({ count }) => count > 0);
  }

  journal(kind: Kind): KindJournal {
    return this.#of(kind).journal;
  }

  /** The place in the kind's journal after a revision the cache has reached; undefined when what came then is forgotten. */
  cursorAfter(kind: Kind, revision: number): number | undefined {
    return revision < this.#firstRevision ? undefined : this.journal(kind).cursorAfter(revision);
  }

  /** Calls `wake` when the kind's journal has grown. */
  subscribe(kind: Kind, wake: () => void): Disposable {
    const { watchers } = this.#of(kind);
    watchers.add(wake);
    return { [Symbol.dispose]: () => watchers.delete(wake) };
  }

  /** Until the cache stands at this revision or later, or follows no more, or the signal aborts. */
  async reach(revision: number, signal?: AbortSignal): Promise<void> {
    if (this.#revision >= revision || this.#isStopped || signal?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = { revision, resolve };
    const stop = () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      resolve();
    };
    this.#waiting.push(waiting);
    signal?.addEventListener("abort", stop, { once: true });
    await promise;
    signal?.removeEventListener("abort", stop);
  }

  /** Takes over what is written, until the signal given to `load` aborts. */
  async follow(): Promise<void> {
    try {
      for (;;) {
        const batch = await this.#nextBatch();
        if (batch === undefined) return;
        this.#apply(batch);
      }
    } finally {
      this.#isStopped = true;
      for (const { resolve } of this.#waiting) resolve();
    }
  }

  /** Undefined at the end. When the store has forgotten what comes next, the cache begins anew and so must all who watch it. */
  async #nextBatch(): Promise<WatchBatch | undefined> {
    try {
      const { done, value } = await this.#events.next();
      return done === true ? undefined : value;
    } catch (error) {
      if (!(error instanceof TortieError && error.code === "TT_API_GONE")) throw error;
    }
    const { revision, objects } = await this.#store.list("");
    this.#replace(revision, objects);
    this.#firstRevision = revision;
    for (const { journal, watchers } of this.#kinds.values()) {
      journal.forget(revision);
      for (const wake of watchers) wake();
    }
    this.#events = this.#store.watch("", revision, { signal: this.#signal })[Symbol.asyncIterator]();
    return { events: [], revision };
  }

  #replace(revision: number, objects: readonly StoredObject[]): void {
    for (const kindCache of this.#kinds.values()) kindCache.objects.clear();
    for (const object of objects) {
      const cached = readObject(object);
      if (cached !== undefined) this.#of(cached.kind).objects.set(cached.key, cached);
    }
    this.#revision = revision;
  }

  /** What is not newer than the cache is history: it goes to the journals only. */
  #apply({ events, revision: throughRevision }: WatchBatch): void {
    const touched = new Set<KindCache>();
    for (const { type, object } of events) {
      const cached = readObject(object);
      if (cached === undefined) continue;
      const kindCache = this.#of(cached.kind);
      const isNew = object.createRevision === object.modRevision;
      const wireType = type === "delete" ? "DELETED" : isNew ? "ADDED" : "MODIFIED";
      const { revision } = cached;
      const isHistory = revision <= this.#revision && wireType !== "ADDED";
      const previous = isHistory ? "unknown" : wireType === "ADDED" ? undefined : kindCache.objects.get(cached.key);
      const line = eventLine(wireType, cached.text);
      kindCache.journal.append({ type: wireType, revision, object: cached, previous, line });
      touched.add(kindCache);
      if (revision <= this.#revision) continue;
      if (type === "put") kindCache.objects.set(cached.key, cached);
      else kindCache.objects.delete(cached.key);
    }
    this.#revision = Math.max(this.#revision, throughRevision);
    const reached = this.#waiting.filter(({ revision }) => revision <= this.#revision);
    this.#waiting = this.#waiting.filter(({ revision }) => revision > this.#revision);
    for (const { resolve } of reached) resolve();
    for (const { watchers } of touched) for (const wake of watchers) wake();
  }

  #of(kind: Kind): KindCache {
    const found = this.#kinds.get(kind);
    if (found === undefined) throw new Error(`assertion failed: no cache of ${kind}`);
    return found;
  }
}

export function eventLine(type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK", text: string): Buffer {
  return Buffer.from(`{"type":"${type}","object":${text}}\n`);
}

/** Undefined for a kind this program does not know: an older one may find what a newer one has stored. */
function readObject(object: StoredObject): CachedObject | undefined {
  const [kindName = "", namespace = "", name = ""] = object.key.split("/");
  const kind = kindByName.get(kindName);
  if (kind === undefined) return undefined;
  return { key: object.key, kind, namespace, name, revision: object.modRevision, text: servedText(object) };
}

type History = {
  readonly afterRevision: number;
  /** The first batch, when there is any history. */
  readonly first: WatchBatch | undefined;
  readonly events: AsyncIterator<WatchBatch>;
};

/** The store's log from `historyRevisions` before `revision`, or from as far back as it reaches. */
async function openHistory(store: Store, revision: number, signal: AbortSignal): Promise<History> {
  let afterRevision = Math.max(1, revision - historyRevisions);
  for (;;) {
    const events = store.watch("", afterRevision, { signal })[Symbol.asyncIterator]();
    if (afterRevision >= revision) return { afterRevision, first: undefined, events };
    try {
      const { done, value } = await events.next();
      return { afterRevision, first: done === true ? undefined : value, events };
    } catch (error) {
      const reach =
        error instanceof TortieError && error.code === "TT_API_GONE" ? error.fields["compactedRevision"] : undefined;
      if (typeof reach !== "number" || reach <= afterRevision) throw error;
      afterRevision = reach;
    }
  }
}
