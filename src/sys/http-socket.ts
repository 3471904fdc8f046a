import { once } from "node:events";
import type { Server as HttpServer, IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { type Socket, createServer } from "node:net";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { type Logger, TortieError } from "../lib/index.ts";
import { listenOnSocket } from "./listen-on-socket.ts";

/** `lines`: one JSON value a line, made and sent as the asker reads. */
export type Answer =
  | { readonly status: number; readonly body: unknown }
  | { readonly status: 200; readonly lines: Iterable<unknown> };

export type AnswerRequest = (method: string, path: string, body: unknown) => Answer | Promise<Answer>;

const bodyLimitBytes = 1 << 20;
/** Characters that are made ready at a time. */
const batchLength = 1 << 16;

/**
 * Serves JSON over HTTP on a unix socket of mode 0600. A socket that somebody answers on is not taken over. HTTP is loaded
 * when somebody asks, since it takes a good part of a small program's memory.
 */
export async function serveSocket(path: string, handle: AnswerRequest, log: Logger): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  let http: Promise<HttpServer> | undefined;
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    http ??= import("node:http").then(({ createServer: createHttp }) => createHttp(answerWith(handle, log)));
    http
      .then((found) => {
        found.emit("connection", socket);
        socket.resume();
      })
      .catch((error: unknown) => {
        log.error("a connection could not be served", { error: String(error) });
        socket.destroy();
      });
  });
  await listenOnSocket(server, path);
  return {
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

function answerWith(handle: AnswerRequest, log: Logger): RequestListener {
  return (request, response) => {
    answer(request, handle, log)
      .then((found) => send(response, found))
      .catch((error: unknown) => {
        response.destroy();
        if (!isAskerGone(error)) log.error("an answer could not be sent", { error: String(error) });
      });
  };
}

async function send(response: ServerResponse, answer: Answer): Promise<void> {
  if ("lines" in answer) {
    response.writeHead(answer.status, { "content-type": "application/x-ndjson" });
    await pipeline(batches(answer.lines), response);
    return;
  }
  response.writeHead(answer.status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(answer.body)}\n`);
}

async function* batches(lines: Iterable<unknown>): AsyncGenerator<string> {
  let batch = "";
  for (const line of lines) {
    batch += `${JSON.stringify(line)}\n`;
    if (batch.length < batchLength) continue;
    yield batch;
    batch = "";
    // Other work has its turn in between.
    await setImmediate();
  }
  if (batch !== "") yield batch;
}

function isAskerGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
}

async function answer(request: IncomingMessage, handle: AnswerRequest, log: Logger): Promise<Answer> {
  try {
    const body = await readBody(request);
    return await handle(request.method ?? "GET", request.url ?? "/", body);
  } catch (error) {
    if (error instanceof TortieError) {
      return { status: 500, body: { error: { code: error.code, message: error.message, hint: error.hint } } };
    }
    log.error("a request failed by a bug of ours", { error: error instanceof Error ? error.stack : String(error) });
    return {
      status: 500,
      body: { error: { code: "TT_KERNEL", message: "internal error; see the log of who was asked", hint: "" } },
    };
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bodyLimitBytes) throw new TortieError("TT_USAGE", "the request is larger than 1 MiB");
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new TortieError("TT_USAGE", "the request is not JSON", { cause: error });
  }
}
