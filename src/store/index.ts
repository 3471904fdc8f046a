// Where the objects are at rest: keys with JSON texts, one global revision, compare-and-swap, and a watch from any revision kept.
// Must not know what the texts mean: no kind, no validation, no HTTP.
// Start at store.ts, the interface and its promises; store.cases.ts is what every backend must pass.
export type { Condition, Store, StoreEvent, StoredObject, WatchBatch } from "./store.ts";
export type { LogLimits } from "./log-limits.ts";
export { backupStore } from "./backup-store.ts";
export { type Copied, copyStore } from "./copy-store.ts";
export type { EtcdSettings } from "./etcd-endpoints.ts";
export { memoryStore } from "./memory-store.ts";
export { openEtcdStore } from "./open-etcd-store.ts";
export { type OpenStoreOptions, openStore } from "./open-store.ts";
export { readUnmetRevision } from "./store-failures.ts";
export { openSqliteStore } from "./sqlite-store.ts";
