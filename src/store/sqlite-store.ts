import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { type Logger, TortieError, assert } from "../lib/index.ts";
import { Bell } from "./bell.ts";
import { type RevisionLog, followLog } from "./follow-log.ts";
import { GroupCommit, type Outcome } from "./group-commit.ts";
import { type LogLimits, defaultLogLimits } from "./log-limits.ts";
import { openDatabase } from "./open-database.ts";
import {
  closedFailure,
  conditionFailure,
  conflictFailure,
  existsFailure,
  goneFailure,
  notFoundFailure,
} from "./store-failures.ts";
import type { Condition, Store, StoreEvent, StoredObject, WatchBatch } from "./store.ts";

export type SqliteStoreOptions = {
  /** A file, made when it is not there, or `:memory:`. */
  readonly path: string;
  readonly log: Logger;
  readonly limits?: LogLimits;
  readonly now?: () => number;
};

/** TT_STORE when the file cannot be opened, is of a newer version, or belongs to a running process. */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  return new SqliteStore(options);
}

type Write = { readonly key: string; readonly conditions: readonly Condition[] } & (
  | { readonly type: "create"; readonly value: string }
  | { readonly type: "update"; readonly value: string; readonly expectedRevision: number }
  | { readonly type: "delete"; readonly expectedRevision: number | undefined }
);

/** Above every character that a key can have. */
const lastCharacter = "\u{10ffff}";

class SqliteStore implements Store, RevisionLog {
  readonly bell = new Bell();
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #commits = new GroupCommit<Write, StoredObject>((writes) => this.#commit(writes));
  readonly #limits: LogLimits;
  readonly #now: () => number;
  readonly #log: Logger;
  #revision: number;
  /** The oldest revision that one can watch from. */
  #compactedRevision: number;
  /** When the oldest revision of the log was written, as far as known: it need not be looked at before it is of age. */
  #oldestMs = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(options: SqliteStoreOptions) {
    this.#limits = options.limits ?? defaultLogLimits;
    this.#now = options.now ?? Date.now;
    this.#log = options.log;
    this.#database = openDatabase(options.path);
    this.#statements = prepareStatements(this.#database);
    const bounds = this.#statements.logBounds.get();
    this.#revision = Number(bounds?.["newest"] ?? 1);
    this.#compactedRevision = Number(bounds?.["oldest"] ?? 2) - 1;
  }

  get isClosed(): boolean {
    return !this.#database.isOpen;
  }

  async get(key: string): Promise<StoredObject | undefined> {
    this.#checkOpen();
    return this.#find(key);
  }

  async list(prefix: string): Promise<{ revision: number; objects: StoredObject[] }> {
    this.#checkOpen();
    const rows = this.#statements.list.all(prefix, prefix + lastCharacter);
    return { revision: this.#revision, objects: rows.map(readObject) };
  }

  async create(key: string, value: string, conditions: readonly Condition[] = []): Promise<StoredObject> {
    this.#checkOpen();
    return this.#commits.write({ type: "create", key, value, conditions });
  }

  async update(
    key: string,
    value: string,
    expectedRevision: number,
    conditions: readonly Condition[] = [],
  ): Promise<StoredObject> {
    this.#checkOpen();
    return this.#commits.write({ type: "update", key, value, expectedRevision, conditions });
  }

  async delete(key: string, expectedRevision?: number, conditions: readonly Condition[] = []): Promise<StoredObject> {
    this.#checkOpen();
    return this.#commits.write({ type: "delete", key, expectedRevision, conditions });
  }

  watch(prefix: string, afterRevision: number, { signal }: { signal: AbortSignal }): AsyncIterable<WatchBatch> {
    return followLog(this, prefix, afterRevision, signal);
  }

  readLog(prefix: string, afterRevision: number, limit: number): { events: StoreEvent[]; throughRevision: number } {
    if (afterRevision < this.#compactedRevision || afterRevision > this.#revision) {
      throw goneFailure(afterRevision, this.#compactedRevision, this.#revision);
    }
    if (afterRevision === this.#revision) return { events: [], throughRevision: afterRevision };
    const rows = this.#statements.readLog.all(afterRevision, prefix, prefix + lastCharacter, limit);
    const events = rows.map(
      (row): StoreEvent => ({ type: row["isDelete"] === 1 ? "delete" : "put", object: readObject(row) }),
    );
    const last = events.length === limit ? events.at(-1) : undefined;
    return { events, throughRevision: last?.object.modRevision ?? this.#revision };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isClosed) return;
    this.#commits.flush();
    this.#database.close();
    this.bell.ring();
  }

  #checkOpen(): void {
    if (this.isClosed) throw closedFailure();
  }

  #find(key: string): StoredObject | undefined {
    const row = this.#statements.get.get(key);
    return row === undefined ? undefined : readObject(row);
  }

  /**
   * One transaction. What a write of the batch is refused for is no reason to hold back the others; what the database fails at
   * undoes them all. (When fsync itself fails, nobody can say whether the batch is on the disk: it is told as failed, and a
   * restart may find it done.)
   */
  #commit(writes: readonly Write[]): Outcome<StoredObject>[] {
    if (this.isClosed) throw closedFailure();
    const nowMs = this.#now();
    let revision = this.#revision;
    let compactedRevision = this.#compactedRevision;
    const outcomes: Outcome<StoredObject>[] = [];
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      for (const write of writes) {
        const outcome = this.#apply(write, revision + 1, nowMs);
        if (outcome.ok) revision = outcome.value.modRevision;
        outcomes.push(outcome);
      }
      compactedRevision += this.#compact(revision, nowMs, 2 * writes.length);
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#oldestMs = Number.NEGATIVE_INFINITY;
      this.#failures += 1;
      if (this.#failures === 1) this.#log.error("the database cannot be written", { error: String(error) });
      throw new TortieError("TT_STORE", `the database cannot be written: ${String(error)}`, {
        cause: error,
        hint: "nothing was changed; see whether the server's disk is full",
      });
    }
    if (this.#failures > 0) this.#log.info("the database can be written again", { failures: this.#failures });
    this.#failures = 0;
    this.#compactedRevision = compactedRevision;
    if (revision !== this.#revision) {
      this.#revision = revision;
      this.bell.ring();
    }
    return outcomes;
  }

  #apply(write: Write, revision: number, nowMs: number): Outcome<StoredObject> {
    const { key } = write;
    const present = this.#find(key);
    const refusal = this.#judge(write, present, revision - 1);
    if (refusal !== undefined) return { ok: false, error: refusal };
    if (write.type !== "delete") {
      const createRevision = present?.createRevision ?? revision;
      return this.#put({ key, value: write.value, createRevision, modRevision: revision }, nowMs);
    }
    assert(present !== undefined, "a deletion of nothing is refused");
    this.#statements.remove.run(key);
    return this.#append({ type: "delete", object: { ...present, modRevision: revision } }, nowMs);
  }

  /** What a write is refused for, when it is. */
  #judge(write: Write, present: StoredObject | undefined, revision: number): TortieError | undefined {
    const { key } = write;
    if (write.type === "create") {
      if (present !== undefined) return existsFailure(key);
    } else {
      if (present === undefined) return notFoundFailure(key);
      const { expectedRevision = present.modRevision } = write;
      if (expectedRevision !== present.modRevision) return conflictFailure(key, expectedRevision, present.modRevision);
    }
    return write.conditions.every((condition) => this.#isMet(condition)) ? undefined : conditionFailure(key, revision);
  }

  #isMet(condition: Condition): boolean {
    if (condition.type === "exists") return this.#statements.get.get(condition.key) !== undefined;
    const { prefix, revision } = condition;
    return this.#statements.newer.get(prefix, prefix + lastCharacter, revision) === undefined;
  }

  #put(object: StoredObject, nowMs: number): Outcome<StoredObject> {
    this.#statements.put.run(object.key, object.value, object.createRevision, object.modRevision);
    return this.#append({ type: "put", object }, nowMs);
  }

  #append({ type, object }: StoreEvent, nowMs: number): Outcome<StoredObject> {
    const isDelete = type === "delete" ? 1 : 0;
    this.#statements.append.run(object.modRevision, nowMs, isDelete, object.key, object.value, object.createRevision);
    return { ok: true, value: object };
  }

  /** Forgets up to `limit` of the oldest revisions that the limits let go: twice what is written, so that it catches up. */
  #compact(revision: number, nowMs: number, limit: number): number {
    const { keepRevisions, keepMs } = this.#limits;
    const isShort = revision - this.#compactedRevision <= keepRevisions;
    if (isShort && this.#oldestMs >= nowMs - keepMs) return 0;
    // Rows are looked at one by one from the oldest, so that the log stays without gaps when the clock jumps.
    let forgotten = 0;
    this.#oldestMs = Number.NEGATIVE_INFINITY;
    for (const row of this.#statements.oldest.all(limit)) {
      const isOutlived = Number(row["revision"]) <= revision - keepRevisions || Number(row["atMs"]) < nowMs - keepMs;
      if (!isOutlived || row["revision"] === revision) {
        this.#oldestMs = Number(row["atMs"]);
        break;
      }
      forgotten += 1;
    }
    if (forgotten > 0) this.#statements.forget.run(this.#compactedRevision + forgotten);
    return forgotten;
  }
}

function prepareStatements(database: DatabaseSync) {
  const object = "key, value, create_revision AS createRevision, mod_revision AS modRevision";
  return {
    logBounds: database.prepare("SELECT MIN(revision) AS oldest, MAX(revision) AS newest FROM log"),
    get: database.prepare(`SELECT ${object} FROM object WHERE key = ?`),
    list: database.prepare(`SELECT ${object} FROM object WHERE key >= ? AND key < ? ORDER BY key`),
    newer: database.prepare("SELECT key FROM object WHERE key >= ? AND key < ? AND mod_revision > ? LIMIT 1"),
    put: database.prepare(
      `INSERT INTO object (key, value, create_revision, mod_revision) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET value = excluded.value, mod_revision = excluded.mod_revision`,
    ),
    remove: database.prepare("DELETE FROM object WHERE key = ?"),
    append: database.prepare(
      "INSERT INTO log (revision, at_ms, is_delete, key, value, create_revision) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    readLog: database.prepare(
      `SELECT key, value, create_revision AS createRevision, revision AS modRevision, is_delete AS isDelete
       FROM log WHERE revision > ? AND key >= ? AND key < ? ORDER BY revision LIMIT ?`,
    ),
    oldest: database.prepare("SELECT revision, at_ms AS atMs FROM log ORDER BY revision LIMIT ?"),
    forget: database.prepare("DELETE FROM log WHERE revision <= ?"),
  };
}

function readObject(row: Record<string, SQLOutputValue>): StoredObject {
  return {
    key: String(row["key"]),
    value: String(row["value"]),
    createRevision: Number(row["createRevision"]),
    modRevision: Number(row["modRevision"]),
  };
}
