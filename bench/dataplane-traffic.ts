import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";

/** Where dataplane-traffic.c listens: four ports from here on. The last of them no policy allows. */
export const firstPort = 7000;
export const allowedPorts = `${firstPort}:${firstPort + 2}`;
export const countingPort = firstPort + 1;
export const deniedPort = firstPort + 3;

/** What dataplane-traffic.c does, and which of its processes serves that. */
const services = { ask: 0, connect: 0, packets: 1, bulk: 2 } as const;

export type Traffic = keyof typeof services;

/** Seconds; `operations` are exchanges, connections, packets or octets. */
export type TrafficResult = {
  readonly operations: number;
  readonly seconds: number;
  readonly clientCpu: number;
  readonly serverCpu: number;
};

/** The busiest processor's: what they would be per second on a machine with no other work. */
export function operationsPerSecond(traffic: Traffic, result: TrafficResult): number {
  const { operations, clientCpu, serverCpu } = result;
  return operations / (isOnOneCpu(traffic) ? clientCpu + serverCpu : Math.max(clientCpu, serverCpu));
}

/** Both sides on one processor, so that its time is that of the whole way. */
function isOnOneCpu(traffic: Traffic): boolean {
  return traffic === "ask" || traffic === "connect";
}

/** The program, built into the folder. Throws when there is no compiler. */
export function buildTraffic(folder: string): string {
  const path = join(folder, "dataplane-traffic");
  const source = join(import.meta.dirname, "dataplane-traffic.c");
  const done = spawnSync("cc", ["-O2", "-std=gnu11", "-o", path, source], { encoding: "utf8" });
  if (done.error !== undefined)
    throw new Error("this bench builds its traffic with `cc`, and there is none (Debian: gcc libc6-dev)");
  if (done.status !== 0) throw new Error(`cc: ${done.stderr}`);
  return path;
}

const senderCpu = 0;
const serverCpu = 1;

/** Traffic from one workload to another one. */
export class TrafficPair implements Disposable {
  readonly #program: string;
  readonly #client: string;
  readonly #server: ChildProcess;
  readonly #serviceIds: readonly string[];

  private constructor(program: string, client: string, server: ChildProcess, serviceIds: readonly string[]) {
    this.#program = program;
    this.#client = client;
    this.#server = server;
    this.#serviceIds = serviceIds;
  }

  /** `client` and `server` are paths of network namespaces. */
  static async start(program: string, client: string, server: string): Promise<TrafficPair> {
    const child = spawn(program, ["serve", server, String(serverCpu), String(firstPort)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const line = await firstLine(child);
    const [word, ...serviceIds] = line.split(" ");
    if (word !== "ready") throw new Error(`dataplane-traffic serve ended early: ${line}`);
    return new TrafficPair(program, client, child, serviceIds);
  }

  run(traffic: Traffic, address: string, seconds: number): TrafficResult {
    const cpu = isOnOneCpu(traffic) ? serverCpu : senderCpu;
    const server = this.#serviceIds[services[traffic]] ?? "";
    return this.#call([traffic, this.#client, String(cpu), address, String(firstPort), String(seconds), server]);
  }

  /** How many of so many datagrams are answered, one after the other. A busy machine may need long for one. */
  exchange(address: string, port: number, count: number, patienceMs = 5000): number {
    const words = ["once", this.#client, String(senderCpu), address, String(port), String(count), String(patienceMs)];
    const { answers }: { readonly answers: number } = this.#call(words);
    return answers;
  }

  [Symbol.dispose](): void {
    this.#server.kill("SIGKILL");
  }

  #call<T>(words: readonly string[]): T {
    const done = spawnSync(this.#program, words, { encoding: "utf8", timeout: 60_000 });
    if (done.status !== 0) throw new Error(`dataplane-traffic ${words[0]}: ${done.stderr.trim() || done.signal}`);
    return JSON.parse(done.stdout);
  }
}

/** Whether the link leaves cutting to the card, as real ones do; without, every frame is of the wire's size. */
export function setOffload(program: string, netns: string, link: string, isOn: boolean): void {
  const done = spawnSync(program, ["offload", netns, link, isOn ? "on" : "off"], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`dataplane-traffic offload: ${done.stderr.trim()}`);
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const part of child.stdout ?? []) {
    text += String(part);
    if (text.includes("\n")) break;
  }
  return text.trim();
}
