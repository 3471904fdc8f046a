import { once } from "node:events";
import { type IncomingMessage, createServer } from "node:http";
import { type Logger, TortieError } from "../lib/index.ts";
import { listenOnSocket } from "../sys/index.ts";

export type Answer = { readonly status: number; readonly body: unknown };
type Handler = (method: string, path: string, body: unknown) => Promise<Answer>;

const bodyLimitBytes = 1 << 20;

/** Serves JSON over HTTP on a unix socket of mode 0600. A socket that somebody answers on is not taken over. */
export async function serveSocket(path: string, handle: Handler, log: Logger): Promise<AsyncDisposable> {
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    answer(request, handle, log)
      .then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(`${JSON.stringify(body)}\n`);
      })
      .catch((error: unknown) => {
        log.error("an answer could not be sent", { error: String(error) });
        response.destroy();
      });
  });
  await listenOnSocket(server, path);
  return {
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function answer(request: IncomingMessage, handle: Handler, log: Logger): Promise<Answer> {
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
      body: { error: { code: "TT_KERNEL", message: "internal error; see the agent's log", hint: "" } },
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
