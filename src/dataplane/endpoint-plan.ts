import type { LocalEndpoint } from "../calc/index.ts";
import { type Cidr, type IpAddress, addressToCidr, cidrVersion, differing } from "../lib/index.ts";
import type { Link, LinkAddress, Neighbour, Route } from "../netlink/index.ts";
import type { EndpointChoice } from "./endpoint-chooser.ts";
import { gatewayAddress4, gatewayAddress6 } from "./gateway.ts";
import { isOwnLink, workloadPrefix } from "./ownership.ts";
import { mainTable, normalMetric, routeProtocols } from "./route-protocols.ts";
import type { Touched } from "./rules-in-force.ts";
import { linkSysctls } from "./sysctls.ts";
import type { EndpointStatus, Sysctl, WantedLink } from "./wanted.ts";

export type EndpointPlanInput = {
  readonly choice: EndpointChoice;
  readonly links: readonly Link[];
  /** Endpoints that ask for sources beside their own are let; else they are refused as a whole. */
  readonly canSpoof: boolean;
  /** Whether the kernel has the endpoint's rules. */
  readonly isInForce: (endpoint: LocalEndpoint) => boolean;
  /** Interfaces of endpoints for which that may have changed since the plan before. */
  readonly touched: Touched;
};

/** What the endpoints of this host need beside rules. */
export type EndpointPlan = {
  readonly links: readonly WantedLink[];
  readonly sysctls: readonly Sysctl[];
  readonly addresses: readonly LinkAddress[];
  readonly neighbours: readonly Neighbour[];
  /** To each address that a workload of this host answers at by now. */
  readonly routes: readonly Route[];
  readonly statuses: readonly EndpointStatus[];
};

type MutablePlan = { -readonly [K in keyof EndpointPlan]: EndpointPlan[K][number][] };

/** An endpoint that has an interface, or would have it if it were there. */
type Place = {
  readonly endpoint: LocalEndpoint;
  link: Link | undefined;
  /** While the link is there. Made once, so that what stays the same are the same objects in every plan. */
  parts: EndpointParts | undefined;
  state: EndpointStatus["state"];
  status: EndpointStatus;
  /** Addresses that an endpoint on a newer interface has too. */
  lost: ReadonlySet<IpAddress>;
};

/** What one endpoint needs on one interface. */
type EndpointParts = {
  readonly link: LinkParts;
  /** For each of its addresses. */
  readonly neighbours: readonly Neighbour[];
  readonly routes: readonly Route[];
};

type LinkParts = {
  readonly wish: WantedLink;
  readonly sysctls: readonly Sysctl[];
  readonly gateway: LinkAddress;
};

const none: ReadonlySet<never> = new Set();

/**
 * Keeps the plan for the endpoints of this host. What is made of endpoints, links and rules that have not changed is not looked
 * at again; a list in which nothing has changed is the same object as before.
 */
export class EndpointPlanner {
  #choice: EndpointChoice = { all: [], active: [], refused: [] };
  #links: readonly Link[] = [];
  #linkByName: ReadonlyMap<string, Link> = new Map();
  #loopback: Pick<LinkParts, "wish" | "gateway"> | undefined;
  /** One for each active endpoint. */
  #places: readonly Place[] = [];
  readonly #placeByInterface = new Map<string, Place>();
  /** Who answers at an address, or would. */
  readonly #claims = new Map<IpAddress, Set<Place>>();
  #plan: EndpointPlan | undefined;

  plan(input: EndpointPlanInput): EndpointPlan {
    const touched = this.#takeLinks(input.links);
    const before = this.#choice;
    this.#choice = input.choice;
    const fresh = this.#takeEndpoints(before.active, input.choice.active);
    if (input.touched === "all") for (const place of this.#places) this.#look(place, input);
    else {
      for (const place of fresh) this.#look(place, input);
      for (const name of touched.union(input.touched)) {
        const place = this.#placeByInterface.get(name);
        if (place !== undefined) this.#look(place, input);
      }
    }
    const after = this.#gather(input.canSpoof);
    this.#plan = this.#plan === undefined ? after : keepSame(this.#plan, after);
    return this.#plan;
  }

  /** Names of the links that are others now. */
  #takeLinks(links: readonly Link[]): ReadonlySet<string> {
    const { a, b } = differing(this.#links, links);
    if (a.length === 0 && b.length === 0) return none;
    this.#links = links;
    this.#linkByName = new Map(links.map((link) => [link.name, link]));
    const loopback = this.#linkByName.get("lo");
    this.#loopback =
      loopback === undefined ? undefined : { wish: wishFor(loopback), gateway: gatewayOnLoopback(loopback) };
    return new Set([...a, ...b].map(({ name }) => name));
  }

  /** The places of those that are new. */
  #takeEndpoints(before: readonly LocalEndpoint[], after: readonly LocalEndpoint[]): readonly Place[] {
    const { head, a, b } = differing(before, after);
    const old = new Map(this.#places.slice(head, head + a.length).map((place) => [place.endpoint, place]));
    const fresh: Place[] = [];
    const places = b.map((endpoint) => {
      const known = old.get(endpoint);
      if (known !== undefined) {
        old.delete(endpoint);
        return known;
      }
      const place = this.#newPlace(endpoint);
      fresh.push(place);
      return place;
    });
    for (const place of old.values()) {
      this.#setState(place, "absent");
      const { interfaceName } = place.endpoint;
      if (this.#placeByInterface.get(interfaceName) === place) this.#placeByInterface.delete(interfaceName);
    }
    for (const place of fresh) this.#placeByInterface.set(place.endpoint.interfaceName, place);
    this.#places = this.#places.slice(0, head).concat(places, this.#places.slice(head + a.length));
    return fresh;
  }

  #newPlace(endpoint: LocalEndpoint): Place {
    const before = this.#placeByInterface.get(endpoint.interfaceName);
    // Other rules alone are no reason for other parts.
    const isAlike = before !== undefined && isSameButForRules(before.endpoint, endpoint);
    const { link, parts } = isAlike ? before : { link: undefined, parts: before?.parts };
    return { endpoint, link, parts, state: "absent", status: statusOf(endpoint, "absent", none), lost: none };
  }

  /** Brings the place up to date with its link and its rules. */
  #look(place: Place, { isInForce }: EndpointPlanInput): void {
    const { endpoint } = place;
    const link = this.#linkByName.get(endpoint.interfaceName);
    if (link === undefined) place.parts = undefined;
    else if (place.link === undefined || place.parts === undefined || !isSamePlace(link, place.link))
      place.parts = partsOf(endpoint, link, place.parts?.link);
    const isMoved = place.link?.index !== link?.index;
    if (isMoved) this.#setState(place, "absent");
    place.link = link;
    if (link === undefined) this.#setState(place, "absent");
    else if (!isInForce(endpoint)) this.#setState(place, "closed");
    else this.#setState(place, link.isUp ? "up" : "down");
  }

  #setState(place: Place, state: Place["state"]): void {
    if (place.state === state) return;
    const isTouched = place.state === "up" || state === "up";
    place.state = state;
    place.status = statusOf(place.endpoint, state, place.lost);
    if (!isTouched) return;
    for (const address of place.endpoint.addresses) {
      const claims = this.#claims.get(address) ?? new Set();
      if (state === "up") claims.add(place);
      else claims.delete(place);
      if (claims.size === 0) this.#claims.delete(address);
      else this.#claims.set(address, claims);
      settle(address, claims);
    }
    if (state !== "up") setLost(place, none);
  }

  #gather(canSpoof: boolean): EndpointPlan {
    const plan: MutablePlan = {
      links: [],
      sysctls: [],
      addresses: [],
      neighbours: [],
      routes: [],
      statuses: [],
    };
    if (this.#loopback !== undefined) {
      plan.links.push(this.#loopback.wish);
      plan.addresses.push(this.#loopback.gateway);
    }
    for (const place of this.#places) addTo(plan, place);
    plan.statuses = this.#statuses(canSpoof);
    return plan;
  }

  #statuses(canSpoof: boolean): EndpointStatus[] {
    const { all, active } = this.#choice;
    if (all.length === active.length) return this.#places.map(({ status }) => status);
    return all.map((endpoint) => {
      const place = this.#placeByInterface.get(endpoint.interfaceName);
      if (place?.endpoint === endpoint) return place.status;
      return statusOf(endpoint, !canSpoof && endpoint.spoofable.length > 0 ? "refused" : "shadowed", none);
    });
  }
}

function addTo(plan: MutablePlan, { endpoint, parts, state, lost }: Place): void {
  if (parts === undefined) return;
  for (const sysctl of parts.link.sysctls) plan.sysctls.push(sysctl);
  if (state !== "up" && state !== "down") return;
  plan.links.push(parts.link.wish);
  if (state !== "up") return;
  plan.addresses.push(parts.link.gateway);
  const { addresses } = endpoint;
  for (let at = 0; at < addresses.length; at++) {
    const [address, route, neighbour] = [addresses[at], parts.routes[at], parts.neighbours[at]];
    if (address === undefined || lost.has(address)) continue;
    if (route !== undefined) plan.routes.push(route);
    if (neighbour !== undefined) plan.neighbours.push(neighbour);
  }
}

/** Interfaces that we made, by names that neither an endpoint nor our prefix stands for: somebody renamed them. */
export function strayInterfaces({ active }: EndpointChoice, links: readonly Link[]): readonly string[] {
  const names = new Set(active.map(({ interfaceName }) => interfaceName));
  const strays = links.filter(
    (link) => isOwnLink(link) && !link.name.startsWith(workloadPrefix) && !names.has(link.name),
  );
  return strays.map(({ name }) => name);
}

/** An address that two workloads have is that of the newer interface; when it goes the older one gets it back. */
function settle(address: IpAddress, claims: ReadonlySet<Place>): void {
  let owner: Place | undefined;
  for (const place of claims) if (owner === undefined || indexOf(owner) < indexOf(place)) owner = place;
  for (const place of claims) {
    if (place.lost.has(address) === (place !== owner)) continue;
    setLost(place, place.lost.symmetricDifference(new Set([address])));
  }
}

function indexOf({ link }: Place): number {
  return link?.index ?? 0;
}

function setLost(place: Place, lost: ReadonlySet<IpAddress>): void {
  if (place.lost === lost) return;
  place.lost = lost;
  place.status = statusOf(place.endpoint, place.state, lost);
}

function statusOf(
  { id, interfaceName, addresses }: LocalEndpoint,
  state: EndpointStatus["state"],
  lost: ReadonlySet<IpAddress>,
): EndpointStatus {
  return { id, interfaceName, state, lostAddresses: addresses.filter((address) => lost.has(address)) };
}

function isSameButForRules(a: LocalEndpoint, b: LocalEndpoint): boolean {
  return (
    a.mac === b.mac &&
    a.interfaceName === b.interfaceName &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((address, at) => address === b.addresses[at])
  );
}

function isSamePlace(a: Pick<Link, "index" | "name">, b: Pick<Link, "index" | "name">): boolean {
  return a.index === b.index && a.name === b.name;
}

/** Lists that say the same as before are the ones of before. */
function keepSame(before: EndpointPlan, after: EndpointPlan): EndpointPlan {
  const keep = <T>(old: readonly T[], fresh: readonly T[]): readonly T[] => (isSameList(old, fresh) ? old : fresh);
  return {
    links: keep(before.links, after.links),
    sysctls: keep(before.sysctls, after.sysctls),
    addresses: keep(before.addresses, after.addresses),
    neighbours: keep(before.neighbours, after.neighbours),
    routes: keep(before.routes, after.routes),
    statuses: keep(before.statuses, after.statuses),
  };
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** On lo, so that the host answers ARP for it on every link, at once: a proxy would wait up to 0.8 s. */
function gatewayOnLoopback(loopback: Link): LinkAddress {
  return { linkIndex: loopback.index, address: gatewayAddress4, length: 32, scope: "link" };
}

/** Brings the route for link-local sources too, which the test for forged sources looks for. */
function gatewayOnLink(link: Link): LinkAddress {
  return { linkIndex: link.index, address: gatewayAddress6, length: 64, scope: "link", isNoDad: true };
}

/** Permanent: the first packet need not wait, no workload can take another's address, and the table has no limit for it. */
function neighbourOf(address: IpAddress, mac: string, link: Link): Neighbour {
  return { linkIndex: link.index, address, mac, state: "permanent", protocol: routeProtocols.local };
}

function wishFor({ index, name }: Link): WantedLink {
  return { index, name, isUp: true };
}

/** `known`: what was made of the link before, if it was there. */
function partsOf({ addresses, mac }: LocalEndpoint, link: Link, known: LinkParts | undefined): EndpointParts {
  return {
    link: known !== undefined && isSamePlace(known.wish, link) ? known : linkPartsOf(link),
    neighbours: mac === undefined ? [] : addresses.map((address) => neighbourOf(address, mac, link)),
    routes: addresses.map((address) => localRoute(addressToCidr(address), link)),
  };
}

function linkPartsOf(link: Link): LinkParts {
  return { wish: wishFor(link), sysctls: linkSysctls(link.name), gateway: gatewayOnLink(link) };
}

function localRoute(destination: Cidr, link: Link): Route {
  return {
    destination,
    table: mainTable,
    protocol: routeProtocols.local,
    metric: normalMetric,
    type: "unicast",
    // IPv6 routes have no scope.
    scope: cidrVersion(destination) === 6 ? "universe" : "link",
    linkIndex: link.index,
  };
}
