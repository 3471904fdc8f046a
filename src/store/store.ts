/**
 * What is kept under a key. Revisions are those of etcd: one counter for the whole store, raised by one with every
 * write that changes something; a store without any write is at revision 1.
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

/**
 * A write is durable when its promise is fulfilled, and has changed nothing when it is rejected. Failures:
 * TT_STORE when the backend cannot (disk full, closed), and those named at each method.
 */
export interface Store extends AsyncDisposable {
  get(key: string): Promise<StoredObject | undefined>;
  /** All objects whose key begins with `prefix`, by key, as they are at `revision`. */
  list(prefix: string): Promise<{ readonly revision: number; readonly objects: StoredObject[] }>;
  /** TT_API_EXISTS */
  create(key: string, value: string): Promise<StoredObject>;
  /** TT_API_NOT_FOUND; TT_API_CONFLICT when the object is not at `expectedRevision` any more. */
  update(key: string, value: string, expectedRevision: number): Promise<StoredObject>;
  /** Gives the object as its delete event has it. TT_API_NOT_FOUND; TT_API_CONFLICT as for `update`. */
  delete(key: string, expectedRevision?: number): Promise<StoredObject>;
  /**
   * Every write to keys with this prefix after `afterRevision`, each once, in order of revision, in batches; goes on until the
   * signal aborts or the store is closed. TT_API_GONE when part of it is forgotten (the field `compactedRevision` is
   * the oldest revision one can watch from) or when the store has not reached that revision.
   */
  watch(prefix: string, afterRevision: number, options: { readonly signal: AbortSignal }): AsyncIterable<StoreEvent[]>;
}
