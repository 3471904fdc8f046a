import { flushCompileCache } from "node:module";
import { type Command, Option } from "commander";

export type LogLevel = "debug" | "info" | "warn" | "error";

export function withLogLevel(command: Command): Command {
  return command.addOption(
    new Option("--log-level <level>").choices(["debug", "info", "warn", "error"]).default("info"),
  );
}

export type LogFormat = "json" | "pretty";

export function withLogFormat(command: Command): Command {
  return command.addOption(
    new Option("--log-format <format>", "(default: pretty on a terminal, else json)").choices(["json", "pretty"]),
  );
}

const loadedMs = 3000;

/** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once, as usual. */
export function untilStopped(): AbortSignal {
  // A role that is killed later would never write what it compiled, and every start would cost as much as the first.
  setTimeout(flushCompileCache, loadedMs).unref();
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => controller.abort(new Error(`stopped by ${name}`)));
  return controller.signal;
}
