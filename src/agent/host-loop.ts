import { setTimeout as sleep } from "node:timers/promises";
import type { Family, RouteUpdate } from "../bgp/index.ts";
import { type BgpWanted, CalcGraph } from "../calc/index.ts";
import {
  type EndpointStatus,
  HostDataplane,
  type Wanted,
  isOwnAddress,
  isOwnNeighbour,
  isOwnNextHop,
  isOwnRoute,
  tableName,
} from "../dataplane/index.ts";
import { type NftSocket, type RouteSocket, RouteSync, readSysctl, writeSysctl } from "../kernel/index.ts";
import { type Logger, type Random, TortieError, backoffMs } from "../lib/index.ts";
import type { Link, RouteEvent } from "../netlink/index.ts";
import { type Table, diffTables } from "../nft/index.ts";
import type { Resource } from "../resources/index.ts";

/** Beyond this many failures of the packet filter in a row the agent gives up: the supervisor starts it anew. */
const maxFilterFailures = 10;
const retry = { baseMs: 100, maxMs: 10_000 } as const;
/** How often the kernel is read again in full, whatever it told. */
const auditMs = 180_000;

type HostLoopOptions = {
  readonly node: string;
  readonly socket: RouteSocket;
  readonly nft: NftSocket;
  readonly log: Logger;
  readonly random: Random;
  /** Told after each round in which the kernel took everything that lets packets through. */
  onProgrammed(wanted: Wanted, bgp: BgpWanted | undefined): Promise<void>;
};

/**
 * Brings this host's kernel to what the cluster's resources ask of it, again and again.
 *
 *     resources ──> calc ──> dataplane ──> wanted ──> rules, then links, then addresses, neighbours, next hops, routes
 *     links of the kernel ──────^   ^
 *     routes of the speaker ────────┘
 *
 * Events only leave a note; one round then takes all notes of that moment.
 */
export class HostLoop {
  readonly #options: HostLoopOptions;
  readonly #calc: CalcGraph;
  readonly #dataplane: HostDataplane;
  readonly #sync: RouteSync;
  #wake = Promise.withResolvers<void>();
  #isSynced = false;
  #mustReadLinks = true;
  /** Routes of others, by which BGP's next hops are resolved. */
  #mustReadRoutes = true;
  #mustAudit = true;
  #presentTable: Table | undefined;
  #links: readonly Link[] = [];
  #bgp: BgpWanted | undefined;
  #failures: readonly string[] = [];
  /** Endpoints that the last round left up, with their rules and routes in the kernel. */
  #ready: ReadonlySet<string> = new Set();
  /** Settings that were seen to be right since the links last changed. */
  readonly #sysctls = new Map<string, string>();
  #roundWaiters: (() => void)[] = [];

  constructor(options: HostLoopOptions) {
    this.#options = options;
    this.#calc = new CalcGraph({ node: options.node });
    this.#dataplane = new HostDataplane();
    this.#sync = new RouteSync(options.socket, {
      isOurAddress: (address) => {
        const link = this.#links.find(({ index }) => index === address.linkIndex);
        return link !== undefined && isOwnAddress(address, link);
      },
      isOurNeighbour: isOwnNeighbour,
      isOurNextHop: isOwnNextHop,
      isOurRoute: isOwnRoute,
    });
  }

  onResource(key: string, resource: Resource | undefined): void {
    this.#calc.onResource(key, resource);
    this.#note();
  }

  onSynced(): void {
    this.#isSynced = true;
    this.#calc.onSynced();
    this.#note();
  }

  onBgpRoutes(updates: readonly RouteUpdate[]): void {
    this.#dataplane.onBgpRoutes(updates);
    this.#note();
  }

  onRestartEnd(family: Family): void {
    this.#dataplane.onBgpSettled(family === "ipv4-unicast" ? 4 : 6);
    this.#note();
  }

  onKernelEvents(events: readonly RouteEvent[]): void {
    this.#sync.observe(events);
    const isLinkEvent = events.some(({ type }) => type === "newLink" || type === "delLink");
    if (isLinkEvent) this.#mustReadLinks = true;
    if (events.some(isForeignRoute)) this.#mustReadRoutes = true;
    // What this agent changed itself is known already; of links also that is news, since attaching makes them.
    if (isLinkEvent || events.some(({ portId }) => portId !== this.#options.socket.portId)) this.#note();
  }

  /** Something else changed our table, or events of the kernel were lost: read everything again. */
  requestAudit(): void {
    this.#mustAudit = true;
    this.#note();
  }

  endpoints(): readonly EndpointStatus[] {
    return this.#dataplane.endpoints();
  }

  failures(): readonly string[] {
    return this.#failures;
  }

  /** Ends when the endpoint's rules are in the kernel and its interface is up. */
  async untilReady(id: string, signal: AbortSignal): Promise<void> {
    while (!this.#ready.has(id)) {
      if (signal.aborted) {
        const state = this.endpoints().find((endpoint) => endpoint.id === id)?.state ?? "not known yet";
        throw new TortieError("TT_KERNEL", `the endpoint ${id} was not programmed in time (${state})`, {
          hint: "see `tortie node status` and the agent's log",
        });
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#roundWaiters.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    let attempt = 0;
    let filterFailures = 0;
    const audits = setInterval(() => this.requestAudit(), auditMs);
    signal.addEventListener("abort", () => this.#note(), { once: true });
    try {
      while (!signal.aborted) {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
        // Everything that this turn of the event loop brings belongs to the same round.
        await new Promise((resolve) => setImmediate(resolve));
        const outcome = signal.aborted || !this.#isSynced ? "idle" : await this.#runRound();
        if (outcome === "idle" || outcome === "done") {
          attempt = 0;
          filterFailures = 0;
          continue;
        }
        filterFailures = outcome === "filterFailed" ? filterFailures + 1 : 0;
        if (filterFailures > maxFilterFailures) {
          throw new TortieError(
            "TT_KERNEL",
            `the packet filter could not be programmed ${filterFailures} times in a row`,
            {
              hint: "the rules of before stay in force; see the log for what the kernel refuses",
            },
          );
        }
        await sleep(backoffMs(attempt++, retry.baseMs, retry.maxMs, this.#options.random), undefined, { signal }).catch(
          () => undefined,
        );
        this.#note();
      }
    } finally {
      clearInterval(audits);
    }
  }

  async #runRound(): Promise<"done" | "filterFailed" | "failed"> {
    const { log } = this.#options;
    try {
      await this.#readKernel();
      for (const message of this.#calc.flush()) {
        if (message.type === "bgpUpdate") this.#bgp = message;
        this.#dataplane.onCalc(message);
      }
      if (!(await this.#programRules())) return "filterFailed";
      const wanted = this.#dataplane.wanted();
      const failures = [
        ...this.#writeSysctls(wanted),
        ...(await this.#setLinksUp(wanted)),
        ...(await this.#programRoutes()),
      ];
      this.#noteFailures(failures);
      await this.#options.onProgrammed(wanted, this.#bgp);
      this.#endRound();
      return failures.length === 0 ? "done" : "failed";
    } catch (error) {
      if (!(error instanceof TortieError)) throw error;
      this.#noteFailures([error.message]);
      if (error.code === "TT_KERNEL_OVERRUN") this.#mustAudit = true;
      log.debug("a round failed", { error: error.message });
      return "failed";
    }
  }

  async #readKernel(): Promise<void> {
    const { socket, nft, log } = this.#options;
    if (this.#mustReadLinks || this.#mustAudit) {
      this.#mustReadLinks = false;
      this.#sysctls.clear();
      this.#links = await socket.dumpLinks();
      this.#dataplane.onLinks(this.#links);
    }
    if (this.#mustReadRoutes || this.#mustAudit) {
      this.#mustReadRoutes = false;
      this.#dataplane.onRoutes(await socket.dumpRoutes());
    }
    if (!this.#mustAudit) return;
    this.#mustAudit = false;
    this.#presentTable = await nft.dumpTable(tableName);
    this.#dataplane.onTable(this.#presentTable);
    this.#dataplane.onNextHops(await socket.dumpNextHops());
    await this.#sync.resync();
    log.debug("kernel state read", { hasTable: this.#presentTable !== undefined });
  }

  /** False: the kernel refused; what was in force stays in force. */
  async #programRules(): Promise<boolean> {
    const { nft, log } = this.#options;
    const { table } = this.#dataplane.wanted();
    const changes = diffTables(this.#presentTable, table);
    try {
      if (changes.length > 0) await nft.apply(changes);
    } catch (error) {
      if (!(error instanceof TortieError)) throw error;
      this.#mustAudit = true;
      this.#noteFailures([error.message]);
      return false;
    }
    if (changes.length > 0) log.debug("rules programmed", { changes: changes.length });
    this.#presentTable = table;
    this.#dataplane.onTable(table);
    return true;
  }

  /** Only what differs is written. */
  #writeSysctls(wanted: Wanted): string[] {
    const failures: string[] = [];
    for (const { path, value, isOptional } of wanted.sysctls) {
      if (this.#sysctls.get(path) === value) continue;
      try {
        if (readSysctl(path) !== value) writeSysctl(path, value, { isOptional: isOptional === true });
        this.#sysctls.set(path, value);
      } catch (error) {
        if (!(error instanceof TortieError)) throw error;
        failures.push(error.message);
      }
    }
    return failures;
  }

  async #setLinksUp(wanted: Wanted): Promise<string[]> {
    const { socket } = this.#options;
    const down = wanted.links.filter((wish) => this.#links.find(({ index }) => index === wish.index)?.isUp === false);
    if (down.length === 0) return [];
    const failures = await socket.apply(down.map(({ index }) => ({ type: "setLink", index, isUp: true })));
    // What goes with an interface that is up is known only by looking at it again.
    this.#links = await socket.dumpLinks();
    this.#dataplane.onLinks(this.#links);
    return failures.map((failure) => `interface ${String(failure.change.type)}: ${failure.message}`);
  }

  async #programRoutes(): Promise<string[]> {
    const wanted = this.#dataplane.wanted();
    this.#sync.addresses.wantAll(wanted.addresses);
    this.#sync.neighbours.wantAll(wanted.neighbours);
    this.#sync.nextHops.wantAll(wanted.nextHops);
    this.#sync.routes.wantAll(wanted.routes);
    const report = await this.#sync.apply({ mayDelete: () => true });
    if (report.applied > 0)
      this.#options.log.debug("routes programmed", { applied: report.applied, held: report.held });
    const told = report.failures.map(({ change, message }) => `${change.type}: ${message}`);
    const more = report.failing - told.length;
    return more > 0 ? [...told, `${more} more changes of routing state`] : told;
  }

  /** Each failure is logged once, when it appears. */
  #noteFailures(failures: readonly string[]): void {
    for (const failure of failures) {
      if (!this.#failures.includes(failure)) this.#options.log.warn("not programmed, will be tried again", { failure });
    }
    if (failures.length === 0 && this.#failures.length > 0) this.#options.log.info("programmed in full again");
    this.#failures = failures;
  }

  #note(): void {
    this.#wake.resolve();
  }

  #endRound(): void {
    const up = this.endpoints().filter(({ state }) => state === "up");
    this.#ready = new Set(up.map(({ id }) => id));
    const waiters = this.#roundWaiters;
    this.#roundWaiters = [];
    for (const wake of waiters) wake();
  }
}

function isForeignRoute(event: RouteEvent): boolean {
  return (event.type === "newRoute" || event.type === "delRoute") && !isOwnRoute(event.route);
}
