import { addressToBytes } from "../lib/index.ts";
import { AdjRibIn } from "./adj-rib-in.ts";
import { type Family, type PeerConfig, type RibRow, allFamilies } from "./config.ts";
import type { Agreement, Connection } from "./connection.ts";
import type { GroupReader } from "./group-member.ts";
import { Importer } from "./import.ts";
import { type Notification, maxPrefixesWord } from "./notification.ts";
import type { Source } from "./path.ts";
import { Retention } from "./retention.ts";
import { describeAlone } from "./rib-rows.ts";
import { isSameValue } from "./same-value.ts";
import { type SessionFacts, makeExportPolicy, makeImportPolicy } from "./session-policies.ts";
import type { SpeakerContext } from "./speaker-context.ts";
import { timerName } from "./steps.ts";
import { type Membership, describeTold } from "./update-groups.ts";
import type { Update } from "./update.ts";

type Session = {
  readonly connection: Connection;
  readonly agreement: Agreement;
  readonly reader: GroupReader;
  readonly memberships: Map<Family, Membership>;
  readonly ended: Set<Family>;
  /** What has been said in the log already. */
  readonly noted: Set<string>;
};

/**
 * How a session ended: `lost` without a NOTIFICATION, or with one that says so, so that a peer that restarts gracefully
 * keeps its routes here; `said` with one.
 */
export type Ending = "lost" | "said";

/** The routes of one peer in both directions, over the sessions that come and go. */
export class PeerRoutes {
  readonly #context: SpeakerContext;
  readonly #source: Source;
  readonly #ins: ReadonlyMap<Family, AdjRibIn>;
  readonly #retention: Retention;
  #config: PeerConfig;
  #session: Session | undefined;

  constructor(config: PeerConfig, context: SpeakerContext) {
    this.#config = config;
    this.#context = context;
    this.#source = {
      name: config.name,
      address: config.address,
      octets: addressToBytes(config.address),
      ...(config.linkName === undefined ? {} : { linkName: config.linkName }),
      type: config.type,
      isInternal: true,
      routerId: context.config.routerId,
      cluster: config.reflectorCluster,
      version: 0,
    };
    this.#ins = new Map(
      allFamilies.map((family) => [family, new AdjRibIn(this.#source, context.tables[family], context.pathIds)]),
    );
    this.#retention = new Retention(this.#ins, {
      set: (timer, atMs) => this.#setTimer(timer, atMs),
      clear: (timer) => context.outbox.push({ type: "clearTimer", timer: timerName(config.name, timer) }),
    });
  }

  get receivedCount(): number {
    return this.#sum(({ size }) => size);
  }

  /** Prefixes that came and were turned away. */
  get refusedCount(): number {
    return this.#sum(({ refusedCount }) => refusedCount);
  }

  get sentCount(): number {
    let sum = 0;
    for (const { group } of this.#session?.memberships.values() ?? []) sum += group.toldCountFor(this.#source);
    return sum;
  }

  get hasStale(): boolean {
    return this.#retention.hasStale;
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
    this.#source.routerId = agreement.peerOpen.routerId;
    this.#updateSource(agreement.isInternal);
    const session: Session = {
      connection,
      agreement,
      reader: this.#makeReader(connection, agreement),
      memberships: new Map(),
      ended: new Set(),
      noted: new Set(),
    };
    this.#session = session;
    const facts = this.#facts(session);
    for (const family of agreement.families) {
      const routes = this.#ins.get(family);
      if (routes !== undefined) routes.importer = new Importer(makeImportPolicy(family, facts), this.#source);
      session.memberships.set(family, this.#context.groups.join(makeExportPolicy(family, facts), session.reader));
    }
    this.#retention.established(agreement, nowMs);
    this.#context.sessionChanged();
    this.#context.wantTurn();
  }

  /** A NOTIFICATION when the session must end because of it. */
  update(update: Update): Notification | undefined {
    const session = this.#session;
    if (session === undefined) return undefined;
    const { complaint, outcome, withdrawn, announced, endOfRib } = update;
    if (complaint !== "") this.#note(session, `UPDATE taken as ${outcome}`, complaint);
    for (const { family, keys, pathIds } of withdrawn) this.#ins.get(family)?.remove(keys, pathIds);
    for (const { family, keys, set, pathIds } of announced) {
      for (const refusal of this.#ins.get(family)?.put(keys, set, pathIds) ?? []) {
        this.#note(session, "routes refused", refusal);
      }
    }
    if (endOfRib !== undefined) {
      session.ended.add(endOfRib);
      this.#retention.endOfRib(endOfRib);
    }
    this.#context.wantTurn();
    return announced.length > 0 ? this.#checkLimit(session) : undefined;
  }

  /** The peer asks for everything again. */
  refresh(family: Family): void {
    const membership = this.#session?.memberships.get(family);
    membership?.group.writer.refresh(membership.member);
    this.#context.wantTurn();
  }

  /** Everything is being told again, or is about to be. */
  isRefreshing(family: Family): boolean {
    const refresh = this.#session?.memberships.get(family)?.member.refresh ?? "none";
    return refresh !== "none";
  }

  /** The peer begins to tell everything again. RFC 7313 section 4: not before the End-of-RIB that it owes. */
  refreshBegin(family: Family, nowMs: number): void {
    const session = this.#session;
    if (session?.agreement.peerOpen.gracefulRestart !== undefined && !session.ended.has(family)) {
      this.#note(session, "refresh before the End-of-RIB passed over", family);
      return;
    }
    this.#retention.refreshBegin(family, nowMs);
  }

  /** It has told everything: what it did not tell again is gone. */
  refreshEnd(family: Family): void {
    this.#retention.refreshEnd(family);
    this.#context.wantTurn();
  }

  down(ending: Ending, nowMs: number): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#leaveGroups(session);
    this.#session = undefined;
    const open = ending === "said" ? undefined : session.agreement.peerOpen;
    this.#retention.down(open, this.#config.longLivedStaleSeconds ?? 0, nowMs);
    this.#context.sessionChanged();
    this.#context.wantTurn();
  }

  timer(timer: string, nowMs: number): void {
    this.#retention.timer(timer, this.#session !== undefined, nowMs);
    this.#context.wantTurn();
  }

  /** The peer is no longer wanted. */
  clear(): void {
    if (this.#session !== undefined) this.#leaveGroups(this.#session);
    this.#session = undefined;
    this.#retention.clear();
    this.#context.sessionChanged();
    this.#context.wantTurn();
  }

  /** What decides about routes may have changed: both directions are looked at again, without a word from the peer. */
  reconfigure(config: PeerConfig): void {
    this.#config = config;
    const session = this.#session;
    const isOtherSource = this.#updateSource(session?.agreement.isInternal ?? this.#source.isInternal);
    if (session === undefined) {
      if (isOtherSource) for (const routes of this.#ins.values()) routes.judgeAgain(true);
      this.#context.wantTurn();
      return;
    }
    const facts = this.#facts(session);
    for (const [family, membership] of session.memberships) {
      this.#judgeAgain(family, facts, isOtherSource);
      session.memberships.set(family, this.#context.groups.move(membership, makeExportPolicy(family, facts)));
    }
    this.#context.wantTurn();
  }

  /** All that the peer has told, refused or not. */
  *received(): Generator<RibRow> {
    for (const [family, routes] of this.#ins) {
      for (const [key, path] of routes.entries()) {
        const destination = this.#context.tables[family].byKey(key);
        const isUsed = destination?.used.includes(path) === true;
        yield describeAlone(key, family, path, path.raw.attributes, { isBest: destination?.best === path, isUsed });
      }
    }
  }

  /** All that the peer has been told, or is about to be. */
  *advertised(): Generator<RibRow> {
    for (const membership of this.#session?.memberships.values() ?? []) yield* describeTold(membership);
  }

  /** True when it is something else than before. */
  #updateSource(isInternal: boolean): boolean {
    const source = this.#source;
    const { type, reflectorCluster } = this.#config;
    const cluster = isInternal ? reflectorCluster : undefined;
    if (source.type === type && source.isInternal === isInternal && source.cluster === cluster) return false;
    source.type = type;
    source.isInternal = isInternal;
    source.cluster = cluster;
    source.version++;
    return true;
  }

  #judgeAgain(family: Family, facts: SessionFacts, isOtherSource: boolean): void {
    const routes = this.#ins.get(family);
    const policy = makeImportPolicy(family, facts);
    if (routes === undefined) return;
    if (!isOtherSource && isSameValue(policy, routes.importer?.policy)) return;
    routes.importer = new Importer(policy, this.#source);
    routes.judgeAgain(isOtherSource);
  }

  #makeReader(connection: Connection, agreement: Agreement): GroupReader {
    const { name } = this.#config;
    const context = this.#context;
    return {
      source: this.#source,
      canEnhancedRefresh: agreement.canEnhancedRefresh,
      get isBlocked() {
        return connection.isBlocked;
      },
      write: (bytes, count) => connection.write(bytes, count),
      giveUp: () => context.giveUp(name),
    };
  }

  #facts({ agreement, connection }: Session): SessionFacts {
    const { config, clusters, exportWithin } = this.#context;
    const { localAddress } = connection;
    return { speaker: config, peer: this.#config, agreement, localAddress, clusters, exportWithin };
  }

  #leaveGroups({ memberships }: Session): void {
    for (const membership of memberships.values()) this.#context.groups.leave(membership);
    memberships.clear();
  }

  /** RFC 4271 section 6.7, RFC 4486 section 4. What was refused counts, since it takes as much room. */
  #checkLimit(session: Session): Notification | undefined {
    const { maxPrefixes } = this.#config;
    if (maxPrefixes === undefined) return undefined;
    for (const [family, { size }] of this.#ins) {
      if (size <= maxPrefixes.count) continue;
      if (maxPrefixes.action === "end") return maxPrefixesWord(family, maxPrefixes.count);
      this.#note(session, "more prefixes than are allowed", `${family}: more than ${maxPrefixes.count}`);
    }
    return undefined;
  }

  /** Once a session. */
  #note({ noted }: Session, text: string, detail: string): void {
    const line = `${text}: ${detail}`;
    if (noted.has(line) || noted.size >= maxNoted) return;
    noted.add(line);
    this.#context.notice(this.#config.name, text, detail);
  }

  #sum(count: (routes: AdjRibIn) => number): number {
    let sum = 0;
    for (const routes of this.#ins.values()) sum += count(routes);
    return sum;
  }

  #setTimer(timer: string, atMs: number): void {
    this.#context.outbox.push({ type: "setTimer", timer: timerName(this.#config.name, timer), atMs });
  }
}

/** Notices of one session. */
const maxNoted = 100;
