// Where the objects are at rest: keys with JSON texts, one global revision, compare-and-swap, and a watch from any revision kept.
// Must not know what the texts mean: no kind, no validation, no HTTP.
// Start at store.ts, the interface and its promises; store.cases.ts is what every backend must pass.
export type { Store, StoreEvent, StoredObject } from "./store.ts";
export type { LogLimits } from "./log-limits.ts";
export { memoryStore } from "./memory-store.ts";
export { openSqliteStore } from "./sqlite-store.ts";
