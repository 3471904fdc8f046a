import { type IpAddress, addressVersion } from "../lib/index.ts";
import { AdjRibIn } from "./adj-rib-in.ts";
import { AdjRibOut } from "./adj-rib-out.ts";
import { type Family, type PeerConfig, allFamilies } from "./config.ts";
import type { Agreement, Connection } from "./connection.ts";
import type { Source } from "./decision.ts";
import type { Exporter } from "./export.ts";
import { type ImportPolicy, refuseRoute } from "./import.ts";
import { versionOf } from "./numbers.ts";
import { type PrefixKey, keyToCidr } from "./prefix-key.ts";
import type { SpeakerContext } from "./speaker-context.ts";
import { timerName } from "./steps.ts";
import type { Update } from "./update.ts";

/** Longest time that routes of before may wait for the End-of-RIB of a peer that is back (RFC 4724 section 4.2). */
const staleTimeMs = 360_000;

type Session = {
  readonly connection: Connection;
  readonly agreement: Agreement;
  readonly importPolicy: ImportPolicy;
  readonly outByFamily: Map<Family, { readonly routes: AdjRibOut; exporter: Exporter }>;
  readonly ended: Set<Family>;
};

/**
 * How a session ended: `lost` without a NOTIFICATION, so that a peer that restarts gracefully keeps its routes here;
 * `said` with one; `replaced` by another connection of the same two processes (RFC 4271 section 6.8).
 */
export type Ending = "lost" | "said" | "replaced";

/** The routes of one peer in both directions, over the sessions that come and go: RFC 4724's receiving speaker. */
export class PeerRoutes {
  readonly #context: SpeakerContext;
  readonly #source: Source;
  readonly #inByFamily: ReadonlyMap<Family, AdjRibIn>;
  #config: PeerConfig;
  #session: Session | undefined;
  #isReplaced = false;

  constructor(config: PeerConfig, context: SpeakerContext) {
    this.#config = config;
    this.#context = context;
    this.#source = { name: config.name, address: config.address, isInternal: true, routerId: context.config.routerId };
    this.#inByFamily = new Map(
      allFamilies.map((family) => [family, new AdjRibIn(this.#source, context.tables[family])]),
    );
  }

  get receivedCount(): number {
    return this.#ins().reduce((sum, routes) => sum + routes.size, 0);
  }

  get sentCount(): number {
    return [...(this.#session?.outByFamily.values() ?? [])].reduce((sum, { routes }) => sum + routes.size, 0);
  }

  get hasStale(): boolean {
    return this.#ins().some((routes) => routes.hasStale);
  }

  /** Whether a restarted speaker has nothing more to wait for from this peer's session (RFC 4724 section 4.1). */
  hasEnded(family: Family): boolean | undefined {
    if (this.#session === undefined) return undefined;
    const { agreement, ended } = this.#session;
    const restart = agreement.peerOpen.gracefulRestart;
    if (!agreement.families.includes(family) || restart === undefined || restart.isRestarting) return true;
    return ended.has(family);
  }

  established(connection: Connection, agreement: Agreement, nowMs: number): void {
    const { config } = this.#context;
    this.#source.isInternal = agreement.isInternal;
    this.#source.routerId = agreement.peerOpen.routerId;
    const ownAddresses = [connection.localAddress, config.nextHop4, config.nextHop6].filter(
      (address) => address !== undefined,
    );
    this.#session = {
      connection,
      agreement,
      importPolicy: {
        localAs: config.localAs,
        routerId: config.routerId,
        peerAs: this.#config.asNumber,
        isInternal: agreement.isInternal,
        ownAddresses,
      },
      outByFamily: new Map(),
      ended: new Set(),
    };
    for (const family of agreement.families) {
      const routes = new AdjRibOut(family);
      routes.wantAll(this.#context.tables[family].keys());
      const exporter = this.#context.exporterOf(this.#exportPolicy(family, connection.localAddress, agreement));
      this.#session.outByFamily.set(family, { routes, exporter });
    }
    this.#context.wantTurn();
    this.#keepStale(agreement, nowMs);
  }

  /** RFC 4724 section 4.2: routes of before stay only where the peer says that it went on forwarding. */
  #keepStale(agreement: Agreement, nowMs: number): void {
    this.#clearTimer("restart");
    const kept = agreement.peerOpen.gracefulRestart?.families ?? [];
    for (const [family, routes] of this.#inByFamily) {
      const isKept =
        agreement.families.includes(family) && kept.some((one) => one.family === family && one.isForwarding);
      if (!isKept && !this.#isReplaced) routes.sweepStale();
    }
    this.#isReplaced = false;
    if (this.hasStale) this.#setTimer("stale", nowMs + staleTimeMs);
    this.#context.wantTurn();
  }

  update(update: Update): void {
    const session = this.#session;
    if (session === undefined) return;
    if (update.complaint !== "") {
      this.#context.notice(this.#config.name, `UPDATE taken as ${update.outcome}`, update.complaint);
    }
    for (const { family, keys } of update.withdrawn) this.#inByFamily.get(family)?.remove(keys);
    for (const { family, keys, set } of update.announced) {
      const routes = this.#inByFamily.get(family);
      const refusal = refuseRoute(set, family, session.importPolicy);
      if (refusal === undefined) {
        routes?.put(keys, set);
      } else {
        routes?.remove(keys);
        this.#context.notice(this.#config.name, "routes refused", refusal);
      }
    }
    if (update.endOfRib !== undefined) {
      session.ended.add(update.endOfRib);
      this.#inByFamily.get(update.endOfRib)?.sweepStale();
    }
    this.#context.wantTurn();
  }

  refresh(family: Family): void {
    this.#session?.outByFamily.get(family)?.routes.refresh();
    this.#context.wantTurn();
  }

  down(ending: Ending, nowMs: number): void {
    if (this.#session === undefined) return;
    const restart = this.#session.agreement.peerOpen.gracefulRestart;
    this.#isReplaced = ending === "replaced";
    const mayReturn = ending !== "said" && restart !== undefined && restart.restartTimeSeconds > 0;
    this.#session = undefined;
    this.#clearTimer("stale");
    for (const [family, routes] of this.#inByFamily) {
      if (mayReturn && restart.families.some((one) => one.family === family)) routes.markStale();
      else routes.clear();
    }
    if (mayReturn && this.hasStale) this.#setTimer("restart", nowMs + restart.restartTimeSeconds * 1000);
    this.#context.wantTurn();
  }

  /** The peer did not come back, or did not end its table, in time. */
  timer(timer: string): void {
    if (timer === "restart" && this.#session !== undefined) return;
    for (const routes of this.#ins()) routes.sweepStale();
    this.#context.wantTurn();
  }

  /** The peer is no longer wanted. */
  clear(): void {
    this.#session = undefined;
    for (const routes of this.#ins()) routes.clear();
    this.#clearTimer("stale");
    this.#clearTimer("restart");
    this.#context.wantTurn();
  }

  /** What decides about exports may have changed: look at every prefix again. */
  reconfigure(config: PeerConfig): void {
    this.#config = config;
    const session = this.#session;
    if (session === undefined) return;
    for (const [family, out] of session.outByFamily) {
      const policy = this.#exportPolicy(family, session.connection.localAddress, session.agreement);
      const exporter = this.#context.exporterOf(policy);
      if (exporter === out.exporter) continue;
      out.exporter = exporter;
      out.routes.wantAll(this.#context.tables[family].keys());
    }
    this.#context.wantTurn();
  }

  exporters(): Exporter[] {
    return [...(this.#session?.outByFamily.values() ?? [])].map(({ exporter }) => exporter);
  }

  /** The best path of the prefix is another one. */
  bestChanged(family: Family, key: PrefixKey): void {
    this.#session?.outByFamily.get(family)?.routes.want(key);
  }

  /** Sends what waits, unless the peer does not take it. True when there is more for another turn. */
  flush(mayEndRib: (family: Family) => boolean): boolean {
    const session = this.#session;
    if (session === undefined || session.connection.isBlocked) return false;
    let hasMore = false;
    for (const [family, { routes, exporter }] of session.outByFamily) {
      const table = this.#context.tables[family];
      const { messages, unfit } = routes.flush((key) => {
        const best = table.best(key);
        return best === undefined || best.source === this.#source ? undefined : exporter.encode(key, best);
      }, mayEndRib(family));
      for (const message of messages) session.connection.write(message);
      for (const key of unfit) {
        this.#context.notice(this.#config.name, "route too long for a message", keyToCidr(key, family));
      }
      hasMore ||= routes.isWaiting;
    }
    return hasMore;
  }

  #exportPolicy(family: Family, localAddress: IpAddress | undefined, agreement: Agreement) {
    const { config, exportWithin } = this.#context;
    const isOfSession = localAddress !== undefined && addressVersion(localAddress) === versionOf(family);
    const configured = family === "ipv4-unicast" ? config.nextHop4 : config.nextHop6;
    return {
      family,
      localAs: config.localAs,
      isInternal: agreement.isInternal,
      isFourOctetAs: agreement.isFourOctetAs,
      nextHopMode: this.#config.nextHopMode,
      ownNextHop: isOfSession ? localAddress : configured,
      within: exportWithin[family],
    };
  }

  #ins(): AdjRibIn[] {
    return [...this.#inByFamily.values()];
  }

  #setTimer(timer: "restart" | "stale", atMs: number): void {
    this.#context.outbox.push({ type: "setTimer", timer: timerName(this.#config.name, timer), atMs });
  }

  #clearTimer(timer: "restart" | "stale"): void {
    this.#context.outbox.push({ type: "clearTimer", timer: timerName(this.#config.name, timer) });
  }
}
