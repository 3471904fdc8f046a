import type { Server } from "node:net";
import {
  type Family,
  type OriginatedRoute,
  type PeerStatus,
  type RibRow,
  type RouteUpdate,
  SpeakerCore,
  type SpeakerConfig,
  type SpeakerInput,
  type SpeakerOutput,
} from "../bgp/index.ts";
import { type Logger, type Random, TaskGroup, parseAddress } from "../lib/index.ts";
import { listenTcp } from "../sys/index.ts";
import { Connections } from "./connections.ts";
import { Timers } from "./timers.ts";

export type OpenSpeakerOptions = {
  readonly config: SpeakerConfig;
  /** The kernel still holds the routes of the run before: ask the peers to keep ours, and tell when theirs are all here. */
  readonly isRestart: boolean;
  readonly log: Logger;
  readonly random: Random;
  /** Ends the speaker as disposing does. */
  readonly signal: AbortSignal;
  onRoutes(updates: readonly RouteUpdate[]): void;
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
  routes(): RibRow[];
  /** Tells the peers that we leave for good, so that they drop our routes at once. Disposing alone does not. */
  shutDown(): Promise<void>;
}

const listenBacklog = 4096;

/** Listens and connects until disposed. Throws TortieError when the port cannot be had. */
export async function openSpeaker(options: OpenSpeakerOptions): Promise<Speaker> {
  const speaker = new RunningSpeaker(options);
  await speaker.start(options.config);
  return speaker;
}

/** Carries out what the core says, and tells it what happens. */
class RunningSpeaker implements Speaker {
  readonly #options: OpenSpeakerOptions;
  readonly #core: SpeakerCore;
  readonly #connections: Connections;
  readonly #timers: Timers;
  readonly #tasks = new TaskGroup();
  readonly #stop = () => void this[Symbol.asyncDispose]();
  #server: Server | undefined;
  #listenPort = 0;
  #isTurnComing = false;
  #acceptedCount = 0;
  #isClosed = false;

  constructor(options: OpenSpeakerOptions) {
    this.#options = options;
    this.#core = new SpeakerCore({ isRestart: options.isRestart, random: options.random });
    this.#connections = new Connections((input) => this.#step(input));
    this.#timers = new Timers(nowMs, (timer) => this.#step({ type: "timer", timer }));
  }

  async start(config: SpeakerConfig): Promise<void> {
    await this.#listen(config.listenPort);
    this.#options.signal.addEventListener("abort", this.#stop, { once: true });
    if (this.#options.signal.aborted) this.#stop();
    this.#step({ type: "configure", config });
  }

  configure(config: SpeakerConfig): void {
    this.#step({ type: "configure", config });
    if (config.listenPort === this.#listenPort || this.#isClosed) return;
    this.#tasks.start(async () => {
      await this.#listen(config.listenPort).catch((error: unknown) => {
        this.#options.log.error("cannot listen for BGP peers", { port: config.listenPort, error });
      });
    });
  }

  originate(routes: readonly OriginatedRoute[]): void {
    this.#step({ type: "originate", routes });
  }

  status(): PeerStatus[] {
    return this.#core.status(nowMs());
  }

  routes(): RibRow[] {
    return this.#core.routes();
  }

  async shutDown(): Promise<void> {
    this.#step({ type: "stop", reason: "shutDown" });
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) this.#step({ type: "stop", reason: "restart" });
    this.#isClosed = true;
    this.#options.signal.removeEventListener("abort", this.#stop);
    this.#timers.clearAll();
    this.#server?.close();
    await this.#connections.closeAll();
    await this.#tasks[Symbol.asyncDispose]();
  }

  async #listen(port: number): Promise<void> {
    const server = await listenTcp({ port, backlog: listenBacklog });
    this.#server?.close();
    if (this.#isClosed) {
      server.close();
      return;
    }
    this.#server = server;
    this.#listenPort = port;
    server.on("error", (error) => this.#options.log.error("listening for BGP peers failed", { port, error }));
    server.on("connection", (socket) => {
      const localAddress = parseAddress(socket.localAddress ?? "");
      const remoteAddress = parseAddress(socket.remoteAddress ?? "");
      // Gone before it was looked at, or at a link-local address, which no peer is known by.
      if (localAddress === undefined || remoteAddress === undefined || this.#isClosed) {
        socket.destroy();
        return;
      }
      const connection = `in:${this.#acceptedCount++}`;
      this.#connections.add(connection, socket);
      this.#step({ type: "accepted", connection, localAddress, remoteAddress });
    });
  }

  #step(input: SpeakerInput): void {
    if (this.#isClosed) return;
    for (const output of this.#core.step(input, nowMs())) this.#execute(output);
    this.#connections.flush();
  }

  #execute(output: SpeakerOutput): void {
    switch (output.type) {
      case "connect":
        this.#tasks.start(() => this.#connections.connect(output));
        return;
      case "write":
        this.#connections.write(output.connection, output.bytes);
        return;
      case "close":
        this.#connections.close(output.connection);
        return;
      case "setTimer":
        this.#timers.set(output.timer, output.atMs);
        return;
      case "clearTimer":
        this.#timers.clear(output.timer);
        return;
      case "wantTurn":
        this.#wantTurn();
        return;
      case "routes":
        this.#options.onRoutes(output.updates);
        return;
      case "peer":
        this.#tellPeer(output.status);
        return;
      case "restartEnd":
        this.#options.onRestartEnd(output.family);
        return;
      case "notice":
        this.#options.log.debug(output.text, { peer: output.peer, detail: output.detail });
    }
  }

  /** After the poll phase, when all that the peers have sent so far has been read: work is done once for many messages. */
  #wantTurn(): void {
    if (this.#isTurnComing) return;
    this.#isTurnComing = true;
    setImmediate(() => {
      this.#isTurnComing = false;
      this.#step({ type: "turn" });
    });
  }

  #tellPeer(status: PeerStatus): void {
    const fields = { peer: status.name, state: status.state, lastError: status.lastError };
    if (status.state === "established") this.#options.log.info("BGP session up", fields);
    else this.#options.log.debug("BGP session changed", fields);
    this.#options.onPeer(status);
  }
}

/** Monotonic, and near the wall clock so that people can read it. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
