import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type IpAddress, type Random, addressVersion, seededRandom } from "../../lib/index.ts";
import type { Family, OriginatedRoute, RouteUpdate, SpeakerConfig } from "../config.ts";
import { SpeakerCore } from "../speaker-core.ts";
import type { ConnectionId, SpeakerInput, SpeakerOutput } from "../steps.ts";
import type { TurnLimits } from "../turn-limits.ts";
import { EventQueue } from "./event-queue.ts";
import { type Endpoint, Stream } from "./simulated-connection.ts";

export type SpeakerPlan = {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
  readonly config: SpeakerConfig;
  readonly routes: readonly OriginatedRoute[];
  /** Forwards by the routes; else it is a reflector off the path. */
  readonly isForwarding: boolean;
};

export type SimulationOptions = {
  readonly limits: Partial<TurnLimits>;
  /** How long a turn of the event loop takes at most. */
  readonly maxTurnMs: number;
};

const defaults: SimulationOptions = { limits: {}, maxTurnMs: 2 };

type Connection = { readonly out: Stream; readonly in: Stream };

/** A host with a speaker, and what its kernel knows. */
export class SimulatedSpeaker {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
  readonly isForwarding: boolean;
  config: SpeakerConfig;
  routes: readonly OriginatedRoute[];
  core: SpeakerCore;
  isUp = false;
  /** Counts the lives of the process; what belongs to an earlier one reaches nobody. */
  life = 0;
  readonly kernel = new Map<string, RouteUpdate>();
  /** Routes of the life before that nobody has confirmed yet. */
  readonly unconfirmed = new Map<Family, Set<string>>();
  /** How often a prefix lost all its paths in the kernel. */
  lossCount = 0;
  readonly timers = new Map<string, number>();
  readonly connections = new Map<ConnectionId, Connection>();
  readonly connecting = new Map<ConnectionId, IpAddress>();
  readonly notices: string[] = [];

  constructor(plan: SpeakerPlan, core: SpeakerCore) {
    this.name = plan.name;
    this.addresses = plan.addresses;
    this.isForwarding = plan.isForwarding;
    this.config = plan.config;
    this.routes = plan.routes;
    this.core = core;
  }
}

/** How long TCP waits before it tries again to reach a host that says nothing. */
const synRetryMs = 1000;

/**
 * Speakers joined by TCP connections in virtual time. All chance comes from the seed: a run can be repeated, and `trace` shows
 * whether it was the same.
 */
export class Simulation {
  readonly events = new EventQueue();
  readonly random: Random;
  readonly speakers = new Map<string, SimulatedSpeaker>();
  readonly #speakerByAddress = new Map<IpAddress, SimulatedSpeaker>();
  readonly #cuts = new Set<string>();
  readonly #options: SimulationOptions;
  readonly #trace = createHash("sha256");
  readonly chance: { readonly random: Random; maxDelayMs: number };
  outputCount = 0;
  /** Outputs that change what a host forwards by. */
  routeOutputCount = 0;
  /** All connections are read into it, as by the driver: what a speaker wants to keep it must copy. */
  readonly #buffer = new Uint8Array(32_768);
  #acceptedCount = 0;

  constructor(seed: number, plans: readonly SpeakerPlan[], options: SimulationOptions = defaults) {
    this.random = seededRandom(seed);
    this.chance = { random: this.random, maxDelayMs: 20 };
    this.#options = options;
    for (const plan of plans) {
      const speaker = new SimulatedSpeaker(plan, this.#makeCore(plan.isForwarding, false));
      this.speakers.set(plan.name, speaker);
      for (const address of plan.addresses) this.#speakerByAddress.set(address, speaker);
    }
  }

  get all(): SimulatedSpeaker[] {
    return [...this.speakers.values()];
  }

  /** Of all that the speakers said so far, octet by octet. */
  trace(): string {
    return this.#trace.copy().digest("hex");
  }

  run(durationMs: number): void {
    const count = this.events.runUntil(this.events.nowMs + durationMs);
    assert.ok(count < 20_000_000, "the network never rests");
  }

  start(speaker: SimulatedSpeaker, isRestart: boolean): void {
    speaker.core = this.#makeCore(speaker.isForwarding, isRestart);
    speaker.life++;
    speaker.isUp = true;
    speaker.unconfirmed.clear();
    if (isRestart) {
      for (const family of ["ipv4-unicast", "ipv6-unicast"] as const) {
        const isOf = (prefix: string) => prefix.includes(":") === (family === "ipv6-unicast");
        speaker.unconfirmed.set(family, new Set([...speaker.kernel.keys()].filter(isOf)));
      }
    } else {
      speaker.kernel.clear();
    }
    this.input(speaker, { type: "configure", config: speaker.config });
    this.input(speaker, { type: "originate", routes: speaker.routes });
    for (const { connections } of this.all) for (const { out } of connections.values()) out.pump();
  }

  /** The process is gone. `silent`: and the machine with it, so that nobody is told; else its connections are reset. */
  crash(speaker: SimulatedSpeaker, isSilent: boolean): void {
    speaker.isUp = false;
    speaker.life++;
    speaker.timers.clear();
    speaker.connecting.clear();
    const connections = [...speaker.connections.values()];
    speaker.connections.clear();
    if (!isSilent) for (const { out } of connections) out.break("reset");
  }

  /** As a planned stop of the process; `shutDown` tells the peers that it is for good. */
  stop(speaker: SimulatedSpeaker, reason: "restart" | "shutDown"): void {
    if (!speaker.isUp) return;
    this.input(speaker, { type: "stop", reason });
    for (const connection of speaker.connections.keys()) this.#close(speaker, connection);
    speaker.isUp = false;
    speaker.life++;
    speaker.timers.clear();
    speaker.connecting.clear();
  }

  originate(speaker: SimulatedSpeaker, routes: readonly OriginatedRoute[]): void {
    speaker.routes = routes;
    if (speaker.isUp) this.input(speaker, { type: "originate", routes });
  }

  /** Breaks the connections between two, with word to both. */
  reset(one: SimulatedSpeaker, other: SimulatedSpeaker): void {
    for (const connection of this.#between(one, other)) {
      connection.out.break("reset");
      connection.in.break("reset");
    }
  }

  /** From now on nothing passes between them, and nobody is told. */
  cut(one: SimulatedSpeaker, other: SimulatedSpeaker): void {
    this.#cuts.add(pairKey(one, other));
  }

  heal(one: SimulatedSpeaker, other: SimulatedSpeaker): void {
    if (!this.#cuts.delete(pairKey(one, other))) return;
    for (const connection of this.#between(one, other)) {
      connection.out.pump();
      connection.in.pump();
    }
  }

  /** Whether the first reads what the second sends. */
  setStuck(reader: SimulatedSpeaker, sender: SimulatedSpeaker, isStuck: boolean): void {
    for (const connection of this.#between(reader, sender)) {
      connection.in.isStuck = isStuck;
      if (!isStuck) connection.in.pump();
    }
  }

  connectionCount(one: SimulatedSpeaker, other: SimulatedSpeaker): number {
    return this.#between(one, other).length;
  }

  input(speaker: SimulatedSpeaker, input: SpeakerInput): void {
    if (!speaker.isUp) return;
    const blocked: ConnectionId[] = [];
    for (const output of speaker.core.step(input, this.events.nowMs)) {
      this.#note(speaker, output);
      if (output.type === "write") {
        if (speaker.connections.get(output.connection)?.out.send(output.bytes) === true)
          blocked.push(output.connection);
      } else {
        this.#execute(speaker, output);
      }
    }
    for (const connection of blocked) {
      speaker.connections.get(connection)?.out.tellBlocked();
      this.input(speaker, { type: "blocked", connection });
    }
  }

  #makeCore(tellsRoutes: boolean, isRestart: boolean): SpeakerCore {
    return new SpeakerCore({ isRestart, tellsRoutes, random: this.random, limits: this.#options.limits });
  }

  #note(speaker: SimulatedSpeaker, output: SpeakerOutput): void {
    this.outputCount++;
    this.#trace.update(`${this.events.nowMs} ${speaker.name} ${output.type} `);
    if (output.type === "write") this.#trace.update(output.bytes);
    else this.#trace.update(JSON.stringify(output));
  }

  #execute(speaker: SimulatedSpeaker, output: Exclude<SpeakerOutput, { type: "write" }>): void {
    switch (output.type) {
      case "connect":
        speaker.connecting.set(output.connection, output.remoteAddress);
        this.#syn(speaker, output.connection, output.remoteAddress, output.localAddress);
        return;
      case "close":
        if (!speaker.connecting.delete(output.connection)) this.#close(speaker, output.connection);
        return;
      case "setTimer":
        this.#setTimer(speaker, output.timer, output.atMs);
        return;
      case "clearTimer":
        speaker.timers.delete(output.timer);
        return;
      case "wantTurn":
        this.#later(speaker, this.#turnDelayMs(), () => this.input(speaker, { type: "turn" }));
        return;
      case "routes":
        this.#program(speaker, output.updates);
        return;
      case "restartEnd":
        for (const prefix of speaker.unconfirmed.get(output.family) ?? []) this.#forget(speaker, prefix);
        speaker.unconfirmed.delete(output.family);
        return;
      case "trackNextHops":
        this.#later(speaker, this.random() * 20, () => {
          const costs = output.nextHops.map((nextHop) => ({ nextHop, cost: 10 }));
          this.input(speaker, { type: "nextHops", costs });
        });
        return;
      case "notice":
        speaker.notices.push(`${output.peer}: ${output.text}: ${output.detail}`);
        return;
      case "peer":
      case "untrackNextHops":
      case "bfdPeers":
    }
  }

  /** Half the time a turn ends with the input that asked for it. */
  #turnDelayMs(): number {
    return this.random() < 0.5 ? 0 : this.random() * this.#options.maxTurnMs;
  }

  #program(speaker: SimulatedSpeaker, updates: readonly RouteUpdate[]): void {
    this.routeOutputCount += updates.length;
    for (const update of updates) {
      for (const prefixes of speaker.unconfirmed.values()) prefixes.delete(update.prefix);
      if (update.paths.length > 0) speaker.kernel.set(update.prefix, update);
      else this.#forget(speaker, update.prefix);
    }
  }

  #forget(speaker: SimulatedSpeaker, prefix: string): void {
    if (speaker.kernel.delete(prefix)) speaker.lossCount++;
  }

  #setTimer(speaker: SimulatedSpeaker, timer: string, atMs: number): void {
    speaker.timers.set(timer, atMs);
    this.#later(speaker, atMs - this.events.nowMs, () => {
      if (speaker.timers.get(timer) !== atMs) return;
      speaker.timers.delete(timer);
      this.input(speaker, { type: "timer", timer });
    });
  }

  /** In this life of the speaker's, or not at all. */
  #later(speaker: SimulatedSpeaker, delayMs: number, run: () => void): void {
    const { life } = speaker;
    this.events.schedule(this.events.nowMs + Math.max(0, delayMs), () => {
      if (speaker.life === life) run();
    });
  }

  #syn(
    speaker: SimulatedSpeaker,
    connection: ConnectionId,
    remote: IpAddress,
    local: IpAddress | undefined,
    delayMs = this.random() * this.chance.maxDelayMs,
  ): void {
    this.#later(speaker, delayMs, () => {
      if (!speaker.connecting.has(connection)) return;
      const other = this.#speakerByAddress.get(remote);
      assert.ok(other !== undefined, `nobody has ${remote}`);
      const own = local ?? speaker.addresses.find((address) => addressVersion(address) === addressVersion(remote));
      assert.ok(own !== undefined, `${speaker.name} has no address to reach ${remote} from`);
      if (this.#cuts.has(pairKey(speaker, other))) {
        this.#syn(speaker, connection, remote, local, synRetryMs);
        return;
      }
      if (!other.isUp) {
        speaker.connecting.delete(connection);
        this.input(speaker, { type: "closed", connection, reason: "refused" });
        return;
      }
      this.#establish(speaker, connection, own, other, remote);
    });
  }

  #establish(
    one: SimulatedSpeaker,
    id: ConnectionId,
    own: IpAddress,
    other: SimulatedSpeaker,
    remote: IpAddress,
  ): void {
    const otherId = `in:${this.#acceptedCount++}`;
    const isCut = () => this.#cuts.has(pairKey(one, other));
    const first = this.#endpoint(one, id, own);
    const second = this.#endpoint(other, otherId, remote);
    const there = new Stream(first, second, this.events, this.chance, isCut);
    const back = new Stream(second, first, this.events, this.chance, isCut);
    // Both ends may say that it is over; the first to say so ends both directions.
    one.connecting.delete(id);
    one.connections.set(id, { out: there, in: back });
    other.connections.set(otherId, { out: back, in: there });
    this.input(other, {
      type: "accepted",
      connection: otherId,
      localAddress: remote,
      remoteAddress: own,
    });
    if (one.connections.has(id)) this.input(one, { type: "connected", connection: id, localAddress: own });
  }

  #endpoint(speaker: SimulatedSpeaker, id: ConnectionId, address: IpAddress): Endpoint {
    const { life } = speaker;
    const isOpen = () => speaker.life === life && speaker.connections.has(id);
    return {
      id,
      address,
      get isDead() {
        return speaker.life !== life;
      },
      received: (bytes) => {
        for (let at = 0; at < bytes.length && isOpen(); at += this.#buffer.length) {
          const part = bytes.subarray(at, at + this.#buffer.length);
          this.#buffer.set(part);
          this.input(speaker, { type: "bytes", connection: id, bytes: this.#buffer.subarray(0, part.length) });
          this.#buffer.fill(0xee, 0, part.length);
        }
      },
      ended: (reason) => {
        if (!isOpen()) return;
        const connection = speaker.connections.get(id);
        speaker.connections.delete(id);
        connection?.out.break(reason);
        this.input(speaker, { type: "closed", connection: id, reason });
      },
      drained: () => {
        if (isOpen()) this.input(speaker, { type: "drained", connection: id });
      },
    };
  }

  #close(speaker: SimulatedSpeaker, id: ConnectionId): void {
    const connection = speaker.connections.get(id);
    if (connection === undefined) return;
    speaker.connections.delete(id);
    connection.out.end("closed by the peer");
  }

  #between(one: SimulatedSpeaker, other: SimulatedSpeaker): Connection[] {
    return [...one.connections.values()].filter(({ out }) => other.addresses.includes(out.to.address));
  }
}

function pairKey(one: SimulatedSpeaker, other: SimulatedSpeaker): string {
  return one.name < other.name ? `${one.name}-${other.name}` : `${other.name}-${one.name}`;
}
