import { once } from "node:events";
import { createServer } from "node:http";
import { type Logger, TaskGroup } from "../lib/index.ts";
import { definitionOf, resourceKey } from "../resources/index.ts";
import type { Store } from "../store/index.ts";
import { type RequestContext, handleRequest } from "./handle-request.ts";
import { listenOnSocket } from "../sys/index.ts";
import { ObjectWriter } from "./object-writer.ts";
import { WatchCache } from "./watch-cache.ts";
import { WatchStreams } from "./watch-streams.ts";

export type ServerOptions = {
  /** Stays the caller's: to be closed after the server. */
  readonly store: Store;
  readonly socketPath: string;
  readonly log: Logger;
  /** Stops the server. */
  readonly signal: AbortSignal;
  /** How often watches get a sign of life; clients take a silence of more than twice as long as the end. */
  readonly bookmarkIntervalMs?: number;
};

export interface Server extends AsyncDisposable {
  /** Fulfilled when the server has stopped, rejected when it had to. */
  readonly stopped: Promise<void>;
}

const headersDeadlineMs = 10_000;
const requestDeadlineMs = 30_000;
const keepAliveMs = 60_000;
/** How long requests may take to end when the server stops. */
const graceMs = 5_000;

/**
 *   request ──> handleRequest ──reads──> WatchCache <──one watch── store
 *                     ├──writes──> ObjectWriter ──create, update, delete──> store
 *                     └──watches──> WatchStreams ──cursors in the journals of──> WatchCache
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { store, socketPath, log, bookmarkIntervalMs = 30_000 } = options;
  const tasks = new TaskGroup();
  const cache = await WatchCache.load(store, tasks.signal);
  const writer = new ObjectWriter(store, cache);
  const streams = new WatchStreams(cache);
  const { http, close } = createHttpServer({ cache, writer, streams, log });
  tasks.start(() => cache.follow());
  try {
    await createDefaultNamespace(cache, writer);
    await listenOnSocket(http, socketPath);
  } catch (error) {
    await tasks[Symbol.asyncDispose]();
    throw error;
  }
  http.on("error", (error) => log.error("a connection could not be accepted", { error: String(error) }));
  log.info("serving", { socketPath, revision: cache.revision });

  const stopper = new AbortController();
  const stop = async (): Promise<void> => {
    const ticker = setInterval(() => streams.tick(), bookmarkIntervalMs);
    await untilAborted(AbortSignal.any([stopper.signal, options.signal, tasks.signal]));
    clearInterval(ticker);
    streams.close();
    // Requests that have begun are answered: the cache goes on until they are.
    await close();
    await tasks[Symbol.asyncDispose]();
    log.info("stopped", { socketPath });
    await tasks.wait();
  };
  const stopped = stop();
  // Whoever waits for `stopped` is told; nobody has to.
  stopped.catch((error: unknown) => log.error("the server had to stop", { error: String(error) }));
  return {
    stopped,
    async [Symbol.asyncDispose]() {
      stopper.abort();
      await stopped.catch(() => undefined);
    },
  };
}

function createHttpServer(context: RequestContext) {
  let isClosing = false;
  const limits = {
    headersTimeout: headersDeadlineMs,
    requestTimeout: requestDeadlineMs,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: 5_000,
  };
  const http = createServer(limits, (request, response) => {
    response.once("close", () => {
      if (isClosing) setImmediate(() => http.closeIdleConnections());
    });
    // handleRequest never rejects.
    void handleRequest(context, request, response);
  });
  const close = async (): Promise<void> => {
    isClosing = true;
    if (!http.listening) return;
    const closed = once(http, "close");
    http.close();
    const timer = setTimeout(() => http.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  };
  return { http, close };
}

/** Objects that name no namespace are in `default`. */
async function createDefaultNamespace(cache: WatchCache, writer: ObjectWriter): Promise<void> {
  const name = "default";
  if (cache.get("Namespace", resourceKey({ kind: "Namespace", name })) !== undefined) return;
  const definition = definitionOf("Namespace");
  await writer.create(
    { definition, namespace: undefined, name: undefined },
    { apiVersion: "v1", kind: "Namespace", metadata: { name } },
  );
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
