import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { TortieError } from "../lib/index.ts";
import { type Route, type Target, openRoute } from "./route.ts";

export type { Target } from "./route.ts";

export type Call = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  /** Of the body; JSON if it is not said. */
  readonly mediaType?: string | undefined;
  readonly signal?: AbortSignal | undefined;
};

export type Answer = { readonly code: number; readonly body: string };

/** An answer whose body is still coming. */
export type OpenAnswer = { readonly code: number; readonly response: IncomingMessage };

/** Longer than a server that is alive needs for anything. */
const answerDeadlineMs = 30_000;

/** HTTP to one server: the only place that knows how it is reached. Failures are TT_API_UNAVAILABLE or TT_API_DENIED. */
export class Transport implements Disposable {
  readonly #route: Route;

  constructor(target: Target) {
    this.#route = openRoute(target);
  }

  async call(call: Call): Promise<Answer> {
    const { response } = await this.#send(call);
    let body = "";
    for await (const chunk of this.read(response)) body += chunk;
    return { code: response.statusCode ?? 0, body };
  }

  /** `idleDeadlineMs`: the answer is given up when nothing comes for so long. */
  async open(call: Call, idleDeadlineMs: number): Promise<OpenAnswer> {
    const { request, response } = await this.#send(call);
    request.setTimeout(idleDeadlineMs);
    return { code: response.statusCode ?? 0, response };
  }

  /** Pieces of text as they come. */
  async *read(response: IncomingMessage): AsyncGenerator<string, void, void> {
    response.setEncoding("utf8");
    try {
      for await (const chunk of response) yield String(chunk);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  [Symbol.dispose](): void {
    this.#route[Symbol.dispose]();
  }

  async #send(call: Call): Promise<{ request: ClientRequest; response: IncomingMessage }> {
    try {
      return await this.#sendOver("kept", call);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      // The others that are kept may be as stale: on a connection of its own.
      return await this.#sendOver("own", call);
    }
  }

  async #sendOver(
    connection: "kept" | "own",
    { method, path, body, mediaType = "application/json", signal }: Call,
  ): Promise<{ request: ClientRequest; response: IncomingMessage }> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      payload === undefined
        ? { accept: "application/json" }
        : {
            accept: "application/json",
            "content-type": mediaType,
            "content-length": Buffer.byteLength(payload),
          };
    const said = { path, method, headers, ...(signal === undefined ? {} : { signal }) };
    const request = this.#route.request(said, connection);
    request.setTimeout(answerDeadlineMs);
    request.on("timeout", () => request.destroy(new Error("it is silent")));
    // What fails after the response has begun is told to its reader.
    request.on("error", () => undefined);
    request.end(payload);
    try {
      const [response]: IncomingMessage[] = await once(request, "response");
      if (response === undefined) throw new Error("no response");
      return { request, response };
    } catch (error) {
      if (request.reusedSocket && isUndone(method, error)) throw new StaleConnection();
      throw this.#failure(error);
    }
  }

  #failure(cause: unknown): TortieError {
    const explained = this.#route.explain(codeOf(cause));
    if (explained !== undefined) return explained;
    const at = this.#route.name;
    const why = cause instanceof Error ? cause.message : String(cause);
    return new TortieError("TT_API_UNAVAILABLE", `the server does not answer at ${at}`, {
      cause,
      fields: { server: at, why },
      hint: "is `tortie server` running?",
    });
  }
}

/** A connection kept from an earlier request was closed by the other side. */
class StaleConnection extends Error {
  override readonly name = "StaleConnection";
}

/**
 * The server may close a kept connection, or end, in the moment in which we use it. EPIPE: it never had the whole request.
 * ECONNRESET: nobody knows, but what only reads can be asked again.
 */
function isUndone(method: Call["method"], error: unknown): boolean {
  return codeOf(error) === "EPIPE" || (method === "GET" && codeOf(error) === "ECONNRESET");
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
