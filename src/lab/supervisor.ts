import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, type Random, TortieError, backoffMs } from "../lib/index.ts";
import { spawnInNamespace } from "../sys/index.ts";
import type { ProcessPart } from "./lab-part.ts";
import { logPath, netnsPath, spineConfigPath } from "./places.ts";

export type ProcessStatus = {
  readonly name: string;
  /** As seen inside the lab; undefined while it is down. */
  readonly pid: number | undefined;
  readonly restarts: number;
};

export type SupervisorOptions = {
  /** The command that runs tortie. */
  readonly program: readonly [string, ...string[]];
  readonly log: Logger;
  readonly random: Random;
};

const firstRestartMs = 100;
const lastRestartMs = 5000;
/** A process that ran this long has got over whatever ended the one before. */
const soundMs = 10_000;
const stopPatienceMs = 5000;
const pollMs = 25;
/** How often a process may end before whoever waits for it gives up. */
const maxFailuresWhileWaited = 3;

type Supervised = {
  part: ProcessPart;
  readonly controller: AbortController;
  child: ChildProcess | undefined;
  restarts: number;
  ended: Promise<void>;
};

/** Keeps the processes of a lab running: those that die are started again, at first at once, then ever more slowly. */
export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions;
  readonly #entries = new Map<string, Supervised>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  start(part: ProcessPart): void {
    writeConfig(part);
    const entry: Supervised = {
      part,
      controller: new AbortController(),
      child: undefined,
      restarts: 0,
      ended: Promise.resolve(),
    };
    this.#entries.set(part.name, entry);
    entry.ended = this.#run(entry);
  }

  /** Hands a running process its new configuration. */
  reload(part: ProcessPart): void {
    const entry = this.#entries.get(part.name);
    if (entry === undefined) return;
    entry.part = part;
    writeConfig(part);
    entry.child?.kill("SIGHUP");
  }

  async stop(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    entry.controller.abort();
    entry.child?.kill("SIGTERM");
    const timer = setTimeout(() => entry.child?.kill("SIGKILL"), stopPatienceMs);
    await entry.ended;
    clearTimeout(timer);
  }

  status(): ProcessStatus[] {
    return [...this.#entries.values()].map(({ part, child, restarts }) => ({
      name: part.name,
      pid: child?.pid,
      restarts,
    }));
  }

  /** Waits until `isUp` holds; gives up when the process keeps ending, telling the last lines of its log. */
  async whenUp(name: string, isUp: () => Promise<boolean>, signal: AbortSignal, deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    while (!(await isUp())) {
      signal.throwIfAborted();
      const restarts = this.#entries.get(name)?.restarts ?? 0;
      if (restarts >= maxFailuresWhileWaited) throw this.#failure(name, `has ended ${restarts} times`);
      if (performance.now() > deadline) throw this.#failure(name, `is not up after ${deadlineMs / 1000} s`);
      await sleep(pollMs, undefined, { signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const { controller, child } of entries) {
      controller.abort();
      child?.kill("SIGKILL");
    }
    await Promise.all(entries.map(({ ended }) => ended));
  }

  async #run(entry: Supervised): Promise<void> {
    const { signal } = entry.controller;
    let failures = 0;
    while (!signal.aborted) {
      const started = performance.now();
      const how = await this.#runOnce(entry);
      if (signal.aborted) return;
      entry.restarts++;
      failures = performance.now() - started > soundMs ? 0 : failures + 1;
      const waitMs = Math.round(backoffMs(failures, firstRestartMs, lastRestartMs, this.#options.random));
      this.#options.log.warn("a process ended and will be started again", { process: entry.part.name, how, waitMs });
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Gives the exit status or the signal that ended it. */
  async #runOnce(entry: Supervised): Promise<string> {
    const [command, ...words] = this.#options.program;
    const { name, namespace, args } = entry.part;
    const log = openSync(logPath(name), "a", 0o644);
    try {
      const child = spawnInNamespace(
        namespace === undefined ? "/proc/self/ns/net" : netnsPath(namespace),
        command,
        [...words, ...args],
        { stdio: ["ignore", log, log], cwd: "/" },
      );
      entry.child = child;
      const [status, signal] = await once(child, "exit");
      return signal === null ? `exit status ${status}` : String(signal);
    } catch (error) {
      return String(error);
    } finally {
      entry.child = undefined;
      closeSync(log);
    }
  }

  #failure(name: string, what: string): TortieError {
    const lines = readFileSync(logPath(name), "utf8").trimEnd().split("\n").slice(-15);
    return new TortieError("TT_LAB", `${name} ${what}; its log ends with:\n${lines.join("\n")}`, {
      hint: "mend what the log says and try again",
    });
  }
}

function writeConfig({ name, config }: ProcessPart): void {
  if (config !== undefined) writeFileSync(spineConfigPath(name), JSON.stringify(config));
}
