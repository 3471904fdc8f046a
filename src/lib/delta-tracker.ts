import { isDeepStrictEqual } from "node:util";

export type Change<K, V> =
  | { readonly type: "put"; readonly key: K; readonly value: V; readonly present: V | undefined }
  | { readonly type: "delete"; readonly key: K; readonly present: V };

/**
 * Wanted against present, per key. Whoever applies a change says so with `done`; what fails is simply not
 * reported done and stays pending. Keys must be primitive values.
 */
export class DeltaTracker<K extends string | number, V> {
  readonly #wanted = new Map<K, V>();
  readonly #present = new Map<K, V>();
  readonly #dirty = new Set<K>();
  /** While the world is read: what has not been met yet. */
  #unseen: Set<K> | undefined;
  readonly #isEqual: (a: V, b: V) => boolean;

  constructor(isEqual: (a: V, b: V) => boolean = isDeepStrictEqual) {
    this.#isEqual = isEqual;
  }

  want(key: K, value: V): void {
    this.#wanted.set(key, value);
    this.#compare(key, value, this.#present.get(key));
  }

  unwant(key: K): void {
    this.#wanted.delete(key);
    this.#compare(key, undefined, this.#present.get(key));
  }

  /** Replaces all that is wanted; only keys that differ become dirty. */
  wantAll(entries: Iterable<readonly [K, V]>): void {
    const next = new Map(entries);
    for (const key of this.#wanted.keys()) if (!next.has(key)) this.unwant(key);
    for (const [key, value] of next) {
      const old = this.#wanted.get(key);
      if (old === undefined || !this.#isEqual(old, value)) this.want(key, value);
    }
  }

  /** One key as it is seen in the world now; undefined when it is gone. */
  observe(key: K, value: V | undefined): void {
    if (value === undefined) this.#present.delete(key);
    else this.#present.set(key, value);
    this.#unseen?.delete(key);
    this.#compare(key, this.#wanted.get(key), value);
  }

  /** A whole dump of the world: what it does not name is gone. */
  observeAll(entries: Iterable<readonly [K, V]>): void {
    this.beginRead();
    for (const [key, value] of entries) this.observe(key, value);
    this.endRead();
  }

  /** A dump begins, or begins anew: `observe` is called for all that is in it, and for what changes meanwhile. */
  beginRead(): void {
    this.#unseen = new Set(this.#present.keys());
  }

  /** What was not observed since the beginning is gone; gives it as it was. */
  endRead(): { readonly key: K; readonly present: V }[] {
    const gone: { readonly key: K; readonly present: V }[] = [];
    for (const key of this.#unseen ?? []) {
      const present = this.#present.get(key);
      if (present !== undefined) gone.push({ key, present });
    }
    this.#unseen = undefined;
    for (const { key } of gone) this.observe(key, undefined);
    return gone;
  }

  /** What is to be done, puts before deletes. */
  pending(): Change<K, V>[] {
    const keys = this.dirtyKeys();
    return (["put", "delete"] as const).flatMap((type) => keys.flatMap((key) => this.changeOf(key, type) ?? []));
  }

  /** Keys that something is to be done about. */
  dirtyKeys(): K[] {
    return [...this.#dirty];
  }

  /** What is to be done about the key by now, if that is of this type. */
  changeOf<T extends Change<K, V>["type"]>(key: K, type: T): Extract<Change<K, V>, { type: T }> | undefined;
  changeOf(key: K, type: Change<K, V>["type"]): Change<K, V> | undefined {
    if (!this.#dirty.has(key)) return undefined;
    const value = this.#wanted.get(key);
    const present = this.#present.get(key);
    if (value !== undefined) return type === "put" ? { type, key, value, present } : undefined;
    return type === "delete" && present !== undefined ? { type, key, present } : undefined;
  }

  /** The world now holds what the change asked for. */
  done(change: Change<K, V>): void {
    this.observe(change.key, change.type === "put" ? change.value : undefined);
  }

  wanted(): ReadonlyMap<K, V> {
    return this.#wanted;
  }

  present(): ReadonlyMap<K, V> {
    return this.#present;
  }

  #compare(key: K, wanted: V | undefined, present: V | undefined): void {
    const isSame =
      wanted === present || (wanted !== undefined && present !== undefined && this.#isEqual(wanted, present));
    if (isSame) this.#dirty.delete(key);
    else this.#dirty.add(key);
  }
}
