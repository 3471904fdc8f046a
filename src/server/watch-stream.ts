import type { ServerResponse } from "node:http";
import { type KindDefinition, apiVersionOf } from "../resources/index.ts";
import { expired } from "./status.ts";
import { type CachedObject, type WatchCache, eventLine } from "./watch-cache.ts";

export type WatchStreamOptions = {
  readonly response: ServerResponse;
  readonly cache: WatchCache;
  readonly definition: KindDefinition;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** Where in the kind's journal it goes on after `initial`. */
  readonly cursor: number;
  /** Told as ADDED before anything else. */
  readonly initial: readonly CachedObject[];
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
    const { response, cache, definition, hasBookmarks } = this.#options;
    if (this.#isBlocked) {
      if (this.#isStuck) response.destroy();
      this.#isStuck = true;
      return;
    }
    if (!hasBookmarks || response.writableEnded || response.destroyed) return;
    const { kind } = definition;
    const metadata = { resourceVersion: String(cache.revision) };
    const object = { kind, apiVersion: apiVersionOf(definition), metadata };
    this.#isBlocked = !response.write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
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
    const { initial, cache, definition, namespace } = this.#options;
    const object = initial[this.#initialIndex];
    if (object !== undefined) {
      this.#initialIndex += 1;
      return eventLine("ADDED", object.text);
    }
    const journal = cache.journal(definition.kind);
    for (;;) {
      const entry = journal.at(this.#cursor);
      if (entry === undefined || entry === "forgotten") return entry;
      this.#cursor += 1;
      if (namespace === undefined || entry.namespace === namespace) return entry.line;
    }
  }
}
