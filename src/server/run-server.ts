import type { Logger } from "../lib/index.ts";
import { openSqliteStore } from "../store/index.ts";
import { startServer } from "./start-server.ts";

export type RunServerOptions = {
  /** The database file; made, with its folder, when it is not there. */
  readonly statePath: string;
  readonly socketPath: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

/** Serves until the signal aborts. Rejects when the database or the socket cannot be had, or the store fails for good. */
export async function runServer({ statePath, socketPath, log, signal }: RunServerOptions): Promise<void> {
  await using store = openSqliteStore({ path: statePath, log });
  await using server = await startServer({ store, socketPath, log, signal });
  await server.stopped;
}
