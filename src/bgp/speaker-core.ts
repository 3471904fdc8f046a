import { type Cidr, type IpAddress, type Random, addressFromBytes, cidrVersion } from "../lib/index.ts";
import { AttributeTable } from "./attribute-table.ts";
import { BfdWatch } from "./bfd-watch.ts";
import {
  type Family,
  type PeerConfig,
  type PeerStatus,
  type RibRow,
  type RouteQuery,
  type SpeakerConfig,
  allFamilies,
} from "./config.ts";
import { Neighbours } from "./neighbours.ts";
import { NextHops } from "./next-hops.ts";
import { writeNotification } from "./message.ts";
import { rejectedWord, shutdownWord } from "./notification.ts";
import { versionOf } from "./numbers.ts";
import type { Open } from "./open.ts";
import { OriginatedRoutes } from "./originated.ts";
import { makeOwnOpen } from "./own-open.ts";
import { PathIdSource } from "./path.ts";
import type { Peer } from "./peer.ts";
import { type PrefixKey, cidrToKey, keyToCidr } from "./prefix-key.ts";
import { Restart } from "./restart.ts";
import { RibTable } from "./rib.ts";
import type { SpeakerContext } from "./speaker-context.ts";
import { type ConnectionId, type SpeakerInput, type SpeakerOutput, splitTimerName, timerName } from "./steps.ts";
import { type TurnLimits, defaultTurnLimits } from "./turn-limits.ts";
import { UpdateGroups } from "./update-groups.ts";

/** Owner of the timers that are no peer's; no peer is called so, since a name is not empty. */
const speakerOwner = "";

export type SpeakerCoreOptions = {
  /** The kernel went on forwarding by the routes of the run before. */
  readonly isRestart: boolean;
  readonly random: Random;
  /** Whether `routes` outputs are made. Not for one that forwards nothing itself. True when absent. */
  readonly tellsRoutes?: boolean;
  readonly limits?: Partial<TurnLimits>;
};

/**
 *   configure ─> Neighbours ─> Peer ──┬─ Connection (active, passive) <─ bytes, timers ─> bytes
 *                                     └─ PeerRoutes ── AdjRibIn <─ Importer
 *                                                         │
 *   originate ─> OriginatedRoutes ─────────────────> RibTable ── decide, once a turn ──> routes
 *                                                         │ changes
 *                                    UpdateGroup (one a policy) <─ Exporter
 *                                                         │ journal, encoded once for all members
 *                                    GroupMember (one a peer: a cursor) ── serve, once a turn ──> bytes
 *
 * The whole speaker without I/O. Inputs and outputs: steps.ts. The first `configure` starts it.
 */
export class SpeakerCore {
  readonly #tables: Readonly<Record<Family, RibTable>>;
  readonly #originated: OriginatedRoutes;
  readonly #restart: Restart;
  readonly #groups: UpdateGroups;
  readonly #neighbours: Neighbours;
  readonly #bfd = new BfdWatch();
  readonly #nextHops = new NextHops();
  readonly #tellsRoutes: boolean;
  readonly #outbox: SpeakerOutput[] = [];
  readonly #context: SpeakerContext & {
    config: SpeakerConfig;
    exportWithin: ExportWithin;
    clusters: ReadonlySet<IpAddress>;
  };
  /** Families whose restart has ended, but whose routes have not all been looked at. */
  readonly #ending = new Set<Family>();
  readonly #tooSlow = new Set<string>();
  #connectionCount = 0;
  #isTurnWanted = false;
  #hasBegun = false;
  #isStopped = false;

  constructor({ isRestart, random, tellsRoutes = true, limits = {} }: SpeakerCoreOptions) {
    this.#tables = {
      "ipv4-unicast": new RibTable("ipv4-unicast", random),
      "ipv6-unicast": new RibTable("ipv6-unicast", random),
    };
    this.#originated = new OriginatedRoutes(this.#tables);
    this.#restart = new Restart({ isRestart, isOffPath: !tellsRoutes });
    this.#tellsRoutes = tellsRoutes;
    this.#groups = new UpdateGroups(this.#tables, (family) => this.#restart.isDeferred(family), {
      ...defaultTurnLimits,
      ...limits,
    });
    this.#context = {
      outbox: this.#outbox,
      random,
      config: unconfigured,
      exportWithin: keysOf(unconfigured.exportWithin),
      clusters: new Set(),
      ownerByConnection: new Map(),
      tables: this.#tables,
      groups: this.#groups,
      attributes: new AttributeTable(),
      pathIds: new PathIdSource(),
      makeOpen: (peer, hasMet) => this.#makeOpen(peer, hasMet),
      nextConnectionId: () => `out:${this.#connectionCount++}`,
      wantTurn: () => this.#wantTurn(),
      notice: (peer, text, detail) => this.#outbox.push({ type: "notice", peer, text, detail }),
      sessionChanged: () => this.#bfd.outdate(),
      giveUp: (peer) => this.#tooSlow.add(peer),
    };
    this.#neighbours = new Neighbours(this.#context);
  }

  step(input: SpeakerInput, nowMs: number): SpeakerOutput[] {
    if (!this.#isStopped) this.#take(input, nowMs);
    return this.#outbox.splice(0);
  }

  status(nowMs: number): PeerStatus[] {
    return [...this.#neighbours.all()].map((peer) => peer.status(nowMs));
  }

  /** The table with all paths, and why the best ones are best. */
  routes(query: RouteQuery = {}): RibRow[] {
    return [...this.rows(query)];
  }

  /** The same, one row at a time. */
  *rows({ family, prefix }: RouteQuery = {}): Generator<RibRow> {
    for (const table of Object.values(this.#tables)) {
      if (family !== undefined && table.family !== family) continue;
      if (prefix === undefined) {
        yield* table.rows();
      } else if (cidrVersion(prefix) === versionOf(table.family)) {
        const destination = table.byKey(cidrToKey(prefix));
        if (destination !== undefined && destination.paths.length > 0) yield table.row(destination);
      }
    }
  }

  /** What a peer has told, before any policy: one path a row. Nothing for a peer that is not there. */
  received(peerName: string): Iterable<RibRow> {
    return this.#neighbours.get(peerName)?.routes.received() ?? [];
  }

  /** What a peer has been told, one path a row. */
  advertised(peerName: string): Iterable<RibRow> {
    return this.#neighbours.get(peerName)?.routes.advertised() ?? [];
  }

  /** Octets that wait in the journals of all update groups. */
  get journalBytes(): number {
    return this.#groups.journalBytes;
  }

  #take(input: SpeakerInput, nowMs: number): void {
    switch (input.type) {
      case "configure":
        this.#configure(input.config, nowMs);
        return;
      case "originate":
        this.#originated.replace(input.routes);
        this.#restart.originated();
        this.#wantTurn();
        return;
      case "connected":
        this.#peerOf(input.connection)?.connected(input.connection, input.localAddress, nowMs);
        return;
      case "accepted":
        this.#accept(input, nowMs);
        return;
      case "closed":
        this.#touch(this.#peerOf(input.connection), (peer) => peer.closed(input.connection, input.reason, nowMs));
        return;
      case "bytes":
        this.#touch(this.#peerOf(input.connection), (peer) => peer.receive(input.connection, input.bytes, nowMs));
        return;
      case "blocked":
        this.#peerOf(input.connection)?.blocked(input.connection, nowMs);
        return;
      case "drained":
        this.#peerOf(input.connection)?.drained(input.connection);
        return;
      case "timer":
        this.#timer(input.timer, nowMs);
        return;
      case "bfd":
        this.#touch(this.#neighbours.get(input.peer), (peer) => peer.bfdChanged(input, nowMs));
        return;
      case "refresh":
        this.#neighbours.get(input.peer)?.requestRefresh();
        return;
      case "nextHops":
        this.#learnNextHops(input.costs);
        return;
      case "turn":
        this.#turn(nowMs);
        return;
      case "stop":
        this.#stop(input.reason, input.text);
    }
  }

  #configure(config: SpeakerConfig, nowMs: number): void {
    const before = this.#context.config;
    const isSameSpeaker = this.#hasBegun && before.localAs === config.localAs && before.routerId === config.routerId;
    this.#neighbours.endUnwanted(config, isSameSpeaker);
    this.#context.config = config;
    this.#context.exportWithin = keysOf(config.exportWithin);
    this.#context.clusters = clustersOf(config);
    for (const table of Object.values(this.#tables)) {
      table.trackNextHops(config.hasNextHopTracking === true ? this.#nextHops : undefined);
    }
    const isFirst = !this.#hasBegun;
    if (isFirst) this.#begin(config, nowMs);
    this.#neighbours.configure(config, nowMs);
    if (isFirst) this.#neighbours.expect(nowMs);
    this.#bfd.configure(config);
    this.#wantTurn();
  }

  #begin(config: SpeakerConfig, nowMs: number): void {
    this.#hasBegun = true;
    for (const atMs of this.#restart.begin(nowMs, config.restartTimeSeconds)) this.#lookAgain(atMs);
  }

  /** At a restart that may have ended by then. */
  #lookAgain(atMs: number | undefined): void {
    if (atMs === undefined) return;
    this.#outbox.push({ type: "setTimer", timer: timerName(speakerOwner, `restart${atMs}`), atMs });
  }

  #stop(reason: "restart" | "shutDown", text: string | undefined): void {
    const word = reason === "restart" ? undefined : shutdownWord(text);
    this.#neighbours.stopAll((peer) => peer.stop(word));
    this.#isStopped = true;
  }

  #accept(input: Extract<SpeakerInput, { type: "accepted" }>, nowMs: number): void {
    const { connection, localAddress, remoteAddress, linkName } = input;
    const peer = this.#neighbours.whoIsAt({ address: remoteAddress, linkName }, localAddress, nowMs);
    if (peer === undefined) {
      this.#context.notice("", "connection of an unknown peer refused", remoteAddress);
      this.#outbox.push({ type: "write", connection, bytes: writeNotification(rejectedWord) });
      this.#outbox.push({ type: "close", connection });
      return;
    }
    this.#touch(peer, () => peer.accepted(connection, localAddress, nowMs));
  }

  #learnNextHops(costs: Extract<SpeakerInput, { type: "nextHops" }>["costs"]): void {
    const wasWaiting = this.#nextHops.isWaiting;
    const changed = this.#nextHops.learn(costs);
    if (changed.size === 0 && !wasWaiting) return;
    for (const table of Object.values(this.#tables)) table.markNextHops(changed);
    this.#wantTurn();
  }

  #peerOf(connection: ConnectionId): Peer | undefined {
    const owner = this.#context.ownerByConnection.get(connection);
    return owner === undefined ? undefined : this.#neighbours.get(owner);
  }

  /** Something may be the end of a peer that was not configured. */
  #touch(peer: Peer | undefined, act: (peer: Peer) => void): void {
    if (peer === undefined) return;
    act(peer);
    this.#neighbours.forgetIfGone(peer);
  }

  #timer(name: string, nowMs: number): void {
    const { owner, timer } = splitTimerName(name);
    if (owner === speakerOwner) {
      this.#wantTurn();
      return;
    }
    const peer = this.#neighbours.get(owner);
    if (peer === undefined) this.#touch(this.#peerOf(owner), (one) => one.connectionTimer(owner, timer, nowMs));
    else this.#touch(peer, () => peer.timer(timer, nowMs));
  }

  #turn(nowMs: number): void {
    this.#isTurnWanted = false;
    this.#decide();
    // What cannot be used only because nobody has told the way yet must not count as gone.
    const ended = this.#nextHops.isWaiting ? [] : this.#restart.end(this.#neighbours.all(), nowMs);
    for (const family of ended) {
      if (this.#restart.isDeferring) this.#tables[family].markAll();
      this.#ending.add(family);
    }
    this.#lookAgain(this.#restart.takeLookAtMs());
    if (this.#ending.size > 0) this.#decide();
    for (const family of this.#ending) {
      if (this.#tables[family].isDirty) continue;
      this.#ending.delete(family);
      this.#outbox.push({ type: "restartEnd", family });
    }
    const isDecided = Object.values(this.#tables).every(({ isDirty }) => !isDirty);
    if (isDecided) this.#neighbours.forgetGone();
    this.#groups.fill();
    const hasMore = this.#groups.serve(nowMs, (family) => this.#mayEndRib(family));
    this.#noteUnfit();
    this.#endTooSlow(nowMs);
    this.#tellWhatMatters();
    if (hasMore || !isDecided) this.#wantTurn();
  }

  /** What we have told is all that we have. */
  #mayEndRib(family: Family): boolean {
    return this.#restart.isComplete(family) && !this.#tables[family].isDirty;
  }

  #decide(): void {
    for (const family of allFamilies) {
      const table = this.#tables[family];
      if (!table.isDirty) continue;
      const changes = table.decide(this.#groups.decisionLimit, this.#restart.isDeferred(family));
      this.#groups.apply(family, changes);
      for (const destination of changes.decided) table.forgetEmpty(destination);
      if (this.#tellsRoutes && changes.withNewUse.length > 0) {
        const updates = changes.withNewUse.map((destination) => table.routeUpdate(destination));
        this.#outbox.push({ type: "routes", updates });
      }
    }
  }

  #noteUnfit(): void {
    for (const { family, keys, peers } of this.#groups.takeUnfit()) {
      const [first] = keys;
      if (first === undefined) continue;
      const more = keys.length === 1 ? "" : ` and ${keys.length - 1} more`;
      this.#context.notice("", "route too long for a message", `${keyToCidr(first, family)}${more}, peers: ${peers}`);
    }
  }

  #endTooSlow(nowMs: number): void {
    for (const name of this.#tooSlow) this.#touch(this.#neighbours.get(name), (peer) => peer.giveUp(nowMs));
    this.#tooSlow.clear();
  }

  /** To whom it concerns: next hops to be watched, and sessions for BFD. */
  #tellWhatMatters(): void {
    if (this.#nextHops.hasChanges) {
      const { tracked, untracked } = this.#nextHops.takeChanges();
      if (tracked.length > 0) this.#outbox.push({ type: "trackNextHops", nextHops: tracked });
      if (untracked.length > 0) this.#outbox.push({ type: "untrackNextHops", nextHops: untracked });
    }
    const peers = this.#bfd.look(this.#neighbours.all());
    if (peers !== undefined) this.#outbox.push({ type: "bfdPeers", peers });
  }

  #makeOpen(peer: PeerConfig, hasMet: boolean): Open {
    // What we learned and installed is still forwarded by when the same process, or one that restarted, comes back.
    // One that forwards nothing has lost nothing either.
    const isRestarting = this.#restart.isRunning;
    const isForwarding = hasMet || isRestarting || !this.#tellsRoutes;
    return makeOwnOpen(this.#context.config, peer, { isRestarting, isForwarding });
  }

  #wantTurn(): void {
    if (this.#isTurnWanted) return;
    this.#isTurnWanted = true;
    this.#outbox.push({ type: "wantTurn" });
  }
}

/** Before the first `configure`, when there is no peer to see it. */
const unconfigured: SpeakerConfig = {
  localAs: 0,
  routerId: addressFromBytes(new Uint8Array(4)),
  listenPort: 0,
  restartTimeSeconds: 0,
  exportWithin: [],
  peers: [],
};

type ExportWithin = Readonly<Record<Family, readonly PrefixKey[] | "all">>;

function keysOf(within: readonly Cidr[] | "all"): ExportWithin {
  if (within === "all") return { "ipv4-unicast": "all", "ipv6-unicast": "all" };
  const keys = (family: Family) => within.filter((cidr) => cidrVersion(cidr) === versionOf(family)).map(cidrToKey);
  return { "ipv4-unicast": keys("ipv4-unicast"), "ipv6-unicast": keys("ipv6-unicast") };
}

/** A speaker without clusters of its own goes by its identifier (RFC 4456 section 7). */
function clustersOf({ routerId, peers, ranges = [] }: SpeakerConfig): ReadonlySet<IpAddress> {
  const clusters = [...peers, ...ranges.map(({ session }) => session)].map(({ reflectorCluster }) => reflectorCluster);
  return new Set([routerId, ...clusters.filter((cluster) => cluster !== undefined)]);
}
