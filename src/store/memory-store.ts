import { Bell } from "./bell.ts";
import { type RevisionLog, followLog } from "./follow-log.ts";
import { type LogLimits, defaultLogLimits } from "./log-limits.ts";
import {
  closedFailure,
  conditionFailure,
  conflictFailure,
  existsFailure,
  goneFailure,
  notFoundFailure,
} from "./store-failures.ts";
import type { Condition, Store, StoreEvent, StoredObject, WatchBatch } from "./store.ts";

type MemoryStoreOptions = { readonly limits?: LogLimits; readonly now?: () => number };

/** The store as a plain map: for tests, and the model against which the others are tested. */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options.limits ?? defaultLogLimits, options.now ?? Date.now);
}

class MemoryStore implements Store, RevisionLog {
  readonly bell = new Bell();
  readonly #objects = new Map<string, StoredObject>();
  readonly #log: { readonly event: StoreEvent; readonly atMs: number }[] = [];
  readonly #limits: LogLimits;
  readonly #now: () => number;
  #revision = 1;
  #isClosed = false;

  constructor(limits: LogLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async get(key: string): Promise<StoredObject | undefined> {
    this.#checkOpen();
    return this.#objects.get(key);
  }

  async list(prefix: string): Promise<{ revision: number; objects: StoredObject[] }> {
    this.#checkOpen();
    const objects = [...this.#objects.values()].filter(({ key }) => key.startsWith(prefix));
    return { revision: this.#revision, objects: objects.sort((a, b) => (a.key < b.key ? -1 : 1)) };
  }

  async create(key: string, value: string, conditions: readonly Condition[] = []): Promise<StoredObject> {
    this.#checkOpen();
    if (this.#objects.has(key)) throw existsFailure(key);
    this.#checkConditions(key, conditions);
    return this.#put({ key, value, createRevision: this.#revision + 1, modRevision: this.#revision + 1 });
  }

  async update(
    key: string,
    value: string,
    expectedRevision: number,
    conditions: readonly Condition[] = [],
  ): Promise<StoredObject> {
    const { createRevision } = this.#find(key, expectedRevision);
    this.#checkConditions(key, conditions);
    return this.#put({ key, value, createRevision, modRevision: this.#revision + 1 });
  }

  async delete(key: string, expectedRevision?: number, conditions: readonly Condition[] = []): Promise<StoredObject> {
    const object = { ...this.#find(key, expectedRevision), modRevision: this.#revision + 1 };
    this.#checkConditions(key, conditions);
    this.#objects.delete(key);
    this.#append({ type: "delete", object });
    return object;
  }

  watch(prefix: string, afterRevision: number, { signal }: { signal: AbortSignal }): AsyncIterable<WatchBatch> {
    return followLog(this, prefix, afterRevision, signal);
  }

  readLog(prefix: string, afterRevision: number, limit: number): { events: StoreEvent[]; throughRevision: number } {
    const compactedRevision = this.#revision - this.#log.length;
    if (afterRevision < compactedRevision || afterRevision > this.#revision) {
      throw goneFailure(afterRevision, compactedRevision, this.#revision);
    }
    const events = this.#log
      .slice(afterRevision - compactedRevision)
      .map(({ event }) => event)
      .filter(({ object }) => object.key.startsWith(prefix))
      .slice(0, limit);
    const last = events.length === limit ? events.at(-1) : undefined;
    return { events, throughRevision: last?.object.modRevision ?? this.#revision };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.bell.ring();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedFailure();
  }

  #find(key: string, expectedRevision: number | undefined): StoredObject {
    this.#checkOpen();
    const object = this.#objects.get(key);
    if (object === undefined) throw notFoundFailure(key);
    if (expectedRevision !== undefined && object.modRevision !== expectedRevision) {
      throw conflictFailure(key, expectedRevision, object.modRevision);
    }
    return object;
  }

  #checkConditions(key: string, conditions: readonly Condition[]): void {
    const isMet = (condition: Condition) =>
      condition.type === "exists"
        ? this.#objects.has(condition.key)
        : [...this.#objects.values()].every(
            (other) => !other.key.startsWith(condition.prefix) || other.modRevision <= condition.revision,
          );
    if (!conditions.every(isMet)) throw conditionFailure(key, this.#revision);
  }

  #put(object: StoredObject): StoredObject {
    this.#objects.set(object.key, object);
    this.#append({ type: "put", object });
    return object;
  }

  #append(event: StoreEvent): void {
    const atMs = this.#now();
    this.#log.push({ event, atMs });
    this.#revision = event.object.modRevision;
    const { keepRevisions, keepMs } = this.#limits;
    const oldestKeptMs = atMs - keepMs;
    while (this.#log.length > keepRevisions || (this.#log[0]?.atMs ?? atMs) < oldestKeptMs) this.#log.shift();
    this.bell.ring();
  }
}
