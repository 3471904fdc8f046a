import { type Path, type Source, makePath } from "./decision.ts";
import type { AttributeSet } from "./attributes.ts";
import type { PrefixKey } from "./prefix-key.ts";
import type { RibTable } from "./rib.ts";

/** What one peer has told about one family. Every change goes on to the table. */
export class AdjRibIn {
  readonly #source: Source;
  readonly #table: RibTable;
  readonly #paths = new Map<PrefixKey, Path>();
  #staleCount = 0;

  constructor(source: Source, table: RibTable) {
    this.#source = source;
    this.#table = table;
  }

  get size(): number {
    return this.#paths.size;
  }

  get hasStale(): boolean {
    return this.#staleCount > 0;
  }

  put(keys: readonly PrefixKey[], set: AttributeSet): void {
    const pattern = makePath(this.#source, set);
    for (const key of keys) {
      const old = this.#paths.get(key);
      if (old?.isStale === true) {
        old.isStale = false;
        this.#staleCount--;
      }
      if (old?.set === set && old.identifier === pattern.identifier) continue;
      const path = { ...pattern };
      this.#paths.set(key, path);
      this.#table.put(key, path);
    }
  }

  remove(keys: Iterable<PrefixKey>): void {
    for (const key of keys) {
      const path = this.#paths.get(key);
      if (path === undefined) continue;
      if (path.isStale) this.#staleCount--;
      this.#paths.delete(key);
      this.#table.remove(key, this.#source);
    }
  }

  /** The session is gone and may come back. What was still marked from the time before goes (RFC 4724 section 4.2). */
  markStale(): void {
    this.sweepStale();
    for (const path of this.#paths.values()) path.isStale = true;
    this.#staleCount = this.#paths.size;
  }

  sweepStale(): void {
    if (this.#staleCount === 0) return;
    this.remove([...this.#paths].filter(([, path]) => path.isStale).map(([key]) => key));
  }

  clear(): void {
    this.remove([...this.#paths.keys()]);
  }
}
