import type { RouteUpdate } from "../bgp/index.ts";
import {
  type AdvertSource,
  type CalcMessage,
  type EndpointTier,
  type HostSettings,
  type LocalHostEndpoint,
  defaultSettings,
} from "../calc/index.ts";
import { type Cidr, type IpAddress, type IpVersion } from "../lib/index.ts";
import type { Link, LinkAddress, NextHop, Route } from "../netlink/index.ts";
import type { Table } from "../nft/index.ts";
import { computeAdverts } from "./adverts.ts";
import { blackholeRoutes } from "./block-routes.ts";
import { EndpointChooser } from "./endpoint-chooser.ts";
import { type EndpointPlan, EndpointPlanner, strayInterfaces } from "./endpoint-plan.ts";
import type { HostInterfaces } from "./host-chains.ts";
import { chooseHostInterfaces } from "./host-interfaces.ts";
import type { FlowEnd } from "./flow-judge.ts";
import { LearnedRoutes } from "./learned-routes.ts";
import { isOwnRoute } from "./ownership.ts";
import { PolicyTable } from "./policy-table.ts";
import { RulesInForce, type Touched } from "./rules-in-force.ts";
import { hostSysctls } from "./sysctls.ts";
import type { EndpointStatus, LocalWanted, Wanted } from "./wanted.ts";

/**
 * What the kernel and the BGP speaker of this host are to hold, from calc's messages and from what the kernel shows.
 *
 * ```
 *  calc ──> PolicyTable ─────────────────────────────> table ──> kernel ──┐ onTable: now in force
 *    │                                                                    v
 *    ├─ endpoints, links ──> EndpointPlanner (only where rules are in force) ──> links up, routes, neighbours ...
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
  readonly #chooser = new EndpointChooser(defaultSettings.canSpoof);
  readonly #hostEndpoints = new Map<string, LocalHostEndpoint>();
  #advertSource: AdvertSource = { blocks: [], exportedPools: [], unexportedPools: [] };
  #settings: HostSettings = defaultSettings;
  #links: readonly Link[] = [];
  #addresses: readonly LinkAddress[] = [];
  readonly #inForce = new RulesInForce();
  /** Interfaces that lead to workloads and get no rules. */
  #closed: readonly string[] | undefined;
  #plan: EndpointPlan | undefined;
  readonly #planner = new EndpointPlanner();
  /** Interfaces whose rules may have come into force, or out of it, since the last plan. */
  #touched: Touched = new Set();
  /** What goes by the plan and the blocks. */
  #planned: Planned | undefined;
  /** The last one of those: what has not changed since is kept. */
  #lastPlanned: Planned | undefined;
  #hostInterfaces: HostInterfaces | undefined;
  /** Ids of policies that have connections ended. */
  readonly #cutting = new Set<string>();
  #cutVersion = 0;

  onCalc(message: CalcMessage): void {
    switch (message.type) {
      case "endpointUpdate":
        this.#chooser.put(message.endpoint);
        this.#touchPlan();
        break;
      case "endpointRemove":
        this.#chooser.delete(message.id);
        this.#touchPlan();
        break;
      case "advertUpdate":
        this.#advertSource = message;
        this.#planned = undefined;
        break;
      case "policyUpdate":
        if (message.policy.cutsFlows !== true) this.#cutting.delete(message.policy.id);
        else if (!this.#cutting.has(message.policy.id)) {
          this.#cutting.add(message.policy.id);
          this.#cutVersion++;
        }
        this.#policyTable.onCalc(message);
        break;
      case "policyRemove":
        this.#cutting.delete(message.id);
        this.#policyTable.onCalc(message);
        break;
      case "setUpdate":
      case "setChange":
      case "setRemove":
      case "profileUpdate":
      case "profileRemove":
      case "natUpdate":
        this.#policyTable.onCalc(message);
        break;
      case "hostEndpointUpdate":
        this.#hostEndpoints.set(message.endpoint.id, message.endpoint);
        this.#hostInterfaces = undefined;
        break;
      case "hostEndpointRemove":
        this.#hostEndpoints.delete(message.id);
        this.#hostInterfaces = undefined;
        break;
      case "settingsUpdate":
        this.#settings = message;
        this.#chooser.setCanSpoof(message.canSpoof);
        this.#touchPlan();
        this.#policyTable.onCalc(message);
        break;
      // The rest of it is the speaker's.
      case "bgpUpdate":
        this.#learned.setPeerWays(message.sessions);
        break;
    }
  }

  /** All links of the host. */
  onLinks(links: readonly Link[]): void {
    this.#links = links;
    this.#hostInterfaces = undefined;
    this.#touchPlan();
    this.#learned.onLinks(links);
  }

  /** All addresses of the host's links. */
  onAddresses(addresses: readonly LinkAddress[]): void {
    this.#addresses = addresses;
    this.#hostInterfaces = undefined;
  }

  /** Whether `onRoutes` looks at the route: ours of BGP matter only until it is settled. */
  mustKnowRoute(route: Route): boolean {
    return !isOwnRoute(route) || this.#learned.mayAdopt(route);
  }

  /** All routes of the kernel that `mustKnowRoute` is for. */
  onRoutes(routes: readonly Route[]): void {
    this.#learned.onRoutes(routes);
  }

  /** A route of somebody else came, changed or went. False: all routes are to be read, since the kernel does not say enough. */
  onRoute(route: Route, isThere: boolean): boolean {
    return this.#learned.onRoute(route, isThere);
  }

  /** Whether IPv4 routes of others lead over the link: they go without a word when it goes down. */
  hasRoutesOn(linkIndex: number): boolean {
    return this.#learned.hasRoutesOn(linkIndex);
  }

  /** All next-hop objects of the kernel. */
  onNextHops(nextHops: readonly NextHop[]): void {
    this.#learned.onNextHops(nextHops);
  }

  /** The table as the kernel has it: dumped, or wanted by us and accepted. Undefined: there is none. */
  onTable(table: Table | undefined): void {
    const touched = this.#inForce.update(table);
    if (touched !== "all" && touched.size === 0) return;
    this.#touched = touched === "all" || this.#touched === "all" ? "all" : this.#touched.union(touched);
    this.#touchPlan();
  }

  onBgpRoutes(updates: readonly RouteUpdate[]): void {
    this.#learned.onUpdates(updates);
  }

  /** BGP has told all routes of that version after a start; until then those found in the kernel stay. */
  onBgpSettled(version: IpVersion): void {
    this.#learned.onSettled(version);
  }

  wanted(): Wanted {
    const local = this.local();
    const learned = this.#learned.wanted();
    return { ...local, nextHops: learned.nextHops, routes: [...local.routes, ...learned.routes] };
  }

  table(): Table {
    const choice = this.#chooser.choice();
    this.#closed ??= [...new Set([...choice.refused, ...strayInterfaces(choice, this.#links)])].sort();
    this.#policyTable.setEndpoints(choice.active, this.#closed);
    const hosts = this.#hostEndpoints.values();
    this.#hostInterfaces ??= chooseHostInterfaces(hosts, this.#links, this.#addresses);
    this.#policyTable.setHostInterfaces(this.#hostInterfaces);
    return this.#policyTable.table();
  }

  /** All but what BGP has learned. What has not changed is the same object as before. */
  local(): LocalWanted {
    const table = this.table();
    const plan = this.#planEndpoints();
    this.#planned ??= this.#planRoutes(plan);
    this.#learned.setLocalPrefixes(this.#planned.localPrefixes);
    this.#learned.setLocalRoutes(plan.routes);
    const { links, addresses, neighbours } = plan;
    const { sysctls, routes, adverts } = this.#planned;
    return { table, sysctls, links, addresses, neighbours, routes, adverts };
  }

  /** What BGP has learned, as differences from what was told last; behind `local`. See LearnedRoutes. */
  learnedChanges(): ReturnType<LearnedRoutes["changes"]> {
    return this.#learned.changes();
  }

  /** To be asked for behind the end of learnedChanges. */
  nextHopChanges(): ReturnType<LearnedRoutes["nextHopChanges"]> {
    return this.#learned.nextHopChanges();
  }

  /** Workloads whose connections are to end when the rules come to forbid them: all, or those with a policy that asks for it. */
  cutEnds(all: boolean): readonly FlowEnd[] {
    if (!all && this.#cutting.size === 0) return [];
    const { active } = this.#chooser.choice();
    const isCutting = (id: string) => this.#cutting.has(id);
    const asksFor = ({ ingress, egress }: EndpointTier) => ingress.some(isCutting) || egress.some(isCutting);
    return all ? active : active.filter(({ tiers }) => tiers.some(asksFor));
  }

  /** Grows when a policy begins to ask for it. */
  get cutVersion(): number {
    return this.#cutVersion;
  }

  /** The host's own. */
  addresses(): ReadonlySet<IpAddress> {
    return new Set(this.#addresses.map(({ address }) => address));
  }

  /** How much there is of everything. */
  get sizes(): PolicyTable["sizes"] & { readonly routes: number } {
    return { ...this.#policyTable.sizes, routes: (this.#planned?.routes.length ?? 0) + this.#learned.size };
  }

  /** Ordered by id. */
  endpoints(): readonly EndpointStatus[] {
    return this.#planEndpoints().statuses;
  }

  /** What the way to a BGP next hop costs, by the metrics of the host's routes; undefined when it cannot be reached. */
  nextHopCost(address: IpAddress): number | undefined {
    return this.#learned.resolver().cost(address);
  }

  /** Grows whenever an answer of nextHopCost may have changed. */
  get waysVersion(): number {
    return this.#learned.waysVersion;
  }

  #touchPlan(): void {
    this.#closed = undefined;
    this.#plan = undefined;
    this.#planned = undefined;
  }

  #planRoutes(plan: EndpointPlan): Planned {
    const source = this.#advertSource;
    const before = this.#lastPlanned;
    const hasSameSysctls = before?.plan.sysctls === plan.sysctls;
    const hasSameRoutes = before?.source === source && before.plan.routes === plan.routes;
    const planned: Planned = {
      source,
      plan,
      sysctls: hasSameSysctls ? before.sysctls : hostSysctls.concat(plan.sysctls),
      ...(hasSameRoutes ? routesOf(before) : planRoutes(source, plan.routes)),
    };
    this.#lastPlanned = planned;
    return planned;
  }

  #planEndpoints(): EndpointPlan {
    if (this.#plan !== undefined) return this.#plan;
    const touched = this.#touched;
    this.#touched = new Set();
    this.#plan = this.#planner.plan({
      choice: this.#chooser.choice(),
      links: this.#links,
      canSpoof: this.#settings.canSpoof,
      isInForce: (endpoint) => this.#inForce.has(endpoint),
      touched,
    });
    return this.#plan;
  }
}

type PlannedRoutes = Pick<Wanted, "routes" | "adverts"> & { readonly localPrefixes: ReadonlySet<Cidr> };

/** With what it was made of. */
type Planned = PlannedRoutes & Pick<Wanted, "sysctls"> & { readonly source: AdvertSource; readonly plan: EndpointPlan };

/** `routes`: those to workloads. */
function planRoutes(source: AdvertSource, routes: readonly Route[]): PlannedRoutes {
  const workloads = routes.map(({ destination }) => destination);
  return {
    routes: routes.concat(blackholeRoutes(source.blocks)),
    adverts: computeAdverts(source, workloads),
    localPrefixes: new Set([...source.blocks, ...workloads]),
  };
}

function routesOf({ routes, adverts, localPrefixes }: PlannedRoutes): PlannedRoutes {
  return { routes, adverts, localPrefixes };
}
