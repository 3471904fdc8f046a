/**
 * Keeps a namespace from being deleted while something is created in it, and the other way round. What is found to be there
 * (or not) in the cache then still holds when the write is done. One server writes to an embedded store, so memory will do.
 */
export class NamespaceGuard {
  readonly #creations = new Map<string, number>();
  readonly #deletions = new Set<string>();

  /** Undefined: the namespace is being deleted. */
  beginCreation(namespace: string): Disposable | undefined {
    if (this.#deletions.has(namespace)) return undefined;
    this.#creations.set(namespace, (this.#creations.get(namespace) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#creations.get(namespace) ?? 1) - 1;
        if (left === 0) this.#creations.delete(namespace);
        else this.#creations.set(namespace, left);
      },
    };
  }

  /** Undefined: something is being created in it, or it is being deleted already. */
  beginDeletion(namespace: string): Disposable | undefined {
    if (this.#creations.has(namespace) || this.#deletions.has(namespace)) return undefined;
    this.#deletions.add(namespace);
    return { [Symbol.dispose]: () => this.#deletions.delete(namespace) };
  }
}
