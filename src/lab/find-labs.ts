import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TortieError } from "../lib/index.ts";
import { controlSocket } from "./places.ts";

/** A lab as seen from outside. There is no file that says it runs: its processes do, and they all end with it. */
export type RunningLab = {
  readonly name: string;
  /** Its keeper and the processes that hold the keeper's namespaces. */
  readonly pids: readonly number[];
  /** Those outside that hold a keeper each; more than one only while two are starting. */
  readonly holderPids: readonly number[];
  /** A process inside, by which its files and namespaces are reached; undefined while the lab is being born. */
  readonly entryPid: number | undefined;
};

const pollMs = 20;
const patienceMs = 10_000;

/** The labs of this user, by name. */
export function findLabs(): RunningLab[] {
  const pidsByName = Map.groupBy(keeperProcesses(), ({ name }) => name);
  return [...pidsByName]
    .map(([name, processes]) => ({
      name,
      pids: processes.map(({ pid }) => pid),
      holderPids: processes.filter(({ isInside }) => !isInside).map(({ pid }) => pid),
      entryPid: processes.find(({ isInside, pid }) => isInside && existsSync(pathInside(pid, controlSocket)))?.pid,
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** A path of the lab's own file system, as a path of ours. */
export function pathInside(entryPid: number, path: string): string {
  return `/proc/${entryPid}/root${path}`;
}

/** The lab of this name, or the only one there is; undefined when it does not run. */
export function findLab(name: string | undefined): RunningLab | undefined {
  const labs = findLabs();
  if (name !== undefined) return labs.find((lab) => lab.name === name);
  if (labs.length <= 1) return labs[0];
  throw new TortieError("TT_LAB", `several labs are running: ${labs.map((lab) => lab.name).join(", ")}`, {
    hint: "say which one",
  });
}

/** The same, for callers who want to go in. */
export function requireLab(name: string | undefined): EnterableLab {
  const lab = findLab(name);
  if (lab !== undefined) return requireEntry(lab);
  const others = findLabs().map((other) => other.name);
  const hint = others.length === 0 ? "start one: tortie lab up FILE" : `running: ${others.join(", ")}`;
  throw new TortieError("TT_LAB", name === undefined ? "no lab is running" : `there is no lab ${name}`, { hint });
}

export type EnterableLab = RunningLab & { readonly entryPid: number };

export function requireEntry(lab: RunningLab): EnterableLab {
  if (lab.entryPid !== undefined) return { ...lab, entryPid: lab.entryPid };
  throw new TortieError("TT_LAB", `lab ${lab.name} is just starting or ending`, {
    hint: `try again in a second, or end it: tortie lab down ${lab.name}`,
  });
}

/** Kills what is left of a lab and waits until the kernel has ended all of it. */
export async function endLab(lab: RunningLab): Promise<void> {
  // With its first process a process namespace ends, and with the namespaces all that was in them.
  const lives = lab.pids.map((pid) => ({ pid, startedAt: startOf(pid) }));
  for (const pid of lab.pids) kill(pid);
  const deadlineMs = performance.now() + patienceMs;
  while (lives.some(({ pid, startedAt }) => startedAt !== undefined && startOf(pid) === startedAt)) {
    if (performance.now() > deadlineMs) {
      throw new TortieError("TT_LAB", `lab ${lab.name} does not end`, {
        hint: `look at: ps -fp ${lab.pids.join(",")}`,
      });
    }
    await sleep(pollMs);
  }
}

/**
 * When a process that has not ended yet was started, in clock ticks; undefined when it has. The first process of a namespace
 * has ended only when all others in it have; it has no command line any more long before.
 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // proc(5): the state is the first field behind the name in brackets, the start the twentieth.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

type KeeperProcess = { readonly name: string; readonly pid: number; readonly isInside: boolean };

function keeperProcesses(): KeeperProcess[] {
  const uid = process.getuid?.();
  const pids = readdirSync("/proc")
    .filter((entry) => /^[0-9]+$/.test(entry))
    .map(Number);
  return pids.flatMap((pid) => {
    const name = nameOfKeeper(pid);
    if (name === undefined || statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid !== uid) return [];
    return [{ name, pid, isInside: basename(commandOf(pid)[0] ?? "") !== "unshare" }];
  });
}

/** The lab whose keeper this process is, runs or holds; undefined for others. */
function nameOfKeeper(pid: number): string | undefined {
  const words = commandOf(pid);
  const at = words.findIndex(
    (word, index) => word === "keeper" && words[index - 1] === "lab" && words[index + 1] === "--name",
  );
  return at === -1 ? undefined : words[at + 2];
}

function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    // It ended meanwhile.
    return [];
  }
}
