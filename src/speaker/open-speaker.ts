import {
  type Family,
  type OriginatedRoute,
  PasswordMask,
  type PeerStatus,
  type RibRow,
  type RouteQuery,
  type RouteUpdate,
  type SpeakerConfig,
  SpeakerCore,
  type SpeakerInput,
  type SpeakerOutput,
  splitTimerName,
  startLine,
  writeRecordedLine,
} from "../bgp/index.ts";
import { type IpAddress, type Logger, type Random, seededRandom } from "../lib/index.ts";
import { type AcceptedTcp, Poller } from "../sys/index.ts";
import { type Bfd, openBfd } from "./bfd-sessions.ts";
import { Connections } from "./connections.ts";
import { Listeners } from "./listeners.ts";
import { RareLog } from "./rare-log.ts";
import { Timers } from "./timers.ts";
import { Unnumbered } from "./unnumbered.ts";

export type OpenSpeakerOptions = {
  readonly config: SpeakerConfig;
  /** The kernel still holds the routes of the run before: ask the peers to keep ours, and tell when theirs are all here. */
  readonly isRestart: boolean;
  readonly log: Logger;
  readonly random: Random;
  /** Ends the speaker as disposing does. */
  readonly signal: AbortSignal;
  /** Path of the network namespace to work in; default: the own one. */
  readonly netns?: string;
  /** Without it every next hop counts as reachable, whatever the configuration says. Called once. */
  trackNextHops?(onCosts: (costs: readonly NextHopCost[]) => void): NextHopTracker;
  /** Is given all that happens to the speaker, line by line: see bgp/recording.ts. Passwords are masked. */
  readonly record?: (line: string) => void;
  /** Absent: nobody forwards by the routes, as in a route reflector. */
  onRoutes?(updates: readonly RouteUpdate[]): void;
  onPeer(status: PeerStatus): void;
  /** The routes of this family are complete: whatever else is in the kernel may go. Called once a family. */
  onRestartEnd(family: Family): void;
};

export interface Speaker extends AsyncDisposable {
  /** Sessions whose essentials stay the same are not disturbed. */
  configure(config: SpeakerConfig): void;
  /** The whole set of own routes; what it does not name is withdrawn. No End-of-RIB is sent before the first call. */
  originate(routes: readonly OriginatedRoute[]): void;
  status(): PeerStatus[];
  /** All paths, and why the best are best. */
  routes(query?: RouteQuery): Iterable<RibRow>;
  /** What a peer has told, before any policy, and what it has been told; nothing for a peer that is not there. */
  received(peerName: string): Iterable<RibRow>;
  advertised(peerName: string): Iterable<RibRow>;
  /** Asks the peer for all of its routes again, when it can be asked (RFC 2918). */
  refresh(peerName: string): void;
  /** Tells the peers that we leave for good, so that they drop our routes at once. Disposing alone does not. */
  shutDown(text?: string): Promise<void>;
}

/** Knows what it costs the host to get to an address. */
export interface NextHopTracker extends Disposable {
  /**
   * From now on `onCosts` is told what these cost: soon, but not from within this call, and again whenever it changes.
   * Undefined: there is no way.
   */
  track(nextHops: readonly IpAddress[]): void;
  untrack(nextHops: readonly IpAddress[]): void;
}

export type NextHopCost = { readonly nextHop: IpAddress; readonly cost: number | undefined };

/**
 * How long sockets are read in one turn of the event loop, and how long they are written to. With the last read and the
 * core's own turn between the two that stays below 50 ms, so that neither a keepalive nor anybody else waits for long.
 */
const budgetMs = { read: 15, write: 15 } as const;

/** Listens and connects until disposed. Throws TortieError when the port cannot be had. */
export async function openSpeaker(options: OpenSpeakerOptions): Promise<Speaker> {
  const speaker = new RunningSpeaker(options);
  await speaker.start();
  return speaker;
}

/**
 * Carries out what the core says, and tells it what happens, in turns:
 *
 *     sockets ready, timers due, somebody calls ──> one turn: timers, reading, the core's turn, writing ──> wait
 */
class RunningSpeaker implements Speaker {
  readonly #options: OpenSpeakerOptions;
  readonly #core: SpeakerCore;
  readonly #poller = new Poller(() => this.#schedule());
  readonly #timers = new Timers(nowMs, () => this.#schedule());
  readonly #connections: Connections;
  readonly #listeners: Listeners;
  readonly #unnumbered: Unnumbered;
  readonly #bfd: Bfd;
  readonly #rare: RareLog;
  readonly #passwordMask = new PasswordMask();
  readonly #stop = () => void this[Symbol.asyncDispose]();
  #nextHops: NextHopTracker | undefined;
  #config: SpeakerConfig;
  #isTurnComing = false;
  #isCoreTurnWanted = false;
  #areTimersDue = false;
  /** Writing has not come to its end in the last turn. */
  #hasBacklog = false;
  #acceptedCount = 0;
  #closing: Promise<void> | undefined;

  constructor(options: OpenSpeakerOptions) {
    const { config, isRestart, log, random, netns } = options;
    const host = { log, random, ...(netns === undefined ? {} : { netns }) };
    // A seed of its own, so that a recording can name it.
    const seed = Math.floor(random() * 0x1_0000_0000);
    this.#options = options;
    this.#config = config;
    const tellsRoutes = options.onRoutes !== undefined;
    this.#core = new SpeakerCore({ isRestart, tellsRoutes, random: seededRandom(seed) });
    options.record?.(writeRecordedLine(startLine({ isRestart, tellsRoutes, seed })));
    this.#rare = new RareLog(log, nowMs);
    this.#connections = new Connections(this.#poller, (input) => this.#step(input), netns);
    this.#listeners = new Listeners({
      poller: this.#poller,
      log,
      rare: this.#rare,
      netns,
      onAccepted: (accepted) => this.#accept(accepted),
    });
    this.#unnumbered = new Unnumbered({ log, random, netns, onFound: () => this.#reconfigure() });
    this.#bfd = openBfd({ ...host, onState: (peer, isUp, isOff) => this.#step({ type: "bfd", peer, isUp, isOff }) });
  }

  async start(): Promise<void> {
    const { config, signal } = this.#options;
    const [failure] = this.#listeners.configure(config);
    if (failure !== undefined) {
      await this[Symbol.asyncDispose]();
      throw failure;
    }
    signal.addEventListener("abort", this.#stop, { once: true });
    if (signal.aborted) this.#stop();
    this.#nextHops = this.#options.trackNextHops?.((costs) => this.#step({ type: "nextHops", costs }));
    this.#unnumbered.configure(config);
    this.#reconfigure();
  }

  configure(config: SpeakerConfig): void {
    if (this.#closing !== undefined) return;
    this.#config = config;
    for (const error of this.#listeners.configure(config)) {
      const { message, hint } = error;
      this.#options.log.error("cannot listen for BGP peers, will be tried again", { error: message, hint });
    }
    this.#unnumbered.configure(config);
    this.#reconfigure();
  }

  originate(routes: readonly OriginatedRoute[]): void {
    this.#step({ type: "originate", routes });
  }

  status(): PeerStatus[] {
    return this.#core.status(nowMs());
  }

  routes(query: RouteQuery = {}): Iterable<RibRow> {
    return this.#core.rows(query);
  }

  received(peerName: string): Iterable<RibRow> {
    return this.#core.received(peerName);
  }

  advertised(peerName: string): Iterable<RibRow> {
    return this.#core.advertised(peerName);
  }

  refresh(peerName: string): void {
    this.#step({ type: "refresh", peer: peerName });
  }

  async shutDown(text?: string): Promise<void> {
    this.#step({ type: "stop", reason: "shutDown", ...(text === undefined ? {} : { text }) });
    await this[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing === undefined) this.#step({ type: "stop", reason: "restart" });
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#options.signal.removeEventListener("abort", this.#stop);
    this.#timers.clearAll();
    this.#listeners[Symbol.dispose]();
    this.#nextHops?.[Symbol.dispose]();
    const closed = this.#connections.closeAll();
    await Promise.all([closed, this.#bfd[Symbol.asyncDispose](), this.#unnumbered[Symbol.asyncDispose]()]);
    this.#poller[Symbol.dispose]();
  }

  #reconfigure(): void {
    const config = this.#unnumbered.withFound(this.#config);
    const canTrack = this.#nextHops !== undefined;
    this.#step({ type: "configure", config: canTrack ? config : { ...config, hasNextHopTracking: false } });
  }

  #accept({ socket, local, remote, linkName }: AcceptedTcp): void {
    const connection = `in:${this.#acceptedCount++}`;
    this.#connections.add(connection, socket);
    this.#step({
      type: "accepted",
      connection,
      localAddress: local,
      remoteAddress: remote,
      ...(linkName === undefined ? {} : { linkName }),
    });
  }

  #step(input: SpeakerInput): void {
    if (this.#closing !== undefined) return;
    const atMs = nowMs();
    const { record } = this.#options;
    record?.(writeRecordedLine({ type: "input", atMs, input: this.#passwordMask.mask(input) }));
    for (const output of this.#core.step(input, atMs)) this.#execute(output);
    if (this.#connections.isDirty || this.#connections.hasFailures) this.#schedule();
  }

  #execute(output: SpeakerOutput): void {
    switch (output.type) {
      case "connect":
        return this.#connections.connect(output);
      case "rekey":
        return this.#connections.rekey(output.connection, output.password);
      case "write":
        return this.#connections.write(output.connection, output.bytes);
      case "close":
        return this.#connections.close(output.connection);
      case "setTimer":
        return this.#timers.set(output.timer, output.atMs);
      case "clearTimer":
        return this.#timers.clear(output.timer);
      case "wantTurn":
        this.#isCoreTurnWanted = true;
        return this.#schedule();
      case "routes":
        return this.#options.onRoutes?.(output.updates);
      case "peer":
        return this.#tellPeer(output.status);
      case "restartEnd":
        return this.#options.onRestartEnd(output.family);
      case "trackNextHops":
        return this.#nextHops?.track(output.nextHops);
      case "untrackNextHops":
        return this.#nextHops?.untrack(output.nextHops);
      case "bfdPeers":
        return this.#bfd.configure(output.peers);
      case "notice":
        return this.#tellNotice(output.peer, output.text, output.detail);
    }
  }

  /** After the poll phase, when it is known of all sockets whether they are ready: work is done once for many messages. */
  #schedule(): void {
    if (this.#isTurnComing) return;
    this.#isTurnComing = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    const mayRead = stopwatch(budgetMs.read);
    this.#connections.tellFailures();
    this.#fireTimers(mayRead);
    this.#poller.dispatch(mayRead);
    // Not before the kernel has what the last one wrote.
    if (this.#isCoreTurnWanted && !this.#hasBacklog) {
      this.#isCoreTurnWanted = false;
      this.#step({ type: "turn" });
    }
    this.#connections.flush(stopwatch(budgetMs.write));
    this.#hasBacklog = this.#connections.isDirty;
    this.#isTurnComing = false;
    // What is ready and was not read wakes the poller by itself.
    if (this.#isCoreTurnWanted || this.#areTimersDue || this.#connections.isDirty || this.#connections.hasFailures)
      this.#schedule();
  }

  #fireTimers(hasTime: () => boolean): void {
    this.#areTimersDue = false;
    for (let timer = this.#timers.takeDue(); timer !== undefined; timer = this.#timers.takeDue()) {
      // After long work a keepalive may wait unread while its hold timer is due: read first, expire then.
      this.#connections.readNow(splitTimerName(timer).owner);
      this.#step({ type: "timer", timer });
      if (hasTime()) continue;
      this.#areTimersDue = true;
      return;
    }
  }

  #tellPeer(status: PeerStatus): void {
    const fields = { peer: status.name, state: status.state, lastError: status.lastError };
    if (status.state === "established") this.#options.log.info("BGP session up", fields);
    else this.#options.log.debug("BGP session changed", fields);
    this.#options.onPeer(status);
  }

  #tellNotice(peer: string, text: string, detail: string): void {
    if (peer === "") this.#rare.info(text, { detail });
    else this.#options.log.debug(text, { peer, detail });
  }
}

/** Says no when the time is over. */
function stopwatch(durationMs: number): () => boolean {
  const endMs = performance.now() + durationMs;
  return () => performance.now() < endMs;
}

const originMs = performance.timeOrigin;

/** Monotonic, and near the wall clock so that people can read it. */
function nowMs(): number {
  return originMs + performance.now();
}
