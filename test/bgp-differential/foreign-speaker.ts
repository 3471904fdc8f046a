import { type ChildProcess, execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
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

/** All but what a speaker does not tell of. */
export function factsWithout(...names: readonly FactName[]): readonly FactName[] {
  return everyFact.filter((name) => !names.includes(name));
}

export function runCommand(command: string, args: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(command, [...args], { maxBuffer: 1 << 29, timeout: 120_000 }, (error, stdout) => {
    if (error === null) resolve(stdout);
    else reject(error);
  });
  return promise;
}

type Startup = {
  readonly command: string;
  /** So that it stays in the foreground. */
  readonly args: readonly string[];
  readonly config: { readonly path: string; readonly text: string };
  /** Done when its configuration is written. */
  readonly prepare?: () => void;
  /** Fails as long as it does not answer. */
  readonly isReady: () => Promise<unknown>;
};

/** The life of a speaker's daemon. Its start waits until it answers, at most 15 s. */
export function daemon(startup: Startup): Pick<ForeignSpeaker, "start" | "isAlive" | "stop"> {
  const { command, args, config, prepare, isReady } = startup;
  let child: ChildProcess | undefined;
  const isAlive = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    isAlive,
    stop: () => void child?.kill("SIGKILL"),
    async start() {
      writeFileSync(config.path, config.text);
      prepare?.();
      child = spawn(command, [...args], { stdio: "ignore" });
      child.on("error", () => {});
      for (let tries = 0; tries < 150; tries++) {
        await sleep(100);
        try {
          await isReady();
          return;
        } catch {
          if (!isAlive()) break;
        }
      }
      throw new Error(`${command} does not come up`);
    },
  };
}
