import { type NetlinkMessage, readMessages, readU32 } from "../lib/index.ts";
import { RTM_NEWNETCONF, isOfAllLinks } from "./host-settings.ts";
import { type LinkAddress, RTM_DELADDR, RTM_NEWADDR, readLinkAddress } from "./link-address.ts";
import { type Link, RTM_DELLINK, RTM_NEWLINK, readLink } from "./link.ts";
import { type Neighbour, RTM_DELNEIGH, RTM_NEWNEIGH, readNeighbour } from "./neighbour.ts";
import { type NextHop, RTM_DELNEXTHOP, RTM_NEWNEXTHOP, readNextHop } from "./next-hop.ts";
import { RTM_DELROUTE, RTM_NEWROUTE, type Route, readRoute } from "./route.ts";

/** One row of a dump, or what the kernel tells about a change: something is there now (also: is otherwise), or is gone. */
export type RouteEvent = (
  | { readonly type: "newLink" | "delLink"; readonly link: Link }
  | { readonly type: "newAddress" | "delAddress"; readonly address: LinkAddress }
  | { readonly type: "newRoute" | "delRoute"; readonly route: Route }
  | { readonly type: "newNeighbour" | "delNeighbour"; readonly neighbour: Neighbour }
  | { readonly type: "newNextHop" | "delNextHop"; readonly nextHop: NextHop }
  /** A setting of all links together is another, and with forwarding that of each link; which one is not told. */
  | { readonly type: "newSettings" }
) & {
  /** Port of the netlink socket that caused it; 0 when the kernel did so of itself. */
  readonly portId: number;
};

/** Multicast groups of a sort of object, by RTNLGRP_ number, both IP versions. */
export const monitorGroups = {
  links: [1],
  neighbours: [3],
  addresses: [5, 9],
  routes: [7, 11],
  nextHops: [32],
  settings: [24, 25],
} as const satisfies Readonly<Record<string, readonly number[]>>;

export type MonitorGroup = keyof typeof monitorGroups;

/** The numbers of newLink and delLink. */
export const linkEventTypes: readonly number[] = [RTM_NEWLINK, RTM_DELLINK];

/** All events of a datagram. Messages and attributes that we do not know are passed over. */
export function readRouteEvents(datagram: Uint8Array): RouteEvent[] {
  return readMessages(datagram).flatMap((message) => readRouteEvent(message) ?? []);
}

/** Undefined for messages of other sorts, and for those that make no sense. */
export function readRouteEvent(message: NetlinkMessage): RouteEvent | undefined {
  const portId = readPortId(message);
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = readLink(message.body);
      return link && { type: message.type === RTM_NEWLINK ? "newLink" : "delLink", link, portId };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = readLinkAddress(message.body);
      return address && { type: message.type === RTM_NEWADDR ? "newAddress" : "delAddress", address, portId };
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = readRoute(message.body);
      return route && { type: message.type === RTM_NEWROUTE ? "newRoute" : "delRoute", route, portId };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const neighbour = readNeighbour(message.body);
      return neighbour && { type: message.type === RTM_NEWNEIGH ? "newNeighbour" : "delNeighbour", neighbour, portId };
    }
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP: {
      const nextHop = readNextHop(message.body);
      return nextHop && { type: message.type === RTM_NEWNEXTHOP ? "newNextHop" : "delNextHop", nextHop, portId };
    }
    case RTM_NEWNETCONF:
      return isOfAllLinks(message.body) ? { type: "newSettings", portId } : undefined;
  }
  return undefined;
}

/** nlmsg_pid: the last field of the header, which lies right in front of the body. */
function readPortId(message: NetlinkMessage): number {
  const { body } = message;
  return readU32(new Uint8Array(body.buffer, body.byteOffset - 4, 4));
}
