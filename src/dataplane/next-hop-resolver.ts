import type { BestPath, RouteUpdate } from "../bgp/index.ts";
import {
  type Cidr,
  type IpAddress,
  addressFromBytes,
  addressVersion,
  cidrContains,
  cidrLength,
  cidrVersion,
  makeCidr,
} from "../lib/index.ts";
import type { Route } from "../netlink/index.ts";
import { isOwnRoute } from "./ownership.ts";
import { mainTable } from "./route-protocols.ts";
import { type ResolvedHop, sortHops } from "./resolved-hop.ts";

/** The ways to an address, and what they cost; none when there are no hops. */
type Ways = { readonly hops: readonly ResolvedHop[]; readonly cost: number };

const nowhere: Ways = { hops: [], cost: Infinity };

/** A next hop reached through one reached through one ...: more than this is a loop or a mistake. */
const maxDepth = 8;

/** Paths by prefix; a prefix without any counts as absent. */
type LearnedPaths = ReadonlyMap<Cidr, Pick<RouteUpdate, "paths">>;

/**
 * BGP's next hops need not be neighbours (RFC 4271 section 5.1.3): finds the neighbours that lead to one, by the routes
 * that others have put into the kernel and by what BGP itself has learned. Answers are kept until something changes that
 * one of them rests on.
 */
export class NextHopResolver {
  /** Those of one destination, by what sets them apart. */
  readonly #hostRoutes = new Map<Cidr, Map<string, Route>>();
  /** To workloads of this host. */
  #localRoutes: readonly Route[] = [];
  #localRouteByPrefix: ReadonlyMap<Cidr, Route> = new Map();
  readonly #learned: LearnedPaths;
  #linkIndexByName: ReadonlyMap<string, number>;
  readonly #lengths = { 4: new Set<number>(), 6: new Set<number>() };
  #sortedLengths: { 4: readonly number[]; 6: readonly number[] } | undefined;
  readonly #found = new Map<IpAddress, Ways>();
  /** Prefixes that were looked for: a change of any other changes no answer. */
  readonly #watched = new Set<Cidr>();
  /** Links that were asked for. */
  readonly #linkNames = new Set<string>();
  #isStale = true;
  #version = 0;

  /** Of links those that are up. `learned` is looked at again and again: `noteLearned` says that it changes. */
  constructor(routes: readonly Route[], learned: LearnedPaths, linkIndexByName: ReadonlyMap<string, number>) {
    this.#learned = learned;
    this.#linkIndexByName = linkIndexByName;
    this.setRoutes(routes);
    for (const prefix of learned.keys()) this.noteLearned(prefix);
  }

  /** Grows whenever an answer may have changed. */
  get version(): number {
    return this.#version;
  }

  /** Whether an answer may have changed since the last call. */
  takeStale(): boolean {
    const isStale = this.#isStale;
    this.#isStale = false;
    return isStale;
  }

  /** All routes of the kernel. */
  setRoutes(routes: readonly Route[]): void {
    this.#hostRoutes.clear();
    for (const route of routes) if (isMeant(route)) this.#put(route);
    this.#invalidate();
  }

  /** False: the kernel does not say enough; all routes are to be read. */
  changeRoute(route: Route, isThere: boolean): boolean {
    if (!isMeant(route)) return true;
    const { destination } = route;
    const rivals = this.#hostRoutes.get(destination);
    const key = identity(route);
    if (isThere) {
      // It may have taken the place of another one: IPv6 does not tell which.
      const isAmbiguous =
        cidrVersion(destination) === 6 &&
        !cidrContains(linkLocal, destination) &&
        [...(rivals ?? [])].some(([other, { metric }]) => other !== key && metric === route.metric);
      if (isAmbiguous) return false;
      this.#put(route);
    } else {
      if (rivals?.delete(key) !== true) return rivals === undefined;
      if (rivals.size === 0) this.#hostRoutes.delete(destination);
    }
    if (this.#watched.has(destination)) this.#invalidate();
    return true;
  }

  /** Routes to workloads of this host, which speak BGP too. */
  setLocalRoutes(routes: readonly Route[]): void {
    if (routes === this.#localRoutes) return;
    const before = this.#localRouteByPrefix;
    this.#localRoutes = routes;
    this.#localRouteByPrefix = new Map(routes.map((route) => [route.destination, route]));
    for (const { destination, linkIndex } of routes) {
      if (before.get(destination)?.linkIndex !== linkIndex) this.#noteChange(destination);
    }
    for (const prefix of before.keys()) if (!this.#localRouteByPrefix.has(prefix)) this.#noteChange(prefix);
  }

  #noteChange(prefix: Cidr): void {
    const isNew = this.#noteLength(prefix);
    if (isNew || this.#watched.has(prefix)) this.#invalidate();
  }

  hasRoutesOn(linkIndex: number): boolean {
    for (const rivals of this.#hostRoutes.values()) {
      for (const route of rivals.values()) {
        // The kernel tells of the end of IPv6 routes.
        if (cidrVersion(route.destination) === 6) break;
        if ((route.nextHops ?? [route]).some((hop) => hop.linkIndex === linkIndex)) return true;
      }
    }
    return false;
  }

  /** Of links that are up. */
  setLinks(linkIndexByName: ReadonlyMap<string, number>): void {
    const before = this.#linkIndexByName;
    this.#linkIndexByName = linkIndexByName;
    if ([...this.#linkNames].some((name) => before.get(name) !== linkIndexByName.get(name))) this.#invalidate();
  }

  /** What BGP has learned of the prefix changes. */
  noteLearned(prefix: Cidr): void {
    this.#noteChange(prefix);
  }

  /** Empty: nothing leads there. Ordered, without repeats. */
  resolve(path: Pick<BestPath, "nextHop" | "linkLocalNextHop" | "linkName">): readonly ResolvedHop[] {
    return this.#hopOnLink(path) ?? this.#find(path.nextHop).hops;
  }

  /** The metric of the host's route by which the way begins, of several the least; undefined: nothing leads there. */
  cost(address: IpAddress): number | undefined {
    const { hops, cost } = this.#find(address);
    return hops.length === 0 ? undefined : cost;
  }

  /** Of a peer on a link of its own the link-local address is the way; other links may have the same. */
  #hopOnLink({
    nextHop,
    linkLocalNextHop,
    linkName,
  }: Parameters<NextHopResolver["resolve"]>[0]): ResolvedHop[] | undefined {
    if (linkName === undefined) return undefined;
    const gateway = cidrContains(linkLocal, nextHop) ? nextHop : linkLocalNextHop;
    if (gateway === undefined) return undefined;
    this.#linkNames.add(linkName);
    const linkIndex = this.#linkIndexByName.get(linkName);
    return linkIndex === undefined ? [] : [{ linkIndex, gateway }];
  }

  #find(address: IpAddress): Ways {
    let ways = this.#found.get(address);
    if (ways === undefined) {
      const { hops, cost } = this.#search(address, 0);
      ways = { hops: sortHops(hops), cost };
      this.#found.set(address, ways);
    }
    return ways;
  }

  #search(address: IpAddress, depth: number): Ways {
    if (depth > maxDepth) return nowhere;
    const version = addressVersion(address);
    this.#sortedLengths ??= { 4: descending(this.#lengths[4]), 6: descending(this.#lengths[6]) };
    for (const length of this.#sortedLengths[version]) {
      const prefix = makeCidr(address, length);
      this.#watched.add(prefix);
      const route = best([...(this.#hostRoutes.get(prefix)?.values() ?? []), this.#localRouteByPrefix.get(prefix)]);
      if (route !== undefined) return { hops: hopsOf(route, address), cost: route.metric };
      const paths = this.#learned.get(prefix)?.paths ?? [];
      // A route cannot be the way to its own next hop.
      if (paths.length === 0 || paths.some(({ nextHop }) => nextHop === address)) continue;
      return join(paths.map((path) => this.#searchPath(path, depth + 1)));
    }
    return nowhere;
  }

  #searchPath(path: BestPath, depth: number): Ways {
    const onLink = this.#hopOnLink(path);
    return onLink === undefined ? this.#search(path.nextHop, depth) : { hops: onLink, cost: 0 };
  }

  #put(route: Route): void {
    const { destination } = route;
    const rivals = this.#hostRoutes.get(destination);
    if (rivals === undefined) this.#hostRoutes.set(destination, new Map([[identity(route), route]]));
    else rivals.set(identity(route), route);
    if (this.#noteLength(destination)) this.#invalidate();
  }

  /** Whether there was none of that length before. */
  #noteLength(prefix: Cidr): boolean {
    const lengths = this.#lengths[cidrVersion(prefix)];
    const length = cidrLength(prefix);
    if (lengths.has(length)) return false;
    lengths.add(length);
    this.#sortedLengths = undefined;
    return true;
  }

  #invalidate(): void {
    this.#isStale = true;
    this.#version++;
    this.#found.clear();
    this.#watched.clear();
    this.#linkNames.clear();
  }
}

function isMeant(route: Route): boolean {
  return route.table === mainTable && !isOwnRoute(route);
}

/** Of one destination: IPv4 has one route for each metric; IPv6 may have several. */
function identity({ destination, metric, linkIndex, gateway }: Route): string {
  return cidrVersion(destination) === 4 ? `${metric}` : `${metric} ${linkIndex} ${gateway}`;
}

/** Of those with the lowest metric the first. */
function best(rivals: readonly (Route | undefined)[]): Route | undefined {
  let found: Route | undefined;
  for (const route of rivals) {
    if (route !== undefined && (found === undefined || route.metric < found.metric)) found = route;
  }
  return found;
}

function descending(lengths: ReadonlySet<number>): number[] {
  return [...lengths].sort((a, b) => b - a);
}

const linkLocal = makeCidr(addressFromBytes(Uint8Array.of(0xfe, 0x80, ...new Uint8Array(14))), 10);

/** All of several ways, as ECMP takes them. */
function join(several: readonly Ways[]): Ways {
  const open = several.filter(({ hops }) => hops.length > 0);
  return { hops: open.flatMap(({ hops }) => hops), cost: Math.min(...open.map(({ cost }) => cost)) };
}

/** The first step on the way to `address`. */
function hopsOf(route: Route, address: IpAddress): ResolvedHop[] {
  // Without a link it is a dead end, or an object of somebody else that says the way.
  if (route.type !== "unicast") return [];
  const hops = route.nextHops ?? [route];
  return hops.flatMap(({ linkIndex, gateway }) =>
    linkIndex === undefined ? [] : [{ linkIndex, gateway: gateway ?? address }],
  );
}
