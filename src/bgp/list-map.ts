/** Lists by key. What comes next is mostly of the same key, which then needs no look-up. */
export class ListMap<K, V> {
  readonly #lists = new Map<K, V[]>();
  #lastKey: K | undefined;
  #last: V[] | undefined;

  get size(): number {
    return this.#lists.size;
  }

  add(key: K, value: V): void {
    if (this.#last === undefined || this.#lastKey !== key) this.#last = this.#listOf(key);
    this.#lastKey = key;
    this.#last.push(value);
  }

  get(key: K): readonly V[] | undefined {
    return this.#lists.get(key);
  }

  values(): Iterable<readonly V[]> {
    return this.#lists.values();
  }

  [Symbol.iterator](): Iterator<readonly [K, readonly V[]]> {
    return this.#lists.entries();
  }

  #listOf(key: K): V[] {
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const list: V[] = [];
    this.#lists.set(key, list);
    return list;
  }
}
