import { closeSync, fchmodSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { TortieError } from "../lib/index.ts";

/** Written into the file; a database of a newer program is not touched. */
const schemaVersion = 1;

/**
 * `object` is what is there now; `log` is every write with its revision, oldest forgotten first. The log's rows are without gaps and
 * the newest is never removed, so they alone tell the store's revision and how far back a watch may go.
 */
const schema = `
  CREATE TABLE object (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE log (
    revision INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, is_delete INTEGER NOT NULL,
    key TEXT NOT NULL, value TEXT NOT NULL, create_revision INTEGER NOT NULL
  ) STRICT;
`;

const sqliteBusy = 5;

/** Opens or makes the database; a file is readable by its owner only. TT_STORE when that cannot be done. */
export function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    if (path !== ":memory:") makePrivateFile(path);
    database = new DatabaseSync(path);
    setPragmas(database);
    prepareSchema(database, path);
    return database;
  } catch (error) {
    database?.close();
    throw error instanceof TortieError ? error : openFailure(path, error);
  }
}

/** The WAL file takes its mode from the database's. */
function makePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, "a", 0o600);
  fchmodSync(file, 0o600);
  closeSync(file);
  // Else a power cut may take away the name of a file whose content is safe.
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

function setPragmas(database: DatabaseSync): void {
  // One process owns the file: a second server on the same state fails here, and the revision may be kept in memory. Must come
  // before the first use of the WAL. The lock is the kernel's and goes with the process, however it ends.
  database.exec("PRAGMA locking_mode = EXCLUSIVE");
  // A commit is one append to one file and one fsync; readers of a transaction's past are not in its way.
  database.exec("PRAGMA journal_mode = WAL");
  // fsync at every commit. NORMAL would lose the last acknowledged writes when the power goes.
  database.exec("PRAGMA synchronous = FULL");
  // Gives the disk back after a burst has made the WAL large.
  database.exec("PRAGMA journal_size_limit = 67108864");
  // 32 MiB of pages: the inner nodes of a few 100,000 objects' index stay in memory.
  database.exec("PRAGMA cache_size = -32768");
}

function prepareSchema(database: DatabaseSync, path: string): void {
  // IMMEDIATE takes the exclusive lock, which then stays.
  database.exec("BEGIN IMMEDIATE");
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version > schemaVersion) {
    throw new TortieError("TT_STORE", `${path} was written by a newer tortie`, {
      hint: "start that version, or restore a backup",
    });
  }
  if (version === 0) database.exec(`${schema} PRAGMA user_version = ${schemaVersion};`);
  database.exec("COMMIT");
}

function openFailure(path: string, cause: unknown): TortieError {
  const isBusy = cause instanceof Error && "errcode" in cause && cause.errcode === sqliteBusy;
  return isBusy
    ? new TortieError("TT_STORE", `another process has ${path} open`, {
        cause,
        hint: "is another tortie server running?",
      })
    : new TortieError("TT_STORE", `the database ${path} cannot be opened: ${String(cause)}`, { cause });
}
