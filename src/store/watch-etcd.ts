import { setTimeout as delay } from "node:timers/promises";
import { type Logger, TortieError } from "../lib/index.ts";
import { type EtcdConnection, type WatchCall, isServiceError } from "./etcd-connection.ts";
import { etcdRange, isObjectKey, markKey, toStoredObject } from "./etcd-keys.ts";
import type { WatchResponse } from "./etcd-schema.ts";
import { goneFailure } from "./store-failures.ts";
import type { StoreEvent, WatchBatch } from "./store.ts";

export type EtcdWatchOptions = {
  readonly connection: EtcdConnection;
  readonly prefix: string;
  readonly afterRevision: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
};

const retryDelayMs = 200;
const compactedLookupMs = 1_500;

/**
 * One watch over everything that is ours, opened anew after the last revision told whenever it breaks. A mark is written when it is
 * first opened: once that has come back, all that was written before has come too, also when nothing of it was of the
 * prefix. (A progress request would tell the same, but etcd before 3.4.25 and 3.5.8 answers it before events that are under way.)
 */
export async function* watchEtcd(options: EtcdWatchOptions): AsyncGenerator<WatchBatch, void, void> {
  const { connection, prefix, signal, log } = options;
  let revision = options.afterRevision;
  let isMarked = false;
  let failures = 0;
  while (!signal.aborted) {
    let stream: WatchCall | undefined;
    const cancel = () => stream?.cancel();
    try {
      await checkReach(connection, revision);
      stream = await openStream(connection, revision + 1);
      signal.addEventListener("abort", cancel, { once: true });
      if (signal.aborted) return;
      for await (const response of readResponses(stream)) {
        if (response.canceled) {
          if (response.compactRevision > 0) throw goneFailure(revision, response.compactRevision, revision);
          throw connection.unavailable("ended the watch");
        }
        if (failures > 0) log.info("the watch on etcd is open again", { revision, failures });
        failures = 0;
        if (response.created && !isMarked) {
          await connection.call("put", { key: markKey, value: "" }, { isRepeatable: true });
          isMarked = true;
        }
        const throughRevision = response.events.at(-1)?.kv.modRevision;
        if (throughRevision === undefined) continue;
        const events = toStoreEvents(response, prefix, revision);
        revision = throughRevision;
        yield { events, revision };
      }
      throw connection.unavailable("ended the watch");
    } catch (error) {
      if (signal.aborted) return;
      if (!isBroken(error)) throw error;
      failures += 1;
      if (failures === 1) log.warn("the watch on etcd broke", { revision, error: String(error) });
    } finally {
      signal.removeEventListener("abort", cancel);
      cancel();
    }
    // The second and later ones in a row wait a little: etcd may be there and yet have no leader.
    await delay(Math.min(failures, 5) * retryDelayMs, undefined, { signal }).catch(() => undefined);
  }
}

function isBroken(error: unknown): boolean {
  if (error instanceof TortieError) return error.code === "TT_API_UNAVAILABLE";
  return (
    isServiceError(error) || (error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE")
  );
}

async function openStream(connection: EtcdConnection, startRevision: number): Promise<WatchCall> {
  const stream = await connection.openWatch();
  // An error is also told to who reads; one that comes when nobody reads any more is none.
  stream.on("error", () => undefined);
  stream.write({ createRequest: { ...etcdRange(""), startRevision, prevKv: true } });
  return stream;
}

async function* readResponses(stream: WatchCall): AsyncGenerator<WatchResponse, void, void> {
  for await (const response of stream) yield response;
}

function toStoreEvents({ events }: WatchResponse, prefix: string, afterRevision: number): StoreEvent[] {
  return events
    .filter(({ kv }) => isObjectKey(kv.key, prefix))
    .map(({ type, kv, prevKv }): StoreEvent => {
      if (type === 0) return { type: "put", object: toStoredObject(kv) };
      // Compacted while the event was under way: what was deleted cannot be told any more.
      if (prevKv === null) throw goneFailure(afterRevision, kv.modRevision, kv.modRevision);
      return { type: "delete", object: { ...toStoredObject(prevKv), modRevision: kv.modRevision } };
    });
}

/** TT_API_GONE when the revision is compacted, or not reached. etcd's watch tells the one late and the other not at all. */
async function checkReach(connection: EtcdConnection, revision: number): Promise<void> {
  try {
    if (revision >= 1) {
      await connection.call("range", { key: markKey, revision, countOnly: true }, { isRepeatable: true });
      return;
    }
  } catch (error) {
    if (!(error instanceof TortieError && error.code === "TT_API_GONE")) throw error;
  }
  throw goneFailure(revision, await readCompactedRevision(connection), revision);
}

/** Only a watch that comes too late is told. 1 when nothing is compacted. */
async function readCompactedRevision(connection: EtcdConnection): Promise<number> {
  const stream = await openStream(connection, 1);
  const timer = setTimeout(() => stream.cancel(), compactedLookupMs);
  try {
    for await (const { created, compactRevision } of readResponses(stream)) {
      if (!created || compactRevision > 0) return Math.max(1, compactRevision);
    }
  } catch (error) {
    if (!isServiceError(error)) throw error;
  } finally {
    clearTimeout(timer);
    stream.cancel();
  }
  return 1;
}
