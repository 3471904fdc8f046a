import { setTimeout as sleep } from "node:timers/promises";
import type { Family, RouteUpdate } from "../bgp/index.ts";
import { mainTable, routeProtocols } from "../dataplane/index.ts";
import type { RouteSocket } from "../kernel/index.ts";
import {
  type Change,
  type Cidr,
  DeltaTracker,
  type IpAddress,
  type IpVersion,
  type Logger,
  TaskGroup,
  cidrVersion,
} from "../lib/index.ts";
import type { Route, RouteChange } from "../netlink/index.ts";

/** The ways to a prefix, in a fixed order. */
type Gateways = readonly IpAddress[];

const retryMs = 1000;

/** Carries BGP routes into the kernel of a spine. Its own are those with the protocol number of BGP. */
export class SpineRoutes implements AsyncDisposable {
  readonly #socket: RouteSocket;
  readonly #log: Logger;
  readonly #tracker = new DeltaTracker<Cidr, Gateways>();
  /** Versions whose old routes may go: BGP has told all there is. */
  readonly #complete = new Set<IpVersion>();
  readonly #tasks = new TaskGroup();
  #isApplying = false;

  constructor(socket: RouteSocket, log: Logger) {
    this.#socket = socket;
    this.#log = log;
  }

  /** Takes over the routes of a run before; tells whether there are any. */
  async adopt(): Promise<boolean> {
    const routes = (await this.#socket.dumpRoutes({ table: mainTable })).filter(
      (route) => route.protocol === routeProtocols.bgp,
    );
    this.#tracker.observeAll(routes.map((route) => [route.destination, gatewaysOf(route)]));
    return routes.length > 0;
  }

  update(updates: readonly RouteUpdate[]): void {
    for (const { prefix, paths } of updates) {
      if (paths.length === 0) this.#tracker.unwant(prefix);
      else this.#tracker.want(prefix, paths.map((path) => path.nextHop).toSorted());
    }
    this.#startApplying();
  }

  endRestart(family: Family): void {
    this.#complete.add(family === "ipv4-unicast" ? 4 : 6);
    this.#startApplying();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
  }

  #startApplying(): void {
    if (this.#isApplying) return;
    this.#isApplying = true;
    this.#tasks.start((signal) => this.#apply(signal));
  }

  async #apply(signal: AbortSignal): Promise<void> {
    let isFailing = false;
    while (!signal.aborted) {
      const changes = this.#tracker
        .pending()
        .filter(({ type, key }) => type === "put" || this.#complete.has(cidrVersion(key)));
      if (changes.length === 0) break;
      const routeChanges = changes.map(routeChange);
      const failures = await this.#socket.apply(routeChanges);
      const failed = new Set(failures.map((failure) => failure.change));
      for (const [at, change] of changes.entries()) {
        const applied = routeChanges[at];
        if (applied !== undefined && !failed.has(applied)) this.#tracker.done(change);
      }
      if (failures.length > 0 && !isFailing) {
        this.#log.warn("routes could not be programmed", { count: failures.length, error: failures[0]?.message });
      }
      isFailing = failures.length > 0;
      if (isFailing) await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    }
    // In the same turn as the look at what is pending: whatever comes later starts anew.
    this.#isApplying = false;
  }
}

function routeChange(change: Change<Cidr, Gateways>): RouteChange {
  if (change.type === "put") return { type: "putRoute", route: routeTo(change.key, change.value) };
  return { type: "deleteRoute", route: routeTo(change.key, change.present) };
}

function routeTo(destination: Cidr, gateways: Gateways): Route {
  const [only, ...others] = gateways;
  const isSingle = only !== undefined && others.length === 0;
  return {
    destination,
    table: mainTable,
    protocol: routeProtocols.bgp,
    metric: 0,
    type: "unicast",
    scope: "universe",
    ...(isSingle ? { gateway: only } : { nextHops: gateways.map((gateway) => ({ gateway, weight: 1 })) }),
  };
}

function gatewaysOf(route: Route): Gateways {
  const gateways = route.nextHops === undefined ? [route.gateway] : route.nextHops.map((hop) => hop.gateway);
  return gateways.filter((gateway) => gateway !== undefined).toSorted();
}
