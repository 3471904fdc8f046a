import { type Command, Option } from "commander";
import { request } from "node:http";
import { TortieError, type ErrorCode } from "../lib/index.ts";

export type AgentOptions = { readonly agent: string };

export function withAgentOption(command: Command): Command {
  return command.addOption(
    new Option("--agent <socket>", "unix socket of this host's agent")
      .env("TORTIE_AGENT")
      .default("/run/tortie/agent.sock"),
  );
}

/** One request to the agent's socket; its refusal becomes a TortieError with the agent's own words. */
export async function askAgent<T>(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<T> {
  const { status, text } = await exchange(socketPath, method, path, body);
  const answer: unknown = JSON.parse(text);
  if (status < 300) return answer as T;
  const { error } = answer as { error: { code: ErrorCode; message: string; hint: string } };
  throw new TortieError(error.code, error.message, { hint: error.hint });
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const sent = request({ socketPath, method, path, headers: { "content-type": "application/json" } }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
    });
    response.on("end", () => resolve({ status: response.statusCode ?? 500, text }));
    response.on("error", reject);
  });
  sent.on("error", (cause) => {
    reject(
      new TortieError("TT_AGENT_UNAVAILABLE", `no agent answers at ${socketPath}`, {
        cause,
        hint: "is `tortie agent` running on this host? name its socket with --agent or TORTIE_AGENT",
      }),
    );
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
