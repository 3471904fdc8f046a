import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HostLoop } from "../../src/agent/host-loop.ts";
import { watchKernel } from "../../src/agent/watch-kernel.ts";
import { gatewayAddress4, gatewayAddress6, gatewayMac } from "../../src/dataplane/index.ts";
import { openFlowSocket, openNftSocket, openRouteSocket, writeSysctl } from "../../src/kernel/index.ts";
import { requireOwnNamespace } from "../../src/kernel/testing/own-namespace.ts";
import { type Logger, TaskGroup, seededRandom } from "../../src/lib/index.ts";
import { type Resource, decodeResource, keyOf } from "../../src/resources/index.ts";
import { checkCall } from "../../src/sys/errno.ts";
import { makeNamespace, removeNamespace, spawnInNamespace } from "../../src/sys/index.ts";
import { libc } from "../../src/sys/libc.ts";
import { type Calls, type Faults, faultyFlows, faultyNft, faultyRoutes } from "./faults.ts";

// Mounts and settings of the whole kernel are tried too.
requireOwnNamespace();

const node = "alpha";
const CLONE_NEWNET = 0x40000000;
const patienceMs = 20_000;
const pollMs = 10;

type BadHostOptions = {
  /** From the beginning. */
  readonly faults?: Faults;
  readonly cutsFlows?: boolean;
  /** Done in the new namespace before the agent sees it. */
  readonly prepare?: () => void;
};

type Line = { readonly level: string; readonly text: string; readonly failure: unknown };

/**
 * A host with a real agent's loop and workloads, in a new network namespace that this process moves into; what stands between
 * the loop and the kernel is `faults`. Of the workloads all but those named `closed...` may be spoken to.
 */
export class BadHost implements AsyncDisposable {
  readonly faults: Faults;
  readonly calls: Calls = { nft: 0, nftChanges: [], routeChanges: [], flows: 0 };
  readonly lines: Line[] = [];
  readonly loop: HostLoop;
  readonly #folder = mkdtempSync(join(tmpdir(), "tortie-bad-days-"));
  readonly #numbers = new Map<string, number>();
  readonly #sockets: readonly Disposable[];
  readonly #tasks = new TaskGroup();

  private constructor({ faults, cutsFlows, prepare }: BadHostOptions) {
    this.faults = faults ?? {};
    // The namespace of before goes with its last socket.
    checkCall(libc().unshare(CLONE_NEWNET), "moving into a new network namespace");
    run("ip link set lo up");
    for (const name of ["all", "default"]) writeSysctl(`net/ipv6/conf/${name}/accept_dad`, "0");
    prepare?.();
    const socket = faultyRoutes(openRouteSocket(), this.faults, this.calls);
    const nft = faultyNft(openNftSocket(), this.faults, this.calls);
    const flows = faultyFlows(openFlowSocket(), this.faults, this.calls);
    const random = seededRandom(1);
    this.#sockets = [socket, nft, flows];
    this.loop = new HostLoop({
      node,
      socket,
      nft,
      flows,
      cutsFlows,
      log: recorder(this.lines),
      random,
      onRoutesRead: () => undefined,
      onProgrammed: () => Promise.resolve(),
    });
    watchKernel(this.#tasks, { loop: this.loop, routePort: socket.portId, nftPort: nft.portId, random });
    this.#tasks.start((until) => this.loop.run(until));
    this.give(decode({ kind: "Namespace", metadata: { name: "shop" } }));
    this.give(
      decode({
        kind: "GlobalNetworkPolicy",
        metadata: { name: "closed" },
        spec: { selector: "closed == 'yes'", types: ["Ingress"], ingress: [] },
      }),
    );
  }

  /** Ends when these workloads are up. */
  static start(...names: readonly string[]): Promise<BadHost> {
    return BadHost.startWith({}, ...names);
  }

  static async startWith(options: BadHostOptions, ...names: readonly string[]): Promise<BadHost> {
    const host = new BadHost(options);
    try {
      for (const name of names) host.makeLink(name);
      for (const name of names) host.giveEndpoint(name);
      host.loop.onSynced();
      await host.untilUp(...names);
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  give(resource: Resource): void {
    this.loop.onResource(keyOf(resource), resource);
  }

  /** A link as an attachment leaves it: its host end is down. */
  makeLink(name: string): void {
    const netns = this.netnsOf(name);
    if (!this.#numbers.has(name)) {
      this.#numbers.set(name, this.#numbers.size + 2);
      makeNamespace(netns);
    }
    const [address4, address6] = this.addressesOf(name);
    run(`ip link add tt${name} address ${gatewayMac} type veth peer name eth0 address ${this.#macOf(name)} netns ${netns}
      ip link set tt${name} addrgenmode none
      nsenter --net=${netns} sh -ec '
        echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad
        ip link set eth0 up
        ip address add ${address4}/32 dev eth0
        ip address add ${address6}/128 dev eth0 nodad
        ip neighbour add ${gatewayAddress4} lladdr ${gatewayMac} dev eth0
        ip neighbour add ${gatewayAddress6} lladdr ${gatewayMac} dev eth0
        ip route add ${gatewayAddress4} dev eth0 scope link
        ip route add default via ${gatewayAddress4} dev eth0
        ip route add default via ${gatewayAddress6} dev eth0'`);
  }

  giveEndpoint(name: string, more: Readonly<Record<string, unknown>> = {}): void {
    this.give(this.#endpoint(name, more));
  }

  takeEndpoint(name: string): void {
    this.loop.onResource(keyOf(this.#endpoint(name)), undefined);
  }

  async untilUp(...names: readonly string[]): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs);
    const ready = (name: string) =>
      this.loop.untilReady({ key: keyOf(this.#endpoint(name)), resourceVersion: undefined }, signal);
    await Promise.all(names.map(ready));
    for (const name of names) await this.untilCarrying(name);
  }

  /** Both ends of the workload's link let packets out. */
  async untilCarrying(name: string): Promise<void> {
    const ends = [`ip link show dev tt${name}`, `nsenter --net=${this.netnsOf(name)} ip link show dev eth0`];
    const isCarrying = (end: string) => / state UP /.test(run(end));
    await eventually(
      () => ends.every(isCarrying),
      () => `the link of ${name} does not carry`,
    );
  }

  isUp(name: string): boolean {
    const key = keyOf(this.#endpoint(name));
    return this.loop.endpoints().some(({ id, state }) => id === key && state === "up");
  }

  /** Nothing is left to do, and the kernel was asked for all. */
  async untilWell(): Promise<void> {
    await eventually(
      () => this.loop.failures().length === 0,
      () => `failures: ${this.loop.failures().join("; ")}`,
    );
  }

  /** Whether both addresses answer, or neither; by default to the very first packet. */
  async reach(from: string, to: string, tries = 1): Promise<"open" | "closed" | "half"> {
    const outcomes = this.addressesOf(to).map(async (address) => {
      for (let attempt = 0; attempt < tries; attempt++) if (await this.#ping(from, address)) return true;
      return false;
    });
    const [v4 = false, v6 = false] = await Promise.all(outcomes);
    if (v4 !== v6) return "half";
    return v4 ? "open" : "closed";
  }

  /** Texts of what was logged as a failure. */
  warnings(): string[] {
    return this.lines.filter(({ level }) => level === "warn").map(({ text, failure }) => `${text}: ${String(failure)}`);
  }

  addressesOf(name: string): readonly [string, string] {
    const number = this.#numbers.get(name) ?? assert.fail(`${name} has a link`);
    return [`10.10.1.${number}`, `fd10:1::${number.toString(16)}`];
  }

  netnsOf(name: string): string {
    return join(this.#folder, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    for (const socket of this.#sockets) socket[Symbol.dispose]();
    for (const name of this.#numbers.keys()) removeNamespace(this.netnsOf(name));
    rmSync(this.#folder, { recursive: true });
  }

  async #ping(from: string, address: string): Promise<boolean> {
    const args = ["-n", "-q", "-c", "1", "-W", "0.5", address];
    const child = spawnInNamespace(this.netnsOf(from), "ping", args, { stdio: "ignore" });
    const [status] = await once(child, "exit");
    return status === 0;
  }

  #macOf(name: string): string {
    return `02:00:00:00:03:${(this.#numbers.get(name) ?? 0).toString(16).padStart(2, "0")}`;
  }

  #endpoint(name: string, more: Readonly<Record<string, unknown>> = {}): Resource {
    return decode({
      kind: "WorkloadEndpoint",
      metadata: {
        name: `${node}-k8s-${name}-eth0`,
        namespace: "shop",
        labels: { closed: name.startsWith("closed") ? "yes" : "no" },
      },
      spec: {
        node,
        orchestrator: "k8s",
        endpoint: "eth0",
        pod: name,
        interfaceName: `tt${name}`,
        mac: this.#macOf(name),
        ipNetworks: [...this.addressesOf(name)],
        profiles: ["kns.shop"],
        ...more,
      },
    });
  }
}

/** An object as a manifest has it, but for the API version. */
export function decode(object: { readonly kind: string; readonly [field: string]: unknown }): Resource {
  const apiVersion = object.kind === "Namespace" ? "v1" : "projectcalico.org/v3";
  const decoded = decodeResource({ apiVersion, ...object });
  assert.ok(decoded.ok, JSON.stringify(decoded));
  return decoded.value;
}

/** Output of a shell script in the namespace of this process. */
export function run(script: string, input = ""): string {
  const { status, stdout, stderr } = spawnSync("sh", input === "" ? ["-es"] : ["-ec", script], {
    encoding: "utf8",
    input: input === "" ? script : input,
  });
  assert.equal(status, 0, `${script.slice(0, 200)}: ${stderr}`);
  return stdout;
}

export async function eventually(isSo: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, what());
    await sleep(pollMs);
  }
}

/** The most attempts that a back-off from 100 ms to 10 s makes in so many milliseconds: none waits less than half its time. */
export function mostAttempts(elapsedMs: number): number {
  let count = 1;
  for (let atMs = 0, ceilingMs = 200; ; ceilingMs = Math.min(10_000, 2 * ceilingMs)) {
    atMs += ceilingMs / 2;
    if (atMs > elapsedMs) return count;
    count++;
  }
}

function recorder(lines: Line[]): Logger {
  const at = (level: string) => (text: string, fields?: Readonly<Record<string, unknown>>) =>
    void lines.push({ level, text, failure: fields?.["failure"] ?? fields?.["reason"] });
  const logger: Logger = {
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: () => undefined,
    child: () => logger,
  };
  return logger;
}
