import { setTimeout as sleep } from "node:timers/promises";
import type { Family, RouteUpdate } from "../bgp/index.ts";
import { mainTable, routeProtocols } from "../dataplane/index.ts";
import { type RouteSocket, RouteSync } from "../kernel/index.ts";
import { type Cidr, type IpAddress, type IpVersion, type Logger, TaskGroup, cidrVersion } from "../lib/index.ts";
import type { Route, RouteChange } from "../netlink/index.ts";

const retryMs = 1000;

/** Carries BGP routes into the kernel of a spine. Its own are those with the protocol number of BGP. */
export class SpineRoutes implements AsyncDisposable {
  readonly #sync: RouteSync;
  readonly #log: Logger;
  /** Versions whose old routes may go: BGP has told all there is. */
  readonly #complete = new Set<IpVersion>();
  readonly #tasks = new TaskGroup();
  #isApplying = false;
  /** Something has come since the kernel was last brought up to date. */
  #isDue = false;

  constructor(socket: RouteSocket, log: Logger) {
    this.#sync = new RouteSync(socket, { isOurRoute: isOwn });
    this.#log = log;
  }

  /** Takes over the routes of a run before; tells whether there are any. */
  async adopt(): Promise<boolean> {
    let hasAny = false;
    await this.#sync.resync({
      begin: () => undefined,
      take: (route) => {
        hasAny ||= isOwn(route);
      },
    });
    return hasAny;
  }

  update(updates: readonly RouteUpdate[]): void {
    for (const { prefix, paths } of updates) {
      const route = routeTo(
        prefix,
        paths.map((path) => path.nextHop),
      );
      if (paths.length === 0) this.#sync.routes.unwant(route);
      else this.#sync.routes.want(route);
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
    this.#isDue = true;
    if (this.#isApplying) return;
    this.#isApplying = true;
    this.#tasks.start((signal) => this.#apply(signal));
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const mayDelete = (deletion: RouteChange) =>
      deletion.type === "deleteRoute" && this.#complete.has(cidrVersion(deletion.route.destination));
    while (this.#isDue && !signal.aborted) {
      this.#isDue = false;
      const { failures, failing } = await this.#sync.apply({ mayDelete });
      const [first] = failures;
      if (first !== undefined)
        this.#log.warn("routes could not be programmed", { count: failures.length, error: first.message });
      if (failing === 0) continue;
      this.#isDue = true;
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    }
    // In the same turn as the look at what is due: whatever comes later starts anew.
    this.#isApplying = false;
  }
}

function isOwn({ protocol, table }: Route): boolean {
  return protocol === routeProtocols.bgp && table === mainTable;
}

function routeTo(destination: Cidr, gateways: readonly IpAddress[]): Route {
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
