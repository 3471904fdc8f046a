import type { BestPath, RouteUpdate } from "../bgp/index.ts";
import type { SessionWanted } from "../calc/index.ts";
import {
  type Cidr,
  type IpAddress,
  type IpVersion,
  addressToCidr,
  cidrContains,
  cidrVersion,
  parseCidr,
} from "../lib/index.ts";
import type { Link, NextHop, Route } from "../netlink/index.ts";
import { NextHopResolver } from "./next-hop-resolver.ts";
import { isOwnRoute } from "./ownership.ts";
import { type ResolvedHop, sortHops } from "./resolved-hop.ts";
import { localPrefToMetric, mainTable, routeProtocols } from "./route-protocols.ts";
import { type Way, type WayObject, WayObjects } from "./way-objects.ts";

export type LearnedWanted = { readonly nextHops: readonly NextHop[]; readonly routes: readonly Route[] };

/** One prefix: what was wanted of it and what is now. Both absent, or both the same: nothing is to be done. */
export type LearnedChange = { readonly before: Route | undefined; readonly after: Route | undefined };

/** What is known of one prefix. There are 100,000: every field counts. */
type Learned = {
  readonly prefix: Cidr;
  /** The best ones of BGP, or the way to a peer that is written down; empty when there are none, or none was told yet. */
  paths: readonly BestPath[];
  /** By BGP, since the start. What is not was left by the agent before. */
  isTold: boolean;
  metric: number;
  object: WayObject<Learned> | undefined;
  at: number;
  target: Way<Learned> | undefined;
  /** As it was given out last. */
  route: Route | undefined;
  /** In the list of what is to be looked at. */
  isDirty: boolean;
};

/**
 * BGP's best routes as kernel routes, which name next-hop objects (way-objects.ts). Work is proportional to what changes:
 * everything leaves a note of the prefixes it is about, and `changes` looks at those.
 */
export class LearnedRoutes {
  readonly #learned = new Map<Cidr, Learned>();
  /** Ways to peers that are written down. */
  #peerWays: ReadonlyMap<Cidr, IpAddress> = new Map();
  /** What BGP tells of those prefixes. */
  readonly #toldOfPeers = new Map<Cidr, readonly BestPath[]>();
  readonly #ways = new WayObjects<Learned>((one) => this.#mark(one));
  #dirty: Learned[] = [];
  readonly #resolver = new NextHopResolver([], this.#learned, new Map());
  /** Those of BGP in the kernel, until they are adopted. */
  #kernelRoutes: readonly Route[] = [];
  #mustAdopt = false;
  #localPrefixes: ReadonlySet<Cidr> = new Set();
  /** Addresses of this host's own links, as the kernel has them in its table "local"; with the links that have them. */
  readonly #ownAddresses = new Map<Cidr, Set<number | undefined>>();
  readonly #settled = new Set<IpVersion>();
  readonly #resolve = (paths: readonly BestPath[]): readonly ResolvedHop[] => this.#hopsOf(paths);

  onUpdates(updates: readonly RouteUpdate[]): void {
    for (const update of updates) this.#update(update);
  }

  /** All links of the host. */
  onLinks(links: readonly Link[]): void {
    this.#resolver.setLinks(new Map(links.filter(({ isUp }) => isUp).map(({ name, index }) => [name, index])));
  }

  /** All routes of the kernel; those of BGP matter until it is settled. */
  onRoutes(routes: readonly Route[]): void {
    this.#resolver.setRoutes(routes);
    const before = [...this.#ownAddresses.keys()];
    this.#ownAddresses.clear();
    for (const route of routes) this.#noteOwnAddress(route, true);
    for (const prefix of [...before, ...this.#ownAddresses.keys()]) this.#touch(prefix);
    this.#kernelRoutes = routes.filter((route) => isOwnRoute(route) && this.mayAdopt(route));
    this.#mustAdopt = true;
  }

  /** The agent before left it, and BGP may tell it again. */
  mayAdopt({ protocol, destination }: Route): boolean {
    return protocol === routeProtocols.bgp && !this.#settled.has(cidrVersion(destination));
  }

  /** A route of somebody else came, changed or went. False: who can say what the kernel has now? It is to be read again. */
  onRoute(route: Route, isThere: boolean): boolean {
    this.#noteOwnAddress(route, isThere);
    return this.#resolver.changeRoute(route, isThere);
  }

  /** Whether routes of others lead over the link. */
  hasRoutesOn(linkIndex: number): boolean {
    return this.#resolver.hasRoutesOn(linkIndex);
  }

  /** All next-hop objects of the kernel. */
  onNextHops(nextHops: readonly NextHop[]): void {
    this.#ways.observe(nextHops);
  }

  /** The peers have told everything they know: what an agent before left in the kernel has had its time. */
  onSettled(version: IpVersion): void {
    this.#settled.add(version);
    for (const one of this.#learned.values()) {
      if (one.paths.length === 0 && cidrVersion(one.prefix) === version) this.#forget(one);
    }
  }

  /** How peers are to be reached, each by way of a neighbour. */
  setPeerWays(sessions: readonly SessionWanted[]): void {
    const before = this.#peerWays;
    this.#peerWays = new Map(
      sessions.flatMap(({ address, reachableBy }): [Cidr, IpAddress][] =>
        reachableBy === undefined ? [] : [[addressToCidr(address), reachableBy]],
      ),
    );
    for (const prefix of new Set([...before.keys(), ...this.#peerWays.keys()])) {
      if (before.get(prefix) === this.#peerWays.get(prefix)) continue;
      const told = before.has(prefix) ? this.#toldOfPeers.get(prefix) : this.#learned.get(prefix)?.paths;
      this.#toldOfPeers.delete(prefix);
      this.#update({ prefix, paths: told ?? [] });
    }
  }

  /** Routes to workloads of this host, which may be next hops: they speak BGP too. */
  setLocalRoutes(routes: readonly Route[]): void {
    this.#resolver.setLocalRoutes(routes);
  }

  /** Prefixes of this host itself. Nobody else has them, whatever BGP says. */
  setLocalPrefixes(prefixes: ReadonlySet<Cidr>): void {
    const before = this.#localPrefixes;
    if (prefixes === before) return;
    this.#localPrefixes = prefixes;
    for (const prefix of before.symmetricDifference(prefixes)) this.#touch(prefix);
  }

  /** Prefixes of which something is known. */
  get size(): number {
    return this.#learned.size;
  }

  /** Grows whenever the ways to BGP's next hops may have changed. */
  get waysVersion(): number {
    return this.#resolver.version;
  }

  resolver(): NextHopResolver {
    return this.#resolver;
  }

  /**
   * One item for each prefix that was touched since the last time, to be taken to the end before anything else is told;
   * nextHopChanges comes behind it.
   */
  *changes(): Generator<LearnedChange> {
    if (this.#mustAdopt) this.#adopt();
    if (this.#resolver.takeStale()) this.#ways.refresh(this.#resolve);
    this.#ways.decide();
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const one of dirty) {
      if (this.#isOwn(one.prefix)) this.#ways.leave(one);
      else if (one.object === undefined && one.target === undefined) this.#plan(one);
      this.#ways.follow(one);
      one.isDirty = false;
      const before = one.route;
      one.route = this.#routeOf(one);
      yield { before, after: one.route };
    }
  }

  /** Objects that came, changed or went; to be asked for behind the end of `changes`. */
  nextHopChanges(): ReturnType<WayObjects<Learned>["takeChanges"]> {
    return this.#ways.takeChanges();
  }

  /** All of it. */
  wanted(): LearnedWanted {
    for (const _ of this.changes());
    const routes = [...this.#learned.values()].flatMap(({ route }) => route ?? []);
    return { nextHops: this.#ways.nextHops(), routes };
  }

  #update({ prefix, paths: told }: RouteUpdate): void {
    const peerWay = this.#peerWays.get(prefix);
    if (peerWay !== undefined) this.#toldOfPeers.set(prefix, told);
    const paths = peerWay === undefined ? told : [pathBy(peerWay)];
    let one = this.#learned.get(prefix);
    if (one === undefined) {
      // A prefix without paths stays until its version is settled: somebody has said that it is gone.
      if (paths.length === 0 && this.#settled.has(cidrVersion(prefix))) return;
      one = newLearned(prefix, 0);
      this.#learned.set(prefix, one);
    }
    const [best] = paths;
    if (one.paths.length > 0 || best !== undefined) this.#resolver.noteLearned(prefix);
    one.paths = paths;
    one.isTold = true;
    this.#mark(one);
    if (best === undefined) {
      if (this.#settled.has(cidrVersion(prefix))) this.#forget(one);
      else this.#ways.leave(one);
      return;
    }
    one.metric = localPrefToMetric(best.localPref);
    this.#plan(one);
  }

  #plan(one: Learned): void {
    const { paths } = one;
    if (paths.length > 0) this.#ways.plan(one, this.#ways.way(wayKey(paths), paths, this.#resolve));
  }

  #forget(one: Learned): void {
    this.#learned.delete(one.prefix);
    this.#ways.leave(one);
    this.#mark(one);
  }

  #mark(one: Learned): void {
    if (one.isDirty) return;
    one.isDirty = true;
    this.#dirty.push(one);
  }

  #touch(prefix: Cidr): void {
    const one = this.#learned.get(prefix);
    if (one !== undefined) this.#mark(one);
  }

  #routeOf({ prefix, metric, object, route }: Learned): Route | undefined {
    if (object === undefined || object.kind === "none") return undefined;
    if (route?.nextHopId === object.id && route.metric === metric) return route;
    return {
      destination: prefix,
      table: mainTable,
      protocol: routeProtocols.bgp,
      metric,
      type: "unicast",
      scope: "universe",
      nextHopId: object.id,
    };
  }

  #isOwn(prefix: Cidr): boolean {
    return this.#localPrefixes.has(prefix) || this.#ownAddresses.has(prefix);
  }

  #noteOwnAddress({ type, destination, linkIndex }: Route, isThere: boolean): void {
    // Every link has the same link-local ones, and nobody announces those.
    if (type !== "local" || cidrContains(linkLocal, destination)) return;
    const links = this.#ownAddresses.get(destination);
    if (!isThere) {
      links?.delete(linkIndex);
      if (links?.size === 0) this.#ownAddresses.delete(destination);
    } else if (links === undefined) this.#ownAddresses.set(destination, new Set([linkIndex]));
    else links.add(linkIndex);
    this.#touch(destination);
  }

  /** Several paths may lead through one neighbour. */
  #hopsOf(paths: readonly BestPath[]): readonly ResolvedHop[] {
    const [first, second] = paths;
    if (first !== undefined && second === undefined) return this.#resolver.resolve(first);
    return sortHops(paths.flatMap((path) => this.#resolver.resolve(path)));
  }

  /** After a restart the kernel goes on with what the agent before had learned, until the peers have told it again. */
  #adopt(): void {
    this.#mustAdopt = false;
    const present = new Set<Cidr>();
    for (const route of this.#kernelRoutes) {
      const { destination: prefix, nextHopId, metric } = route;
      const known = this.#learned.get(prefix);
      if (this.#settled.has(cidrVersion(prefix)) || nextHopId === undefined) continue;
      if (known === undefined) {
        const one = newLearned(prefix, metric);
        one.isTold = false;
        if (!this.#ways.adopt(one, nextHopId)) continue;
        this.#learned.set(prefix, one);
        this.#mark(one);
      } else if (known.isTold && known.object === undefined && known.target !== undefined) {
        // Told before the kernel was looked at: it may well go where the kernel sends it already.
        const { target } = known;
        if (this.#ways.adopt(known, nextHopId)) this.#ways.plan(known, target);
      }
      present.add(prefix);
    }
    for (const one of this.#learned.values()) if (!one.isTold && !present.has(one.prefix)) this.#forget(one);
    this.#kernelRoutes = [];
  }
}

function newLearned(prefix: Cidr, metric: number): Learned {
  return {
    prefix,
    paths: none,
    isTold: true,
    metric,
    object: undefined,
    at: 0,
    target: undefined,
    route: undefined,
    isDirty: false,
  };
}

const none: readonly BestPath[] = [];

function pathBy(nextHop: IpAddress): BestPath {
  return { nextHop, peer: nextHop, peerName: "", isInternal: true, asPath: [], communities: [] };
}

const linkLocal = parseCidr("fe80::/10") ?? neverLinkLocal();

function neverLinkLocal(): never {
  throw new Error("assertion failed: fe80::/10 is a prefix");
}

/** The BGP next hops, in any order. */
function wayKey(paths: readonly BestPath[]): string {
  const [first, second] = paths;
  if (first !== undefined && second === undefined) return pathKey(first);
  return [...new Set(paths.map(pathKey))].sort().join("|");
}

function pathKey({ nextHop, linkName, linkLocalNextHop }: BestPath): string {
  return linkName === undefined ? nextHop : `${nextHop} ${linkName} ${linkLocalNextHop ?? ""}`;
}
