import type { RouteUpdate } from "../bgp/index.ts";
import { type Cidr, type IpAddress, addressVersion, cidrLength, cidrVersion, makeCidr } from "../lib/index.ts";
import type { Route } from "../netlink/index.ts";
import { isOwnRoute } from "./ownership.ts";
import { mainTable } from "./route-protocols.ts";

/** Who gets the packet next, on which link. */
export type ResolvedHop = { readonly linkIndex: number; readonly gateway: IpAddress };

/** A next hop reached through one reached through one ...: more than this is a loop or a mistake. */
const maxDepth = 8;

/**
 * BGP's next hops need not be neighbours (RFC 4271 section 5.1.3): finds the neighbours that lead to one, by the routes
 * that others have put into the kernel and by what BGP itself has learned.
 */
export class NextHopResolver {
  readonly #hostRoutes = new Map<Cidr, Route>();
  readonly #learned: ReadonlyMap<Cidr, RouteUpdate>;
  readonly #lengths = { 4: new Set<number>(), 6: new Set<number>() };
  readonly #found = new Map<IpAddress, readonly ResolvedHop[]>();

  constructor(routes: readonly Route[], learned: ReadonlyMap<Cidr, RouteUpdate>) {
    this.#learned = learned;
    for (const route of routes) {
      if (route.table !== mainTable || isOwnRoute(route)) continue;
      const rival = this.#hostRoutes.get(route.destination);
      if (rival !== undefined && rival.metric <= route.metric) continue;
      this.#hostRoutes.set(route.destination, route);
      this.#noteLength(route.destination);
    }
    for (const prefix of learned.keys()) this.#noteLength(prefix);
  }

  /** Empty: nothing leads there. Ordered, without repeats. */
  resolve(address: IpAddress): readonly ResolvedHop[] {
    let hops = this.#found.get(address);
    if (hops === undefined) {
      const byKey = new Map(this.#resolve(address, 0).map((hop) => [`${hop.linkIndex} ${hop.gateway}`, hop]));
      hops = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, hop]) => hop);
      this.#found.set(address, hops);
    }
    return hops;
  }

  #resolve(address: IpAddress, depth: number): ResolvedHop[] {
    if (depth > maxDepth) return [];
    const version = addressVersion(address);
    for (const length of [...this.#lengths[version]].sort((a, b) => b - a)) {
      const prefix = makeCidr(address, length);
      const route = this.#hostRoutes.get(prefix);
      if (route !== undefined) return hopsOf(route, address);
      const paths = this.#learned.get(prefix)?.paths ?? [];
      // A route cannot be the way to its own next hop.
      if (paths.length === 0 || paths.some(({ nextHop }) => nextHop === address)) continue;
      return paths.flatMap(({ nextHop }) => this.#resolve(nextHop, depth + 1));
    }
    return [];
  }

  #noteLength(prefix: Cidr): void {
    this.#lengths[cidrVersion(prefix)].add(cidrLength(prefix));
  }
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
