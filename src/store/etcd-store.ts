import { setTimeout as delay } from "node:timers/promises";
import { type Logger, TaskGroup, type TortieError } from "../lib/index.ts";
import { compactEtcd } from "./etcd-compaction.ts";
import { EtcdConnection } from "./etcd-connection.ts";
import { type EtcdSettings, readEtcdSettings } from "./etcd-endpoints.ts";
import { etcdKey, isAbsent, isAtRevision, isPresent, markKey, toCompare, toStoredObject } from "./etcd-keys.ts";
import type { KeyValue, TxnRequest, TxnResponse } from "./etcd-schema.ts";
import { listEtcd } from "./list-etcd.ts";
import { type LogLimits, defaultLogLimits } from "./log-limits.ts";
import { closedFailure, conditionFailure, conflictFailure, existsFailure, notFoundFailure } from "./store-failures.ts";
import type { Condition, Store, StoredObject, WatchBatch } from "./store.ts";
import { watchEtcd } from "./watch-etcd.ts";

export type EtcdStoreOptions = EtcdSettings & {
  readonly log: Logger;
  readonly limits?: LogLimits;
  readonly now?: () => number;
  /** How long a request may take in all, and how long etcd may take to answer at the start; default 6 s. */
  readonly requestLimitMs?: number;
};

const compactionIntervalMs = 60_000;

/** TT_CONFIG when the settings are wrong; TT_API_UNAVAILABLE when no endpoint answers. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<EtcdStore> {
  const { endpoints, certificates } = readEtcdSettings(options);
  const connection = new EtcdConnection(endpoints, certificates, options.requestLimitMs);
  try {
    await connection.call("range", { key: markKey, countOnly: true }, { isRepeatable: true });
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
  return new EtcdStore(connection, options);
}

/**
 * Objects under `/tortie/` of an etcd that several servers, and others, may use. A write is one transaction whose comparisons
 * are its conditions. What is sent when a connection dies may have been done: reads are sent again, and
 * so are writes bound to the object's revision, for which a second copy can do nothing when the first was done. Creations and
 * unbound deletions are not: a delayed first copy could undo what somebody did after the second.
 */
export class EtcdStore implements Store {
  readonly #connection: EtcdConnection;
  readonly #log: Logger;
  readonly #limits: LogLimits;
  readonly #now: () => number;
  readonly #tasks = new TaskGroup();

  constructor(connection: EtcdConnection, { log, limits = defaultLogLimits, now = Date.now }: EtcdStoreOptions) {
    this.#connection = connection;
    this.#log = log;
    this.#limits = limits;
    this.#now = now;
    this.#tasks.start((signal) => this.#compactNowAndThen(signal));
  }

  async get(key: string): Promise<StoredObject | undefined> {
    this.#checkOpen();
    const { response } = await this.#connection.call("range", { key: etcdKey(key) }, { isRepeatable: true });
    const [found] = response.kvs;
    return found === undefined ? undefined : toStoredObject(found);
  }

  async list(prefix: string): Promise<{ revision: number; objects: StoredObject[] }> {
    this.#checkOpen();
    return listEtcd(this.#connection, prefix);
  }

  async create(key: string, value: string, conditions: readonly Condition[] = []): Promise<StoredObject> {
    const request: TxnRequest = {
      compare: [isAbsent(key), ...conditions.map(toCompare)],
      success: [{ requestPut: { key: etcdKey(key), value } }],
      failure: [readKey(key)],
    };
    const { succeeded, header, present } = await this.#write(request, false);
    if (!succeeded) throw present === undefined ? conditionFailure(key, header.revision) : existsFailure(key);
    return { key, value, createRevision: header.revision, modRevision: header.revision };
  }

  async update(
    key: string,
    value: string,
    expectedRevision: number,
    conditions: readonly Condition[] = [],
  ): Promise<StoredObject> {
    const request: TxnRequest = {
      compare: [isAtRevision(key, expectedRevision), ...conditions.map(toCompare)],
      success: [{ requestPut: { key: etcdKey(key), value } }, { requestRange: { key: etcdKey(key), keysOnly: true } }],
      failure: [readKey(key)],
    };
    const outcome = await this.#write(request, true);
    if (!outcome.succeeded) throw this.#refusal(key, expectedRevision, outcome);
    const createRevision = outcome.responses[1]?.responseRange?.kvs[0]?.createRevision ?? 0;
    return { key, value, createRevision, modRevision: outcome.header.revision };
  }

  async delete(key: string, expectedRevision?: number, conditions: readonly Condition[] = []): Promise<StoredObject> {
    const isBound = expectedRevision !== undefined;
    const request: TxnRequest = {
      compare: [isBound ? isAtRevision(key, expectedRevision) : isPresent(key), ...conditions.map(toCompare)],
      success: [{ requestDeleteRange: { key: etcdKey(key), prevKv: true } }],
      failure: [readKey(key)],
    };
    const outcome = await this.#write(request, isBound);
    const deleted = outcome.responses[0]?.responseDeleteRange?.prevKvs[0];
    if (!outcome.succeeded || deleted === undefined) throw this.#refusal(key, expectedRevision, outcome);
    return { ...toStoredObject(deleted), modRevision: outcome.header.revision };
  }

  watch(prefix: string, afterRevision: number, { signal }: { signal: AbortSignal }): AsyncIterable<WatchBatch> {
    return watchEtcd({
      connection: this.#connection,
      prefix,
      afterRevision,
      signal: AbortSignal.any([signal, this.#tasks.signal]),
      log: this.#log,
    });
  }

  /** Forgets what the limits let go, unless another server has done it within the interval. Goes on by itself once a minute. */
  async compact(intervalMs: number): Promise<void> {
    await compactEtcd(this.#connection, this.#limits, this.#now(), intervalMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    this.#connection[Symbol.dispose]();
  }

  #checkOpen(): void {
    if (this.#tasks.signal.aborted) throw closedFailure();
  }

  /** `present`: what is there when the write was refused. */
  async #write(request: TxnRequest, isRepeatable: boolean): Promise<WriteOutcome> {
    this.#checkOpen();
    const { response, isRepeated } = await this.#connection.call("txn", request, { isRepeatable });
    const present = response.succeeded ? undefined : response.responses[0]?.responseRange?.kvs[0];
    return { ...response, present, isRepeated };
  }

  #refusal(key: string, expectedRevision: number | undefined, outcome: WriteOutcome): TortieError {
    const { present, header, isRepeated } = outcome;
    const isUntouched = present !== undefined && present.modRevision === (expectedRevision ?? present.modRevision);
    if (isUntouched) return conditionFailure(key, header.revision);
    // The first copy may be what changed it.
    if (isRepeated) return this.#connection.unavailable(`was lost while ${key} was written`);
    if (present === undefined) return notFoundFailure(key);
    return conflictFailure(key, expectedRevision ?? 0, present.modRevision);
  }

  async #compactNowAndThen(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      await delay(compactionIntervalMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.compact(compactionIntervalMs / 2);
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) this.#log.warn("old revisions cannot be forgotten", { error: String(error) });
      }
    }
  }
}

type WriteOutcome = TxnResponse & { readonly present: KeyValue | undefined; readonly isRepeated: boolean };

function readKey(key: string): TxnRequest["failure"][number] {
  return { requestRange: { key: etcdKey(key) } };
}
