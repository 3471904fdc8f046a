import { once } from "node:events";
import { chmod } from "node:fs/promises";
import { type IncomingMessage, type ServerResponse, createServer, request } from "node:http";
import { createInterface } from "node:readline";
import { TortieError, isJsonObject } from "../lib/index.ts";
import { pathInside } from "./find-labs.ts";
import { controlSocket } from "./places.ts";

// The keeper is asked by HTTP on a unix socket. It answers with JSON lines: any number of {progress},
// then {result} or {failure}; an answer without one of these means that the keeper died.

export type ControlRequest = { readonly path: string; readonly body: unknown };

export type ControlHandler = (
  request: ControlRequest,
  report: (text: string) => void,
  signal: AbortSignal,
) => Promise<unknown>;

/** Asks the keeper of a lab; gives its result, which the caller has to read as JSON from outside. */
export async function askKeeper(
  entryPid: number,
  path: string,
  body: unknown,
  onProgress: (text: string) => void = () => undefined,
): Promise<unknown> {
  try {
    const sent = request({ socketPath: pathInside(entryPid, controlSocket), method: "POST", path });
    sent.end(JSON.stringify(body));
    const [response] = await once(sent, "response");
    for await (const line of createInterface({ input: response })) {
      const answer: unknown = JSON.parse(line);
      if (!isJsonObject(answer)) continue;
      if (typeof answer["progress"] === "string") onProgress(answer["progress"]);
      else if (isJsonObject(answer["failure"])) throw readFailure(answer["failure"]);
      else return answer["result"];
    }
  } catch (error) {
    if (error instanceof TortieError) throw error;
    throw new TortieError("TT_LAB", "the lab's keeper does not answer", {
      cause: error,
      hint: "end it: tortie lab down",
    });
  }
  throw new TortieError("TT_LAB", "the lab's keeper ended before it was done", {
    hint: "try again: tortie lab up FILE",
  });
}

function readFailure(failure: Readonly<Record<string, unknown>>): TortieError {
  return new TortieError("TT_LAB", String(failure["message"]), { hint: String(failure["hint"] ?? "") });
}

/** Serves the keeper's socket. A request whose asker leaves is told so by its signal. */
export async function serveControl(handle: ControlHandler): Promise<AsyncDisposable> {
  const server = createServer((incoming, response) => {
    const controller = new AbortController();
    response.once("close", () => controller.abort(new Error("whoever asked has left")));
    const write = (line: unknown) => {
      if (!response.destroyed) response.write(`${JSON.stringify(line)}\n`);
    };
    void answer(incoming, response, async (asked) => {
      write({ result: await handle(asked, (progress) => write({ progress }), controller.signal) });
    });
  });
  server.listen(controlSocket);
  await once(server, "listening");
  await chmod(controlSocket, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  respond: (asked: ControlRequest) => Promise<void>,
): Promise<void> {
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    await respond({ path: incoming.url ?? "/", body: JSON.parse(Buffer.concat(chunks).toString()) });
  } catch (error) {
    const isOurs = error instanceof TortieError;
    const message = isOurs ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
    const hint = isOurs ? error.hint : "this is a bug in tortie, please report it";
    if (!response.destroyed) response.write(`${JSON.stringify({ failure: { message, hint } })}\n`);
  }
  response.end();
}
