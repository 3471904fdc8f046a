// The same writes by the raw libraries, without any logic of ours.
import { DatabaseSync } from "node:sqlite";
import { credentials, makeClientConstructor } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { type TxnResponse, createTarget, equal, etcdSchema, modTarget } from "../src/store/etcd-schema.ts";

/** Milliseconds for all keys, by so many writers at once. */
export interface Floor extends AsyncDisposable {
  create(keys: readonly string[], clients: number): Promise<number>;
  update(keys: readonly string[], clients: number): Promise<number>;
}

const value = "x".repeat(480);

/** A row and a row of the log for each write; as many in one transaction as there are writers. */
export function sqliteFloor(path: string): Floor {
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE object (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL) STRICT;
    CREATE TABLE log (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL) STRICT;
  `);
  const insert = database.prepare("INSERT INTO object VALUES (?, ?, ?)");
  const get = database.prepare("SELECT revision FROM object WHERE key = ?");
  const update = database.prepare("UPDATE object SET value = ?, revision = ? WHERE key = ?");
  const append = database.prepare("INSERT INTO log VALUES (?, ?, ?)");
  let revision = 1;
  const inBatches = (keys: readonly string[], size: number, write: (key: string) => void): number => {
    const started = performance.now();
    for (let at = 0; at < keys.length; at += size) {
      database.exec("BEGIN IMMEDIATE");
      for (const key of keys.slice(at, at + size)) {
        revision += 1;
        write(key);
        append.run(revision, key, value);
      }
      database.exec("COMMIT");
    }
    return performance.now() - started;
  };
  return {
    create: async (keys, clients) => inBatches(keys, clients, (key) => void insert.run(key, value, revision)),
    update: async (keys, clients) =>
      inBatches(keys, clients, (key) => {
        if (get.get(key) === undefined) throw new Error(`no ${key}`);
        update.run(value, revision, key);
      }),
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

export function etcdFloor(endpoint: string): Floor {
  const service = fromJSON(etcdSchema, { longs: Number, defaults: true })["etcdserverpb.KV"];
  if (service === undefined || "format" in service) throw new Error("no KV");
  const client = new (makeClientConstructor(service, "KV"))(new URL(endpoint).host, credentials.createInsecure());
  const revisions = new Map<string, number>();
  const commit = async (key: string, compare: object): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<TxnResponse>();
    const request = { compare: [compare], success: [{ requestPut: { key, value } }], failure: [] };
    client["txn"]?.(request, (error: Error | null, response: TxnResponse) =>
      error === null ? resolve(response) : reject(error),
    );
    const { succeeded, header } = await promise;
    if (!succeeded) throw new Error(`${key} was refused`);
    revisions.set(key, header.revision);
  };
  const byAll = async (keys: readonly string[], clients: number, compareOf: (key: string) => object) => {
    const waiting = keys.values();
    const started = performance.now();
    const writer = async (): Promise<void> => {
      for (const key of waiting) await commit(`/floor/${key}`, compareOf(`/floor/${key}`));
    };
    await Promise.all(Array.from({ length: clients }, writer));
    return performance.now() - started;
  };
  return {
    create: (keys, clients) =>
      byAll(keys, clients, (key) => ({ key, result: equal, target: createTarget, createRevision: 0 })),
    update: (keys, clients) =>
      byAll(keys, clients, (key) => ({ key, result: equal, target: modTarget, modRevision: revisions.get(key) ?? 0 })),
    [Symbol.asyncDispose]: async () => client.close(),
  };
}
