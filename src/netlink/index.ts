// The rtnetlink language: links, addresses, routes, neighbours, next hops as values, and their messages both ways.
// Must not send anything, know an errno's meaning, or decide what should be there; any octets decode without a throw.
// Start at route-change.ts (what we tell the kernel) and route-event.ts (what it tells us).
export { type Answer, isInterrupted, readAnswer } from "./answer.ts";
export { type DumpRequest, encodeDumpRequest } from "./dump-request.ts";
export type { LinkAddress } from "./link-address.ts";
export type { Link, LinkSettings, VethToCreate } from "./link.ts";
export type { Neighbour, NeighbourState } from "./neighbour.ts";
export type { NextHop } from "./next-hop.ts";
export { type RouteChange, writeChanges } from "./route-change.ts";
export {
  type MonitorGroup,
  type RouteEvent,
  linkEventTypes,
  monitorGroups,
  readRouteEvent,
  readRouteEvents,
} from "./route-event.ts";
export type { Route, RouteHop, RouteScope, RouteType } from "./route.ts";
