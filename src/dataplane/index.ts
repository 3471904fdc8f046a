// From calc's messages, links and BGP routes to all that the kernel of this host is to hold, and what BGP announces.
// Must not talk to the kernel, and never works out a difference: kernel/ compares with what is there.
// Start at host-dataplane.ts; ownership.ts says for every kind of kernel object how we know that it is ours.
export { gatewayAddress4, gatewayAddress6, gatewayMac } from "./gateway.ts";
export { HostDataplane } from "./host-dataplane.ts";
export { allMarks, marks } from "./marks.ts";
export type { ResolvedHop } from "./next-hop-resolver.ts";
export {
  isOwnAddress,
  isOwnLink,
  isOwnNeighbour,
  isOwnNextHop,
  isOwnRoute,
  isWorkloadLink,
  ownership,
  tableName,
  workloadAlias,
  workloadPrefix,
} from "./ownership.ts";
export { PolicyTable } from "./policy-table.ts";
export { mainTable, normalMetric, routeProtocols } from "./route-protocols.ts";
export type { EndpointStatus, Sysctl, Wanted, WantedLink } from "./wanted.ts";
