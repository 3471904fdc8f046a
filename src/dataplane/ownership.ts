import type { HostSettings } from "../calc/index.ts";
import type { Link, LinkAddress, Neighbour, NextHop, Route } from "../netlink/index.ts";
import { fit } from "./chain-names.ts";
import { gatewayAddress4, gatewayAddress6 } from "./gateway.ts";
import { mainTable, routeProtocols } from "./route-protocols.ts";

/**
 * How an agent that has just started, with no memory, knows what in the kernel is its own. What is not, it never changes
 * or deletes. One entry for every kind of kernel object; a new kind starts here.
 */
export const ownership = {
  nftTable: "the table `tortie` of family inet, with all that is in it",
  route: "in table main, by protocol: 121 local, 122 BGP",
  nextHop: "by protocol 122",
  neighbour: "by protocol 121 (NDA_PROTOCOL)",
  linkAddress: "169.254.1.1/32 on lo; fe80::1/64 on a workload's link",
  link: "by its alias `tortie:NAMESPACE/NAME`. A link that an orchestrator made is used and never deleted",
  sysctl: "owned by nobody: written when it differs, never set back",
} as const;

export const tableName = "tortie";

/** What the names of workload links begin with unless an orchestrator names them. Such a link is closed until it is known. */
export const workloadPrefix = "tt";

/** Beginnings of the names of workloads' interfaces. */
export function workloadPrefixes({ interfacePrefixes }: Pick<HostSettings, "interfacePrefixes">): readonly string[] {
  return [workloadPrefix, ...interfacePrefixes.filter((prefix) => !prefix.startsWith(workloadPrefix))];
}

const aliasPrefix = "tortie:";

/** The kernel takes no longer alias. */
const maxAliasLength = 255;

export function workloadAlias(namespace: string, name: string): string {
  return fit(`${aliasPrefix}${namespace}/${name}`, maxAliasLength);
}

/** Whether we made the link, and may delete it. */
export function isOwnLink(link: Link): boolean {
  return link.alias?.startsWith(aliasPrefix) === true;
}

/** Whether the link leads to a workload as far as one can see by looking at it. */
export function isWorkloadLink(link: Link): boolean {
  return link.name.startsWith(workloadPrefix) || isOwnLink(link);
}

export function isOwnRoute(route: Route): boolean {
  return (
    route.table === mainTable && (route.protocol === routeProtocols.local || route.protocol === routeProtocols.bgp)
  );
}

/** Of those the ones that lead to a workload of this host. */
export function isWorkloadRoute(route: Route): boolean {
  return isOwnRoute(route) && route.protocol === routeProtocols.local && route.type === "unicast";
}

export function isOwnNextHop(nextHop: NextHop): boolean {
  return nextHop.protocol === routeProtocols.bgp;
}

export function isOwnNeighbour(neighbour: Neighbour): boolean {
  return neighbour.protocol === routeProtocols.local;
}

/** `link` is the one that has the address. */
export function isOwnAddress(address: LinkAddress, link: Link): boolean {
  if (address.address === gatewayAddress4) return link.name === "lo";
  return address.address === gatewayAddress6 && isWorkloadLink(link);
}
