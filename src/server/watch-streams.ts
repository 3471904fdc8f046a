import type { ServerResponse } from "node:http";
import type { ApiPath } from "./api-path.ts";
import { readFilter } from "./object-filter.ts";
import { isTrue, readNumber } from "./query.ts";
import { StatusError, expired } from "./status.ts";
import type { View } from "./table.ts";
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
  async open(path: ApiPath, query: URLSearchParams, view: View, response: ServerResponse): Promise<void> {
    if (this.#isClosed) throw new StatusError("ServiceUnavailable", "the server is stopping");
    const { definition } = path;
    const filter = readFilter(query, path);
    const timeoutSeconds = readNumber(query, "timeoutSeconds");
    const start = await this.#findStart(path, query);
    if (response.destroyed) return;
    const stream = new WatchStream({
      response,
      cache: this.#cache,
      definition,
      filter,
      view,
      hasBookmarks: isTrue(query, "allowWatchBookmarks"),
      ...start,
      initial: filter.hasSelectors ? start.initial.filter(filter.matches) : start.initial,
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

  /**
   * Without a version, or from 0: what there is now, then what comes. With `sendInitialEvents` too, whatever the version, and a
   * bookmark between them; with `sendInitialEvents=false` only what comes.
   */
  async #findStart({ definition, namespace }: ApiPath, query: URLSearchParams): Promise<Start> {
    const { kind } = definition;
    const version = readNumber(query, "resourceVersion");
    const isWhole = isTrue(query, "sendInitialEvents");
    if (isWhole && query.get("resourceVersionMatch") !== "NotOlderThan") {
      throw new StatusError("BadRequest", "sendInitialEvents needs resourceVersionMatch=NotOlderThan");
    }
    await this.#cache.reach(version, AbortSignal.timeout(reachLimitMs));
    if (version > this.#cache.revision) throw expired(`resourceVersion ${version} is not of this store`);
    if (isWhole || version === 0) {
      const cursor = this.#cache.journal(kind).end;
      if (query.get("sendInitialEvents") === "false") return { initial: [], cursor };
      const initial = this.#cache.list(kind, namespace);
      const initialRevision = isWhole && isTrue(query, "allowWatchBookmarks") ? this.#cache.revision : undefined;
      return { initial, cursor, initialRevision };
    }
    const cursor = this.#cache.cursorAfter(kind, version);
    if (cursor === undefined) throw expired(`resourceVersion ${version} is too old`);
    return { initial: [], cursor };
  }
}

type Start = {
  readonly initial: readonly CachedObject[];
  readonly cursor: number;
  readonly initialRevision?: number | undefined;
};
