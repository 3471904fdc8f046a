import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { TortieError } from "../lib/index.ts";

type TextAnswer = { readonly status: number; readonly mediaType: string; readonly text: string };

export type HttpListenerOptions = {
  /** A name or address of this host; empty: every address. */
  readonly host: string;
  readonly port: number;
  /** Undefined: there is nothing at that path. */
  answer(path: string): TextAnswer | undefined;
};

/** Longer than any asker that means well needs for a request. */
const requestTimeoutMs = 5000;
const maxConnections = 64;

/** Answers GET with texts made on the spot: for probes and metrics. TT_CONFIG when the port cannot be had. */
export async function listenHttp({ host, port, answer }: HttpListenerOptions): Promise<AsyncDisposable> {
  // Loaded when somebody wants it, since it takes a good part of a small program's memory.
  const { createServer } = await import("node:http");
  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs },
    (request, response) => {
      respond(request, response, answer);
    },
  );
  server.maxConnections = maxConnections;
  server.listen({ port, ...(host === "" ? {} : { host }) });
  try {
    await once(server, "listening");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new TortieError("TT_CONFIG", `listening on ${host === "" ? "*" : host}:${port}: ${code}`, {
      hint: "choose another address or port",
    });
  }
  return { [Symbol.asyncDispose]: () => close(server) };
}

function respond(request: IncomingMessage, response: ServerResponse, answer: HttpListenerOptions["answer"]): void {
  const isRead = request.method === "GET" || request.method === "HEAD";
  const path = (request.url ?? "/").replace(/\?.*$/s, "");
  const found = isRead ? answer(path) : { status: 405, mediaType: "text/plain", text: "only GET\n" };
  const { status, mediaType, text } = found ?? { status: 404, mediaType: "text/plain", text: "not here\n" };
  response.writeHead(status, {
    "content-type": mediaType,
    "content-length": Buffer.byteLength(text),
    connection: "close",
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  if (server.listening) await once(server, "close");
}
