import { once } from "node:events";
import { request } from "node:http";
import { type ErrorCode, TortieError, isErrorCode, isJsonObject } from "../lib/index.ts";

const patienceMs = 60_000;

/**
 * One request to an agent's unix socket; gives the JSON answer. The agent's refusal is thrown in its own words;
 * TT_AGENT_UNAVAILABLE when nobody answers there.
 */
export async function askAgent(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const { status, text } = await exchange(socketPath, method, path, body);
  const answer = parse(text);
  if (status < 300 && answer !== undefined) return answer;
  const { code, message, hint } = readRefusal(answer);
  throw new TortieError(code, message ?? `${method} ${path} at ${socketPath} was answered with ${status}`, { hint });
}

async function exchange(socketPath: string, method: string, path: string, body: unknown) {
  try {
    const signal = AbortSignal.timeout(patienceMs);
    const sent = request({ socketPath, method, path, signal, headers: { "content-type": "application/json" } });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = await once(sent, "response");
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) text += chunk;
    return { status: Number(response.statusCode), text };
  } catch (cause) {
    throw new TortieError("TT_AGENT_UNAVAILABLE", `no agent answers at ${socketPath}`, {
      cause,
      hint: "is `tortie agent` running on this host? name its socket with --agent or TORTIE_AGENT",
    });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readRefusal(answer: unknown): { code: ErrorCode; message: string | undefined; hint: string } {
  const { code, message, hint } = membersOf(membersOf(answer)["error"]);
  return {
    code: typeof code === "string" && isErrorCode(code) ? code : "TT_AGENT_UNAVAILABLE",
    message: typeof message === "string" ? message : undefined,
    hint: typeof hint === "string" ? hint : "",
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return isJsonObject(value) ? value : {};
}
