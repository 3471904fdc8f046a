import type { ServerResponse } from "node:http";
import { type KindDefinition, apiVersionOf } from "../resources/index.ts";
import type { JournalEntry } from "./kind-journal.ts";
import type { ObjectFilter } from "./object-filter.ts";
import { expired } from "./status.ts";
import { type View, listHead, wholeObject } from "./table.ts";
import { type CachedObject, type WatchCache, eventLine } from "./watch-cache.ts";

export type WatchStreamOptions = {
  readonly response: ServerResponse;
  readonly cache: WatchCache;
  readonly definition: KindDefinition;
  readonly filter: ObjectFilter;
  readonly view: View;
  /** Where in the kind's journal it goes on after `initial`. */
  readonly cursor: number;
  /** Told as ADDED before anything else. */
  readonly initial: readonly CachedObject[];
  /** Told in a bookmark after `initial`, to clients that build their whole view from the watch. */
  readonly initialRevision?: number | undefined;
  readonly hasBookmarks: boolean;
};

const chunkBytes = 64 << 10;

/**
 * One client's watch: a cursor in the kind's journal. What it holds is one chunk on its way to the socket; the rest waits in the
 * journal, which is shared. A client that falls behind the journal is told 410, one that does not read at all is cut off.
 */
export class WatchStream {
  readonly #options: WatchStreamOptions;
  #cursor: number;
  #initialIndex = 0;
  #isInitialEndTold = false;
  #isBlocked = false;
  #isStuck = false;

  constructor(options: WatchStreamOptions) {
    this.#options = options;
    this.#cursor = options.cursor;
    options.response.on("drain", () => {
      this.#isBlocked = false;
      this.#isStuck = false;
      this.pump();
    });
    options.response.writeHead(200, { "content-type": "application/json" });
    options.response.flushHeaders();
  }

  /** Sends what there is, as far as the socket takes it. */
  pump(): void {
    const { response } = this.#options;
    while (!this.#isBlocked && !response.writableEnded && !response.destroyed) {
      const chunk = this.#nextChunk();
      if (chunk === "forgotten") {
        const { status } = expired("the watch was too slow");
        response.end(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
        return;
      }
      if (chunk === undefined) return;
      this.#isBlocked = !response.write(chunk);
    }
  }

  /**
   * From time to time: a bookmark, so that the client knows the connection and its version to be alive; the end
   * for one that has not read anything since the last time.
   */
  tick(): void {
    const { response, cache, hasBookmarks } = this.#options;
    if (this.#isBlocked) {
      if (this.#isStuck) response.destroy();
      this.#isStuck = true;
      return;
    }
    if (!hasBookmarks || response.writableEnded || response.destroyed) return;
    this.#isBlocked = !response.write(this.#bookmark(cache.revision));
  }

  end(): void {
    this.#options.response.end();
  }

  #nextChunk(): Buffer | undefined | "forgotten" {
    const lines: Buffer[] = [];
    let sizeBytes = 0;
    while (sizeBytes < chunkBytes) {
      const line = this.#nextLine();
      if (line === "forgotten") return line;
      if (line === undefined) break;
      lines.push(line);
      sizeBytes += line.length;
    }
    return lines.length <= 1 ? lines[0] : Buffer.concat(lines);
  }

  #nextLine(): Buffer | undefined | "forgotten" {
    const { initial, initialRevision, cache, definition } = this.#options;
    const object = initial[this.#initialIndex];
    if (object !== undefined) {
      this.#initialIndex += 1;
      return this.#event("ADDED", object.text);
    }
    if (initialRevision !== undefined && !this.#isInitialEndTold) {
      this.#isInitialEndTold = true;
      return this.#bookmark(initialRevision, { "k8s.io/initial-events-end": "true" });
    }
    const journal = cache.journal(definition.kind);
    for (;;) {
      const entry = journal.at(this.#cursor);
      if (entry === undefined || entry === "forgotten") return entry;
      this.#cursor += 1;
      const line = this.#lineOf(entry);
      if (line !== undefined) return line;
    }
  }

  /** An object that comes to match is told as added, one that ceases to as deleted, at the version of that change. */
  #lineOf(entry: JournalEntry): Buffer | undefined {
    const { filter, view } = this.#options;
    const { type, object, previous } = entry;
    if (!filter.hasSelectors) {
      if (!filter.matches(object)) return undefined;
      return view.representation === "object" ? entry.line : this.#event(type, object.text);
    }
    const isMatch = filter.matches(object);
    if (type !== "MODIFIED") return isMatch ? this.#event(type, object.text) : undefined;
    // What cannot be known is told all the same: a client knows what to do with the deletion of what it never had.
    const wasMatch = previous === "unknown" || (previous !== undefined && filter.matches(previous));
    if (isMatch) return this.#event(wasMatch ? "MODIFIED" : "ADDED", object.text);
    return wasMatch ? this.#event("DELETED", object.text) : undefined;
  }

  #event(type: JournalEntry["type"], text: string): Buffer {
    const { definition, view } = this.#options;
    return eventLine(type, wholeObject(definition, text, view));
  }

  #bookmark(revision: number, annotations?: Readonly<Record<string, string>>): Buffer {
    const { definition, view } = this.#options;
    const resourceVersion = String(revision);
    const metadata = annotations === undefined ? { resourceVersion } : { resourceVersion, annotations };
    if (view.representation === "table") return eventLine("BOOKMARK", `${listHead(definition, metadata, view)}]}`);
    const isMetadata = view.representation === "metadata";
    const kind = isMetadata ? "PartialObjectMetadata" : definition.apiKind;
    const apiVersion = isMetadata ? "meta.k8s.io/v1" : apiVersionOf(definition);
    return eventLine("BOOKMARK", JSON.stringify({ kind, apiVersion, metadata }));
  }
}
