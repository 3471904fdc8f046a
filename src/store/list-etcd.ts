import { TortieError } from "../lib/index.ts";
import type { EtcdConnection } from "./etcd-connection.ts";
import { etcdRange, isObjectKey, toStoredObject } from "./etcd-keys.ts";
import type { StoredObject } from "./store.ts";

/** What a page is aimed to hold; the largest value that etcd takes by default is 1.5 MiB. */
const pageCharacters = 1 << 20;
const firstPageLimit = 500;
const maxPageLimit = 10_000;
/** The revision that the first page stands at may be compacted before the last page is read. */
const attempts = 5;

type Listing = { revision: number; objects: StoredObject[] };

/** All of a prefix at one revision, in pages, so that no message grows with the number of objects. */
export async function listEtcd(connection: EtcdConnection, prefix: string): Promise<Listing> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readPages(connection, prefix);
    } catch (error) {
      const isGone = error instanceof TortieError && error.code === "TT_API_GONE";
      if (!isGone || attempt === attempts) throw error;
    }
  }
}

async function readPages(connection: EtcdConnection, prefix: string): Promise<Listing> {
  const { key: start, rangeEnd } = etcdRange(prefix);
  const objects: StoredObject[] = [];
  let [key, revision, limit] = [start, 0, firstPageLimit];
  for (;;) {
    const { response } = await connection.call("range", { key, rangeEnd, revision, limit }, { isRepeatable: true });
    const { kvs, header, more } = response;
    if (revision === 0) revision = header.revision;
    let sizeCharacters = 0;
    for (const kv of kvs) {
      sizeCharacters += kv.value.length + kv.key.length;
      if (isObjectKey(kv.key, prefix)) objects.push(toStoredObject(kv));
    }
    const last = kvs.at(-1);
    if (!more || last === undefined) return { revision, objects };
    key = `${last.key}\0`;
    const fitting = Math.floor((pageCharacters * kvs.length) / Math.max(1, sizeCharacters));
    limit = Math.max(1, Math.min(maxPageLimit, 2 * limit, fitting));
  }
}
