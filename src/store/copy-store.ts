import { TortieError } from "../lib/index.ts";
import type { Store, StoredObject } from "./store.ts";

/** Enough to fill SQLite's commits and etcd's connection. */
const writesAtOnce = 64;

export type Copied = {
  readonly count: number;
  /** Of the source: the copy is what was there at this revision. */
  readonly revision: number;
  /** Something was written to the source since, and is not in the copy. */
  readonly isSourceChanged: boolean;
};

/**
 * Copies all objects as they are, with new revisions. The target must be empty, and is read again at the end. TT_CONFIG
 * when it is not empty; TT_STORE when it holds something else afterwards. After a failure it is incomplete.
 */
export async function copyStore(from: Store, to: Store): Promise<Copied> {
  const present = (await to.list("")).objects.length;
  if (present > 0) {
    throw new TortieError("TT_CONFIG", `the target is not empty: it holds ${present} objects`, {
      hint: "copy into an empty one",
    });
  }
  const { revision, objects } = await from.list("");
  await writeObjects(objects, to);
  const now = await from.list("");
  const isSourceChanged = !isSame(objects, now.objects, ({ key, modRevision }) => `${key}\n${modRevision}`);
  return { count: objects.length, revision, isSourceChanged };
}

/** Into an empty store, which is read again at the end; fails as `copyStore`. */
export async function writeObjects(objects: readonly StoredObject[], to: Store): Promise<void> {
  const waiting = objects.values();
  const writer = async (): Promise<void> => {
    for (const { key, value } of waiting) await to.create(key, value);
  };
  await Promise.all(Array.from({ length: writesAtOnce }, writer));
  const copies = await to.list("");
  if (!isSame(objects, copies.objects, ({ key, value }) => `${key}\n${value}`)) {
    throw new TortieError("TT_STORE", `of ${objects.length} objects ${copies.objects.length} are in the target`, {
      hint: "does something else write to it? empty it and repeat",
    });
  }
}

function isSame(
  some: readonly StoredObject[],
  others: readonly StoredObject[],
  textOf: (object: StoredObject) => string,
): boolean {
  const texts = new Set(some.map(textOf));
  return some.length === others.length && others.every((object) => texts.has(textOf(object)));
}
