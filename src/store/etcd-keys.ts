import { type Compare, createTarget, equal, greater, type KeyValue, less, modTarget } from "./etcd-schema.ts";
import type { Condition, StoredObject } from "./store.ts";

/** What is ours in etcd. */
const root = "/tortie/";
/** Keys of our own book-keeping: no object's key begins with a dot. */
export const markKey = `${root}.mark`;
export const compactionKey = `${root}.compaction`;
const ownRoot = `${root}.`;

/** Above every character that a key can have. */
const lastCharacter = "\u{10ffff}";

export function etcdKey(key: string): string {
  return root + key;
}

export function etcdRange(prefix: string): { readonly key: string; readonly rangeEnd: string } {
  return { key: root + prefix, rangeEnd: root + prefix + lastCharacter };
}

export function isObjectKey(key: string, prefix: string): boolean {
  return key.startsWith(root + prefix) && !key.startsWith(ownRoot);
}

export function toStoredObject({ key, value, createRevision, modRevision }: KeyValue): StoredObject {
  return { key: key.slice(root.length), value, createRevision, modRevision };
}

export function isAbsent(key: string): Compare {
  return { key: etcdKey(key), result: equal, target: createTarget, createRevision: 0 };
}

export function isPresent(key: string): Compare {
  return { key: etcdKey(key), result: greater, target: createTarget, createRevision: 0 };
}

export function isAtRevision(key: string, modRevision: number): Compare {
  return { key: etcdKey(key), result: equal, target: modTarget, modRevision };
}

export function toCompare(condition: Condition): Compare {
  return condition.type === "exists"
    ? isPresent(condition.key)
    : { ...etcdRange(condition.prefix), result: less, target: modTarget, modRevision: condition.revision + 1 };
}
