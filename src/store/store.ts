/**
 * What is kept under a key. Revisions are those of etcd: one counter for the whole store, raised with every write that
 * changes something (by one, where nobody else writes to the same etcd).
 */
export type StoredObject = {
  readonly key: string;
  /** JSON text, given back as it came. */
  readonly value: string;
  readonly createRevision: number;
  /** Revision of the last write of this key; the token of compare-and-swap. */
  readonly modRevision: number;
};

/** `delete`: the object as it was last, with the revision of its deletion as `modRevision`. */
export type StoreEvent = { readonly type: "put" | "delete"; readonly object: StoredObject };

/** `revision`: nothing up to it is left to tell. It may be all there is: then the store has moved on without touching the prefix. */
export type WatchBatch = { readonly events: readonly StoreEvent[]; readonly revision: number };

/**
 * What must hold of other keys for a write to be done, judged at the very revision of the write. `unchangedSince`: no key with
 * this prefix was written after the revision (deletions do not count); since revision 0: there is no such key.
 */
export type Condition =
  | { readonly type: "exists"; readonly key: string }
  | { readonly type: "unchangedSince"; readonly prefix: string; readonly revision: number };

/**
 * A write is durable when its promise is fulfilled, and has changed nothing when it is rejected, unless with TT_API_UNAVAILABLE:
 * then nobody can tell. Failures: TT_STORE when the backend cannot (disk full, closed); TT_API_UNAVAILABLE when it does not
 * answer; TT_API_CONFLICT when a condition does not hold, which `isConditionUnmet` tells apart; and those named at each method,
 * which go before the conditions.
 */
export interface Store extends AsyncDisposable {
  get(key: string): Promise<StoredObject | undefined>;
  /** All objects whose key begins with `prefix`, by key, as they are at `revision`. */
  list(prefix: string): Promise<{ readonly revision: number; readonly objects: StoredObject[] }>;
  /** TT_API_EXISTS */
  create(key: string, value: string, conditions?: readonly Condition[]): Promise<StoredObject>;
  /** TT_API_NOT_FOUND; TT_API_CONFLICT when the object is not at `expectedRevision` any more. */
  update(
    key: string,
    value: string,
    expectedRevision: number,
    conditions?: readonly Condition[],
  ): Promise<StoredObject>;
  /** Gives the object as its delete event has it. TT_API_NOT_FOUND; TT_API_CONFLICT as for `update`. */
  delete(key: string, expectedRevision?: number, conditions?: readonly Condition[]): Promise<StoredObject>;
  /**
   * Every write to keys with this prefix after `afterRevision`, each once, in order of revision, in batches; goes on until the
   * signal aborts or the store is closed. TT_API_GONE when part of it is forgotten (the field `compactedRevision` is
   * the oldest revision one can watch from) or when the store has not reached that revision.
   */
  watch(prefix: string, afterRevision: number, options: { readonly signal: AbortSignal }): AsyncIterable<WatchBatch>;
}
