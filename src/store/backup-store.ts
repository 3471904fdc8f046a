import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type Logger, TortieError } from "../lib/index.ts";
import { writeObjects } from "./copy-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import type { Store } from "./store.ts";

/**
 * Writes all there is at one revision into a SQLite file that a server can be started on, while the store is in use. The file is
 * replaced when the new one is complete and on the disk. TT_STORE when it cannot be written.
 */
export async function backupStore(store: Store, path: string, log: Logger): Promise<void> {
  const unfinished = `${path}.unfinished`;
  try {
    removeDatabase(unfinished);
    // node:sqlite's online backup fails, or copies half a transaction, when the connection is written to meanwhile; and nobody
    // else can open the file. Reading 100,000 objects takes a fifth of a second.
    const { objects } = await store.list("");
    {
      await using target = openSqliteStore({ path: unfinished, log });
      await writeObjects(objects, target);
    }
    syncFile(unfinished);
    renameSync(unfinished, path);
    syncFile(dirname(path));
  } catch (cause) {
    removeDatabase(unfinished);
    if (cause instanceof TortieError) throw cause;
    throw new TortieError("TT_STORE", `the backup ${path} cannot be written: ${String(cause)}`, { cause });
  }
}

function removeDatabase(path: string): void {
  const files = ["", "-wal", "-shm", "-journal"].map((suffix) => `${path}${suffix}`);
  for (const file of files.filter(existsSync)) rmSync(file);
}

function syncFile(path: string): void {
  const file = openSync(path, "r");
  fsyncSync(file);
  closeSync(file);
}
