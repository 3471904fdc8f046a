import { type Logger, TaskGroup } from "../lib/index.ts";
import { setTimeout as delay } from "node:timers/promises";
import { type EtcdSettings, type Store, backupStore, openEtcdStore, openSqliteStore } from "../store/index.ts";
import { authorityFolder, initAuthority, openAuthority } from "./authority.ts";
import { startServer } from "./start-server.ts";

export type RunServerOptions = {
  /** The database file; made, with its folder, when it is not there. */
  readonly statePath: string;
  /** Where the objects are instead of in the file, together with those of other servers. */
  readonly etcd?: EtcdSettings | undefined;
  /** A file that is given a copy of everything at the start and once an hour. */
  readonly backupPath?: string | undefined;
  readonly socketPath: string;
  /** See ServerOptions. */
  readonly insecureListen?: string | undefined;
  /** Of this server's own: the folder that `tortie server init` fills. Undefined: no certificates and no TLS. */
  readonly state?: string | undefined;
  /** See ServerOptions. */
  readonly listen?: string | undefined;
  /** Makes the authority when there is none; the server goes by these names. */
  readonly initNames?: readonly string[] | undefined;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

const backupIntervalMs = 3_600_000;

/** Serves until the signal aborts. Rejects when the database or the socket cannot be had, or the store fails for good. */
export async function runServer(options: RunServerOptions): Promise<void> {
  const { statePath, etcd, backupPath, socketPath, insecureListen, state, listen, log, signal } = options;
  if (state !== undefined && options.initNames !== undefined) initAuthority({ state, names: options.initNames });
  const authority = state === undefined ? undefined : openAuthority(authorityFolder(state));
  await using store =
    etcd === undefined ? openSqliteStore({ path: statePath, log }) : await openEtcdStore({ ...etcd, log });
  await using tasks = new TaskGroup(signal);
  await using server = await startServer({ store, socketPath, insecureListen, listen, authority, log, signal });
  if (backupPath !== undefined) tasks.start((ending) => keepBackup(store, backupPath, log, ending));
  await server.stopped;
}

/** A backup that fails is told and tried again the next time: serving is worth more. */
async function keepBackup(store: Store, path: string, log: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await backupStore(store, path, log);
      log.info("a backup was written", { path });
    } catch (error) {
      log.error("the backup failed", { path, error: String(error) });
    }
    await delay(backupIntervalMs, undefined, { signal }).catch(() => undefined);
  }
}
