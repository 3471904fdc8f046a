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

/** Who gets the packet next, on which link. */
export type ResolvedHop = { readonly linkIndex: number; readonly gateway: IpAddress };

/** The ways to an address, and what they cost; none when there are no hops. */
type Ways = { readonly hops: readonly ResolvedHop[]; readonly cost: number };

const nowhere: Ways = { hops: [], cost: Infinity };

/** A next hop reached through one reached through one ...: more than this is a loop or a mistake. */
const maxDepth = 8;

/**
 * BGP's next hops need not be neighbours (RFC 4271 section 5.1.3): finds the neighbours that lead to one, by the routes
 * that others have put into the kernel and by what BGP itself has learned.
 */
export class NextHopResolver {
  readonly #hostRoutes = new Map<Cidr, Route>();
  readonly #learned: ReadonlyMap<Cidr, RouteUpdate>;
  readonly #linkIndexByName: ReadonlyMap<string, number>;
  readonly #lengths = { 4: new Set<number>(), 6: new Set<number>() };
  readonly #found = new Map<IpAddress, Ways>();

  /** `local` are routes to workloads of this host, of links those that are up. */
  constructor(
    routes: readonly Route[],
    local: readonly Route[],
    learned: ReadonlyMap<Cidr, RouteUpdate>,
    linkIndexByName: ReadonlyMap<string, number>,
  ) {
    this.#learned = learned;
    this.#linkIndexByName = linkIndexByName;
    const others = routes.filter((route) => route.table === mainTable && !isOwnRoute(route));
    for (const route of [...others, ...local]) {
      const rival = this.#hostRoutes.get(route.destination);
      if (rival !== undefined && rival.metric <= route.metric) continue;
      this.#hostRoutes.set(route.destination, route);
      this.#noteLength(route.destination);
    }
    for (const prefix of learned.keys()) this.#noteLength(prefix);
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
    const linkIndex = this.#linkIndexByName.get(linkName);
    return linkIndex === undefined ? [] : [{ linkIndex, gateway }];
  }

  #find(address: IpAddress): Ways {
    let ways = this.#found.get(address);
    if (ways === undefined) {
      const { hops, cost } = this.#search(address, 0);
      const byKey = new Map(hops.map((hop) => [`${hop.linkIndex} ${hop.gateway}`, hop]));
      ways = { hops: [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, hop]) => hop), cost };
      this.#found.set(address, ways);
    }
    return ways;
  }

  #search(address: IpAddress, depth: number): Ways {
    if (depth > maxDepth) return nowhere;
    const version = addressVersion(address);
    for (const length of [...this.#lengths[version]].sort((a, b) => b - a)) {
      const prefix = makeCidr(address, length);
      const route = this.#hostRoutes.get(prefix);
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

  #noteLength(prefix: Cidr): void {
    this.#lengths[cidrVersion(prefix)].add(cidrLength(prefix));
  }
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
