import type { ServerResponse } from "node:http";
import type { ApiPath } from "./api-path.ts";
import { StatusError, expired } from "./status.ts";
import type { CachedObject, WatchCache } from "./watch-cache.ts";
import { WatchStream } from "./watch-stream.ts";

/** A client that was answered by another server may be ahead of this one's cache for so long. */
const reachLimitMs = 1_000;
/** Beyond this a timer overflows and fires at once. */
const maxTimeoutSeconds = 86_400;

/** All open watches. */
export class WatchStreams {
  readonly #cache: WatchCache;
  readonly #streams = new Set<WatchStream>();
  #isClosed = false;

  constructor(cache: WatchCache) {
    this.#cache = cache;
  }

  /** BadRequest when the query is wrong; Expired when it asks for what is forgotten or never was. */
  async open(path: ApiPath, query: URLSearchParams, response: ServerResponse): Promise<void> {
    if (this.#isClosed) throw new StatusError("ServiceUnavailable", "the server is stopping");
    const { definition, namespace } = path;
    const timeoutSeconds = readNumber(query, "timeoutSeconds");
    const { initial, cursor } = await this.#findStart(path, readNumber(query, "resourceVersion"));
    if (response.destroyed) return;
    const hasBookmarks = ["1", "true"].includes(query.get("allowWatchBookmarks") ?? "");
    const stream = new WatchStream({
      response,
      cache: this.#cache,
      definition,
      namespace,
      cursor,
      initial,
      hasBookmarks,
    });
    this.#streams.add(stream);
    const subscription = this.#cache.subscribe(definition.kind, () => stream.pump());
    const timer =
      timeoutSeconds > 0
        ? setTimeout(() => stream.end(), Math.min(timeoutSeconds, maxTimeoutSeconds) * 1000)
        : undefined;
    response.once("close", () => {
      clearTimeout(timer);
      subscription[Symbol.dispose]();
      this.#streams.delete(stream);
    });
    stream.pump();
  }

  /** To be called every half minute or so. */
  tick(): void {
    for (const stream of this.#streams) stream.tick();
  }

  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams) stream.end();
  }

  /** Without a version, or from 0: what there is now, then what comes. */
  async #findStart(
    { definition, namespace }: ApiPath,
    version: number,
  ): Promise<{ initial: CachedObject[]; cursor: number }> {
    const { kind } = definition;
    if (version === 0) return { initial: this.#cache.list(kind, namespace), cursor: this.#cache.journal(kind).end };
    await this.#cache.reach(version, AbortSignal.timeout(reachLimitMs));
    if (version > this.#cache.revision) throw expired(`resourceVersion ${version} is not of this store`);
    const cursor = this.#cache.cursorAfter(kind, version);
    if (cursor === undefined) throw expired(`resourceVersion ${version} is too old`);
    return { initial: [], cursor };
  }
}

function readNumber(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "";
  if (text === "") return 0;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new StatusError("BadRequest", `${name} must be a whole number, not ${text}`);
}
