import { type Command, Option } from "commander";

export type AgentOptions = { readonly agent: string };

export function withAgentOption(command: Command): Command {
  return command.addOption(
    new Option("--agent <socket>", "unix socket of this host's agent")
      .env("TORTIE_AGENT")
      .default("/run/tortie/agent.sock"),
  );
}

/** As the client's; loaded when it is needed, since a program that only runs need not know how to ask. */
export async function askAgent(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const { askAgent: ask } = await import("../client/index.ts");
  return ask(socketPath, method, path, body);
}
