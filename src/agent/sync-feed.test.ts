import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BestPath } from "../bgp/index.ts";
import type { CalcMessage, LocalEndpoint } from "../calc/index.ts";
import { HostDataplane, isOwnNeighbour, isOwnNextHop, isOwnRoute } from "../dataplane/index.ts";
import { type ChangeFailure, type RouteSocket, RouteSync } from "../kernel/index.ts";
import { type Cidr, type IpVersion, parseAddress, parseCidr } from "../lib/index.ts";
import type { Link, LinkAddress, Neighbour, NextHop, Route, RouteChange } from "../netlink/index.ts";
import { SyncFeed } from "./sync-feed.ts";

const address = (text: string) => parseAddress(text)!;
const cidr = (text: string) => parseCidr(text)!;

/** Routes, next hops and neighbours as the kernel keeps them, and refuses them. */
class Kernel implements RouteSocket {
  readonly portId = 1;
  readonly routes = new Map<string, Route>();
  readonly nextHops = new Map<number, NextHop>();
  readonly neighbours = new Map<string, Neighbour>();
  readonly addresses = new Map<string, LinkAddress>();
  changes = 0;

  async dumpLinks() {
    return [];
  }
  async findLink() {
    return undefined;
  }
  async readLink() {
    return undefined;
  }
  async dumpAddresses() {
    return [...this.addresses.values()];
  }
  async dumpRoutes() {
    return [...this.routes.values()];
  }
  async readRoutes(reader: Parameters<RouteSocket["readRoutes"]>[0]) {
    // Interrupted after a part, as on a busy host.
    for (const isWhole of [false, true]) {
      reader.begin();
      for (const route of [...this.routes.values()].slice(0, isWhole ? undefined : 2)) reader.take({ ...route });
    }
  }
  async dumpNeighbours() {
    return [...this.neighbours.values()];
  }
  async dumpNextHops() {
    return [...this.nextHops.values()];
  }
  async apply(changes: readonly RouteChange[]): Promise<ChangeFailure[]> {
    this.changes += changes.length;
    return changes.flatMap((change) => {
      const errno = this.#do(change);
      return errno === undefined ? [] : [{ change, errno, message: errno }];
    });
  }
  [Symbol.dispose]() {}

  #do(change: RouteChange): string | undefined {
    switch (change.type) {
      case "putRoute": {
        const { route } = change;
        const key = routeKey(route);
        if (route.nextHopId !== undefined && !this.nextHops.has(route.nextHopId)) return "EINVAL";
        if (change.isExclusive === true && this.routes.has(key)) return "EEXIST";
        this.routes.set(key, route);
        return undefined;
      }
      case "deleteRoute":
        return this.routes.delete(routeKey(change.route)) ? undefined : "ESRCH";
      case "putNextHop": {
        const { nextHop } = change;
        const before = this.nextHops.get(nextHop.id);
        if (before !== undefined && (before.group === undefined) !== (nextHop.group === undefined)) return "EINVAL";
        for (const { id } of nextHop.group ?? []) if (this.nextHops.get(id)?.group !== undefined) return "EINVAL";
        if (nextHop.group?.some(({ id }) => !this.nextHops.has(id)) === true) return "EINVAL";
        this.nextHops.set(nextHop.id, nextHop);
        return undefined;
      }
      case "deleteNextHop": {
        const { id } = change.nextHop;
        const isUsed = [...this.routes.values()].some((route) => route.nextHopId === id);
        const isMember = [...this.nextHops.values()].some(({ group }) => group?.some((member) => member.id === id));
        assert(!isUsed && !isMember, "a next hop goes only when nothing names it");
        return this.nextHops.delete(id) ? undefined : "ENOENT";
      }
      case "putNeighbour":
        this.neighbours.set(`${change.neighbour.linkIndex} ${change.neighbour.address}`, change.neighbour);
        return undefined;
      case "deleteNeighbour":
        this.neighbours.delete(`${change.neighbour.linkIndex} ${change.neighbour.address}`);
        return undefined;
      case "putAddress":
        this.addresses.set(`${change.address.linkIndex} ${change.address.address}`, change.address);
        return undefined;
      case "deleteAddress":
        this.addresses.delete(`${change.address.linkIndex} ${change.address.address}`);
        return undefined;
      default:
        return assert.fail(`unexpected: ${change.type}`);
    }
  }
}

function routeKey({ destination, metric }: Route): string {
  return `${destination} ${metric}`;
}

/** `10.0.1.0/32 metric 1024 -> 192.0.2.2@2 + 192.0.2.3@2` */
function describe(routes: Iterable<Route>, nextHops: Iterable<NextHop>): string[] {
  const byId = new Map(Array.from(nextHops, (nextHop) => [nextHop.id, nextHop]));
  const waysOf = (id: number): string[] => {
    const nextHop = byId.get(id);
    if (nextHop?.group !== undefined) return nextHop.group.flatMap((member) => waysOf(member.id));
    return [`${nextHop?.gateway}@${nextHop?.linkIndex}`];
  };
  return Array.from(routes, ({ destination, metric, protocol, linkIndex, nextHopId }) => {
    const ways = nextHopId === undefined ? [`link ${linkIndex}`] : waysOf(nextHopId).sort();
    return `${destination} metric ${metric} proto ${protocol} -> ${ways.join(" + ")}`;
  }).sort();
}

const prefixes: readonly Cidr[] = [
  ...Array.from({ length: 40 }, (_, at) => cidr(`10.9.0.${at}/32`)),
  cidr("198.51.100.0/24"),
  cidr("198.51.100.8/32"),
  cidr("10.65.0.1/32"),
  ...Array.from({ length: 20 }, (_, at) => cidr(`fd00:9::${at + 1}/128`)),
];
const nextHopNames = ["192.0.2.2", "192.0.2.3", "192.0.2.4", "198.51.100.8", "203.0.113.1"];

function path(nextHop: string, localPref: number): BestPath {
  const gateway = address(nextHop);
  return {
    nextHop: gateway,
    peer: gateway,
    peerName: nextHop,
    isInternal: true,
    asPath: [],
    communities: [],
    localPref,
  };
}

const hostRoutes: readonly Route[] = [
  ["192.0.2.0/24", 2, undefined, 0],
  ["192.0.2.4/32", 3, undefined, 0],
  ["0.0.0.0/0", 2, "192.0.2.254", 0],
  ["0.0.0.0/0", 3, "192.0.2.253", 50],
  ["198.51.100.0/24", 3, "192.0.2.4", 10],
].map(([destination, linkIndex, gateway, metric]) => ({
  destination: cidr(String(destination)),
  table: 254,
  protocol: 2,
  metric: Number(metric),
  type: "unicast",
  scope: "link",
  linkIndex: Number(linkIndex),
  ...(gateway === undefined ? {} : { gateway: address(String(gateway)) }),
}));

const localAddress: Route = {
  destination: cidr("10.9.0.3/32"),
  table: 255,
  protocol: 2,
  metric: 0,
  type: "local",
  scope: "host",
  linkIndex: 2,
};

function link(index: number, name: string, isUp = true): Link {
  return { index, name, mac: "ee:ee:ee:ee:ee:ee", mtu: 1500, isUp, isRunning: isUp, group: 0 };
}

function endpoint(name: string, addresses: readonly string[]): LocalEndpoint {
  return {
    id: `WorkloadEndpoint/shop/${name}`,
    namespace: "shop",
    name,
    interfaceName: `tt${name}`,
    mac: "02:00:00:00:00:01",
    addresses: addresses.map(address),
    spoofable: [],
    tiers: [],
    profileIds: [],
  };
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("bgp" as const),
      from: fc.nat(prefixes.length - 1),
      count: fc.oneof(fc.constant(1), fc.nat(prefixes.length)),
      nextHops: fc.subarray(nextHopNames, { maxLength: 3 }),
      localPref: fc.constantFrom(2147482623, 2147482623, 100),
    }),
  },
  fc.record({ type: fc.constant("hostRoute" as const), at: fc.nat(hostRoutes.length), isThere: fc.boolean() }),
  fc.record({
    type: fc.constant("endpoint" as const),
    name: fc.constantFrom("a", "b"),
    addresses: fc.subarray(["10.65.0.1", "10.9.0.5", "fd00:9::2"]),
  }),
  fc.record({ type: fc.constant("endpointGone" as const), name: fc.constantFrom("a", "b") }),
  fc.record({ type: fc.constant("link" as const), name: fc.constantFrom("a", "b"), isUp: fc.boolean() }),
  fc.record({ type: fc.constant("block" as const), blocks: fc.subarray(["10.9.0.8/32", "198.51.100.0/24"]) }),
  fc.record({ type: fc.constant("settled" as const), version: fc.constantFrom<IpVersion>(4, 6) }),
  fc.record({ type: fc.constant("kernelLoses" as const), at: fc.nat(50) }),
  fc.constant({ type: "round" as const }),
  fc.constant({ type: "audit" as const }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** All that is known by now: enough to start anew. */
class Facts {
  readonly paths = new Map<Cidr, readonly BestPath[]>();
  readonly hostRoutes = new Set<Route>(hostRoutes.slice(0, 1));
  readonly endpoints = new Map<string, LocalEndpoint>();
  readonly links = new Map([link(1, "lo"), link(2, "eth0"), link(3, "eth1")].map((one) => [one.name, one]));
  readonly settled = new Set<IpVersion>();
  blocks: readonly Cidr[] = [];

  /** What a data plane that has seen nothing else wants. */
  fromScratch(): string[] {
    const fresh = new HostDataplane();
    fresh.onLinks([...this.links.values()]);
    fresh.onRoutes([...this.hostRoutes]);
    fresh.onNextHops([]);
    fresh.onBgpSettled(4);
    fresh.onBgpSettled(6);
    for (const one of this.endpoints.values()) fresh.onCalc({ type: "endpointUpdate", endpoint: one });
    fresh.onCalc(adverts(this.blocks));
    fresh.onBgpRoutes(Array.from(this.paths, ([prefix, paths]) => ({ prefix, paths })));
    fresh.onTable(fresh.wanted().table);
    const { routes, nextHops } = fresh.wanted();
    return describe(routes, nextHops);
  }
}

function adverts(blocks: readonly Cidr[]): CalcMessage {
  return { type: "advertUpdate", blocks, exportedPools: [], unexportedPools: [] };
}

/** The data plane that has seen everything, as the host loop drives it. */
class Host {
  readonly facts = new Facts();
  readonly kernel = new Kernel();
  readonly dataplane = new HostDataplane();
  readonly sync = new RouteSync(this.kernel, {
    isOurAddress: () => true,
    isOurNeighbour: isOwnNeighbour,
    isOurNextHop: isOwnNextHop,
    isOurRoute: isOwnRoute,
  });
  readonly #feed = new SyncFeed(this.sync);

  constructor() {
    this.dataplane.onLinks([...this.facts.links.values()]);
    this.readRoutes();
    this.dataplane.onNextHops([]);
  }

  readRoutes(): void {
    const own = [...this.kernel.routes.values()];
    this.dataplane.onRoutes([...this.facts.hostRoutes, ...own].filter((route) => this.dataplane.mustKnowRoute(route)));
  }

  async round(): Promise<void> {
    this.dataplane.onTable(this.dataplane.table());
    await this.#feed.tell(this.dataplane, this.dataplane.local());
    const report = await this.sync.apply({ mayDelete: () => true });
    assert.deepEqual(report.failures, []);
  }

  async do(step: Step): Promise<void> {
    const { facts, dataplane } = this;
    switch (step.type) {
      case "bgp": {
        const paths = step.nextHops.map((nextHop) => path(nextHop, step.localPref));
        const meant = prefixes.slice(step.from, step.from + step.count);
        for (const prefix of meant) {
          if (paths.length === 0) facts.paths.delete(prefix);
          else facts.paths.set(prefix, paths);
        }
        return dataplane.onBgpRoutes(meant.map((prefix) => ({ prefix, paths })));
      }
      case "hostRoute": {
        const route = hostRoutes[step.at] ?? localAddress;
        if (step.isThere === facts.hostRoutes.has(route)) return;
        if (step.isThere) facts.hostRoutes.add(route);
        else facts.hostRoutes.delete(route);
        if (!dataplane.onRoute(route, step.isThere)) this.readRoutes();
        return;
      }
      case "endpoint": {
        const one = endpoint(step.name, step.addresses);
        facts.endpoints.set(one.id, one);
        return dataplane.onCalc({ type: "endpointUpdate", endpoint: one });
      }
      case "endpointGone": {
        const { id } = endpoint(step.name, []);
        facts.endpoints.delete(id);
        return dataplane.onCalc({ type: "endpointRemove", id });
      }
      case "link": {
        const one = link(step.name === "a" ? 7 : 8, `tt${step.name}`, step.isUp);
        facts.links.set(one.name, one);
        return dataplane.onLinks([...facts.links.values()]);
      }
      case "block":
        facts.blocks = step.blocks.map(cidr);
        return dataplane.onCalc(adverts(facts.blocks));
      case "settled":
        facts.settled.add(step.version);
        return dataplane.onBgpSettled(step.version);
      case "kernelLoses": {
        const key = [...this.kernel.routes.keys()][step.at];
        const route = key === undefined ? undefined : this.kernel.routes.get(key);
        if (key === undefined || route === undefined) return;
        this.kernel.routes.delete(key);
        return this.sync.observe([{ type: "delRoute", route, portId: 0 }]);
      }
      case "round":
        return this.round();
      case "audit":
        dataplane.onNextHops(await this.kernel.dumpNextHops());
        await this.sync.resync();
        this.readRoutes();
    }
  }
}

test("whatever came before, the kernel gets the routes that an agent without a past would make", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const host = new Host();
      await host.round();
      for (const one of steps) await host.do(one);
      for (const version of [4, 6] as const) host.dataplane.onBgpSettled(version);
      await host.round();
      const { routes, nextHops } = host.kernel;
      // Local ones need no object; those of BGP are compared by where they lead.
      assert.deepEqual(describe(routes.values(), nextHops.values()), host.facts.fromScratch());
      const used = new Set([...routes.values()].flatMap(({ nextHopId }) => nextHopId ?? []));
      for (const { group } of nextHops.values()) for (const { id } of group ?? []) used.add(id);
      assert.deepEqual(new Set(nextHops.keys()), used, "no object is left behind");
      host.kernel.changes = 0;
      await host.round();
      assert.equal(host.kernel.changes, 0, "and then there is nothing left to do");
    }),
    { numRuns: 150 },
  );
});

test("many routes that go over to another next hop together are one change, as is a new way to their next hop", async () => {
  const host = new Host();
  const told = (...nextHops: readonly string[]) =>
    host.dataplane.onBgpRoutes(
      prefixes.slice(0, 40).map((prefix) => ({ prefix, paths: nextHops.map((nextHop) => path(nextHop, 2147482623)) })),
    );
  const changesOf = async (work: () => void): Promise<number> => {
    host.kernel.changes = 0;
    work();
    await host.round();
    return host.kernel.changes;
  };
  await host.round();
  assert.equal(await changesOf(() => told("192.0.2.2")), 41);
  assert.equal(await changesOf(() => told("192.0.2.3")), 1, "a peer is lost, another one has the same routes");
  assert.equal(await changesOf(() => host.dataplane.onRoute(hostRoutes[1]!, true)), 0, "nobody goes that way");
  const detour: Route = { ...hostRoutes[1]!, destination: cidr("192.0.2.3/32") };
  assert.equal(await changesOf(() => host.dataplane.onRoute(detour, true)), 1);
  assert.equal(await changesOf(() => told("192.0.2.2", "192.0.2.3")), 44, "a group cannot be made of a single one");
  assert.equal(await changesOf(() => told("192.0.2.2")), 2, "one of two ways is lost: the group and its member");
  assert.equal(await changesOf(() => told("192.0.2.2", "192.0.2.3")), 2);
});
