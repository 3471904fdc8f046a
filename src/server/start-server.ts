import { once } from "node:events";
import { TaskGroup } from "../lib/index.ts";
import { definitionOf, resourceKey } from "../resources/index.ts";
import type { Store } from "../store/index.ts";
import { RefusalLog } from "./audit.ts";
import { JoinTokens } from "./join-tokens.ts";
import { ListPages } from "./list-pages.ts";
import { type ListenOptions, openListeners } from "./listeners.ts";
import { ObjectPatcher } from "./object-patcher.ts";
import { ObjectWriter } from "./object-writer.ts";
import { StatusError } from "./status.ts";
import { WatchCache } from "./watch-cache.ts";
import { WatchStreams } from "./watch-streams.ts";

export type ServerOptions = ListenOptions & {
  /** Stays the caller's: to be closed after the server. */
  readonly store: Store;
  /** Stops the server. */
  readonly signal: AbortSignal;
  /** How often watches get a sign of life; clients take a silence of more than twice as long as the end. */
  readonly bookmarkIntervalMs?: number;
};

export interface Server extends AsyncDisposable {
  /** Fulfilled when the server has stopped, rejected when it had to. */
  readonly stopped: Promise<void>;
  /** Of `insecureListen`. */
  readonly insecurePort?: number | undefined;
  /** Of `listen`: where clients find the server. */
  readonly url?: string | undefined;
}

/**
 *   request ──> handleRequest ──reads──> ListPages ──> WatchCache <──one watch── store
 *                     ├──patches─> ObjectPatcher ──> ObjectWriter
 *                     ├──writes──> ObjectWriter ──create, update, delete──> store
 *                     └──watches──> WatchStreams ──cursors in the journals of──> WatchCache
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { store, socketPath, log, bookmarkIntervalMs = 30_000 } = options;
  const tasks = new TaskGroup();
  const cache = await WatchCache.load(store, tasks.signal);
  const writer = new ObjectWriter(store, cache);
  const streams = new WatchStreams(cache);
  const pages = new ListPages(cache);
  const patcher = new ObjectPatcher(writer);
  tasks.start(() => cache.follow());
  const parts = { cache, pages, writer, patcher, streams, refusals: new RefusalLog(log), log };
  const listeners = await createDefaultNamespace(cache, writer)
    .then(() => openListeners(options, parts, new JoinTokens(store)))
    .catch(async (error: unknown) => {
      await tasks[Symbol.asyncDispose]();
      throw error;
    });
  const { insecurePort, url } = listeners;
  log.info("serving", { socketPath, url, revision: cache.revision });
  if (insecurePort !== undefined) {
    log.warn("serving everybody on this machine, without TLS", { address: options.insecureListen, port: insecurePort });
  }

  const stopper = new AbortController();
  const stop = async (): Promise<void> => {
    const ticker = setInterval(() => {
      streams.tick();
      pages.sweep();
    }, bookmarkIntervalMs);
    await untilAborted(AbortSignal.any([stopper.signal, options.signal, tasks.signal]));
    clearInterval(ticker);
    streams.close();
    // Requests that have begun are answered: the cache goes on until they are.
    await listeners.close();
    await tasks[Symbol.asyncDispose]();
    log.info("stopped", { socketPath });
    await tasks.wait();
  };
  const stopped = stop();
  // Whoever waits for `stopped` is told; nobody has to.
  stopped.catch((error: unknown) => log.error("the server had to stop", { error: String(error) }));
  return {
    stopped,
    insecurePort,
    url,
    async [Symbol.asyncDispose]() {
      stopper.abort();
      await stopped.catch(() => undefined);
    },
  };
}

/** Objects that name no namespace are in `default`. */
async function createDefaultNamespace(cache: WatchCache, writer: ObjectWriter): Promise<void> {
  const name = "default";
  if (cache.get("Namespace", resourceKey({ kind: "Namespace", name })) !== undefined) return;
  const definition = definitionOf("Namespace");
  try {
    await writer.create(
      { identity: { role: "admin", name: "server" }, definition, namespace: undefined, name: undefined },
      { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    );
  } catch (error) {
    // Another server that starts at the same time has made it.
    if (!(error instanceof StatusError && error.status.reason === "AlreadyExists")) throw error;
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
