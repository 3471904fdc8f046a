import { type ChildProcess, execFile, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { FactName, Routes } from "./facts.ts";

/** Another implementation, as the judge of a message sees it. Peers come from 10.10.0.0/16 as internal, 10.20.0.0/16 as external ones. */
export type ForeignSpeaker = {
  readonly name: string;
  readonly address: string;
  readonly hasFacts: readonly FactName[];
  /** It can be told several paths of a prefix by peers that it was not told of one by one. */
  readonly takesPaths: boolean;
  /** Its table shows the path identifiers of RFC 7911. */
  readonly hasPathIds: boolean;
  start(): Promise<void>;
  isAlive(): boolean;
  stop(): void;
  /** By the address of the peer, the routes that it told. */
  table(): Promise<ReadonlyMap<string, Routes>>;
};

export const everyFact: readonly FactName[] = [
  "origin",
  "asPath",
  "nextHop",
  "med",
  "localPref",
  "atomicAggregate",
  "aggregator",
  "communities",
  "largeCommunities",
  "extendedCommunities",
  "originatorId",
  "clusterList",
  "unknown",
];

export function runCommand(command: string, args: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(command, [...args], { maxBuffer: 1 << 29, timeout: 120_000 }, (error, stdout) => {
    if (error === null) resolve(stdout);
    else reject(error);
  });
  return promise;
}

/** A daemon in the foreground. */
export class Daemon {
  readonly #command: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  constructor(command: string, args: readonly string[]) {
    this.#command = command;
    this.#args = args;
  }

  get isAlive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Waits until `isReady` says so, at most 15 s. */
  async start(isReady: () => Promise<unknown>): Promise<void> {
    this.#child = spawn(this.#command, [...this.#args], { stdio: "ignore" });
    this.#child.on("error", () => {});
    for (let tries = 0; tries < 150; tries++) {
      await sleep(100);
      try {
        await isReady();
        return;
      } catch {
        if (!this.isAlive) break;
      }
    }
    throw new Error(`${this.#command} does not come up`);
  }

  stop(): void {
    this.#child?.kill("SIGKILL");
  }
}
