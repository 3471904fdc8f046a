import type { IpAddress } from "../lib/index.ts";
import type { Family, PeerConfig, PeerState, PeerStatus } from "./config.ts";
import { Connection, type ConnectionEvent } from "./connection.ts";
import { addressNumber } from "./decision.ts";
import { type Notification, notification } from "./notification.ts";
import { ceaseSubcode, errorCode } from "./numbers.ts";
import type { Open } from "./open.ts";
import { type Ending, PeerRoutes } from "./peer-routes.ts";
import type { SpeakerContext } from "./speaker-context.ts";
import { type ConnectionId, timerName } from "./steps.ts";

/** Quick at first, so that a network that comes up as a whole is up within a second or two. */
const retryDelaysMs = [200, 500, 1000, 2000, 5000];
/** A connection that TCP cannot bring up in this time is tried anew. */
const connectPatienceMs = 5000;
/**
 * A second OPEN this soon after a session came up is a collision of RFC 4271 section 6.8 whose messages crossed, and
 * must be settled by identifiers at both ends; later it is a peer that has restarted.
 */
const collisionWindowMs = 5000;

/** One neighbour: its connections in both directions, of which one becomes the session, and its routes. */
export class Peer {
  readonly #context: SpeakerContext;
  readonly #routes: PeerRoutes;
  readonly #connections = new Map<ConnectionId, Connection>();
  #config: PeerConfig;
  #session: Connection | undefined;
  #attempts = 0;
  #isRetrying = false;
  #hasMet = false;
  #lastError = "";
  #reported: { readonly state: PeerState; readonly since: number };

  constructor(config: PeerConfig, context: SpeakerContext, nowMs: number) {
    this.#config = config;
    this.#context = context;
    this.#routes = new PeerRoutes(config, context);
    this.#reported = { state: "idle", since: nowMs };
  }

  get config(): PeerConfig {
    return this.#config;
  }

  get routes(): PeerRoutes {
    return this.#routes;
  }

  get isEstablished(): boolean {
    return this.#session !== undefined;
  }

  start(nowMs: number): void {
    if (!this.#config.isPassive) this.#connect(nowMs);
    this.#report(nowMs);
  }

  /** Settings that a session can live on with. */
  reconfigure(config: PeerConfig, nowMs: number): void {
    this.#config = config;
    this.#routes.reconfigure(config);
    if (this.#connections.size === 0 && !this.#isRetrying) this.start(nowMs);
  }

  /** Ends everything. Without a word, as when we restart, the peer may keep our routes. */
  stop(word: Notification | undefined): void {
    for (const connection of this.#connections.values()) this.#drop(connection, word);
    this.#clearRetry();
    this.#session = undefined;
    this.#routes.clear();
  }

  connected(id: ConnectionId, localAddress: IpAddress, nowMs: number): void {
    this.#connections.get(id)?.opened(localAddress, nowMs);
    this.#report(nowMs);
  }

  /** The peer has connected to us. */
  accepted(id: ConnectionId, localAddress: IpAddress, nowMs: number): void {
    // It would not connect again if it still wanted the connection that it was opening before.
    for (const other of this.#others()) {
      if (!other.isOutgoing && other !== this.#session) this.#drop(other, collisionWord);
    }
    const connection = this.#makeConnection(id, false);
    connection.opened(localAddress, nowMs);
    this.#report(nowMs);
  }

  receive(id: ConnectionId, bytes: Uint8Array, nowMs: number): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    for (const event of connection.receive(bytes, nowMs)) this.#react(connection, event, nowMs);
    this.#report(nowMs);
  }

  closed(id: ConnectionId, reason: string, nowMs: number): void {
    const connection = this.#connections.get(id);
    const event = connection?.lost(reason);
    if (connection !== undefined && event !== undefined) this.#react(connection, event, nowMs);
    this.#report(nowMs);
  }

  blocked(id: ConnectionId, nowMs: number): void {
    this.#connections.get(id)?.blocked(nowMs);
  }

  drained(id: ConnectionId): void {
    this.#connections.get(id)?.drained();
    this.#context.wantTurn();
  }

  connectionTimer(id: ConnectionId, timer: string, nowMs: number): void {
    const connection = this.#connections.get(id);
    const event = connection?.timer(timer, nowMs);
    if (connection !== undefined && event !== undefined) this.#react(connection, event, nowMs);
    this.#report(nowMs);
  }

  timer(timer: string, nowMs: number): void {
    if (timer !== "retry") {
      this.#routes.timer(timer);
      return;
    }
    this.#isRetrying = false;
    for (const connection of this.#others()) if (connection.state === "connect") this.#drop(connection, undefined);
    this.#connect(nowMs);
    this.#report(nowMs);
  }

  status(nowMs: number): PeerStatus {
    const session = this.#session;
    const { name, address, port, type, asNumber } = this.#config;
    return {
      name,
      address,
      port,
      type,
      asNumber,
      state: this.#state(),
      since: this.#reported.since,
      uptimeMs: session === undefined ? 0 : nowMs - session.establishedMs,
      families: this.#families(),
      prefixesReceived: this.#routes.receivedCount,
      prefixesSent: this.#routes.sentCount,
      isRestarting: this.#routes.hasStale,
      lastError: this.#lastError,
    };
  }

  #families(): readonly Family[] {
    return this.#session?.agreement?.families ?? this.#config.families;
  }

  #react(connection: Connection, event: ConnectionEvent, nowMs: number): void {
    switch (event.type) {
      case "open":
        this.#judgeCollision(connection, event.open, nowMs);
        return;
      case "established":
        this.#established(connection, nowMs);
        return;
      case "update":
        this.#routes.update(event.update);
        return;
      case "refresh":
        this.#routes.refresh(event.family);
        return;
      case "down":
        this.#forget(connection);
        this.#lastError = event.reason;
        if (connection === this.#session) this.#sessionEnded(event.isLoss ? "lost" : "said", nowMs);
        this.#retry(nowMs);
    }
  }

  /** RFC 4271 section 6.8 and RFC 4724 section 5: of several connections with an OPEN one stays. */
  #judgeCollision(connection: Connection, open: Open, nowMs: number): void {
    for (const other of this.#others(connection)) {
      if (other.state === "connect") {
        this.#drop(other, undefined);
      } else if (other.state === "openConfirm" || other.state === "established") {
        if (this.#hasRestarted(other, open, nowMs)) this.#replace(other, undefined, "lost", nowMs);
        else if (this.#isPreferred(connection, other, open, nowMs))
          this.#replace(other, collisionWord, "replaced", nowMs);
        else {
          this.#drop(connection, collisionWord);
          return;
        }
      }
    }
  }

  /** The peer knows no more of the session that we still hold: it ends without a word, and its routes wait. */
  #hasRestarted(session: Connection, open: Open, nowMs: number): boolean {
    if (session.state !== "established") return false;
    const before = session.agreement?.peerOpen.gracefulRestart;
    if (before === undefined) return false;
    if (nowMs - session.establishedMs >= collisionWindowMs) return true;
    return open.gracefulRestart?.isRestarting === true && !before.isRestarting;
  }

  #isPreferred(connection: Connection, other: Connection, open: Open, nowMs: number): boolean {
    const isSettled = other.state === "established" && nowMs - other.establishedMs >= collisionWindowMs;
    if (isSettled) return false;
    // Twice from the same end is no collision: the newer one is meant.
    if (connection.isOutgoing === other.isOutgoing) return true;
    return connection.isOutgoing === this.#isWinner(open);
  }

  /** Whether our own connection is the one to stay: the higher identifier, then the higher AS (RFC 6286 section 2.3). */
  #isWinner(open: Open): boolean {
    const { routerId, localAs } = this.#context.config;
    if (routerId === open.routerId) return localAs > open.asNumber;
    return addressNumber(routerId) > addressNumber(open.routerId);
  }

  #replace(old: Connection, word: Notification | undefined, ending: Ending, nowMs: number): void {
    this.#drop(old, word);
    if (old === this.#session) this.#sessionEnded(ending, nowMs);
  }

  #established(connection: Connection, nowMs: number): void {
    const { agreement } = connection;
    if (agreement === undefined) return;
    this.#session = connection;
    this.#attempts = 0;
    this.#hasMet = true;
    this.#clearRetry();
    this.#routes.established(connection, agreement, nowMs);
  }

  #sessionEnded(ending: Ending, nowMs: number): void {
    this.#session = undefined;
    this.#routes.down(ending, nowMs);
  }

  #connect(nowMs: number): void {
    const isBusy = this.#others().some((one) => one.isOutgoing || one.state === "openConfirm");
    if (isBusy || this.#session !== undefined || this.#config.isPassive) return;
    const { address, port, localAddress, ttlSecurityHops } = this.#config;
    const connection = this.#makeConnection(this.#context.nextConnectionId(), true);
    this.#context.outbox.push({
      type: "connect",
      connection: connection.id,
      remoteAddress: address,
      port,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(ttlSecurityHops === undefined ? {} : { ttlSecurityHops }),
    });
    this.#setRetry(nowMs + connectPatienceMs);
  }

  #retry(nowMs: number): void {
    if (this.#config.isPassive || this.#session !== undefined) return;
    if (this.#others().some(({ isOutgoing }) => isOutgoing)) return;
    const delayMs = retryDelaysMs[Math.min(this.#attempts, retryDelaysMs.length - 1)] ?? 0;
    this.#attempts++;
    this.#setRetry(nowMs + delayMs * (0.75 + 0.25 * this.#context.random()));
  }

  #makeConnection(id: ConnectionId, isOutgoing: boolean): Connection {
    const connection = new Connection(
      {
        id,
        isOutgoing,
        peerAs: this.#config.asNumber,
        open: this.#context.makeOpen(this.#config, this.#hasMet),
        random: this.#context.random,
        table: this.#context.attributes,
      },
      this.#context.outbox,
    );
    this.#connections.set(id, connection);
    this.#context.ownerByConnection.set(id, this.#config.name);
    return connection;
  }

  #drop(connection: Connection, word: Notification | undefined): void {
    connection.close(word);
    this.#forget(connection);
  }

  #forget({ id }: Connection): void {
    this.#connections.delete(id);
    this.#context.ownerByConnection.delete(id);
  }

  #others(except?: Connection): Connection[] {
    return [...this.#connections.values()].filter((connection) => connection !== except);
  }

  #state(): PeerState {
    const states = new Set(this.#others().map(({ state }) => state));
    for (const state of ["established", "openConfirm", "openSent", "connect"] as const) {
      if (states.has(state)) return state;
    }
    return this.#isRetrying || this.#config.isPassive ? "active" : "idle";
  }

  /** Tells of a state that is new. */
  #report(nowMs: number): void {
    const state = this.#state();
    if (state === this.#reported.state) return;
    this.#reported = { state, since: nowMs };
    this.#context.outbox.push({ type: "peer", status: this.status(nowMs) });
  }

  #setRetry(atMs: number): void {
    this.#isRetrying = true;
    this.#context.outbox.push({ type: "setTimer", timer: timerName(this.#config.name, "retry"), atMs });
  }

  #clearRetry(): void {
    if (!this.#isRetrying) return;
    this.#isRetrying = false;
    this.#context.outbox.push({ type: "clearTimer", timer: timerName(this.#config.name, "retry") });
  }
}

const collisionWord = notification(errorCode.cease, ceaseSubcode.collision);

/** Settings without which a session would be another session. */
export function isSameSession(a: PeerConfig, b: PeerConfig): boolean {
  return (
    a.address === b.address &&
    a.port === b.port &&
    a.localAddress === b.localAddress &&
    a.asNumber === b.asNumber &&
    a.ttlSecurityHops === b.ttlSecurityHops &&
    a.holdTimeSeconds === b.holdTimeSeconds &&
    a.families.length === b.families.length &&
    a.families.every((family) => b.families.includes(family))
  );
}
