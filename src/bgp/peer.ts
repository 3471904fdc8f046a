import { type IpAddress, compareAddresses } from "../lib/index.ts";
import { agreedCapabilities } from "./agreement.ts";
import { Backoff } from "./backoff.ts";
import type { PeerConfig, PeerState, PeerStatus } from "./config.ts";
import { Connection, type ConnectionEnd, type ConnectionEvent } from "./connection.ts";
import { writeNotification, writeRouteRefresh } from "./message.ts";
import { type Notification, describeNotification, isForGood, notification, rejectedWord } from "./notification.ts";
import { ceaseSubcode, errorCode } from "./numbers.ts";
import type { Open } from "./open.ts";
import { type Ending, PeerRoutes } from "./peer-routes.ts";
import { RefreshLimit } from "./refresh-limit.ts";
import type { SpeakerContext } from "./speaker-context.ts";
import { type ConnectionId, timerName } from "./steps.ts";

/** A connection that TCP cannot bring up in this time is tried anew. */
const connectPatienceMs = 5000;
/** A connection that comes this soon is a collision of RFC 4271 section 6.8, a later one that of a peer that has restarted. */
const collisionWindowMs = 5000;
/** How long a connection that is to be preferred may keep another one waiting for its OPEN. Less than the least hold time. */
const rivalPatienceMs = 2000;
/** Connections of one peer to us that have not said a good OPEN yet. Of more, the one that waits longest goes. */
const maxUnheard = 4;

/** One neighbour: its connections in both directions, of which one becomes the session, and its routes. */
export class Peer {
  readonly #context: SpeakerContext;
  readonly #routes: PeerRoutes;
  readonly #refreshLimit: RefreshLimit;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #counts = { received: 0, sent: 0 };
  #config: PeerConfig;
  #session: Connection | undefined;
  #backoff = new Backoff();
  #isRetrying = false;
  /** Told too many prefixes: no connection before the time is up or the configuration changes. */
  #isHeld = false;
  #hasMet = false;
  #isBfdUp = false;
  /** A peer that was not configured is called only until then: while it may be waiting for that. */
  #callUntilMs = 0;
  #lostAt: IpAddress | undefined;
  #heard: Open | undefined;
  #lastError = "";
  #lastNotification: PeerStatus["lastNotification"];
  #reported: { readonly state: PeerState; readonly since: number };

  constructor(config: PeerConfig, context: SpeakerContext, nowMs: number) {
    this.#config = config;
    this.#context = context;
    this.#routes = new PeerRoutes(config, context);
    this.#refreshLimit = new RefreshLimit(
      {
        set: (timer, atMs) => this.#setTimer(timer, atMs),
        clear: (timer) => this.#clearTimer(timer),
      },
      {
        isAnswering: (family) => this.#routes.isRefreshing(family),
        answer: (family) => this.#routes.refresh(family),
      },
    );
    this.#reported = { state: "idle", since: nowMs };
  }

  get config(): PeerConfig {
    return this.#config;
  }

  get routes(): PeerRoutes {
    return this.#routes;
  }

  /** Of the session, else as it is configured. */
  get localAddress(): IpAddress | undefined {
    return this.#session?.localAddress ?? this.#config.localAddress;
  }

  get isEstablished(): boolean {
    return this.#session !== undefined;
  }

  /** Nothing is lost when it is forgotten, as far as it may come back by itself: for peers that were not configured. */
  get isForgettable(): boolean {
    return this.#connections.size === 0 && !this.#isHeld && !this.#isRetrying && !this.#routes.hasStale;
  }

  start(nowMs: number): void {
    this.#connect(nowMs);
    this.#report(nowMs);
  }

  /** It was there before we restarted: unless it comes by itself in this time, it is called. */
  expect(delayMs: number, nowMs: number): void {
    this.#callUntilMs = nowMs + this.#ownRestartMs;
    this.#retry(delayMs, nowMs);
    this.#report(nowMs);
  }

  /** Settings that a session can live on with. */
  reconfigure(config: PeerConfig, nowMs: number): void {
    const { maxPrefixes, password } = this.#config;
    if (maxPrefixes?.count !== config.maxPrefixes?.count || maxPrefixes?.action !== config.maxPrefixes?.action) {
      this.#release();
    }
    this.#config = config;
    if (config.password !== undefined && config.password !== password) this.#rekey(config.password);
    this.#routes.reconfigure(config);
    if (this.#connections.size === 0 && !this.#isRetrying) this.start(nowMs);
  }

  /** RFC 4808: the session lives on, if the peer has the new password before its hold time is up. */
  #rekey(password: string): void {
    for (const connection of this.#connections.keys())
      this.#context.outbox.push({ type: "rekey", connection, password });
  }

  /** Ends everything. Without a word, as when we restart, the peer may keep our routes. */
  stop(word: Notification | undefined): void {
    for (const connection of this.#connections.values()) this.#drop(connection, word);
    this.#clearRetry();
    this.#session = undefined;
    this.#refreshLimit.clear();
    this.#routes.clear();
  }

  connected(id: ConnectionId, localAddress: IpAddress, nowMs: number): void {
    this.#connections.get(id)?.opened(localAddress, nowMs);
    this.#report(nowMs);
  }

  /** The peer has connected to us. */
  accepted(id: ConnectionId, localAddress: IpAddress, nowMs: number): void {
    const isUnwanted = this.#isHeld || this.#config.withheld !== undefined;
    if (isUnwanted || this.#isTooLate(nowMs)) {
      const word = isUnwanted ? rejectedWord : collisionWord;
      this.#context.outbox.push({ type: "write", connection: id, bytes: writeNotification(word) });
      this.#context.outbox.push({ type: "close", connection: id });
      return;
    }
    const unheard = this.#others().filter(({ isOutgoing, state }) => !isOutgoing && state === "openSent");
    const oldest = unheard[0];
    if (oldest !== undefined && unheard.length >= maxUnheard) this.#drop(oldest, collisionWord);
    const connection = this.#makeConnection(id, false);
    connection.opened(localAddress, nowMs);
    this.#report(nowMs);
  }

  receive(id: ConnectionId, bytes: Uint8Array, nowMs: number): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    for (const event of connection.receive(bytes, nowMs)) this.#react(connection, event, nowMs);
    if (this.#session === undefined) this.#answerWaiting(nowMs);
    this.#report(nowMs);
  }

  closed(id: ConnectionId, reason: string, nowMs: number): void {
    const connection = this.#connections.get(id);
    const end = connection?.lost(reason);
    if (connection !== undefined && end !== undefined) this.#ended(connection, end, nowMs);
    this.#answerWaiting(nowMs);
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
    const end = connection?.timer(timer, nowMs);
    if (connection !== undefined && end !== undefined) this.#ended(connection, end, nowMs);
    this.#answerWaiting(nowMs, timer === "wait" ? connection : undefined);
    this.#report(nowMs);
  }

  timer(timer: string, nowMs: number): void {
    if (timer !== "retry") {
      if (!this.#refreshLimit.timer(timer, nowMs)) this.#routes.timer(timer, nowMs);
      return;
    }
    this.#isRetrying = false;
    this.#isHeld = false;
    for (const connection of this.#others()) if (connection.state === "connect") this.#dropUnanswered(connection);
    this.#connect(nowMs);
    this.#report(nowMs);
  }

  /**
   * RFC 5882 section 4.3: the way there is broken, so that there is nothing to be gained by keeping the routes. Section 3.2:
   * that the peer has switched BFD off says nothing about the way.
   */
  bfdChanged({ isUp, isOff = false }: { readonly isUp: boolean; readonly isOff?: boolean }, nowMs: number): void {
    this.#isBfdUp = isUp;
    const session = this.#session;
    if (isUp || isOff || session === undefined) return;
    this.#end(session, bfdWord, nowMs);
    this.#retry(this.#backoff.refused(this.#context.random), nowMs);
    this.#report(nowMs);
  }

  /** It takes so little that we cannot keep what it has yet to hear. */
  giveUp(nowMs: number): void {
    if (this.#session === undefined) return;
    this.#end(this.#session, resourcesWord, nowMs);
    this.#retry(this.#backoff.refused(this.#context.random), nowMs);
    this.#report(nowMs);
  }

  /** Asks for all routes again, when the peer can be asked (RFC 2918). */
  requestRefresh(): void {
    const agreement = this.#session?.agreement;
    if (agreement?.canRefresh !== true) return;
    for (const family of agreement.families) this.#session?.write(writeRouteRefresh(family));
  }

  status(nowMs: number): PeerStatus {
    const session = this.#session;
    const agreement = session?.agreement;
    const { name, address, port, type, bfd, reflectorCluster } = this.#config;
    return {
      name,
      address,
      port,
      type,
      asNumber: this.#asNumber(),
      state: this.#state(),
      since: this.#reported.since,
      uptimeMs: session === undefined ? 0 : nowMs - session.establishedMs,
      families: agreement?.families ?? this.#config.families,
      prefixesReceived: this.#routes.receivedCount,
      prefixesSent: this.#routes.sentCount,
      isRestarting: this.#routes.hasStale,
      ...(this.#heard === undefined ? {} : { routerId: this.#heard.routerId }),
      ...(session?.localAddress === undefined ? {} : { localAddress: session.localAddress }),
      isReflectorClient: reflectorCluster !== undefined && agreement?.isInternal !== false,
      holdTimeMs: agreement?.holdTimeMs ?? 0,
      capabilities: agreement === undefined ? [] : agreedCapabilities(agreement),
      messagesReceived: this.#counts.received,
      messagesSent: this.#counts.sent,
      prefixesRefused: this.#routes.refusedCount,
      ...(bfd === undefined ? {} : { bfd: this.#isBfdUp ? ("up" as const) : ("down" as const) }),
      lastError: this.#config.withheld ?? this.#lastError,
      ...(this.#config.withheld === undefined ? {} : { isWithheld: true }),
      ...(this.#lastNotification === undefined ? {} : { lastNotification: this.#lastNotification }),
    };
  }

  #asNumber(): number {
    const { asNumber, localAs } = this.#config;
    if (this.#heard !== undefined) return this.#heard.asNumber;
    if (asNumber === "internal") return localAs ?? this.#context.config.localAs;
    return asNumber === "external" ? 0 : asNumber;
  }

  #react(connection: Connection, event: ConnectionEvent, nowMs: number): void {
    switch (event.type) {
      case "open":
        this.#judgeCollision(connection, event.open, nowMs);
        return;
      case "established":
        this.#established(connection, nowMs);
        return;
      case "update": {
        const word = this.#routes.update(event.update);
        if (word !== undefined) this.#hold(connection, word, nowMs);
        return;
      }
      case "refresh":
        this.#refreshLimit.asked(event.family, nowMs);
        return;
      case "refreshBegin":
        this.#routes.refreshBegin(event.family, nowMs);
        return;
      case "refreshEnd":
        this.#routes.refreshEnd(event.family);
        return;
      case "down":
        this.#ended(connection, event, nowMs);
    }
  }

  /**
   * The peer must not choose its own connection when we have a session over ours, or are about to: it cannot before it hears
   * our OPEN there.
   */
  #isTooLate(nowMs: number): boolean {
    return this.#others().some(({ isOutgoing, state, isWaiting, establishedMs }) => {
      if (!isOutgoing) return false;
      return state === "established"
        ? nowMs - establishedMs < collisionWindowMs
        : state === "openConfirm" && !isWaiting;
    });
  }

  /**
   * RFC 4271 section 6.8 and RFC 4724 section 5: of several connections with an OPEN one stays, and a session always does.
   * So that both ends choose the same one, there is no session while the one to be preferred may still say its OPEN.
   */
  #judgeCollision(connection: Connection, open: Open, nowMs: number): void {
    for (const other of this.#others(connection)) {
      if (other.state === "connect") {
        this.#drop(other, undefined);
      } else if (other.state === "established" && this.#hasRestarted(other, open, nowMs)) {
        this.#drop(other, undefined);
        this.#sessionEnded("lost", nowMs);
      } else if (isPreferred(connection, other, open)) {
        this.#drop(other, collisionWord);
      } else if (other.state === "openSent") {
        connection.wait(nowMs + rivalPatienceMs);
      } else {
        this.#drop(connection, collisionWord);
        return;
      }
    }
  }

  /** Those that waited for others which are gone or have said nothing for too long. */
  #answerWaiting(nowMs: number, late?: Connection): void {
    for (const connection of this.#others().filter(({ isWaiting }) => isWaiting)) {
      const isRival = ({ state, isOutgoing }: Connection) =>
        state === "openSent" && isOutgoing !== connection.isOutgoing;
      if (connection !== late && this.#others().some(isRival)) continue;
      const event = connection.answer(nowMs);
      if (event !== undefined) this.#react(connection, event, nowMs);
    }
  }

  /** The peer knows no more of the session that we still hold: it ends without a word, and its routes wait. */
  #hasRestarted(session: Connection, open: Open, nowMs: number): boolean {
    const before = session.agreement?.peerOpen.gracefulRestart;
    if (before === undefined) return false;
    if (nowMs - session.establishedMs >= collisionWindowMs) return true;
    return open.gracefulRestart?.isRestarting === true && !before.isRestarting;
  }

  #established(connection: Connection, nowMs: number): void {
    const { agreement } = connection;
    if (agreement === undefined) return;
    this.#session = connection;
    this.#hasMet = true;
    this.#heard = agreement.peerOpen;
    this.#clearRetry();
    this.#routes.established(connection, agreement, nowMs);
  }

  #sessionEnded(ending: Ending, nowMs: number): void {
    const { gracefulRestart } = this.#session?.agreement?.peerOpen ?? {};
    this.#lostAt = this.#session?.localAddress;
    // Some that keep our routes for us, FRR among them, do not connect before we have.
    this.#callUntilMs = ending === "lost" && gracefulRestart !== undefined ? nowMs + this.#ownRestartMs : 0;
    this.#session = undefined;
    this.#refreshLimit.clear();
    this.#routes.down(ending, nowMs);
  }

  #ended(connection: Connection, end: ConnectionEnd, nowMs: number): void {
    this.#forget(connection);
    const isSession = connection === this.#session;
    const isFault = end.word !== undefined && !isMinor(end.word);
    // What somebody tries from the peer's address beside a good session is no news of the session.
    if (isSession || (this.#session === undefined && (isFault || end.word === undefined))) this.#remember(end);
    if (isSession) {
      this.#backoff.held(nowMs - connection.establishedMs);
      this.#sessionEnded(end.isLoss ? "lost" : "said", nowMs);
    }
    if (isSession || connection.isOutgoing) {
      const { random } = this.#context;
      this.#retry(isFault ? this.#backoff.failed(random) : this.#backoff.refused(random), nowMs);
    } else if (!this.#isRetrying) {
      this.#retry(0, nowMs);
    }
  }

  #remember({ reason, word, isOurs }: Pick<ConnectionEnd, "reason" | "word" | "isOurs">): void {
    this.#lastError = reason;
    this.#lastNotification =
      word === undefined ? undefined : { code: word.code, subcode: word.subcode, isOurs: isOurs === true };
  }

  #dropUnanswered(connection: Connection): void {
    this.#drop(connection, undefined);
    // Whoever has another password than the other end hears nothing either: the kernels pass over what is not signed well.
    const doubt = this.#config.password === undefined ? "" : "; the other end may have another password, or none";
    this.#remember({ reason: `connecting: no answer${doubt}` });
  }

  /** Ends the session from our side. Who lets the peer keep our routes keeps the peer's (RFC 8538 section 4). */
  #end(session: Connection, word: Notification, nowMs: number): void {
    const isLoss = session.agreement?.hasGracefulNotifications === true && !isForGood(word);
    this.#drop(session, word);
    this.#remember({ reason: describeNotification(word), word, isOurs: true });
    this.#backoff.held(nowMs - session.establishedMs);
    this.#sessionEnded(isLoss ? "lost" : "said", nowMs);
  }

  /** The peer told more than it may (RFC 4486 section 4). */
  #hold(session: Connection, word: Notification, nowMs: number): void {
    this.#end(session, word, nowMs);
    for (const connection of this.#others()) this.#drop(connection, word);
    this.#isHeld = true;
    this.#clearRetry();
    const retryMs = this.#config.maxPrefixes?.retryMs;
    if (retryMs !== undefined) this.#setRetry(nowMs + retryMs);
  }

  #release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#clearRetry();
  }

  #connect(nowMs: number): void {
    const isBusy = this.#others().some((one) => one.isOutgoing || one.state === "openConfirm");
    if (isBusy || this.#session !== undefined || !this.#mayCall(nowMs)) return;
    const { address, port, linkName, ttlSecurityHops, password, localAddress = this.#lostAt } = this.#config;
    const connection = this.#makeConnection(this.#context.nextConnectionId(), true);
    this.#context.outbox.push({
      type: "connect",
      connection: connection.id,
      remoteAddress: address,
      port,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(linkName === undefined ? {} : { linkName }),
      ...(ttlSecurityHops === undefined ? {} : { ttlSecurityHops }),
      ...(password === undefined ? {} : { password }),
    });
    this.#setRetry(nowMs + connectPatienceMs);
  }

  #mayCall(nowMs: number): boolean {
    const { isPassive, type, withheld } = this.#config;
    if (withheld !== undefined) return false;
    return !isPassive && !this.#isHeld && (type !== "dynamic" || nowMs < this.#callUntilMs);
  }

  /** How long peers wait for us to come back. */
  get #ownRestartMs(): number {
    return (this.#config.restartTimeSeconds ?? this.#context.config.restartTimeSeconds) * 1000;
  }

  #retry(delayMs: number, nowMs: number): void {
    if (!this.#mayCall(nowMs) || this.#session !== undefined) return;
    if (this.#others().some(({ isOutgoing }) => isOutgoing)) return;
    this.#setRetry(nowMs + delayMs);
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
        counts: this.#counts,
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
    if (this.#session !== undefined) return "established";
    const states = new Set([...this.#connections.values()].map(({ state }) => state));
    for (const state of ["openConfirm", "openSent", "connect"] as const) if (states.has(state)) return state;
    const isOff = this.#isHeld || this.#config.withheld !== undefined;
    return !isOff && (this.#isRetrying || this.#config.isPassive) ? "active" : "idle";
  }

  /** Tells of a state that is new. */
  #report(nowMs: number): void {
    if (this.#session !== undefined && this.#reported.state === "established") return;
    const state = this.#state();
    if (state === this.#reported.state) return;
    this.#reported = { state, since: nowMs };
    this.#context.outbox.push({ type: "peer", status: this.status(nowMs) });
  }

  #setRetry(atMs: number): void {
    this.#isRetrying = true;
    this.#setTimer("retry", atMs);
  }

  #clearRetry(): void {
    if (!this.#isRetrying) return;
    this.#isRetrying = false;
    this.#clearTimer("retry");
  }

  #setTimer(timer: string, atMs: number): void {
    this.#context.outbox.push({ type: "setTimer", timer: timerName(this.#config.name, timer), atMs });
  }

  #clearTimer(timer: string): void {
    this.#context.outbox.push({ type: "clearTimer", timer: timerName(this.#config.name, timer) });
  }
}

const collisionWord = notification(errorCode.cease, ceaseSubcode.collision);
const resourcesWord = notification(errorCode.cease, ceaseSubcode.outOfResources);
const bfdWord = notification(errorCode.cease, ceaseSubcode.bfdDown);

/** Whether the connection on which the peer has said its OPEN stays, not the other one. */
function isPreferred(connection: Connection, other: Connection, open: Open): boolean {
  if (other.state === "established") return false;
  // Twice from the same end is no collision: it has given up the older one.
  if (connection.isOutgoing === other.isOutgoing) return true;
  return connection.isOutgoing === isWinner(connection.ownOpen, open);
}

/** Whether the connection that we opened is to stay: the higher identifier, then the higher AS (RFC 6286 section 2.3). */
function isWinner(own: Open, peer: Open): boolean {
  const order = compareAddresses(own.routerId, peer.routerId);
  return order === 0 ? own.asNumber > peer.asNumber : order > 0;
}

/** Part of coming up: the other connection stays, or the other end does not know us yet. */
function isMinor({ code, subcode }: Notification): boolean {
  return (
    code === errorCode.cease && (subcode === ceaseSubcode.collision || subcode === ceaseSubcode.connectionRejected)
  );
}

/** Settings without which a session would be another session. */
export function isSameSession(a: PeerConfig, b: PeerConfig): boolean {
  return sessionText(a) === sessionText(b);
}

function sessionText(config: PeerConfig): string {
  return JSON.stringify([
    config.address,
    config.port,
    config.linkName,
    config.localAddress,
    config.asNumber,
    config.localAs,
    // Another one is taken over by a session that has one.
    config.password !== undefined,
    config.withheld !== undefined,
    config.ttlSecurityHops,
    config.holdTimeSeconds,
    config.restartTimeSeconds,
    config.longLivedStaleSeconds ?? 0,
    config.addPath?.canSend === true,
    config.addPath?.canReceive === true,
    config.hasExtendedNextHop === true,
    config.families.toSorted(),
  ]);
}
