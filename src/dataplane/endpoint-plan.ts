import type { LocalEndpoint } from "../calc/index.ts";
import { type Cidr, type IpAddress, addressToCidr, cidrVersion } from "../lib/index.ts";
import type { Link, LinkAddress, Neighbour, Route } from "../netlink/index.ts";
import { compareTexts } from "../selector/index.ts";
import { gatewayAddress4, gatewayAddress6 } from "./gateway.ts";
import { mainTable, normalMetric, routeProtocols } from "./route-protocols.ts";
import { linkSysctls } from "./sysctls.ts";
import type { EndpointStatus, Sysctl, WantedLink } from "./wanted.ts";

export type EndpointPlanInput = {
  readonly endpoints: Iterable<LocalEndpoint>;
  readonly links: readonly Link[];
  /** Endpoints that ask for sources beside their own are let; else they are refused as a whole. */
  readonly canSpoof: boolean;
  /** Whether the kernel has the endpoint's rules. */
  readonly isInForce: (endpoint: LocalEndpoint) => boolean;
};

/** What the endpoints of this host need beside rules. */
export type EndpointPlan = {
  /** Those that have rules: one for each interface. Ordered by id. */
  readonly active: readonly LocalEndpoint[];
  /** Interfaces of endpoints that are refused: they stay closed, whatever their names are. */
  readonly refused: readonly string[];
  readonly links: readonly WantedLink[];
  readonly sysctls: readonly Sysctl[];
  readonly addresses: readonly LinkAddress[];
  readonly neighbours: readonly Neighbour[];
  readonly routes: readonly Route[];
  /** Addresses that a workload of this host answers at by now. */
  readonly localAddresses: readonly IpAddress[];
  readonly statuses: readonly EndpointStatus[];
};

/** An endpoint whose interface carries packets. */
type LiveEndpoint = { readonly endpoint: LocalEndpoint; readonly link: Link };

/** Of several endpoints that name one interface the lowest id has it; the others wait. Ordered by id. */
function chooseActive(endpoints: Iterable<LocalEndpoint>): LocalEndpoint[] {
  const byInterface = new Map<string, LocalEndpoint>();
  const sorted = [...endpoints].sort((a, b) => compareTexts(a.id, b.id));
  for (const endpoint of sorted) {
    if (!byInterface.has(endpoint.interfaceName)) byInterface.set(endpoint.interfaceName, endpoint);
  }
  return [...byInterface.values()];
}

export function planEndpoints(input: EndpointPlanInput): EndpointPlan {
  const endpoints = [...input.endpoints];
  const active = chooseActive(endpoints.filter(({ spoofable }) => input.canSpoof || spoofable.length === 0));
  const linkByName = new Map(input.links.map((link) => [link.name, link]));
  const present = active.flatMap((endpoint) => {
    const link = linkByName.get(endpoint.interfaceName);
    return link === undefined ? [] : [{ endpoint, link }];
  });
  const ready = present.filter(({ endpoint }) => input.isInForce(endpoint));
  const live = ready.filter(({ link }) => link.isUp);
  const ownerByAddress = chooseOwners(live);
  const loopback = linkByName.get("lo");
  const situation = {
    canSpoof: input.canSpoof,
    active: new Set(active),
    linkByName,
    isInForce: input.isInForce,
    ownerByAddress,
  };
  return {
    active,
    refused: refusedInterfaces(endpoints, active),
    links: [...(loopback === undefined ? [] : [loopback]), ...ready.map(({ link }) => link)].map(({ index, name }) => ({
      index,
      name,
      isUp: true,
    })),
    sysctls: present.flatMap(({ link }) => linkSysctls(link.name)),
    addresses: [...(loopback === undefined ? [] : [gatewayOnLoopback(loopback)]), ...live.map(gatewayOnLink)],
    neighbours: [...ownerByAddress].flatMap(([address, owner]) => neighbourOf(address, owner)),
    routes: [...ownerByAddress].map(([address, { link }]) => localRoute(addressToCidr(address), link)),
    localAddresses: [...ownerByAddress.keys()],
    statuses: endpoints.map((endpoint) => describe(endpoint, situation)).sort((a, b) => compareTexts(a.id, b.id)),
  };
}

/** Those that no other endpoint has. */
function refusedInterfaces(endpoints: readonly LocalEndpoint[], active: readonly LocalEndpoint[]): string[] {
  const taken = new Set(active.map(({ interfaceName }) => interfaceName));
  return [...new Set(endpoints.map(({ interfaceName }) => interfaceName))].filter((name) => !taken.has(name)).sort();
}

/** An address that two workloads have is that of the newer interface; when it goes the older one gets it back. */
function chooseOwners(live: readonly LiveEndpoint[]): Map<IpAddress, LiveEndpoint> {
  const owners = new Map<IpAddress, LiveEndpoint>();
  for (const candidate of live) {
    for (const address of candidate.endpoint.addresses) {
      const owner = owners.get(address);
      if (owner === undefined || owner.link.index < candidate.link.index) owners.set(address, candidate);
    }
  }
  return owners;
}

/** On lo, so that the host answers ARP for it on every link, at once: a proxy would wait up to 0.8 s. */
function gatewayOnLoopback(loopback: Link): LinkAddress {
  return { linkIndex: loopback.index, address: gatewayAddress4, length: 32, scope: "link" };
}

/** Brings the route for link-local sources too, which the test for forged sources looks for. */
function gatewayOnLink({ link }: LiveEndpoint): LinkAddress {
  return { linkIndex: link.index, address: gatewayAddress6, length: 64, scope: "link", isNoDad: true };
}

/** Permanent: the first packet need not wait, no workload can take another's address, and the table has no limit for it. */
function neighbourOf(address: IpAddress, { endpoint, link }: LiveEndpoint): Neighbour[] {
  if (endpoint.mac === undefined) return [];
  const { mac } = endpoint;
  return [{ linkIndex: link.index, address, mac, state: "permanent", protocol: routeProtocols.local }];
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

type Situation = {
  readonly canSpoof: boolean;
  readonly active: ReadonlySet<LocalEndpoint>;
  readonly linkByName: ReadonlyMap<string, Link>;
  readonly isInForce: (endpoint: LocalEndpoint) => boolean;
  readonly ownerByAddress: ReadonlyMap<IpAddress, LiveEndpoint>;
};

function describe(endpoint: LocalEndpoint, situation: Situation): EndpointStatus {
  const { id, interfaceName, addresses } = endpoint;
  const state = stateOf(endpoint, situation);
  const lostAddresses =
    state === "up" ? addresses.filter((address) => situation.ownerByAddress.get(address)?.endpoint !== endpoint) : [];
  return { id, interfaceName, state, lostAddresses };
}

function stateOf(endpoint: LocalEndpoint, situation: Situation): EndpointStatus["state"] {
  if (!situation.canSpoof && endpoint.spoofable.length > 0) return "refused";
  if (!situation.active.has(endpoint)) return "shadowed";
  const link = situation.linkByName.get(endpoint.interfaceName);
  if (link === undefined) return "absent";
  if (!situation.isInForce(endpoint)) return "closed";
  return link.isUp ? "up" : "down";
}
