import { Command, Option } from "commander";
import { addBgpCommands } from "./bgp.ts";
import { describeFailure, exitStatus } from "./failure.ts";
import { addInformCommands } from "./inform.ts";
import { addLabCommands } from "./lab.ts";
import { addReflectorCommand } from "./reflector.ts";
import { addReplayCommand } from "./replay.ts";
import { addResourceCommands } from "./resources.ts";
import { addRoleCommands } from "./roles.ts";
import { addTokenCommands } from "./token.ts";
import { addNodeCommands } from "./node.ts";
import { addOracleCommand } from "./oracle.ts";
import { addWorkloadCommands } from "./workload.ts";

const version = "0.1.0";

/** Runs one command line and gives its exit status. */
export async function runCli(args: readonly string[]): Promise<number> {
  const program = new Command("tortie")
    .description("Plain IP networking: every server is a router, every workload has its own address.")
    .version(version)
    .addOption(
      new Option("--server <socket>", "unix socket of the server, or https://HOST:PORT")
        .env("TORTIE_SERVER")
        .default("/run/tortie/server.sock"),
    )
    .addOption(
      new Option(
        "--credentials <file>",
        "what `tortie token create --role` wrote, to be known to a server on the network",
      ).env("TORTIE_CREDENTIALS"),
    )
    .showHelpAfterError("(tortie COMMAND --help tells what a command takes)")
    .exitOverride();
  addResourceCommands(program);
  addInformCommands(program);
  addNodeCommands(program);
  addBgpCommands(program);
  addWorkloadCommands(program);
  addLabCommands(program);
  addRoleCommands(program);
  addReflectorCommand(program);
  addReplayCommand(program);
  addTokenCommands(program);
  addOracleCommand(program);
  try {
    await program.parseAsync([...args], { from: "user" });
    return Number(process.exitCode ?? exitStatus.ok);
  } catch (error) {
    if (isCommanderExit(error)) return error.exitCode === 0 ? exitStatus.ok : exitStatus.badInput;
    const failure = describeFailure(error);
    for (const line of failure.lines) console.error(line);
    return failure.status;
  }
}

/** Commander has printed its message already when it throws. */
function isCommanderExit(error: unknown): error is { readonly exitCode: number } {
  return (
    error instanceof Error && "exitCode" in error && "code" in error && String(error.code).startsWith("commander.")
  );
}

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2));
