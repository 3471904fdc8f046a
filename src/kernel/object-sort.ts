import { mainTable, normalMetric } from "../dataplane/index.ts";
import { cidrVersion } from "../lib/index.ts";
import type { LinkAddress, Neighbour, NextHop, Route, RouteChange, RouteHop } from "../netlink/index.ts";

/** What reconciliation must know about one sort of kernel object. */
export type ObjectSort<V> = {
  /** By which the kernel tells two objects of the sort apart. */
  keyOf(value: V): string;
  /** The form in which the kernel gives it back. */
  normalize(value: V): V;
  /** Whether the kernel has what is wanted; both normalized, of the same key. What is not wanted in particular may be anything. */
  isSame(wanted: V, present: V): boolean;
  /** The links with which it goes away. */
  linksOf(value: V): readonly number[];
  /** Ids of the next-hop objects that it names. */
  nextHopsOf(value: V): readonly number[];
  /** `isKnown`: an object of ours has the key, and is replaced. */
  put(value: V, isKnown: boolean): RouteChange;
  remove(value: V): RouteChange;
};

const none: readonly number[] = [];

export const addressSort: ObjectSort<LinkAddress> = {
  keyOf: ({ linkIndex, address, length }) => `${linkIndex} ${address}/${length}`,
  normalize: (address) => address,
  // The rest cannot be changed on an address that is there.
  isSame: () => true,
  // IPv4 addresses stay when their link goes down; of IPv6 ones the kernel tells.
  linksOf: () => none,
  nextHopsOf: () => none,
  put: (address) => ({ type: "putAddress", address }),
  remove: (address) => ({ type: "deleteAddress", address }),
};

export const neighbourSort: ObjectSort<Neighbour> = {
  keyOf: ({ linkIndex, address }) => `${linkIndex} ${address}`,
  normalize: (neighbour) => neighbour,
  isSame: (wanted, present) =>
    wanted.mac === present.mac &&
    wanted.state === present.state &&
    (wanted.protocol === undefined || wanted.protocol === present.protocol),
  linksOf: ({ linkIndex }) => [linkIndex],
  nextHopsOf: () => none,
  put: (neighbour) => ({ type: "putNeighbour", neighbour }),
  remove: (neighbour) => ({ type: "deleteNeighbour", neighbour }),
};

export const nextHopSort: ObjectSort<NextHop> = {
  keyOf: ({ id }) => String(id),
  normalize: (nextHop) =>
    nextHop.group === undefined ? nextHop : { ...nextHop, group: nextHop.group.toSorted((a, b) => a.id - b.id) },
  isSame: (wanted, present) =>
    wanted.protocol === present.protocol &&
    wanted.gateway === present.gateway &&
    wanted.linkIndex === present.linkIndex &&
    (wanted.group !== undefined || wanted.version === present.version) &&
    (wanted.isOnlink === true) === (present.isOnlink === true) &&
    (wanted.isBlackhole === true) === (present.isBlackhole === true) &&
    isSameGroup(wanted.group, present.group),
  linksOf: ({ linkIndex }) => (linkIndex === undefined ? none : [linkIndex]),
  nextHopsOf: ({ group }) => group?.map(({ id }) => id) ?? none,
  put: (nextHop) => ({ type: "putNextHop", nextHop }),
  remove: (nextHop) => ({ type: "deleteNextHop", nextHop }),
};

export const routeSort: ObjectSort<Route> = {
  // Nearly all are like this, and then the key is no text of its own.
  keyOf: ({ destination, table, metric }) =>
    table === mainTable && metric === normalMetric ? destination : `${destination} ${table} ${metric}`,
  normalize: normalizeRoute,
  isSame: (wanted, present) =>
    wanted.protocol === present.protocol &&
    wanted.type === present.type &&
    wanted.scope === present.scope &&
    wanted.source === present.source &&
    wanted.nextHopId === present.nextHopId &&
    isSameHop(wanted, present) &&
    isSameHops(wanted.nextHops, present.nextHops),
  linksOf: ({ linkIndex, nextHops }) => {
    if (nextHops === undefined) return linkIndex === undefined ? none : [linkIndex];
    return nextHops.flatMap((hop) => hop.linkIndex ?? none);
  },
  nextHopsOf: ({ nextHopId }) => (nextHopId === undefined ? none : [nextHopId]),
  // Somebody else's route of the same key is not ours to replace.
  put: (route, isKnown) => ({ type: "putRoute", route, isExclusive: !isKnown }),
  remove: (route) => ({ type: "deleteRoute", route }),
};

/** IP6_RT_PRIO_USER: what an IPv6 route gets that asks for metric 0. */
const ipv6DefaultMetric = 1024;

function normalizeRoute(route: Route): Route {
  const isV6 = cidrVersion(route.destination) === 6;
  const isNormal = !isV6 || (route.metric !== 0 && route.scope === "universe");
  if (isNormal && route.nextHops === undefined) return route;
  const metric = isV6 && route.metric === 0 ? ipv6DefaultMetric : route.metric;
  const normal: Route = { ...route, metric, scope: isV6 ? "universe" : route.scope };
  const [hop, ...more] = route.nextHops ?? [];
  if (hop === undefined) return normal;
  const { nextHops: _, ...rest } = normal;
  if (more.length > 0) return { ...rest, nextHops: [hop, ...more].toSorted(compareHops) };
  // The kernel keeps no difference between one way and a list of one.
  const { weight: __, ...way } = hop;
  return { ...rest, ...way };
}

function compareHops(a: RouteHop, b: RouteHop): number {
  const textOf = (hop: RouteHop) => `${hop.gateway ?? ""} ${hop.linkIndex ?? ""}`;
  const [first, second] = [textOf(a), textOf(b)];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

type Hop = Pick<RouteHop, "linkIndex" | "gateway" | "isOnlink">;

/** A gateway without a link is on the link that the kernel finds for it. */
function isSameHop(wanted: Hop, present: Hop): boolean {
  return (
    wanted.gateway === present.gateway &&
    (wanted.linkIndex === undefined || wanted.linkIndex === present.linkIndex) &&
    (wanted.isOnlink === true) === (present.isOnlink === true)
  );
}

function isSameHops(wanted: readonly RouteHop[] = [], present: readonly RouteHop[] = []): boolean {
  return (
    wanted.length === present.length &&
    wanted.every((hop, i) => {
      const other = present[i];
      return other !== undefined && hop.weight === other.weight && isSameHop(hop, other);
    })
  );
}

type Group = NonNullable<NextHop["group"]>;

function isSameGroup(wanted: Group = [], present: Group = []): boolean {
  return (
    wanted.length === present.length &&
    wanted.every(({ id, weight }, i) => id === present[i]?.id && weight === present[i]?.weight)
  );
}
