import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { type LogLevel, untilStopped, withLogLevel } from "./long-running.ts";

const program = fileURLToPath(new URL("../../bin/tortie", import.meta.url));

/** lab up, status, exec, logs, down; and, hidden, the processes that a lab consists of. */
export function addLabCommands(root: Command): void {
  const lab = root
    .command("lab")
    .description("a network of hosts out of network namespaces, for play and for tests; needs no root");
  lab
    .command("up")
    .description("start the lab of a file, or change a running one to what the file says")
    .argument("<file>", "lab file, such as examples/lab/spines.yaml, or the name of an example")
    .action(async (target: string) => {
      const { labUp } = await import("../lab/index.ts");
      await labUp({ target, print: (line) => console.log(line) });
    });
  lab
    .command("status")
    .description("hosts, sessions and workloads of a lab")
    .argument("[name]", "needed when several labs run")
    .option("--json", "for programs")
    .action(async (name: string | undefined, options: { json?: boolean }) => {
      const { labStatus } = await import("../lab/index.ts");
      const report = await labStatus({ name });
      console.log(options.json === true ? JSON.stringify(report.json, undefined, 2) : report.text);
    });
  lab
    .command("exec")
    .description("run a command on a host, a spine or in a workload; without one, a shell")
    .argument("<place>", "host, spine, workload, or fabric")
    .argument("[command...]", "behind --")
    .option("--lab <name>", "needed when several labs run")
    .action(async (place: string, command: string[], options: { lab?: string }) => {
      const { labExec } = await import("../lab/index.ts");
      process.exitCode = await labExec({ lab: options.lab, place, command });
    });
  lab
    .command("logs")
    .description("what a process of a lab has logged")
    .argument("<process>", "host, spine, server or keeper")
    .option("--lab <name>", "needed when several labs run")
    .action(async (name: string, options: { lab?: string }) => {
      const { labLogs } = await import("../lab/index.ts");
      process.stdout.write(labLogs({ lab: options.lab, process: name }));
    });
  lab
    .command("down")
    .description("end a lab; nothing of it is left")
    .argument("[name]", "needed when several labs run")
    .action(async (name: string | undefined) => {
      const { labDown } = await import("../lab/index.ts");
      await labDown({ name, print: (line) => console.log(line) });
    });
  addInnerCommands(lab);
}

/** Started by `lab up`, not by people. */
function addInnerCommands(lab: Command): void {
  withLogLevel(lab.command("keeper", { hidden: true }))
    .requiredOption("--name <name>")
    .action(async (options: { name: string; logLevel: LogLevel }) => {
      const { runKeeper } = await import("../lab/index.ts");
      const { createLogger } = await import("../sys/index.ts");
      const log = createLogger({ level: options.logLevel });
      await runKeeper({ name: options.name, program: [program], log, random: Math.random, signal: untilStopped() });
    });
  withLogLevel(lab.command("spine", { hidden: true }))
    .requiredOption("--config <file>")
    .action(async (options: { config: string; logLevel: LogLevel }) => {
      const { runSpine } = await import("../lab/index.ts");
      const { createLogger } = await import("../sys/index.ts");
      const log = createLogger({ level: options.logLevel });
      await runSpine({ configPath: options.config, log, random: Math.random, signal: untilStopped() });
    });
}
