import type { RouteUpdate } from "../bgp/index.ts";
import {
  type AdvertSource,
  type CalcMessage,
  type HostSettings,
  type LocalEndpoint,
  type LocalHostEndpoint,
  defaultSettings,
} from "../calc/index.ts";
import { type IpAddress, type IpVersion, addressToCidr } from "../lib/index.ts";
import type { Link, LinkAddress, NextHop, Route } from "../netlink/index.ts";
import type { Table } from "../nft/index.ts";
import { computeAdverts } from "./adverts.ts";
import { blackholeRoutes } from "./block-routes.ts";
import { type EndpointPlan, planEndpoints } from "./endpoint-plan.ts";
import { chooseHostInterfaces } from "./host-interfaces.ts";
import { LearnedRoutes } from "./learned-routes.ts";
import { PolicyTable, RulesInForce } from "./policy-table.ts";
import { hostSysctls } from "./sysctls.ts";
import type { EndpointStatus, Wanted } from "./wanted.ts";

/**
 * What the kernel and the BGP speaker of this host are to hold, from calc's messages and from what the kernel shows.
 *
 * ```
 *  calc ──> PolicyTable ─────────────────────────────> table ──> kernel ──┐ onTable: now in force
 *    │                                                                    v
 *    ├─ endpoints, links ──> planEndpoints (only where rules are in force) ──> links up, routes, neighbours ...
 *    ├─ blocks, pools ─────> blackhole routes, adverts
 *    BGP ──────────────────> LearnedRoutes ──> next-hop objects, routes
 * ```
 *
 * At start it is told what is there (onLinks, onRoutes, onNextHops, onTable with the dump), then calc's first batch; only
 * then is `wanted` complete, and deletions by it allowed. After each change of the table that the kernel took, onTable
 * again: only that opens an endpoint, so `wanted` is to be asked anew behind it.
 */
export class HostDataplane {
  readonly #policyTable = new PolicyTable();
  readonly #learned = new LearnedRoutes();
  readonly #endpoints = new Map<string, LocalEndpoint>();
  readonly #hostEndpoints = new Map<string, LocalHostEndpoint>();
  #advertSource: AdvertSource = { blocks: [], exportedPools: [], unexportedPools: [] };
  #settings: HostSettings = defaultSettings;
  #links: readonly Link[] = [];
  #addresses: readonly LinkAddress[] = [];
  #inForce = new RulesInForce(undefined);
  #plan: EndpointPlan | undefined;

  onCalc(message: CalcMessage): void {
    switch (message.type) {
      case "endpointUpdate":
        this.#endpoints.set(message.endpoint.id, message.endpoint);
        this.#plan = undefined;
        break;
      case "endpointRemove":
        this.#endpoints.delete(message.id);
        this.#plan = undefined;
        break;
      case "advertUpdate":
        this.#advertSource = message;
        break;
      case "setUpdate":
      case "setChange":
      case "setRemove":
      case "policyUpdate":
      case "policyRemove":
      case "profileUpdate":
      case "profileRemove":
      case "natUpdate":
        this.#policyTable.onCalc(message);
        break;
      case "hostEndpointUpdate":
        this.#hostEndpoints.set(message.endpoint.id, message.endpoint);
        break;
      case "hostEndpointRemove":
        this.#hostEndpoints.delete(message.id);
        break;
      case "settingsUpdate":
        this.#settings = message;
        this.#plan = undefined;
        this.#policyTable.onCalc(message);
        break;
      // The rest of it is the speaker's.
      case "bgpUpdate":
        this.#learned.setWays(message.sessions);
        break;
    }
  }

  /** All links of the host. */
  onLinks(links: readonly Link[]): void {
    this.#links = links;
    this.#plan = undefined;
    this.#learned.onLinks(links);
  }

  /** All addresses of the host's links. */
  onAddresses(addresses: readonly LinkAddress[]): void {
    this.#addresses = addresses;
  }

  /** All routes of the kernel. */
  onRoutes(routes: readonly Route[]): void {
    this.#learned.onRoutes(routes);
  }

  /** All next-hop objects of the kernel. */
  onNextHops(nextHops: readonly NextHop[]): void {
    this.#learned.onNextHops(nextHops);
  }

  /** The table as the kernel has it: dumped, or wanted by us and accepted. Undefined: there is none. */
  onTable(table: Table | undefined): void {
    this.#inForce = new RulesInForce(table);
    this.#plan = undefined;
  }

  onBgpRoutes(updates: readonly RouteUpdate[]): void {
    this.#learned.onUpdates(updates);
  }

  /** BGP has told all routes of that version after a start; until then those found in the kernel stay. */
  onBgpSettled(version: IpVersion): void {
    this.#learned.onSettled(version);
  }

  wanted(): Wanted {
    const plan = this.#planEndpoints();
    this.#policyTable.setEndpoints(plan.active, plan.refused);
    const hosts = this.#hostEndpoints.values();
    this.#policyTable.setHostInterfaces(chooseHostInterfaces(hosts, this.#links, this.#addresses));
    const { blocks } = this.#advertSource;
    this.#learned.setLocalPrefixes(new Set([...blocks, ...plan.localAddresses.map(addressToCidr)]));
    this.#learned.setLocalRoutes(plan.routes);
    const learned = this.#learned.wanted();
    return {
      table: this.#policyTable.table(),
      sysctls: [...hostSysctls, ...plan.sysctls],
      links: plan.links,
      addresses: plan.addresses,
      neighbours: plan.neighbours,
      nextHops: learned.nextHops,
      routes: [...plan.routes, ...blackholeRoutes(blocks), ...learned.routes],
      adverts: computeAdverts(this.#advertSource, plan.localAddresses),
    };
  }

  /** Ordered by id. */
  endpoints(): readonly EndpointStatus[] {
    return this.#planEndpoints().statuses;
  }

  /** What the way to a BGP next hop costs, by the metrics of the host's routes; undefined when it cannot be reached. */
  nextHopCost(address: IpAddress): number | undefined {
    return this.#learned.resolver().cost(address);
  }

  #planEndpoints(): EndpointPlan {
    this.#plan ??= planEndpoints({
      endpoints: this.#endpoints.values(),
      links: this.#links,
      canSpoof: this.#settings.canSpoof,
      isInForce: (endpoint) => this.#inForce.has(endpoint),
    });
    return this.#plan;
  }
}
