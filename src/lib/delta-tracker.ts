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
  readonly #isEqual: (a: V, b: V) => boolean;

  constructor(isEqual: (a: V, b: V) => boolean = isDeepStrictEqual) {
    this.#isEqual = isEqual;
  }

  want(key: K, value: V): void {
    this.#wanted.set(key, value);
    this.#dirty.add(key);
  }

  unwant(key: K): void {
    this.#wanted.delete(key);
    this.#dirty.add(key);
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
    this.#dirty.add(key);
  }

  /** A whole dump of the world: what it does not name is gone. */
  observeAll(entries: Iterable<readonly [K, V]>): void {
    const next = new Map(entries);
    for (const key of this.#present.keys()) this.#dirty.add(key);
    for (const key of next.keys()) this.#dirty.add(key);
    this.#present.clear();
    for (const [key, value] of next) this.#present.set(key, value);
  }

  /** What is to be done, puts before deletes; keys that already agree are dropped from the books. */
  pending(): Change<K, V>[] {
    const puts: Change<K, V>[] = [];
    const deletes: Change<K, V>[] = [];
    for (const key of this.#dirty) {
      const value = this.#wanted.get(key);
      const present = this.#present.get(key);
      if (value === undefined) {
        if (present === undefined) this.#dirty.delete(key);
        else deletes.push({ type: "delete", key, present });
      } else if (present !== undefined && this.#isEqual(value, present)) {
        this.#dirty.delete(key);
      } else {
        puts.push({ type: "put", key, value, present });
      }
    }
    return [...puts, ...deletes];
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
}
