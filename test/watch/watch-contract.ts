// Holds a server to what a watch promises: every change once, in order, through reconnects and deaths of the server.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type ApiClient, connect } from "../../src/client/index.ts";
import { type Random, TortieError, seededRandom } from "../../src/lib/index.ts";
import type { GlobalNetworkSet } from "../../src/resources/index.ts";

const tortie = fileURLToPath(new URL("../../bin/tortie", import.meta.url));
const kind = "GlobalNetworkSet";
const keyCount = 64;
const watcherCount = 4;
/** Every object counts its own changes in this label. */
const counterLabel = "count";

export type ContractOptions = {
  /** Events that the watchers are to receive, all together. */
  readonly events: number;
  /** Watches that are broken off and taken up again, all together. */
  readonly reconnects: number;
  /** How often the server is killed with SIGKILL. */
  readonly kills: number;
  readonly seed: number;
  readonly socketPath: string;
  /** Words behind `tortie server`. */
  readonly serverArgs: readonly string[];
};

export type ContractReport = {
  readonly seconds: number;
  readonly writes: number;
  readonly received: number;
  readonly reconnects: number;
  readonly kills: number;
  /** Lists made anew since the server had forgotten the version (410). */
  readonly relists: number;
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
};

type Tally = {
  received: number;
  reconnects: number;
  relists: number;
  lost: number;
  doubled: number;
  reordered: number;
};

export async function checkWatchContract(options: ContractOptions): Promise<ContractReport> {
  const started = performance.now();
  await using server = await KillableServer.start(options);
  const wanted = Math.ceil(options.events / watcherCount / keyCount);
  const writing = { done: 0 };
  const tally: Tally = { received: 0, reconnects: 0, relists: 0, lost: 0, doubled: 0, reordered: 0 };
  const names = Array.from({ length: keyCount }, (_, at) => `key-${at}`);
  {
    using client = connect({ socketPath: options.socketPath });
    for (const name of names) await client.create(counted(name, 0));
  }
  const watchers = Array.from({ length: watcherCount }, (_, at) =>
    follow(options, seededRandom(options.seed + at), wanted, tally),
  );
  const writers = names.map((name) => count(options.socketPath, name, wanted, writing));
  const killing = killEvenly(server, options.kills, () => writing.done / (wanted * keyCount));
  await Promise.all([...writers, ...watchers, killing]);
  const seconds = (performance.now() - started) / 1000;
  return { seconds, writes: writing.done, kills: options.kills, ...tally };
}

function counted(name: string, value: number, resourceVersion?: string): GlobalNetworkSet {
  const metadata = {
    name,
    labels: { [counterLabel]: String(value) },
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return { apiVersion: "projectcalico.org/v3", kind, metadata, spec: {} };
}

function countOf(resource: GlobalNetworkSet): number {
  return Number(resource.metadata.labels?.[counterLabel]);
}

/** Raises the object's counter one by one. After an answer that got lost it looks which it is. */
async function count(socketPath: string, name: string, wanted: number, writing: { done: number }): Promise<void> {
  using client = connect({ socketPath });
  let present = await read(client, name);
  while (countOf(present) < wanted) {
    try {
      present = await client.update(counted(name, countOf(present) + 1, present.metadata.resourceVersion));
    } catch (error) {
      if (!isAway(error)) throw error;
      present = await read(client, name);
    }
    writing.done++;
  }
}

async function read(client: ApiClient, name: string): Promise<GlobalNetworkSet> {
  for (;;) {
    try {
      const found = await client.get(kind, { name });
      if (found === undefined) throw new Error(`${name} was acknowledged and is gone`);
      return found;
    } catch (error) {
      if (!isAway(error)) throw error;
      await pause();
    }
  }
}

/** One watcher: sees every counter go up by one to the end, whatever happens to its connection. */
async function follow(options: ContractOptions, random: Random, wanted: number, tally: Tally): Promise<void> {
  using client = connect({ socketPath: options.socketPath });
  const seen = new Map<string, number>();
  const isComplete = () => seen.size === keyCount && [...seen.values()].every((value) => value === wanted);
  const breaks = breakPoints(options, random);
  let received = 0;
  let version: string | undefined;
  while (!isComplete()) {
    try {
      version ??= await relist(client, seen, tally);
      const controller = new AbortController();
      for await (const event of client.watch(kind, { resourceVersion: version, signal: controller.signal })) {
        if (event.type === "opened") continue;
        if (event.type !== "bookmark" && Number(event.resourceVersion) <= Number(version)) tally.reordered++;
        version = event.resourceVersion;
        if (event.type !== "put") continue;
        note(seen, event.resource, tally);
        received++;
        // What had come already is still given after a break: the next one is the next connection's.
        const isBreak = !controller.signal.aborted && received >= (breaks[0] ?? Infinity);
        if (isBreak) breaks.shift();
        if (isBreak || isComplete()) controller.abort();
      }
      if (!isComplete()) tally.reconnects++;
    } catch (error) {
      if (error instanceof TortieError && error.code === "TT_API_GONE") version = undefined;
      else if (!isAway(error)) throw error;
      else await pause();
    }
  }
}

/** After how many events one watcher breaks its watch off, in order: its share of the reconnects, at random places. */
function breakPoints({ events, reconnects }: ContractOptions, random: Random): number[] {
  const share = Math.ceil(reconnects / watcherCount);
  const last = Math.floor((events / watcherCount) * 0.9);
  return Array.from({ length: share }, () => 1 + Math.floor(random() * last)).toSorted((a, b) => a - b);
}

function note(seen: Map<string, number>, resource: GlobalNetworkSet, tally: Tally): void {
  const { name } = resource.metadata;
  const before = seen.get(name) ?? -1;
  const value = countOf(resource);
  tally.received++;
  if (value === before) tally.doubled++;
  else if (value < before) tally.reordered++;
  else if (value > before + 1) tally.lost += value - before - 1;
  seen.set(name, value);
}

/** What happened between the last event and the list is in the list. */
async function relist(client: ApiClient, seen: Map<string, number>, tally: Tally): Promise<string> {
  const { items, resourceVersion } = await client.list(kind);
  if (seen.size > 0) tally.relists++;
  for (const item of items) {
    const value = countOf(item);
    if (value < (seen.get(item.metadata.name) ?? 0)) tally.lost++;
    seen.set(item.metadata.name, value);
  }
  return resourceVersion;
}

async function killEvenly(server: KillableServer, kills: number, progress: () => number): Promise<void> {
  for (let kill = 1; kill <= kills; kill++) {
    while (progress() < kill / (kills + 1)) await pause();
    await server.kill();
    await server.run();
  }
}

function isAway(error: unknown): boolean {
  return error instanceof TortieError && ["TT_API_UNAVAILABLE", "TT_API_CONFLICT"].includes(error.code);
}

function pause(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, 10);
  return promise;
}

class KillableServer implements AsyncDisposable {
  readonly #options: ContractOptions;
  #child: ChildProcess | undefined;

  private constructor(options: ContractOptions) {
    this.#options = options;
  }

  static async start(options: ContractOptions): Promise<KillableServer> {
    const server = new KillableServer(options);
    await server.run();
    using client = connect({ socketPath: options.socketPath });
    while (
      !(await client.list(kind).then(
        () => true,
        () => false,
      ))
    )
      await pause();
    return server;
  }

  async run(): Promise<void> {
    const { serverArgs, socketPath } = this.#options;
    // `bin/tortie` replaces itself by node: the signal reaches the server itself.
    this.#child = spawn(tortie, ["server", ...serverArgs, "--socket", socketPath, "--log-level", "error"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    await once(this.#child, "spawn");
  }

  async kill(): Promise<void> {
    if (this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
