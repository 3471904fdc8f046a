import { type Command, Option } from "commander";

export type AgentOptions = { readonly agent: string };

export function withAgentOption(command: Command): Command {
  return command.addOption(
    new Option("--agent <socket>", "unix socket of this host's agent")
      .env("TORTIE_AGENT")
      .default("/run/tortie/agent.sock"),
  );
}
