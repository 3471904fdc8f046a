import { type Command, InvalidArgumentError } from "commander";
import { type IpAddress, parseAddress } from "../lib/index.ts";
import { type LogLevel, untilStopped, withLogLevel } from "./long-running.ts";

type AgentFlags = {
  readonly node: string;
  readonly address?: IpAddress;
  readonly address6?: IpAddress;
  readonly asNumber?: number;
  readonly runDir: string;
  readonly stateDir: string;
  readonly logLevel: LogLevel;
};

/** server and agent: the long-running roles. They are loaded only when asked for, so that other commands start fast. */
export function addRoleCommands(program: Command): void {
  withLogLevel(program.command("server"))
    .description("keep the resources and serve the API on a unix socket")
    .option("--state <folder>", "where the database lives", "/var/lib/tortie")
    .option("--socket <path>", "where to listen (default: the value of --server)")
    .action(async (options: { state: string; socket?: string; logLevel: LogLevel }, command: Command) => {
      const { runServer } = await import("../server/index.ts");
      const { createLogger } = await import("../sys/index.ts");
      const socketPath = options.socket ?? command.optsWithGlobals<{ server: string }>().server;
      await runServer({
        statePath: `${options.state}/store.sqlite`,
        socketPath,
        log: createLogger({ level: options.logLevel }),
        signal: untilStopped(),
      });
    });
  withLogLevel(program.command("agent"))
    .description("program this host's routes and policy, speak BGP, attach workloads")
    .requiredOption("--node <name>", "name of this host's Node resource; made when it is not there")
    .option("--address <address>", "this host's IPv4 address towards its peers", parseAddressFlag)
    .option("--address6 <address>", "this host's IPv6 address towards its peers", parseAddressFlag)
    .option("--as-number <number>", "AS number for the Node, when it is made", parseAsNumber)
    .option("--run-dir <folder>", "where the agent's socket lives", "/run/tortie")
    .option("--state-dir <folder>", "where the snapshot lives", "/var/lib/tortie")
    .action(async (options: AgentFlags, command: Command) => {
      const { runAgent } = await import("../agent/index.ts");
      const { createLogger } = await import("../sys/index.ts");
      await runAgent({
        node: options.node,
        address: options.address,
        address6: options.address6,
        asNumber: options.asNumber,
        serverSocket: command.optsWithGlobals<{ server: string }>().server,
        runDir: options.runDir,
        stateDir: options.stateDir,
        log: createLogger({ level: options.logLevel }),
        random: Math.random,
        signal: untilStopped(),
      });
    });
}

function parseAddressFlag(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === undefined) throw new InvalidArgumentError("write an address such as 192.0.2.7 or 2001:db8::7");
  return address;
}

function parseAsNumber(text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < 1 || value > 4294967295)
    throw new InvalidArgumentError("write a number from 1 to 4294967295");
  return value;
}
