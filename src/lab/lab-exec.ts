import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { TortieError } from "../lib/index.ts";
import { pathInside, requireLab } from "./find-labs.ts";
import { agentSocket, netnsDir, netnsPath, serverSocket } from "./places.ts";

export type LabExecOptions = {
  /** Needed only when several labs run. */
  readonly lab?: string | undefined;
  /** A host, a workload, a spine or `fabric`. */
  readonly place: string;
  /** Empty: a shell. */
  readonly command: readonly string[];
};

/** What to run to have a command run inside a lab. */
export type LabCommand = { readonly file: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv };

const binDir = fileURLToPath(new URL("../../bin", import.meta.url));
const forwardedSignals = ["SIGTERM", "SIGHUP"] as const;
const terminalSignals = ["SIGINT", "SIGQUIT"] as const;

/**
 * Runs a command inside a lab with our standard streams, and gives its exit status (128 + number when a signal ended it).
 * `tortie` in there is this one; it speaks to the lab's server and, on a host, to that host's agent.
 */
export async function labExec(options: LabExecOptions): Promise<number> {
  const { file, args, env } = enterLab(options);
  const child = spawn(file, args, { stdio: "inherit", env });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("error", (cause) => {
    reject(new TortieError("TT_LAB", "nsenter cannot be run", { cause, hint: "install util-linux" }));
  });
  child.once("exit", (status, signal) => resolve(signal === null ? (status ?? 1) : 128 + constants.signals[signal]));
  return await passSignals(child.pid, promise);
}

/** The same for callers who want the streams for themselves. */
export function enterLab({ lab, place, command }: LabExecOptions): LabCommand {
  const { entryPid } = requireLab(lab);
  const netns = pathInside(entryPid, netnsPath(place));
  if (!existsSync(netns)) {
    const places = readdirSync(pathInside(entryPid, netnsDir)).toSorted().join(", ");
    throw new TortieError("TT_LAB", `there is no ${place} in this lab`, { hint: `there are ${places}` });
  }
  const cwd = existsSync(pathInside(entryPid, process.cwd())) ? process.cwd() : "/";
  const enter = ["-t", String(entryPid), "-U", "-m", "-p", `--net=${netns}`, "--preserve-credentials", `--wdns=${cwd}`];
  const words = command.length > 0 ? command : [process.env["SHELL"] ?? "sh"];
  return { file: "nsenter", args: [...enter, "--", ...words], env: environmentOf(entryPid, place) };
}

/**
 * The terminal tells the command of Ctrl-C by itself; other signals reach only us. nsenter stands between, since only a
 * child of its can be in the lab's process namespace, and passes nothing on.
 */
async function passSignals(pid: number | undefined, ended: Promise<number>): Promise<number> {
  const ignore = () => undefined;
  const forward = (signal: NodeJS.Signals) => {
    for (const child of childrenOf(pid)) process.kill(child, signal);
  };
  for (const signal of terminalSignals) process.on(signal, ignore);
  for (const signal of forwardedSignals) process.on(signal, forward);
  try {
    return await ended;
  } finally {
    for (const signal of terminalSignals) process.off(signal, ignore);
    for (const signal of forwardedSignals) process.off(signal, forward);
  }
}

function childrenOf(pid: number | undefined): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, "utf8").split(" ").filter(Boolean).map(Number) : [];
}

function environmentOf(entryPid: number, place: string): NodeJS.ProcessEnv {
  const { TORTIE_AGENT: _agent, ...inherited } = process.env;
  const isHost = existsSync(pathInside(entryPid, agentSocket(place)));
  return {
    ...inherited,
    PATH: `${binDir}:${process.env["PATH"] ?? "/usr/bin:/bin"}:/usr/sbin:/sbin`,
    TORTIE_SERVER: serverSocket,
    ...(isHost ? { TORTIE_AGENT: agentSocket(place) } : {}),
  };
}
