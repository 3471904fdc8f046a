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
  mainTable,
  tableName,
} from "../dataplane/index.ts";
import { type NftSocket, type RouteSocket, RouteSync, readSysctl, writeSysctl } from "../kernel/index.ts";
import { type IpAddress, type Logger, type Random, TortieError, backoffMs } from "../lib/index.ts";
import type { Link, RouteEvent } from "../netlink/index.ts";
import { type Table, diffTables } from "../nft/index.ts";
import type { Resource } from "../resources/index.ts";
import { describeFailure } from "./describe-failure.ts";

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
  /** Told when the routes of the host or of BGP have been looked at anew. */
  onRoutesRead(): void;
  /** Told after each round in which the kernel took the rules. What fails in here is tried again like the rest. */
  onProgrammed(wanted: Wanted, bgp: BgpWanted | undefined): Promise<void>;
};

/** A WorkloadEndpoint of this host as it was written to the server. */
export type EndpointVersion = { readonly key: string; readonly resourceVersion: string | undefined };

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
  /** By which host endpoints find their interfaces. */
  #mustReadAddresses = true;
  /** Routes of others, by which BGP's next hops are resolved. */
  #mustReadRoutes = true;
  #mustAudit = true;
  #presentTable: Table | undefined;
  #links: readonly Link[] = [];
  #bgp: BgpWanted | undefined;
  #failures: readonly string[] = [];
  /** The sync tells a failure once; those of before are told here for as long as there are any. */
  #routeFailures: readonly string[] = [];
  /** Of this host's endpoints, as calc was given them last. */
  readonly #versionByEndpoint = new Map<string, string | undefined>();
  /** Endpoints that the last whole round left up, with their rules and routes in the kernel; and in which version. */
  #ready: ReadonlyMap<string, string | undefined> = new Map();
  #roundsBegun = 0;
  /** Number of the last round that went through to its end. */
  #lastWholeRound = 0;
  #roundEnd = Promise.withResolvers<void>();
  /** Settings that were seen to be right since the links last changed. */
  readonly #sysctls = new Map<string, string>();

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
    if (resource?.kind === "WorkloadEndpoint" && resource.spec.node === this.#options.node)
      this.#versionByEndpoint.set(key, resource.metadata.resourceVersion);
    else this.#versionByEndpoint.delete(key);
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
    if (events.some(({ type }) => type === "newAddress" || type === "delAddress")) this.#mustReadAddresses = true;
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

  /** Of a BGP next hop, as the kernel was seen last. */
  nextHopCost(address: IpAddress): number | undefined {
    return this.#dataplane.nextHopCost(address);
  }

  /**
   * Ends when the endpoint's rules are in the kernel and its interface is up: those of this version, and the interface as it
   * is from now on. What an earlier endpoint of that name has left ready does not count.
   */
  async untilReady({ key, resourceVersion }: EndpointVersion, signal: AbortSignal): Promise<void> {
    const begunBefore = this.#roundsBegun;
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    this.#mustReadLinks = true;
    this.#note();
    const isReady = () =>
      this.#lastWholeRound > begunBefore && this.#ready.has(key) && isAsNew(this.#ready.get(key), resourceVersion);
    while (!isReady()) {
      if (signal.aborted) {
        const state = this.endpoints().find((endpoint) => endpoint.id === key)?.state ?? "not known yet";
        throw new TortieError("TT_KERNEL", `the endpoint ${key} was not programmed in time (${state})`, {
          hint: "see `tortie node status` and the agent's log",
        });
      }
      await Promise.race([this.#roundEnd.promise, aborted]);
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { random } = this.#options;
    let attempt = 0;
    let filterFailures = 0;
    const audits = setInterval(() => this.requestAudit(), auditMs);
    let nextTry: NodeJS.Timeout | undefined;
    signal.addEventListener("abort", () => this.#note(), { once: true });
    try {
      while (!signal.aborted) {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
        clearTimeout(nextTry);
        // Everything that this turn of the event loop brings belongs to the same round.
        await new Promise((resolve) => setImmediate(resolve));
        const outcome = signal.aborted || !this.#isSynced ? "idle" : await this.#runRound();
        attempt = outcome === "idle" || outcome === "done" ? 0 : attempt + 1;
        filterFailures = outcome === "filterFailed" ? filterFailures + 1 : 0;
        if (filterFailures > maxFilterFailures) throw filterIsStuck(filterFailures);
        const waitMs = backoffMs(attempt, retry.baseMs, retry.maxMs, random);
        // What failed waits for its time, and meanwhile whatever else comes is done at once. Without the rules nothing may be.
        if (outcome === "failed") nextTry = setTimeout(() => this.#note(), waitMs);
        else if (outcome === "filterFailed") {
          await sleep(waitMs, undefined, { signal }).catch(() => undefined);
          this.#note();
        }
      }
    } finally {
      clearInterval(audits);
      clearTimeout(nextTry);
    }
  }

  async #runRound(): Promise<"done" | "filterFailed" | "failed"> {
    const round = ++this.#roundsBegun;
    try {
      await this.#readKernel();
      this.#options.onRoutesRead();
      for (const message of this.#calc.flush()) {
        if (message.type === "bgpUpdate") this.#bgp = message;
        this.#dataplane.onCalc(message);
      }
      const versions = new Map(this.#versionByEndpoint);
      if (!(await this.#programRules())) return "filterFailed";
      const opening = this.#dataplane.wanted();
      const failures = [...this.#writeSysctls(opening), ...(await this.#setLinksUp(opening))];
      const wanted = this.#dataplane.wanted();
      failures.push(...(await this.#programRoutes(wanted)), ...(await this.#tellProgrammed(wanted)));
      this.#noteFailures(failures);
      this.#endRound(round, versions);
      return failures.length === 0 ? "done" : "failed";
    } catch (error) {
      if (!(error instanceof TortieError)) throw error;
      // It ended anywhere: nobody knows any more what the kernel has.
      this.#mustAudit = true;
      this.#noteFailures([error.message]);
      return "failed";
    }
  }

  async #readKernel(): Promise<void> {
    const { socket, nft, log } = this.#options;
    const isAudit = this.#mustAudit;
    const mustReadLinks = this.#mustReadLinks || isAudit;
    const mustReadAddresses = this.#mustReadAddresses || isAudit;
    const mustReadRoutes = this.#mustReadRoutes || isAudit;
    // Before the reading: what changes meanwhile is read again in the next round.
    this.#mustAudit = false;
    this.#mustReadLinks = false;
    this.#mustReadAddresses = false;
    this.#mustReadRoutes = false;
    if (mustReadLinks) {
      this.#sysctls.clear();
      this.#links = await socket.dumpLinks();
      this.#dataplane.onLinks(this.#links);
    }
    if (mustReadAddresses) this.#dataplane.onAddresses(await socket.dumpAddresses());
    if (mustReadRoutes) this.#dataplane.onRoutes(await socket.dumpRoutes());
    if (!isAudit) return;
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
    return failures.map(describeFailure);
  }

  async #programRoutes(wanted: Wanted): Promise<readonly string[]> {
    this.#sync.addresses.wantAll(wanted.addresses);
    this.#sync.neighbours.wantAll(wanted.neighbours);
    this.#sync.nextHops.wantAll(wanted.nextHops);
    this.#sync.routes.wantAll(wanted.routes);
    const report = await this.#sync.apply({ mayDelete: () => true });
    if (report.applied > 0)
      this.#options.log.debug("routes programmed", { applied: report.applied, held: report.held });
    const told = [...new Set([...this.#routeFailures, ...report.failures.map(describeFailure)])].slice(-report.failing);
    this.#routeFailures = report.failing === 0 ? [] : told;
    return this.#routeFailures;
  }

  async #tellProgrammed(wanted: Wanted): Promise<string[]> {
    try {
      await this.#options.onProgrammed(wanted, this.#bgp);
      return [];
    } catch (error) {
      if (!(error instanceof TortieError)) throw error;
      return [error.message];
    }
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

  #endRound(round: number, versions: ReadonlyMap<string, string | undefined>): void {
    const up = this.endpoints().filter(({ state }) => state === "up");
    this.#ready = new Map(up.map(({ id }) => [id, versions.get(id)]));
    this.#lastWholeRound = round;
    this.#roundEnd.resolve();
    this.#roundEnd = Promise.withResolvers();
  }
}

/** Of somebody else, and such as a BGP next hop may be reached by. */
function isForeignRoute(event: RouteEvent): boolean {
  if (event.type !== "newRoute" && event.type !== "delRoute") return false;
  return event.route.table === mainTable && !isOwnRoute(event.route);
}

/** Versions of one object are numbers that grow, whoever keeps it: our server or a kube-apiserver. */
function isAsNew(version: string | undefined, wanted: string | undefined): boolean {
  return version === wanted || (version !== undefined && wanted !== undefined && BigInt(version) >= BigInt(wanted));
}

function filterIsStuck(failures: number): TortieError {
  return new TortieError("TT_KERNEL", `the packet filter could not be programmed ${failures} times in a row`, {
    hint: "the rules of before stay in force; see the log for what the kernel refuses",
  });
}
