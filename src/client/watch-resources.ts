import { setTimeout as delay } from "node:timers/promises";
import { type Logger, type Random, TaskGroup, TortieError, backoffMs } from "../lib/index.ts";
import type { Kind } from "../resources/index.ts";
import type { ApiClient, UnreadableObject } from "./api-client.ts";
import { type ResourceEvent, ResourceView } from "./resource-view.ts";

export type WatchResourcesOptions = { readonly signal: AbortSignal; readonly log: Logger; readonly random: Random };

const firstPauseMs = 100;
const maxPauseMs = 10_000;
const batchSize = 1000;

/**
 * All resources of these kinds, then every change, until the signal aborts; never fails for want of a server:
 *
 *   list ──> watch ──lost──> pause ──> watch from the last version seen
 *     ^        └──410 Gone──> pause ──┐
 *     └───────────────────────────────┘  the difference is told, deletions too
 *
 * "synced" comes once, after the first list of every kind. What this program cannot read stays as it was last readable.
 */
export async function* watchResources(
  client: ApiClient,
  kinds: readonly Kind[],
  options: WatchResourcesOptions,
): AsyncGenerator<ResourceEvent, void, void> {
  const view = new ResourceView();
  const connection = new Connection(kinds, view, options.log);
  await using tasks = new TaskGroup(options.signal);
  for (const kind of new Set(kinds)) {
    tasks.start((signal) => followKind({ client, kind, view, connection, ...options, signal }));
  }
  while (!tasks.signal.aborted) {
    for (const event of await view.take(batchSize, tasks.signal)) {
      if (options.signal.aborted) return;
      yield event;
    }
  }
  // Only a bug of ours gets here as a failure.
  if (!options.signal.aborted) await tasks.wait();
}

type Following = WatchResourcesOptions & {
  readonly client: ApiClient;
  readonly kind: Kind;
  readonly view: ResourceView;
  readonly connection: Connection;
};

async function followKind(following: Following): Promise<void> {
  const { kind, connection, log, random, signal } = following;
  const position: Position = { version: undefined, attempt: 0 };
  while (!signal.aborted) {
    try {
      await listAndWatch(following, position);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof TortieError)) throw error;
      if (error.code === "TT_API_GONE") {
        log.info("the server has forgotten where the watch was; listing again", { kind });
        position.version = undefined;
      } else connection.markDown(kind, error);
    }
    await pause(backoffMs(position.attempt, firstPauseMs, maxPauseMs, random), signal);
    position.attempt += 1;
  }
}

type Position = {
  /** All up to here has been taken over; undefined: nothing, or it cannot be gone on from. */
  version: string | undefined;
  /** Tries since the server last told something. */
  attempt: number;
};

/** Until the server ends the watch; what was reached stays in `position`. */
async function listAndWatch(
  { client, kind, view, connection, log, signal }: Following,
  position: Position,
): Promise<void> {
  if (position.version === undefined) {
    const { items, unreadable, resourceVersion } = await client.list(kind, { signal });
    for (const object of unreadable) logUnreadable(log, object);
    view.replace(kind, items, unreadable);
    position.version = resourceVersion;
    connection.markListed(kind);
  }
  for await (const event of client.watch(kind, { resourceVersion: position.version, signal })) {
    if (event.type === "opened") {
      connection.markUp(kind);
      continue;
    }
    position.attempt = 0;
    position.version = event.resourceVersion;
    if (event.type === "put") view.put(event.resource);
    else if (event.type === "delete") view.delete(event);
    else if (event.type === "unreadable") logUnreadable(log, event.object);
  }
}

/** Makes one state out of those of all kinds, and logs what an outage is: one. */
class Connection {
  readonly #kinds: ReadonlySet<Kind>;
  readonly #view: ResourceView;
  readonly #log: Logger;
  readonly #listed = new Set<Kind>();
  readonly #up = new Set<Kind>();
  #state: "unknown" | "connected" | "disconnected" = "unknown";
  #failures = 0;

  constructor(kinds: readonly Kind[], view: ResourceView, log: Logger) {
    this.#kinds = new Set(kinds);
    this.#view = view;
    this.#log = log;
  }

  markListed(kind: Kind): void {
    if (this.#listed.has(kind)) return;
    this.#listed.add(kind);
    if (this.#listed.size === this.#kinds.size) this.#view.announce({ type: "synced" });
  }

  markUp(kind: Kind): void {
    this.#up.add(kind);
    if (this.#up.size < this.#kinds.size || this.#state === "connected") return;
    if (this.#state === "disconnected") this.#log.info("the server is back", { failures: this.#failures });
    this.#state = "connected";
    this.#failures = 0;
    this.#view.announce({ type: "connected" });
  }

  markDown(kind: Kind, error: TortieError): void {
    this.#up.delete(kind);
    this.#failures += 1;
    if (this.#state === "disconnected") return;
    this.#state = "disconnected";
    this.#log.warn("the server is away", { kind, code: error.code, why: error.message, ...error.fields });
    this.#view.announce({ type: "disconnected", why: error.message });
  }
}

function logUnreadable(log: Logger, { kind, namespace, name, problems }: UnreadableObject): void {
  log.error("an object cannot be read by this version; going on with what it was before", {
    kind,
    namespace,
    name,
    problems,
  });
}

async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(waitMs, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
