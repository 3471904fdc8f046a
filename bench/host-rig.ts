// The agent's host loop with the kernel's own sockets, in the namespace of this process, fed by hand instead of by a server.
import type { RouteUpdate } from "../src/bgp/index.ts";
import { HostLoop } from "../src/agent/host-loop.ts";
import { tableName } from "../src/dataplane/index.ts";
import {
  type NftSocket,
  type RouteSocket,
  monitorNft,
  monitorRoutes,
  openFlowSocket,
  openNftSocket,
  openRouteSocket,
} from "../src/kernel/index.ts";
import {
  type IpAddress,
  type IpVersion,
  addressFromBigInt,
  addressToCidr,
  parseAddress,
  seededRandom,
  silentLogger,
} from "../src/lib/index.ts";
import type { NftChange } from "../src/nft/index.ts";
import { type Resource, decodeResource, keyOf } from "../src/resources/index.ts";
import { maxTurnMs } from "./turns.ts";

export const node = "bench";

/** What the loop sent in one go. */
export type Sent = { readonly nft: readonly (readonly NftChange[])[]; readonly routeChanges: number };

export class HostRig implements AsyncDisposable {
  readonly #socket = openRouteSocket();
  readonly #nft = openNftSocket();
  readonly #flows = openFlowSocket();
  readonly #stop = new AbortController();
  readonly #loop: HostLoop;
  readonly #work: Promise<unknown>;
  readonly #sentNft: (readonly NftChange[])[] = [];
  #routeChanges = 0;
  #routeMs = 0;
  /** When the kernel took the last rules. */
  #nftDoneAt = 0;
  #begun = 0;
  #ended = 0;
  #change = Promise.withResolvers<void>();

  constructor() {
    this.#loop = new HostLoop({
      node,
      socket: this.#watchedRoutes(),
      nft: this.#watchedNft(),
      flows: this.#flows,
      log: silentLogger,
      random: seededRandom(1),
      onRoutesRead: () => void this.#begun++,
      onProgrammed: async () => {
        this.#ended = this.#begun;
        this.#change.resolve();
        this.#change = Promise.withResolvers();
      },
    });
    this.#work = Promise.all([this.#watchRoutes(), this.#watchNft(), this.#loop.run(this.#stop.signal)]);
  }

  get failures(): readonly string[] {
    return this.#loop.failures();
  }

  start(): void {
    this.#loop.onSynced();
  }

  put(...resources: readonly Resource[]): void {
    for (const resource of resources) this.#loop.onResource(keyOf(resource), resource);
  }

  remove(...resources: readonly Resource[]): void {
    for (const resource of resources) this.#loop.onResource(keyOf(resource), undefined);
  }

  bgp(updates: readonly RouteUpdate[]): void {
    this.#loop.onBgpRoutes(updates);
  }

  bgpSettled(): void {
    for (const family of ["ipv4-unicast", "ipv6-unicast"] as const) this.#loop.onRestartEnd(family);
  }

  /** Does something and waits until a round is over that began behind it, and nothing has failed. */
  async settle(
    work: () => void,
    { areTurnsWatched = false } = {},
  ): Promise<{ ms: number; cpuMs: number; rulesMs: number; routeMs: number; sent: Sent; turnMs: number }> {
    this.#sentNft.length = 0;
    this.#routeChanges = 0;
    this.#routeMs = 0;
    const turns = areTurnsWatched ? maxTurnMs() : undefined;
    const cpu = process.cpuUsage();
    const started = performance.now();
    const begunBefore = this.#begun;
    work();
    while (this.#ended <= begunBefore) await this.#change.promise;
    const ms = performance.now() - started;
    const { user, system } = process.cpuUsage(cpu);
    if (this.failures.length > 0) throw new Error(`not programmed: ${this.failures.slice(0, 3).join("; ")}`);
    const sent = { nft: [...this.#sentNft], routeChanges: this.#routeChanges };
    return {
      ms,
      cpuMs: (user + system) / 1000,
      rulesMs: this.#nftDoneAt - started,
      routeMs: this.#routeMs,
      sent,
      turnMs: turns?.stop() ?? 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#work;
    this.#socket[Symbol.dispose]();
    this.#nft[Symbol.dispose]();
    this.#flows[Symbol.dispose]();
  }

  #watchedNft(): NftSocket {
    const nft = this.#nft;
    return {
      portId: nft.portId,
      dumpTable: (name) => nft.dumpTable(name),
      apply: async (changes) => {
        await nft.apply(changes);
        this.#nftDoneAt = performance.now();
        this.#sentNft.push(changes);
      },
      [Symbol.dispose]: () => undefined,
    };
  }

  #watchedRoutes(): RouteSocket {
    const socket = this.#socket;
    return {
      portId: socket.portId,
      dumpLinks: () => socket.dumpLinks(),
      findLink: (name) => socket.findLink(name),
      readLink: (index) => socket.readLink(index),
      dumpAddresses: () => socket.dumpAddresses(),
      dumpRoutes: (filter) => socket.dumpRoutes(filter),
      readRoutes: (reader) => socket.readRoutes(reader),
      dumpNeighbours: () => socket.dumpNeighbours(),
      dumpNextHops: () => socket.dumpNextHops(),
      apply: async (changes) => {
        const started = performance.now();
        const failures = await socket.apply(changes);
        this.#routeMs += performance.now() - started;
        this.#routeChanges += changes.length;
        return failures;
      },
      [Symbol.dispose]: () => undefined,
    };
  }

  async #watchRoutes(): Promise<void> {
    const groups = ["links", "addresses", "neighbours", "nextHops", "routes"] as const;
    const { signal } = this.#stop;
    for await (const events of monitorRoutes({ groups, signal, ownPortId: this.#socket.portId }))
      this.#loop.onKernelEvents(events);
  }

  async #watchNft(): Promise<void> {
    const options = { table: tableName, ownPortIds: [this.#nft.portId], signal: this.#stop.signal };
    for await (const _ of monitorNft(options)) this.#loop.requestAudit();
  }
}

const bases = { 4: 0x0a000000n, 6: 0xfd006500000000000000000000000000n } as const;

export function addressAt(version: IpVersion, at: number): IpAddress {
  return addressFromBigInt(bases[version] + BigInt(at), version);
}

export function routesBy(version: IpVersion, count: number, nextHop: string | undefined): RouteUpdate[] {
  const gateway = nextHop === undefined ? undefined : parseAddress(nextHop);
  const paths =
    gateway === undefined
      ? []
      : [
          {
            nextHop: gateway,
            peer: gateway,
            peerName: nextHop ?? "",
            isInternal: true,
            asPath: [],
            communities: [],
            localPref: 2147482623,
          },
        ];
  return Array.from({ length: count }, (_, at) => ({ prefix: addressToCidr(addressAt(version, at)), paths }));
}

export function decode(object: unknown): Resource {
  const decoded = decodeResource(object);
  if (!decoded.ok) throw new Error(`the bench's own resource is wrong: ${JSON.stringify(decoded.problems)}`);
  return decoded.value;
}

export const linkNameOf = (at: number): string => `tt${at.toString(16).padStart(11, "0")}`;

/** Of this host, on the link of that number. */
export function workload(at: number, labels: Record<string, string>): Resource {
  return decode({
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: { name: `${node}-tortie-w${at}-eth0`, namespace: "bench", labels },
    spec: {
      node,
      orchestrator: "tortie",
      workload: `w${at}`,
      endpoint: "eth0",
      interfaceName: linkNameOf(at),
      ipNetworks: [4, 6].map((version) => addressToCidr(addressAt(version === 4 ? 4 : 6, 0x400000 + at))),
      mac: "ee:ee:ee:ee:ee:ee",
    },
  });
}

const remote = decode({
  apiVersion: "projectcalico.org/v3",
  kind: "WorkloadEndpoint",
  metadata: { name: "other-tortie-w-eth0", namespace: "bench", labels: { app: "web" } },
  spec: {
    node: "other",
    orchestrator: "tortie",
    workload: "w",
    endpoint: "eth0",
    interfaceName: "tt0",
    ipNetworks: ["10.0.0.0/32"],
  },
});

/** Of another host; with `app` web. Not decoded, as it is one of very many. */
export function remoteWorkload(at: number): Resource {
  if (remote.kind !== "WorkloadEndpoint") throw new Error("the bench's own resource is no workload");
  const metadata = { ...remote.metadata, name: `other-tortie-w${at}-eth0` };
  return { ...remote, metadata, spec: { ...remote.spec, ipNetworks: [addressToCidr(addressAt(4, at))] } };
}

/** So many prefixes that do not touch each other; with `app` web. */
export function networkSet(count: number): Resource {
  return decode({
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkSet",
    metadata: { name: "nets", labels: { app: "web" } },
    spec: { nets: Array.from({ length: count }, (_, at) => `${addressAt(4, at * 8)}/30`) },
  });
}

/** Of workloads; they are down. */
export async function makeLinks(names: readonly string[]): Promise<void> {
  using socket = openRouteSocket();
  const failures = await socket.apply(
    names.map((name) => ({
      type: "createVeth",
      name,
      mac: "ee:ee:ee:ee:ee:ee",
      mtu: 1500,
      peer: { name: `p${name.slice(1)}` },
    })),
  );
  if (failures.length > 0) throw new Error(`no link: ${failures[0]?.message}`);
}

export async function removeLinks(names: readonly string[]): Promise<void> {
  using socket = openRouteSocket();
  const wanted = new Set(names);
  const links = (await socket.dumpLinks()).filter(({ name }) => wanted.has(name));
  await socket.apply(links.map(({ index }) => ({ type: "deleteLink", index })));
}

export function policy(name: string, spec: Record<string, unknown>): Resource {
  return decode({
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkPolicy",
    metadata: { name },
    spec,
  });
}
