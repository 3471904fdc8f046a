import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import type { Family, RouteUpdate } from "../bgp/index.ts";
import { type BgpWanted, CalcGraph, type HostSettings, defaultSettings } from "../calc/index.ts";
import {
  type EndpointStatus,
  HostDataplane,
  type LocalWanted,
  isOwnAddress,
  isOwnNeighbour,
  isOwnNextHop,
  isOwnRoute,
  isWorkloadLink,
  tableName,
} from "../dataplane/index.ts";
import { type FlowSocket, type NftSocket, type RouteSocket, RouteSync } from "../kernel/index.ts";
import {
  Histogram,
  type IpAddress,
  type IpVersion,
  type Logger,
  type Random,
  TaskGroup,
  TortieError,
  backoffMs,
} from "../lib/index.ts";
import type { Link, Route, RouteEvent } from "../netlink/index.ts";
import { type NftChange, type Table, diffTables } from "../nft/index.ts";
import type { Resource } from "../resources/index.ts";
import type { HostFigures } from "./agent-metrics.ts";
import { describeFailure } from "./describe-failure.ts";
import type { EndpointReport } from "./status.ts";
import { FlowCutter } from "./flow-cutter.ts";
import { StaleFlows } from "./stale-flows.ts";
import { SyncFeed } from "./sync-feed.ts";
import { SysctlWriter } from "./sysctl-writer.ts";
import { isAsNew, laterOf } from "./versions.ts";

/** Beyond this many failures of the packet filter in a row the agent gives up: the supervisor starts it anew. */
const maxFilterFailures = 10;
/** After so many the kernel's table is not what we take it for, somewhere that no reading shows: it is made anew. */
const rebuildAfter = 3;
const retry = { baseMs: 100, maxMs: 10_000 } as const;
/** How often the kernel is read again in full, whatever it told. */
const auditMs = 180_000;
/** More links at once are read together. */
const fewLinks = 32;
/** News of BGP that are taken in one turn. */
const routesPerTurn = 1000;
/** How long a round goes on taking what BGP tells without a pause: routes that move together should be seen together. */
const maxGatherMs = 200;
/** Seconds. */
const roundBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

type HostLoopOptions = {
  readonly node: string;
  readonly socket: RouteSocket;
  readonly nft: NftSocket;
  readonly flows: FlowSocket;
  /** Connections of all workloads end when the rules come to forbid them, not only where a policy asks for it. */
  readonly cutsFlows?: boolean | undefined;
  readonly log: Logger;
  readonly random: Random;
  /** Told in each round when the routes of the host and of BGP are known; and whether the ways to next hops may be others now. */
  onRoutesRead(areWaysNew: boolean): void;
  /** Told after each round in which the kernel took the rules. What fails in here is tried again like the rest. */
  onProgrammed(wanted: LocalWanted, bgp: BgpWanted | undefined, settings: HostSettings): Promise<void>;
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
 * Events only leave a note; one round then takes all notes of that moment. A round costs work for what is new, and whatever
 * there may be much of is gone through in parts, so that no turn of the event loop is a long one.
 */
export class HostLoop {
  readonly #options: HostLoopOptions;
  readonly #calc: CalcGraph;
  readonly #dataplane: HostDataplane;
  readonly #sync: RouteSync;
  readonly #feed: SyncFeed;
  readonly #staleFlows: StaleFlows;
  readonly #cutter: FlowCutter;
  readonly #counts = {
    failedRounds: 0,
    roundSeconds: new Histogram(roundBounds),
    audits: 0,
    eventLosses: 0,
    messages: 0,
    ruleChanges: 0,
    routeChanges: 0,
  };
  #wake = Promise.withResolvers<void>();
  #isSynced = false;
  #mustReadLinks = true;
  /** Links that changed, by number. */
  readonly #touchedLinks = new Set<number>();
  /** By which host endpoints find their interfaces. */
  #mustReadAddresses = true;
  /** Routes of others, by which BGP's next hops are resolved. */
  #mustReadRoutes = true;
  #mustAudit = true;
  /** Since the last audit that came by its time. */
  #hasToldLoss = false;
  #presentTable: Table | undefined;
  #links: ReadonlyMap<number, Link> = new Map();
  /** What BGP has told since the last round, in order. */
  #bgpNews: BgpNews[] = [];
  #waysVersion = -1;
  #cutVersion = 0;
  #bgp: BgpWanted | undefined;
  #settings = defaultSettings;
  #failures: readonly string[] = [];
  /** The sync tells a failure once; those of before are told here for as long as there are any. */
  #routeFailures: readonly string[] = [];
  /** Of this host's endpoints, as calc was given them last. */
  readonly #versionByEndpoint = new Map<string, string | undefined>();
  /** A copy, made when it is needed. */
  #versions: ReadonlyMap<string, string | undefined> | undefined;
  /** Endpoints that the last whole round left up, with their rules and routes in the kernel; and in which version. */
  #ready: ReadonlyMap<string, string | undefined> = new Map();
  /** The newest version of any resource that was told: the server numbers all writes in one row. */
  #revision = 0n;
  #revisionInForce = 0n;
  /** What that was made of. */
  #readyOf:
    | { readonly endpoints: readonly EndpointStatus[]; readonly versions: ReadonlyMap<string, string | undefined> }
    | undefined;
  /** Times in a row that the kernel refused the rules. */
  #filterFailures = 0;
  #roundsBegun = 0;
  #roundStartedMs: number | undefined;
  /** Number of the last round that went through to its end. */
  #lastWholeRound = 0;
  #roundEnd = Promise.withResolvers<void>();
  readonly #sysctls = new SysctlWriter();

  constructor(options: HostLoopOptions) {
    this.#options = options;
    this.#calc = new CalcGraph({ node: options.node });
    this.#dataplane = new HostDataplane();
    this.#sync = new RouteSync(options.socket, {
      isOurAddress: (address) => {
        const link = this.#links.get(address.linkIndex);
        return link !== undefined && isOwnAddress(address, link);
      },
      isOurNeighbour: isOwnNeighbour,
      isOurNextHop: isOwnNextHop,
      isOurRoute: isOwnRoute,
    });
    this.#feed = new SyncFeed(this.#sync);
    this.#staleFlows = new StaleFlows(options.flows, options.log);
    this.#cutter = new FlowCutter(options.flows, options.log, options.random);
  }

  onResource(key: string, resource: Resource | undefined): void {
    const { resourceVersion } = resource?.metadata ?? {};
    if (resourceVersion !== undefined) this.#revision = laterOf(this.#revision, resourceVersion);
    this.#calc.onResource(key, resource);
    if (resource?.kind === "WorkloadEndpoint" && resource.spec.node === this.#options.node) {
      this.#versionByEndpoint.set(key, resource.metadata.resourceVersion);
      this.#versions = undefined;
    } else if (this.#versionByEndpoint.delete(key)) this.#versions = undefined;
    this.#note();
  }

  onSynced(): void {
    this.#isSynced = true;
    this.#calc.onSynced();
    this.#note();
  }

  onBgpRoutes(updates: readonly RouteUpdate[]): void {
    this.#bgpNews.push({ type: "routes", updates });
    this.#note();
  }

  onRestartEnd(family: Family): void {
    this.#bgpNews.push({ type: "settled", version: family === "ipv4-unicast" ? 4 : 6 });
    this.#note();
  }

  onKernelEvents(events: readonly RouteEvent[]): void {
    this.#sync.observe(events);
    let isNews = false;
    for (const event of events) {
      // What this agent changed itself is known already; of links also that is news, since attaching makes them.
      const isLink = event.type === "newLink" || event.type === "delLink";
      isNews ||= isLink || event.portId !== this.#options.socket.portId;
      this.#observe(event);
    }
    if (isNews) this.#note();
  }

  /** Something else changed our table: read everything again. */
  requestAudit(): void {
    this.#mustAudit = true;
    this.#note();
  }

  /** The kernel dropped events since there were too many. What they told is read. */
  onEventsLost(): void {
    if (!this.#hasToldLoss) this.#options.log.warn("the kernel dropped events, its state is read again");
    this.#hasToldLoss = true;
    this.#counts.eventLosses++;
    this.requestAudit();
  }

  endpoints(): readonly EndpointReport[] {
    const revision = String(this.#revisionInForce);
    return this.#dataplane
      .endpoints()
      .map((status) =>
        this.#ready.has(status.id) ? { ...status, isReady: true, revision } : { ...status, isReady: false },
      );
  }

  failures(): readonly string[] {
    const { failure } = this.#cutter;
    return failure === undefined ? this.#failures : [...this.#failures, failure];
  }

  figures(): HostFigures {
    const flowsCut = this.#staleFlows.count + this.#cutter.count;
    return { ...this.#counts, ...this.#dataplane.sizes, rounds: this.#roundsBegun, flowsCut };
  }

  /** Milliseconds since the round that is at work began; 0 when none is. */
  busyMs(): number {
    return this.#roundStartedMs === undefined ? 0 : performance.now() - this.#roundStartedMs;
  }

  /** All that is wanted has been in the kernel once. */
  hasProgrammed(): boolean {
    return this.#lastWholeRound > 0;
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
        const state = this.#dataplane.endpoints().find((endpoint) => endpoint.id === key)?.state ?? "not known yet";
        throw new TortieError("TT_KERNEL", `the endpoint ${key} was not programmed in time (${state})`, {
          hint: "see `tortie node status` and the agent's log",
        });
      }
      await Promise.race([this.#roundEnd.promise, aborted]);
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    await using tasks = new TaskGroup(signal);
    tasks.start((until) => this.#cutter.run(until));
    tasks.start((until) => this.#runRounds(until));
    await tasks.wait();
  }

  async #runRounds(signal: AbortSignal): Promise<void> {
    const { random } = this.#options;
    let attempt = 0;
    const audits = setInterval(() => {
      this.#hasToldLoss = false;
      this.requestAudit();
    }, auditMs);
    let nextTry: NodeJS.Timeout | undefined;
    signal.addEventListener("abort", () => this.#note(), { once: true });
    try {
      while (!signal.aborted) {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
        clearTimeout(nextTry);
        // Everything that this turn of the event loop brings belongs to the same round.
        await setImmediate();
        const outcome = signal.aborted || !this.#isSynced ? "idle" : await this.#runRound();
        attempt = outcome === "idle" || outcome === "done" ? 0 : attempt + 1;
        if (this.#filterFailures > maxFilterFailures) throw filterIsStuck(this.#filterFailures);
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

  async #runRound(): Promise<RoundOutcome> {
    const startedMs = performance.now();
    this.#roundStartedMs = startedMs;
    const outcome = await this.#program(++this.#roundsBegun);
    this.#roundStartedMs = undefined;
    this.#counts.roundSeconds.observe((performance.now() - startedMs) / 1000);
    if (outcome !== "done") this.#counts.failedRounds++;
    return outcome;
  }

  async #program(round: number): Promise<RoundOutcome> {
    try {
      await this.#readKernel();
      await this.#takeBgpNews();
      const { waysVersion } = this.#dataplane;
      this.#options.onRoutesRead(waysVersion !== this.#waysVersion);
      this.#waysVersion = waysVersion;
      for (const message of this.#calc.flush()) {
        if (message.type === "bgpUpdate") this.#bgp = message;
        else if (message.type === "settingsUpdate") this.#settings = message;
        this.#dataplane.onCalc(message);
        this.#counts.messages++;
      }
      this.#versions ??= new Map(this.#versionByEndpoint);
      const versions = this.#versions;
      const revision = this.#revision;
      if (!(await this.#programRules())) return "filterFailed";
      const opening = this.#dataplane.local();
      const failures = [...this.#sysctls.write(opening.sysctls), ...(await this.#setLinksUp(opening))];
      const wanted = this.#dataplane.local();
      failures.push(...(await this.#staleFlows.settle(wanted.routes)));
      failures.push(...(await this.#programRoutes(wanted)), ...(await this.#tellProgrammed(wanted)));
      this.#noteFailures(failures);
      this.#endRound(round, versions);
      if (failures.length === 0) this.#revisionInForce = revision;
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
    if (mustReadLinks || this.#touchedLinks.size > 0) await this.#readLinks(mustReadLinks);
    if (mustReadAddresses) this.#dataplane.onAddresses(await socket.dumpAddresses());
    if (isAudit) {
      this.#counts.audits++;
      this.#sysctls.forgetAll();
      this.#presentTable = await nft.dumpTable(tableName);
      this.#dataplane.onTable(this.#presentTable);
      this.#dataplane.onNextHops(await socket.dumpNextHops());
      log.debug("kernel state read", { hasTable: this.#presentTable !== undefined });
    }
    if (!mustReadRoutes) return;
    const routes: Route[] = [];
    const reader = {
      begin: () => void routes.splice(0),
      take: (route: Route) => {
        this.#staleFlows.adopt(route);
        if (this.#dataplane.mustKnowRoute(route)) routes.push(route);
      },
    };
    if (isAudit) await this.#sync.resync(reader);
    else await socket.readRoutes(reader);
    this.#dataplane.onRoutes(routes);
  }

  async #readLinks(all: boolean): Promise<void> {
    const { socket } = this.#options;
    const touched = [...this.#touchedLinks];
    this.#touchedLinks.clear();
    let links = new Map(this.#links);
    if (all || touched.length > fewLinks) {
      links = new Map((await socket.dumpLinks()).map((link) => [link.index, link]));
    } else {
      for (const index of touched) {
        const link = await socket.readLink(index);
        if (link === undefined) links.delete(index);
        else links.set(index, link);
      }
    }
    this.#sysctls.onLinks(this.#links, links);
    this.#links = links;
    this.#dataplane.onLinks([...this.#links.values()]);
  }

  #observe(event: RouteEvent): void {
    switch (event.type) {
      case "newLink":
      case "delLink":
        this.#touchedLinks.add(event.link.index);
        // IPv4 routes by a link that is down go without a word.
        if (event.type === "delLink" || !event.link.isUp)
          this.#mustReadRoutes ||= this.#dataplane.hasRoutesOn(event.link.index);
        return;
      case "newAddress":
      case "delAddress": {
        // Host endpoints may be found by it. With an address routes go that name it as their source, without a word.
        const link = this.#links.get(event.address.linkIndex);
        if (link !== undefined && isWorkloadLink(link)) return;
        this.#mustReadAddresses = true;
        if (event.type === "delAddress") this.#mustReadRoutes = true;
        return;
      }
      case "newRoute":
      case "delRoute":
        if (isOwnRoute(event.route)) return;
        if (!this.#dataplane.onRoute(event.route, event.type === "newRoute")) this.#mustReadRoutes = true;
        return;
      case "newSettings":
        this.#sysctls.forgetAll();
    }
  }

  /** Part by part; and what comes meanwhile too, for as long as it comes at once. */
  async #takeBgpNews(): Promise<void> {
    const until = performance.now() + maxGatherMs;
    while (this.#bgpNews.length > 0) {
      const news = this.#bgpNews;
      this.#bgpNews = [];
      for (const item of news) {
        if (item.type === "settled") this.#dataplane.onBgpSettled(item.version);
        else {
          for (let at = 0; at < item.updates.length; at += routesPerTurn) {
            if (at > 0) await setImmediate();
            this.#dataplane.onBgpRoutes(item.updates.slice(at, at + routesPerTurn));
          }
        }
      }
      if (performance.now() > until) return;
      await setImmediate();
    }
  }

  /** False: the kernel refused; what was in force stays in force. */
  async #programRules(): Promise<boolean> {
    const { nft, log } = this.#options;
    const table = this.#dataplane.table();
    const mustRebuild = this.#filterFailures >= rebuildAfter && this.#presentTable !== undefined;
    const changes = mustRebuild ? rebuild(table) : diffTables(this.#presentTable, table);
    try {
      if (changes.length > 0) await nft.apply(changes);
    } catch (error) {
      if (!(error instanceof TortieError)) throw error;
      this.#mustAudit = true;
      this.#filterFailures++;
      this.#noteFailures([error.message]);
      return false;
    }
    this.#filterFailures = 0;
    if (changes.length > 0) {
      log.debug("rules programmed", { changes: changes.length });
      this.#counts.ruleChanges += changes.length;
    }
    const { cutVersion } = this.#dataplane;
    if (changes.length > 0 || cutVersion !== this.#cutVersion) {
      this.#cutVersion = cutVersion;
      const ends = this.#dataplane.cutEnds(this.#options.cutsFlows === true);
      if (ends.length > 0) this.#cutter.onRules({ table, ends, hostAddresses: this.#dataplane.addresses() });
    }
    this.#presentTable = table;
    this.#dataplane.onTable(table);
    return true;
  }

  async #setLinksUp(wanted: LocalWanted): Promise<string[]> {
    const { socket } = this.#options;
    const down = wanted.links.filter(({ index }) => this.#links.get(index)?.isUp === false);
    if (down.length === 0) return [];
    const failures = await socket.apply(down.map(({ index }) => ({ type: "setLink", index, isUp: true })));
    // What goes with an interface that is up is known only by looking at it again.
    for (const { index } of down) this.#touchedLinks.add(index);
    await this.#readLinks(false);
    return failures.map(describeFailure);
  }

  async #programRoutes(wanted: LocalWanted): Promise<readonly string[]> {
    await this.#feed.tell(this.#dataplane, wanted);
    const report = await this.#sync.apply({ mayDelete: () => true });
    this.#counts.routeChanges += report.applied;
    if (report.applied > 0)
      this.#options.log.debug("routes programmed", { applied: report.applied, held: report.held });
    const told = [...new Set([...this.#routeFailures, ...report.failures.map(describeFailure)])].slice(-report.failing);
    this.#routeFailures = report.failing === 0 ? [] : told;
    return this.#routeFailures;
  }

  async #tellProgrammed(wanted: LocalWanted): Promise<string[]> {
    try {
      await this.#options.onProgrammed(wanted, this.#bgp, this.#settings);
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
    const endpoints = this.#dataplane.endpoints();
    if (endpoints !== this.#readyOf?.endpoints || versions !== this.#readyOf.versions) {
      this.#readyOf = { endpoints, versions };
      const up = endpoints.filter(({ state }) => state === "up");
      this.#ready = new Map(up.map(({ id }) => [id, versions.get(id)]));
    }
    this.#lastWholeRound = round;
    this.#roundEnd.resolve();
    this.#roundEnd = Promise.withResolvers();
  }
}

type RoundOutcome = "done" | "filterFailed" | "failed";

type BgpNews =
  | { readonly type: "routes"; readonly updates: readonly RouteUpdate[] }
  | { readonly type: "settled"; readonly version: IpVersion };

/** In one transaction: packets meet the old table or the new one. */
function rebuild(table: Table): NftChange[] {
  const made = diffTables(undefined, table).map((change) => ({ ...change, isJoined: true }));
  return [{ type: "deleteTable", table: table.name }, ...made];
}

function filterIsStuck(failures: number): TortieError {
  return new TortieError("TT_KERNEL", `the packet filter could not be programmed ${failures} times in a row`, {
    hint: "the rules of before stay in force; see the log for what the kernel refuses",
  });
}
