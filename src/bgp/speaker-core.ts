import { type Cidr, type IpAddress, type Random, addressFromBytes, assert, cidrVersion } from "../lib/index.ts";
import { AttributeTable } from "./attribute-table.ts";
import {
  type Family,
  type PeerConfig,
  type PeerStatus,
  type RibRow,
  type SpeakerConfig,
  allFamilies,
} from "./config.ts";
import { type ExportPolicy, Exporter } from "./export.ts";
import { notification } from "./notification.ts";
import { ceaseSubcode, errorCode, versionOf } from "./numbers.ts";
import type { Open } from "./open.ts";
import { OriginatedRoutes } from "./originated.ts";
import { Peer, isSameSession } from "./peer.ts";
import { type PrefixKey, cidrToKey } from "./prefix-key.ts";
import { Restart } from "./restart.ts";
import { type RibChange, RibTable } from "./rib.ts";
import type { SpeakerContext } from "./speaker-context.ts";
import { type ConnectionId, type SpeakerInput, type SpeakerOutput, splitTimerName, timerName } from "./steps.ts";

const defaultHoldTimeSeconds = 90;
/** Owner of the timers that are no peer's; no peer is called so, since a name is not empty. */
const speakerOwner = "";

export type SpeakerCoreOptions = {
  /** The kernel went on forwarding by the routes of the run before. */
  readonly isRestart: boolean;
  readonly random: Random;
};

/**
 *   configure ─> Peer ──┬─ Connection (active, passive) <─ bytes, timers ─> bytes
 *                       └─ PeerRoutes ─┬─ AdjRibIn  ──> RibTable ── decide, once a turn ──> routes
 *   originate ─> OriginatedRoutes ─────│──────────────────^  │
 *                                      └─ AdjRibOut <─ Exporter ─┘ flush, once a turn ──> bytes
 *
 * The whole speaker without I/O. Inputs and outputs: steps.ts. The first `configure` starts it.
 */
export class SpeakerCore {
  readonly #peerByName = new Map<string, Peer>();
  readonly #tables: Readonly<Record<Family, RibTable>> = {
    "ipv4-unicast": new RibTable("ipv4-unicast"),
    "ipv6-unicast": new RibTable("ipv6-unicast"),
  };
  readonly #originated = new OriginatedRoutes(this.#tables);
  readonly #exporters = new Map<string, Exporter>();
  readonly #restart: Restart;
  readonly #outbox: SpeakerOutput[] = [];
  readonly #context: SpeakerContext & { config: SpeakerConfig; exportWithin: ExportWithin };
  #connectionCount = 0;
  #isTurnWanted = false;
  #hasBegun = false;
  #isStopped = false;

  constructor({ isRestart, random }: SpeakerCoreOptions) {
    this.#restart = new Restart(isRestart);
    this.#context = {
      outbox: this.#outbox,
      random,
      config: unconfigured,
      exportWithin: keysOf(unconfigured.exportWithin),
      ownerByConnection: new Map(),
      tables: this.#tables,
      attributes: new AttributeTable(),
      makeOpen: (peer, hasMet) => this.#makeOpen(peer, hasMet),
      nextConnectionId: () => `out:${this.#connectionCount++}`,
      exporterOf: (policy) => this.#exporterOf(policy),
      wantTurn: () => this.#wantTurn(),
      notice: (peer, text, detail) => this.#outbox.push({ type: "notice", peer, text, detail }),
    };
  }

  step(input: SpeakerInput, nowMs: number): SpeakerOutput[] {
    if (!this.#isStopped) this.#take(input, nowMs);
    return this.#outbox.splice(0);
  }

  status(nowMs: number): PeerStatus[] {
    return [...this.#peerByName.values()].map((peer) => peer.status(nowMs));
  }

  routes(): RibRow[] {
    return allFamilies.flatMap((family) => this.#tables[family].rows());
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
        this.#accept(input.connection, input.localAddress, input.remoteAddress, nowMs);
        return;
      case "closed":
        this.#peerOf(input.connection)?.closed(input.connection, input.reason, nowMs);
        return;
      case "bytes":
        this.#peerOf(input.connection)?.receive(input.connection, input.bytes, nowMs);
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
      case "turn":
        this.#turn(nowMs);
        return;
      case "stop":
        this.#stop(input.reason);
    }
  }

  #configure(config: SpeakerConfig, nowMs: number): void {
    const before = this.#context.config;
    const isSameSpeaker = this.#hasBegun && before.localAs === config.localAs && before.routerId === config.routerId;
    const wanted = new Map(config.peers.map((peer) => [peer.name, peer]));
    assert(wanted.size === config.peers.length && !wanted.has(speakerOwner), "peers have distinct names");
    for (const [name, peer] of this.#peerByName) {
      const next = wanted.get(name);
      if (next !== undefined && isSameSpeaker && isSameSession(peer.config, next)) continue;
      const subcode = next === undefined ? ceaseSubcode.peerDeconfigured : ceaseSubcode.otherConfigurationChange;
      peer.stop(notification(errorCode.cease, subcode));
      this.#peerByName.delete(name);
    }
    this.#context.config = config;
    this.#context.exportWithin = keysOf(config.exportWithin);
    if (!this.#hasBegun) this.#begin(config, nowMs);
    for (const [name, peerConfig] of wanted) {
      const known = this.#peerByName.get(name);
      if (known !== undefined) {
        known.reconfigure(peerConfig, nowMs);
        continue;
      }
      const peer = new Peer(peerConfig, this.#context, nowMs);
      this.#peerByName.set(name, peer);
      peer.start(nowMs);
    }
    this.#forgetExporters();
    this.#wantTurn();
  }

  #forgetExporters(): void {
    const used = new Set([...this.#peerByName.values()].flatMap(({ routes }) => routes.exporters()));
    for (const [key, exporter] of this.#exporters) if (!used.has(exporter)) this.#exporters.delete(key);
  }

  #begin(config: SpeakerConfig, nowMs: number): void {
    this.#hasBegun = true;
    for (const atMs of this.#restart.begin(nowMs, config.restartTimeSeconds)) {
      this.#outbox.push({ type: "setTimer", timer: timerName(speakerOwner, `restart${atMs}`), atMs });
    }
  }

  #stop(reason: "restart" | "shutDown"): void {
    const word = reason === "restart" ? undefined : notification(errorCode.cease, ceaseSubcode.administrativeShutdown);
    for (const peer of this.#peerByName.values()) peer.stop(word);
    this.#peerByName.clear();
    this.#isStopped = true;
  }

  /** A peer is known by its address; of several sessions to one address the first that is down is meant. */
  #accept(connection: ConnectionId, localAddress: IpAddress, remoteAddress: IpAddress, nowMs: number): void {
    const fit = [...this.#peerByName.values()].filter(
      ({ config }) =>
        config.address === remoteAddress && (config.localAddress === undefined || config.localAddress === localAddress),
    );
    const peer = fit.find(({ isEstablished }) => !isEstablished) ?? fit[0];
    if (peer === undefined) {
      this.#context.notice("", "connection of an unknown peer refused", remoteAddress);
      this.#outbox.push({ type: "close", connection });
      return;
    }
    peer.accepted(connection, localAddress, nowMs);
  }

  #peerOf(connection: ConnectionId): Peer | undefined {
    const owner = this.#context.ownerByConnection.get(connection);
    return owner === undefined ? undefined : this.#peerByName.get(owner);
  }

  #timer(name: string, nowMs: number): void {
    const { owner, timer } = splitTimerName(name);
    if (owner === speakerOwner) {
      this.#wantTurn();
      return;
    }
    const peer = this.#peerByName.get(owner);
    if (peer === undefined) this.#peerOf(owner)?.connectionTimer(owner, timer, nowMs);
    else peer.timer(timer, nowMs);
  }

  #turn(nowMs: number): void {
    this.#isTurnWanted = false;
    this.#decide();
    const ended = this.#restart.end(this.#peerByName.values(), nowMs);
    for (const family of ended) this.#tables[family].markAll();
    this.#decide();
    for (const family of ended) this.#outbox.push({ type: "restartEnd", family });
    let hasMore = false;
    for (const peer of this.#peerByName.values()) {
      if (peer.routes.flush((family) => this.#restart.isComplete(family))) hasMore = true;
    }
    if (hasMore) this.#wantTurn();
  }

  #decide(): void {
    for (const family of allFamilies) {
      const table = this.#tables[family];
      if (!table.isDirty) continue;
      const changes = table.decide(this.#restart.isDeferred(family));
      for (const { key, hasNewBest } of changes) {
        if (hasNewBest) for (const peer of this.#peerByName.values()) peer.routes.bestChanged(family, key);
      }
      const updates = changes.filter(isNewUse).map(({ key }) => table.routeUpdate(key));
      if (updates.length > 0) this.#outbox.push({ type: "routes", updates });
    }
  }

  #makeOpen(peer: PeerConfig, hasMet: boolean): Open {
    const { localAs, routerId, restartTimeSeconds } = this.#context.config;
    // What we learned and installed is still forwarded by when the same process, or one that restarted, comes back.
    const isForwarding = hasMet || this.#restart.isRunning;
    return {
      asNumber: localAs,
      holdTimeSeconds: peer.holdTimeSeconds ?? defaultHoldTimeSeconds,
      routerId,
      families: peer.families,
      canRefresh: true,
      hasFourOctetAs: true,
      hasExtendedMessages: true,
      gracefulRestart: {
        isRestarting: this.#restart.isRunning,
        restartTimeSeconds,
        families: peer.families.map((family) => ({ family, isForwarding })),
      },
    };
  }

  #exporterOf(policy: ExportPolicy): Exporter {
    const key = JSON.stringify(policy);
    const known = this.#exporters.get(key);
    if (known !== undefined) return known;
    const exporter = new Exporter(policy);
    this.#exporters.set(key, exporter);
    return exporter;
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

function isNewUse({ hasNewUse }: RibChange): boolean {
  return hasNewUse;
}
