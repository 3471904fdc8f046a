import { isDeepStrictEqual } from "node:util";
import type { BestPath, RouteUpdate } from "../bgp/index.ts";
import type { SessionWanted } from "../calc/index.ts";
import { type Cidr, type IpAddress, type IpVersion, addressToCidr, addressVersion, cidrVersion } from "../lib/index.ts";
import type { Link, NextHop, Route } from "../netlink/index.ts";
import { NextHopIds } from "./next-hop-ids.ts";
import { NextHopResolver, type ResolvedHop } from "./next-hop-resolver.ts";
import { isOwnRoute } from "./ownership.ts";
import { localPrefToMetric, mainTable, routeProtocols } from "./route-protocols.ts";

export type LearnedWanted = { readonly nextHops: readonly NextHop[]; readonly routes: readonly Route[] };

/**
 * BGP's best routes as kernel routes. Every neighbour is one next-hop object and every set of neighbours one group; the
 * routes only name them.
 */
export class LearnedRoutes {
  readonly #updates = new Map<Cidr, RouteUpdate>();
  /** Ways to peers that are written down; they go before what is learned. */
  #ways: ReadonlyMap<Cidr, RouteUpdate> = new Map();
  readonly #ids = new NextHopIds();
  #kernelRoutes: readonly Route[] = [];
  #kernelNextHops: readonly NextHop[] = [];
  /** Of links that are up. */
  #linkIndexByName: ReadonlyMap<string, number> = new Map();
  #localPrefixes: ReadonlySet<Cidr> = new Set();
  #localRoutes: readonly Route[] = [];
  /** Addresses of this host's own links, as the kernel has them in its table "local". */
  #ownAddresses: ReadonlySet<Cidr> = new Set();
  readonly #settled = new Set<IpVersion>();
  #resolver: NextHopResolver | undefined;
  #wanted: LearnedWanted | undefined;

  onUpdates(updates: readonly RouteUpdate[]): void {
    // A prefix without paths stays until its version is settled: somebody has said that it is gone.
    for (const update of updates) {
      if (update.paths.length === 0 && this.#settled.has(cidrVersion(update.prefix)))
        this.#updates.delete(update.prefix);
      else this.#updates.set(update.prefix, update);
    }
    this.#touch();
  }

  /** All links of the host. */
  onLinks(links: readonly Link[]): void {
    const up = new Map(links.filter(({ isUp }) => isUp).map(({ name, index }) => [name, index]));
    const before = this.#linkIndexByName;
    if (up.size === before.size && [...up].every(([name, index]) => before.get(name) === index)) return;
    this.#linkIndexByName = up;
    this.#touch();
  }

  /** All routes of the kernel. */
  onRoutes(routes: readonly Route[]): void {
    this.#kernelRoutes = routes;
    this.#ownAddresses = new Set(routes.filter(({ type }) => type === "local").map(({ destination }) => destination));
    this.#touch();
  }

  /** All next-hop objects of the kernel. */
  onNextHops(nextHops: readonly NextHop[]): void {
    this.#kernelNextHops = nextHops;
    this.#ids.observe(nextHops);
    this.#touch();
  }

  /** The peers have told everything they know: what an agent before left in the kernel has had its time. */
  onSettled(version: IpVersion): void {
    this.#settled.add(version);
    for (const [prefix, { paths }] of this.#updates) {
      if (paths.length === 0 && cidrVersion(prefix) === version) this.#updates.delete(prefix);
    }
    this.#touch();
  }

  /** How peers are to be reached, each by way of a neighbour. */
  setWays(sessions: readonly SessionWanted[]): void {
    const before = this.#ways;
    this.#ways = new Map(
      sessions.flatMap(({ address, reachableBy }): [Cidr, RouteUpdate][] =>
        reachableBy === undefined ? [] : [[addressToCidr(address), wayBy(addressToCidr(address), reachableBy)]],
      ),
    );
    if (!isDeepStrictEqual(before, this.#ways)) this.#touch();
  }

  /** Prefixes of this host itself. Nobody else has them, whatever BGP says. */
  setLocalPrefixes(prefixes: ReadonlySet<Cidr>): void {
    if (prefixes.size === this.#localPrefixes.size && prefixes.isSubsetOf(this.#localPrefixes)) return;
    this.#localPrefixes = prefixes;
    this.#touch();
  }

  /** Routes to workloads of this host, which may be next hops: they speak BGP too. */
  setLocalRoutes(routes: readonly Route[]): void {
    const textOf = (all: readonly Route[]) =>
      all.map(({ destination, linkIndex }) => `${destination} ${linkIndex}`).join();
    if (textOf(routes) === textOf(this.#localRoutes)) return;
    this.#localRoutes = routes;
    this.#touch();
  }

  wanted(): LearnedWanted {
    this.#wanted ??= this.#compute();
    return this.#wanted;
  }

  resolver(): NextHopResolver {
    this.#resolver ??= new NextHopResolver(this.#kernelRoutes, this.#localRoutes, this.#all(), this.#linkIndexByName);
    return this.#resolver;
  }

  #touch(): void {
    this.#wanted = undefined;
    this.#resolver = undefined;
  }

  #compute(): LearnedWanted {
    const plan = new NextHopPlan(this.#ids);
    const routes: Route[] = [];
    for (const { prefix, paths } of this.#all().values()) {
      const [best] = paths;
      if (best === undefined || this.#isOwn(prefix)) continue;
      const nextHopId = plan.use(this.#hopsOf(paths));
      if (nextHopId === undefined) continue;
      routes.push({
        destination: prefix,
        table: mainTable,
        protocol: routeProtocols.bgp,
        metric: localPrefToMetric(best.localPref),
        type: "unicast",
        scope: "universe",
        nextHopId,
      });
    }
    for (const route of this.#adopted()) {
      plan.adopt(route.nextHopId, this.#kernelNextHops);
      routes.push(route);
    }
    const nextHops = plan.nextHops();
    this.#ids.forgetAllBut(new Set(nextHops.map(({ id }) => id)));
    return { nextHops, routes };
  }

  #all(): ReadonlyMap<Cidr, RouteUpdate> {
    return this.#ways.size === 0 ? this.#updates : new Map([...this.#updates, ...this.#ways]);
  }

  #isOwn(prefix: Cidr): boolean {
    return this.#localPrefixes.has(prefix) || this.#ownAddresses.has(prefix);
  }

  /** Several paths may lead through one neighbour. */
  #hopsOf(paths: readonly BestPath[]): ResolvedHop[] {
    const resolver = this.resolver();
    const hops = paths.flatMap((path) => resolver.resolve(path));
    return [...new Map(hops.map((hop) => [`${hop.linkIndex} ${hop.gateway}`, hop])).values()];
  }

  /** After a restart the kernel goes on with what the agent before had learned, until the peers have told it again. */
  #adopted(): Route[] {
    return this.#kernelRoutes.filter(
      (route) =>
        isOwnRoute(route) &&
        route.protocol === routeProtocols.bgp &&
        !this.#settled.has(cidrVersion(route.destination)) &&
        !this.#updates.has(route.destination) &&
        !this.#ways.has(route.destination) &&
        !this.#isOwn(route.destination),
    );
  }
}

function wayBy(prefix: Cidr, nextHop: IpAddress): RouteUpdate {
  return {
    prefix,
    paths: [{ nextHop, peer: nextHop, peerName: "", isInternal: true, asPath: [], communities: [] }],
  };
}

/** The next-hop objects that routes need. */
class NextHopPlan {
  readonly #ids: NextHopIds;
  readonly #singles = new Map<number, NextHop>();
  readonly #groups = new Map<number, NextHop>();

  constructor(ids: NextHopIds) {
    this.#ids = ids;
  }

  /** The id to name in a route; undefined when there is no way. */
  use(hops: readonly ResolvedHop[]): number | undefined {
    const ids = hops.map((hop) => this.#useSingle(hop));
    const [first, second] = ids;
    if (first === undefined || second === undefined) return first;
    const members = ids.toSorted((a, b) => a - b).map((id) => ({ id, weight: 1 }));
    const group = { protocol: routeProtocols.bgp, group: members };
    const id = this.#ids.idOf(group);
    this.#groups.set(id, { id, ...group });
    return id;
  }

  /** Keeps an object of the kernel, with its members. */
  adopt(id: number | undefined, present: readonly NextHop[]): void {
    if (id === undefined || this.#singles.has(id) || this.#groups.has(id)) return;
    const nextHop = present.find((candidate) => candidate.id === id);
    if (nextHop === undefined) return;
    if (nextHop.group === undefined) {
      this.#singles.set(id, nextHop);
      return;
    }
    this.#groups.set(id, nextHop);
    for (const member of nextHop.group) this.adopt(member.id, present);
  }

  nextHops(): NextHop[] {
    const inOrder = (map: ReadonlyMap<number, NextHop>) => [...map.values()].sort((a, b) => a.id - b.id);
    return [...inOrder(this.#singles), ...inOrder(this.#groups)];
  }

  #useSingle({ linkIndex, gateway }: ResolvedHop): number {
    const nextHop = { protocol: routeProtocols.bgp, version: addressVersion(gateway), linkIndex, gateway };
    const id = this.#ids.idOf(nextHop);
    if (!this.#singles.has(id)) this.#singles.set(id, { id, ...nextHop });
    return id;
  }
}
