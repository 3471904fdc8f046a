import type { LocalEndpoint } from "../calc/index.ts";
import { type Cidr, type IpAddress, addressToCidr, cidrVersion } from "../lib/index.ts";
import type { Link, LinkAddress, Neighbour, Route } from "../netlink/index.ts";
import { compareTexts } from "../selector/index.ts";
import { gatewayAddress4, gatewayAddress6 } from "./gateway.ts";
import { isOwnLink, workloadPrefix } from "./ownership.ts";
import { mainTable, normalMetric, routeProtocols } from "./route-protocols.ts";
import { linkSysctls } from "./sysctls.ts";
import type { EndpointStatus, Sysctl, WantedLink } from "./wanted.ts";

export type EndpointPlanInput = {
  readonly choice: EndpointChoice;
  readonly links: readonly Link[];
  /** Endpoints that ask for sources beside their own are let; else they are refused as a whole. */
  readonly canSpoof: boolean;
  /** Whether the kernel has the endpoint's rules. */
  readonly isInForce: (endpoint: LocalEndpoint) => boolean;
};

/** Which endpoint has which interface, whether that is there or not. */
export type EndpointChoice = {
  /** Ordered by id. */
  readonly all: readonly LocalEndpoint[];
  /** Those that have rules: one for each interface. Ordered by id. */
  readonly active: readonly LocalEndpoint[];
  /** Interfaces of endpoints that are refused: they stay closed, whatever their names are. */
  readonly refused: readonly string[];
};

/** What the endpoints of this host need beside rules. */
export type EndpointPlan = {
  readonly links: readonly WantedLink[];
  readonly sysctls: readonly Sysctl[];
  readonly addresses: readonly LinkAddress[];
  readonly neighbours: readonly Neighbour[];
  readonly routes: readonly Route[];
  /** Addresses that a workload of this host answers at by now. */
  readonly localAddresses: readonly IpAddress[];
  readonly statuses: readonly EndpointStatus[];
};

/** An endpoint with its interface. */
type PresentEndpoint = { readonly endpoint: LocalEndpoint; readonly link: Link; readonly parts: EndpointParts };

/** What one endpoint needs on one interface. Made once, so that what stays the same are the same objects in every plan. */
type EndpointParts = {
  readonly index: number;
  readonly name: string;
  readonly wish: WantedLink;
  readonly sysctls: readonly Sysctl[];
  readonly gateway: LinkAddress;
  readonly neighbourByAddress: ReadonlyMap<IpAddress, Neighbour>;
  readonly routeByAddress: ReadonlyMap<IpAddress, Route>;
};

export type PartsByEndpoint = WeakMap<LocalEndpoint, EndpointParts>;

/**
 * Of several endpoints that name one interface the lowest id has it; the others wait. `canSpoof`: endpoints that ask for sources
 * beside their own are let; else they are refused as a whole.
 */
export function chooseEndpoints(endpoints: Iterable<LocalEndpoint>, canSpoof: boolean): EndpointChoice {
  const all = [...endpoints].sort((a, b) => compareTexts(a.id, b.id));
  const byInterface = new Map<string, LocalEndpoint>();
  for (const endpoint of all) {
    const isRefused = !canSpoof && endpoint.spoofable.length > 0;
    if (!isRefused && !byInterface.has(endpoint.interfaceName)) byInterface.set(endpoint.interfaceName, endpoint);
  }
  const left = all.filter(({ interfaceName }) => !byInterface.has(interfaceName));
  const refused = [...new Set(left.map(({ interfaceName }) => interfaceName))].sort();
  return { all, active: [...byInterface.values()], refused };
}

/** Interfaces that we made, by names that neither an endpoint nor our prefix stands for: somebody renamed them. */
export function strayInterfaces({ active }: EndpointChoice, links: readonly Link[]): readonly string[] {
  const names = new Set(active.map(({ interfaceName }) => interfaceName));
  const strays = links.filter(
    (link) => isOwnLink(link) && !link.name.startsWith(workloadPrefix) && !names.has(link.name),
  );
  return strays.map(({ name }) => name);
}

/** `known`: what earlier plans have made. */
export function planEndpoints(input: EndpointPlanInput, known: PartsByEndpoint): EndpointPlan {
  const { all, active } = input.choice;
  const linkByName = new Map(input.links.map((link) => [link.name, link]));
  const present = active.flatMap((endpoint) => {
    const link = linkByName.get(endpoint.interfaceName);
    return link === undefined ? [] : [{ endpoint, link, parts: partsOf(endpoint, link, known) }];
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
    links: [...(loopback === undefined ? [] : [wishFor(loopback)]), ...ready.map(({ parts }) => parts.wish)],
    sysctls: present.flatMap(({ parts }) => parts.sysctls),
    addresses: [
      ...(loopback === undefined ? [] : [gatewayOnLoopback(loopback)]),
      ...live.map(({ parts }) => parts.gateway),
    ],
    neighbours: [...ownerByAddress].flatMap(([address, { parts }]) => parts.neighbourByAddress.get(address) ?? []),
    routes: [...ownerByAddress].flatMap(([address, { parts }]) => parts.routeByAddress.get(address) ?? []),
    localAddresses: [...ownerByAddress.keys()],
    statuses: all.map((endpoint) => describe(endpoint, situation)),
  };
}

/** An address that two workloads have is that of the newer interface; when it goes the older one gets it back. */
function chooseOwners(live: readonly PresentEndpoint[]): Map<IpAddress, PresentEndpoint> {
  const owners = new Map<IpAddress, PresentEndpoint>();
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

function partsOf(endpoint: LocalEndpoint, link: Link, known: PartsByEndpoint): EndpointParts {
  const before = known.get(endpoint);
  const { index, name } = link;
  if (before?.index === index && before.name === name) return before;
  const { addresses, mac } = endpoint;
  const parts: EndpointParts = {
    index,
    name,
    wish: wishFor(link),
    sysctls: linkSysctls(name, endpoint.spoofable.length > 0),
    gateway: gatewayOnLink(link),
    neighbourByAddress: new Map(
      mac === undefined ? [] : addresses.map((address) => [address, neighbourOf(address, mac, link)]),
    ),
    routeByAddress: new Map(addresses.map((address) => [address, localRoute(addressToCidr(address), link)])),
  };
  known.set(endpoint, parts);
  return parts;
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
  readonly ownerByAddress: ReadonlyMap<IpAddress, PresentEndpoint>;
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
