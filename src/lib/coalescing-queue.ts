/**
 * Changes per key, newest wins: bounded by the number of keys, whatever the speed of the reader.
 * A key that changes again while it waits keeps its place.
 */
export class CoalescingQueue<K, V> {
  readonly #waiting = new Map<K, V>();
  #wake: (() => void) | undefined;

  get size(): number {
    return this.#waiting.size;
  }

  push(key: K, value: V): void {
    this.#waiting.set(key, value);
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Takes up to `limit` entries at once; waits for the first. Empty only when the signal aborted. */
  async take(limit: number, signal: AbortSignal): Promise<[K, V][]> {
    while (this.#waiting.size === 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const stop = () => resolve();
      signal.addEventListener("abort", stop, { once: true });
      await promise;
      signal.removeEventListener("abort", stop);
    }
    return this.takeNow(limit);
  }

  takeNow(limit: number): [K, V][] {
    const taken: [K, V][] = [];
    for (const entry of this.#waiting) {
      if (taken.length === limit) break;
      taken.push(entry);
      this.#waiting.delete(entry[0]);
    }
    return taken;
  }
}
