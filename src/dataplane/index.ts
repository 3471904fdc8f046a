// From calc's messages, links and BGP routes to all that the kernel of this host is to hold, and what BGP announces.
// Must not talk to the kernel, and never works out a difference: kernel/ compares with what is there.
// Start at host-dataplane.ts; ownership.ts says for every kind of kernel object how we know that it is ours.
export { type FlowEnd, FlowJudge } from "./flow-judge.ts";
export { FlowOwners } from "./flow-owners.ts";
export { gatewayAddress4, gatewayAddress6, gatewayMac } from "./gateway.ts";
export { HostDataplane } from "./host-dataplane.ts";
export { type Health, judgeHealth } from "./judge-health.ts";
export { allMarks, marks } from "./marks.ts";
export type { ResolvedHop } from "./resolved-hop.ts";
export {
  isOwnAddress,
  isOwnLink,
  isOwnNeighbour,
  isOwnNextHop,
  isOwnRoute,
  isWorkloadLink,
  isWorkloadRoute,
  ownership,
  tableName,
  workloadAlias,
  workloadPrefix,
} from "./ownership.ts";
export { PolicyTable } from "./policy-table.ts";
export { mainTable, normalMetric, routeProtocols } from "./route-protocols.ts";
export type { EndpointStatus, LocalWanted, Sysctl, Wanted, WantedLink } from "./wanted.ts";
