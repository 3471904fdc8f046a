import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { TortieError, isErrorCode, isJsonObject } from "../lib/index.ts";

const patienceMs = 60_000;

/**
 * One request to the unix socket of an agent or a reflector; gives the JSON answer. A refusal is thrown in its own words;
 * TT_AGENT_UNAVAILABLE when nobody answers there.
 */
export async function askAgent(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await sendRequest(socketPath, method, path, body, AbortSignal.timeout(patienceMs));
  const text = await readAll(response, socketPath);
  const answer = parse(text);
  if (isGood(response) && answer !== undefined) return answer;
  throw refusal(answer, `${method} ${path} at ${socketPath} was answered with ${response.statusCode}`);
}

/** As `askAgent`, where the answer is one JSON value a line: each is given as it comes. */
export async function* askAgentLines(socketPath: string, path: string): AsyncGenerator<unknown, void, void> {
  // Who reads page by page may take as long as he likes; only the beginning has to come in time.
  const controller = new AbortController();
  const patience = setTimeout(() => controller.abort(), patienceMs);
  const response = await sendRequest(socketPath, "GET", path, undefined, controller.signal).finally(() =>
    clearTimeout(patience),
  );
  if (!isGood(response)) {
    const answer = parse(await readAll(response, socketPath));
    throw refusal(answer, `GET ${path} at ${socketPath} was answered with ${response.statusCode}`);
  }
  let rest = "";
  for await (const chunk of chunksOf(response, socketPath)) {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}

async function sendRequest(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  try {
    const sent = request({ socketPath, method, path, signal, headers: { "content-type": "application/json" } });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = await once(sent, "response");
    return response;
  } catch (cause) {
    throw unavailable(socketPath, cause);
  }
}

async function readAll(response: IncomingMessage, socketPath: string): Promise<string> {
  let text = "";
  for await (const chunk of chunksOf(response, socketPath)) text += chunk;
  return text;
}

async function* chunksOf(response: IncomingMessage, socketPath: string): AsyncGenerator<string, void, void> {
  try {
    for await (const chunk of response.setEncoding("utf8")) yield String(chunk);
  } catch (cause) {
    throw unavailable(socketPath, cause);
  }
}

function unavailable(socketPath: string, cause: unknown): TortieError {
  return new TortieError("TT_AGENT_UNAVAILABLE", `nobody answers at ${socketPath}`, {
    cause,
    hint: "is `tortie agent` or `tortie reflector` running on this host? `--help` tells how to name its socket",
  });
}

function isGood({ statusCode = 500 }: IncomingMessage): boolean {
  return statusCode < 300;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(answer: unknown, otherwise: string): TortieError {
  const { code, message, hint } = membersOf(membersOf(answer)["error"]);
  return new TortieError(
    typeof code === "string" && isErrorCode(code) ? code : "TT_AGENT_UNAVAILABLE",
    typeof message === "string" ? message : otherwise,
    { hint: typeof hint === "string" ? hint : "" },
  );
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return isJsonObject(value) ? value : {};
}
