import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { gatewayAddress4, gatewayAddress6, gatewayMac } from "../../src/dataplane/index.ts";
import { openRouteSocket, writeSysctl } from "../../src/kernel/index.ts";
import { type Resource, encodeResource, keyOf } from "../../src/resources/index.ts";
import { type NetlinkHandle, inNamespace, makeNamespace, openNetlink, removeNamespace } from "../../src/sys/index.ts";
import { forgetConnections } from "../policy/forget-connections.ts";
import {
  type ActorName,
  type HostName,
  addressesOf,
  castResources,
  hostOf,
  hosts,
  interfaceOf,
  isHost,
  isPod,
  macOf,
  pods,
  strangers,
} from "./cast.ts";
import { type Probe, allProbes, keyOfProbe, readServices } from "./expectation.ts";
import { LineProcess } from "./line-process.ts";
import type { Attempt, Outcome } from "./prober.ts";

const outside = "outside";
const places = [...pods, ...hosts, outside] as const;
type Place = (typeof places)[number];

/** Everybody listens on all of them. */
const listening = { tcp: [22, 80, 81, 443, 8080, 8081, 9000], udp: [53, 68, 80, 4789, 8080] } as const;

const uplinks: Readonly<Record<HostName, { readonly net4: string; readonly net6: string; readonly pods: number }>> = {
  alpha: { net4: "192.0.2", net6: "2001:db8:1", pods: 1 },
  beta: { net4: "192.0.2", net6: "2001:db8:2", pods: 2 },
};

const linksWithinMs = 60_000;
const pollMs = 5;

/** The cast in the kernel: a namespace for each place, an agent on each host, and one who probes at each place. */
export class Network implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "tortie-situations-"));
  readonly #agents: ReadonlyMap<HostName, LineProcess>;
  readonly #probers: ReadonlyMap<Place, LineProcess>;
  readonly #conntracks: readonly NetlinkHandle[];
  #present: ReadonlyMap<string, string> = new Map();

  private constructor() {
    for (const place of places) this.#makePlace(place);
    this.#batch(outside, [...hosts.flatMap((host) => this.#uplink(host)), ...strangerAddresses()]);
    for (const host of hosts) this.#batch(host, hostCommands(host));
    for (const [path, value] of forwarding) writeSysctl(path, value, { netns: this.#path(outside) });
    for (const pod of pods) {
      this.#batch(hostOf(pod), this.#podLink(pod));
      this.#batch(pod, podCommands(pod));
    }
    this.#agents = new Map(hosts.map((node) => [node, new LineProcess(this.#path(node), "host-agent.ts", { node })]));
    this.#probers = new Map(
      places.map((place) => {
        const addresses = (place === outside ? strangers : [place]).flatMap((name) => addressesOf(name));
        return [place, new LineProcess(this.#path(place), "prober.ts", { addresses, ...listening })];
      }),
    );
    this.#conntracks = hosts.map((host) => openNetlink({ protocol: "netfilter", netns: this.#path(host) }));
  }

  static async start(): Promise<Network> {
    const network = new Network();
    try {
      for (const process of [...network.#agents.values(), ...network.#probers.values()]) await process.untilReady();
      await network.#untilLinksCarry();
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Ends when both hosts' kernels have what these resources ask for. Nothing is known any more of connections of before. */
  async apply(resources: readonly Resource[]): Promise<void> {
    const wanted = new Map(resources.map((resource) => [keyOf(resource), JSON.stringify(encodeResource(resource))]));
    const changes: Record<string, unknown> = {};
    for (const key of this.#present.keys()) if (!wanted.has(key)) changes[key] = null;
    for (const [key, text] of wanted) if (this.#present.get(key) !== text) changes[key] = JSON.parse(text);
    this.#present = wanted;
    await Promise.all(
      [...this.#agents].map(async ([host, agent]) => {
        const { failures } = await agent.ask({ resources: changes }, (answer) => agentAnswer.parse(answer));
        assert.deepEqual(failures, [], `what the agent of ${host} could not do`);
      }),
    );
    for (const conntrack of this.#conntracks) forgetConnections(conntrack);
  }

  /** What becomes of each probe, all of them under way at the same time. */
  async probe(probes: readonly (Probe & { readonly isAwaited: boolean })[]): Promise<Outcome[]> {
    const byPlace = new Map(places.map((place) => [place, probes.filter(({ from }) => placeOf(from) === place)]));
    const hasRaw = probes.some(({ protocol }) => protocol === "ping" || protocol === "sctp");
    await this.#askAll(
      [...byPlace].map(([place, own]) => [place, { type: "try", attempts: own.map(toAttempt), hasRaw }]),
    );
    // Everybody has seen the answers that were due; now nobody may have anything left to read.
    await this.#askAll(places.map((place) => [place, { type: "settle" }]));
    const reports = await this.#askAll(places.map((place) => [place, { type: "report" }]));
    const outcomes = new Map<Probe, Outcome>();
    for (const [place, report] of reports) {
      const words = outcomeList.parse(report);
      for (const [at, probe] of (byPlace.get(place) ?? []).entries()) outcomes.set(probe, words[at] ?? "silent");
    }
    return probes.map((probe) => outcomes.get(probe) ?? "silent");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const processes = [...this.#agents.values(), ...this.#probers.values()];
    await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()));
    for (const conntrack of this.#conntracks) conntrack.close();
    for (const place of places) removeNamespace(this.#path(place));
    rmSync(this.#folder, { recursive: true });
  }

  /**
   * Of the two ends of a link the kernel's worker must have noticed that they carry. From then on the very first try of everybody
   * gets through, since the agents have told that they are ready.
   */
  async #untilLinksCarry(): Promise<void> {
    await this.apply(castResources());
    const deadline = performance.now() + linksWithinMs;
    for (const place of places) {
      using socket = openRouteSocket({ netns: this.#path(place) });
      for (const { name } of (await socket.dumpLinks()).filter(({ kind }) => kind === "veth")) {
        while ((await socket.findLink(name))?.isOperational !== true) {
          assert.ok(performance.now() < deadline, `${name} of ${place} does not carry`);
          await sleep(pollMs);
        }
      }
    }
    const everybody = allProbes([...pods, "out"], readServices("tcp/80 udp/80 ping"));
    const outcomes = await this.probe(everybody.map((probe) => ({ ...probe, isAwaited: true })));
    const dead = everybody.filter((_, at) => outcomes[at] !== "open").map(keyOfProbe);
    assert.deepEqual(dead, [], "first tries without any policy");
  }

  async #askAll(questions: readonly (readonly [Place, unknown])[]): Promise<(readonly [Place, unknown])[]> {
    return await Promise.all(
      questions.map(async ([place, question]) => {
        const prober = this.#probers.get(place);
        assert.ok(prober !== undefined, `somebody probes at ${place}`);
        return [place, await prober.ask(question, (answer) => answer)] as const;
      }),
    );
  }

  #makePlace(place: Place): void {
    const netns = this.#path(place);
    makeNamespace(netns);
    for (const name of ["all", "default"]) writeSysctl(`net/ipv6/conf/${name}/accept_dad`, "0", { netns });
    this.#batch(place, ["link set lo up"]);
  }

  #uplink(host: HostName): string[] {
    const { pods } = uplinks[host];
    const [address4, address6] = addressesOf(host);
    const [way4, way6] = routerAddresses(host);
    return [
      `link add to-${host} type veth peer name eth0 netns ${this.#path(host)}`,
      `link set to-${host} up`,
      `address add ${way4}/32 peer ${address4} dev to-${host}`,
      `address add ${way6}/64 dev to-${host} nodad`,
      `route add 10.10.${pods}.0/24 via ${address4} dev to-${host}`,
      `route add fd10:${pods}::/64 via ${address6} dev to-${host}`,
    ];
  }

  /** Down, as an agent leaves it at birth: the data plane opens it. */
  #podLink(pod: (typeof pods)[number]): string[] {
    const name = interfaceOf(pod);
    return [
      `link add ${name} address ${gatewayMac} type veth peer name eth0 address ${macOf(pod)} netns ${this.#path(pod)}`,
      `link set ${name} addrgenmode none`,
    ];
  }

  #batch(place: Place, commands: readonly string[]): void {
    const { status, stderr } = inNamespace(this.#path(place), () =>
      spawnSync("ip", ["-batch", "-"], { encoding: "utf8", input: commands.join("\n") }),
    );
    assert.equal(status, 0, `${place}: ${stderr}`);
  }

  #path(place: Place): string {
    return join(this.#folder, place);
  }
}

const agentAnswer = z.object({ failures: z.array(z.string()) });
const outcomeList = z.array(z.string());

const forwarding = [
  ["net/ipv4/ip_forward", "1"],
  ["net/ipv6/conf/all/forwarding", "1"],
] as const;

function placeOf(name: ActorName): Place {
  return isPod(name) || isHost(name) ? name : outside;
}

function toAttempt({ from, to, protocol, port, version, isAwaited }: Probe & { readonly isAwaited: boolean }): Attempt {
  const at = version === 4 ? 0 : 1;
  return { from: addressesOf(from)[at], to: addressesOf(to)[at], protocol, port, isAwaited };
}

/** Of `outside`, on the link to the host. */
function routerAddresses(host: HostName): [string, string] {
  const { net6 } = uplinks[host];
  return [host === "alpha" ? "192.0.2.2" : "192.0.2.6", `${net6}::ff`];
}

function hostCommands(host: HostName): string[] {
  const [address4, address6] = addressesOf(host);
  const [way4, way6] = routerAddresses(host);
  return [
    "link set eth0 up",
    `address add ${address4}/32 peer ${way4} dev eth0`,
    `address add ${address6}/64 dev eth0 nodad`,
    `route add default via ${way4} dev eth0 src ${address4}`,
    `route add default via ${way6} dev eth0 src ${address6}`,
  ];
}

function strangerAddresses(): string[] {
  return strangers.flatMap((name) => {
    const [address4, address6] = addressesOf(name);
    return [`address add ${address4}/32 dev lo`, `address add ${address6}/128 dev lo nodad`];
  });
}

function podCommands(pod: (typeof pods)[number]): string[] {
  const [address4, address6] = addressesOf(pod);
  return [
    "link set eth0 up",
    `address add ${address4}/32 dev eth0`,
    `address add ${address6}/128 dev eth0 nodad`,
    `neighbour add ${gatewayAddress4} lladdr ${gatewayMac} dev eth0`,
    `neighbour add ${gatewayAddress6} lladdr ${gatewayMac} dev eth0`,
    `route add ${gatewayAddress4} dev eth0 scope link`,
    `route add default via ${gatewayAddress4} dev eth0`,
    `route add default via ${gatewayAddress6} dev eth0`,
  ];
}
