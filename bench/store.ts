import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { hasEtcd, startEtcd } from "../test/etcd/start-etcd.ts";
import { silentLogger } from "../src/lib/index.ts";
import { openSqliteStore } from "../src/store/index.ts";
import { type Bench, inTurns, median, rounds } from "./bench.ts";
import { type Floor, etcdFloor, sqliteFloor } from "./store-floor.ts";

const setCount = 100_000;
const writesByClients = { 1: 600, 64: 4_000 } as const;

/** The whole server, in a process of its own, used by a client in another; the floors run in this one. */
export const storeBench: Bench = {
  about: "the API over SQLite and etcd beside the raw libraries; lists, watches and start with 100,000 objects",
  needsNamespace: false,
  async run(report) {
    using folder = makeFolder();
    for (const backend of hasEtcd ? (["sqlite", "etcd"] as const) : (["sqlite"] as const)) {
      await using etcd = backend === "etcd" ? await startEtcd({ isOnDisk: true }) : undefined;
      const place = join(folder.path, backend);
      await using server = await startServer(place, etcd === undefined ? [] : ["--etcd", etcd.endpoint]);
      await using floor =
        etcd === undefined ? sqliteFloor(join(folder.path, "floor.sqlite")) : etcdFloor(etcd.endpoint);
      for (const clients of [1, 64] as const) {
        const { create, update } = await writes(server.socketPath, floor, clients);
        const target = clients === 1 ? ">= 0.5 x floor" : ">= 0.25 x floor";
        const of = clients === 1 ? "1 client" : `${clients} clients`;
        const unit = "ms/write";
        const floorOf = (value: number) => ({ name: `raw ${backend}`, value });
        report({ what: `create, ${backend}, ${of}`, unit, ours: create.ours, floor: floorOf(create.floor), target });
        report({ what: `update, ${backend}, ${of}`, unit, ours: update.ours, floor: floorOf(update.floor), target });
      }
    }
    await many(join(folder.path, "many"), report);
  },
};

async function writes(socketPath: string, floor: Floor, clients: 1 | 64) {
  const count = writesByClients[clients];
  const taken = { ours: [] as number[], floor: [] as number[] };
  let round = 0;
  const create = await inTurns({
    ours: async () => {
      const [created = Number.NaN, updated = Number.NaN] = await load(
        socketPath,
        "write",
        clients,
        count,
        `r${round++}`,
      );
      taken.ours.push(updated);
      return created / count;
    },
    floor: async () => {
      const keys = Array.from({ length: count }, (_, index) => `GlobalNetworkSet//${clients}-${round}-${index}`);
      const created = await floor.create(keys, clients);
      taken.floor.push(await floor.update(keys, clients));
      return created / count;
    },
  });
  return { create, update: { ours: median(taken.ours) / count, floor: median(taken.floor) / count } };
}

async function many(place: string, report: Parameters<Bench["run"]>[0]): Promise<void> {
  await fill(join(place, "store.sqlite"));
  const starts: number[] = [];
  for (let round = 1; round < rounds; round++) {
    await using server = await startServer(place, []);
    starts.push(server.startMs);
  }
  await using server = await startServer(place, []);
  starts.push(server.startMs);
  report({ what: "start with 100,000 objects", unit: "ms", ours: median(starts), target: "< 3000 ms" });
  const lists: number[][] = [];
  for (let round = 0; round < rounds; round++) lists.push(await load(server.socketPath, "list", 1, 1, ""));
  const at = (index: number) => median(lists.map((list) => list[index] ?? Number.NaN));
  report({ what: "list of 100,000, first byte", unit: "ms", ours: at(0), target: "< 50 ms" });
  report({
    what: "list of 100,000",
    unit: "MB/s",
    ours: at(2) / 1e6 / (at(1) / 1e3),
    target: ">= 50 MB/s (more is better)",
  });
  report({ what: "memory of the server, most so far", unit: "MB", ours: server.peakKb() / 1024, target: "bounded" });
  for (const [watchers, target] of [
    [1_000, "< 100 ms"],
    [5_000, "< 400 ms"],
  ] as const) {
    const idleKb = server.residentKb();
    const told = await load(server.socketPath, "fan", watchers, rounds, "", () => server.residentKb());
    const [withWatchersKb = 0, ...times] = told;
    report({ what: `one change to ${watchers} watchers`, unit: "ms", ours: median(times), target });
    const eachKb = (withWatchersKb - idleKb) / watchers;
    report({ what: `memory of one of ${watchers} idle watchers`, unit: "kB", ours: eachKb, target: "< 50 kB" });
  }
}

/** As the server would have written them. */
async function fill(path: string): Promise<void> {
  await using store = openSqliteStore({ path, log: silentLogger });
  const names = Array.from({ length: setCount }, (_, index) => `set-${String(index).padStart(6, "0")}`);
  for (let at = 0; at < names.length; at += 5_000) {
    await Promise.all(
      names.slice(at, at + 5_000).map((name) => store.create(`GlobalNetworkSet//${name}`, storedSet(name))),
    );
  }
}

function storedSet(name: string): string {
  return JSON.stringify({
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkSet",
    metadata: {
      name,
      labels: { role: "bench", tier: "one" },
      uid: crypto.randomUUID(),
      creationTimestamp: "2026-01-01T00:00:00.000Z",
      generation: 1,
    },
    spec: { nets: Array.from({ length: 12 }, (_, index) => `198.51.${index}.0/24`) },
  });
}

function makeFolder() {
  const path = mkdtempSync(join(tmpdir(), "tortie-bench-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** `startMs`: from the start of the process until it says that it serves. */
async function startServer(place: string, flags: readonly string[]) {
  const started = performance.now();
  const socketPath = `${place}.sock`;
  const main = join(import.meta.dirname, "../src/cli/main.ts");
  const args = ["--disable-warning=ExperimentalWarning", main, "server", "--state", place, "--socket", socketPath];
  const child = spawn(process.execPath, [...nodeFlags(), ...args, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  await untilLine(child, "serving");
  const startMs = performance.now() - started;
  const status = (name: string) => {
    const text = readFileSync(`/proc/${child.pid}/status`, "utf8");
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);
  };
  return {
    socketPath,
    startMs,
    peakKb: () => status("VmHWM"),
    residentKb: () => status("VmRSS"),
    [Symbol.asyncDispose]: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      child.once("exit", () => resolve());
      child.kill("SIGTERM");
      await promise;
    },
  };
}

/** For profiles: TORTIE_BENCH_SERVER_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/prof". */
function nodeFlags(): string[] {
  return (process.env["TORTIE_BENCH_SERVER_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "");
}

/** Both outputs are read on, so that the server never waits for us. */
function untilLine(child: ChildProcess, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let told = "";
  const read = (chunk: Buffer) => {
    told = `${told}${chunk.toString()}`.slice(-10_000);
    if (told.includes(text)) resolve();
  };
  child.stdout?.on("data", read);
  child.stderr?.on("data", read);
  child.once("exit", () => reject(new Error(`the server ended: ${told}`)));
  return promise;
}

/** The figures that the load process gives; at its word "ready" `atReady` gives one more, in front. */
async function load(
  socketPath: string,
  work: "write" | "list" | "fan",
  clients: number,
  count: number,
  prefix: string,
  atReady?: () => number,
): Promise<number[]> {
  const program = join(import.meta.dirname, "store-load.ts");
  const args = [program, socketPath, work, String(clients), String(count), prefix];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const figures: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === "ready") {
      if (atReady !== undefined) figures.push(atReady());
      child.stdin.write("go\n");
    } else figures.push(...line.split(" ").map(Number));
  }
  return figures;
}
