type Entry<T> = { readonly atMs: number; readonly order: number; readonly owner: T };

/**
 * Who is due next, of many whose deadlines mostly move away. An owner may stand in it several times; one that comes out too
 * early is put back by whoever looks.
 */
export class DeadlineQueue<T> {
  readonly #heap: Entry<T>[] = [];
  /** The earliest deadline each owner stands in the queue with. */
  readonly #atByOwner = new Map<T, number>();
  #order = 0;

  /** Of the first entry; Infinity when there is none. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  /** Makes sure that the owner comes out at that time at the latest. */
  add(owner: T, atMs: number): void {
    if (atMs === Infinity || atMs >= (this.#atByOwner.get(owner) ?? Infinity)) return;
    this.#atByOwner.set(owner, atMs);
    this.#push({ atMs, order: this.#order++, owner });
  }

  /** The owner is no more; what stands of it in the queue comes to nothing. */
  delete(owner: T): void {
    this.#atByOwner.delete(owner);
  }

  /** The owner of the first entry if that is due; each call takes one out. */
  take(nowMs: number): T | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > nowMs) return undefined;
      this.#pop();
      if (this.#atByOwner.get(first.owner) !== first.atMs) continue;
      this.#atByOwner.delete(first.owner);
      return first.owner;
    }
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || !isBefore(child, last)) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
