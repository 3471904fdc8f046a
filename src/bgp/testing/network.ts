import assert from "node:assert/strict";
import { type IpAddress, seededRandom } from "../../lib/index.ts";
import type { Family, OriginatedRoute, PeerConfig, PeerStatus, RouteUpdate, SpeakerConfig } from "../config.ts";
import { SpeakerCore } from "../speaker-core.ts";
import type { ConnectionId, SpeakerInput } from "../steps.ts";
import { address } from "./values.ts";

export { address, peerAt, route } from "./values.ts";

type Event = { readonly atMs: number; readonly order: number; readonly run: () => void };

type Pipe = {
  readonly from: Host;
  readonly fromId: ConnectionId;
  readonly to: Host;
  readonly toId: ConnectionId;
};

/** One speaker with its addresses, and all that it said to its owner. */
export class Host {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
  core: SpeakerCore;
  isUp = true;
  config: SpeakerConfig;
  originated: readonly OriginatedRoute[] = [];
  readonly kernel = new Map<string, RouteUpdate>();
  /** Prefixes that lost all paths at some time, in order. */
  readonly lost: string[] = [];
  readonly restartEnds: Family[] = [];
  readonly states: PeerStatus[] = [];
  readonly notices: string[] = [];
  readonly timers = new Map<string, number>();
  isTurnWanted = false;

  constructor(name: string, config: SpeakerConfig, addresses: readonly IpAddress[], core: SpeakerCore) {
    this.name = name;
    this.config = config;
    this.addresses = addresses;
    this.core = core;
  }

  /** `10.0.0.0/26 via 192.0.2.1` for each route in use. */
  table(): string[] {
    return [...this.kernel.values()]
      .map(({ prefix, paths }) => `${prefix} via ${paths.map(({ nextHop }) => nextHop).join(" ")}`)
      .sort();
  }
}

/** Speakers joined by pipes of octets, in virtual time. The seed decides delays and jitter; runs repeat exactly. */
export class Network {
  readonly #random: () => number;
  readonly #events: Event[] = [];
  readonly #pipes: Pipe[] = [];
  readonly #cut = new Set<string>();
  /** Connections that their host gave up before they stood. */
  readonly #cancelled = new Set<string>();
  readonly hosts = new Map<string, Host>();
  nowMs = 0;
  #order = 0;
  maxDelayMs = 5;

  constructor(seed = 1) {
    this.#random = seededRandom(seed);
  }

  add(name: string, addresses: readonly string[], config: Partial<SpeakerConfig> & { peers: PeerConfig[] }): Host {
    const own = addresses.map(address);
    const first = own[0] ?? assert.fail();
    const whole: SpeakerConfig = {
      localAs: 64512,
      routerId: first,
      listenPort: 179,
      restartTimeSeconds: 120,
      exportWithin: "all",
      ...config,
    };
    const host = new Host(name, whole, own, new SpeakerCore({ isRestart: false, random: this.#random }));
    this.hosts.set(name, host);
    return host;
  }

  start(host: Host, isRestart = false): void {
    host.core = new SpeakerCore({ isRestart, random: this.#random });
    host.isUp = true;
    this.input(host, { type: "configure", config: host.config });
    this.input(host, { type: "originate", routes: host.originated });
  }

  startAll(): void {
    for (const host of this.hosts.values()) this.start(host);
  }

  /** The process is gone. With `isSilent` the other ends do not notice, as when the machine lost its power. */
  kill(host: Host, isSilent = false): void {
    host.isUp = false;
    host.timers.clear();
    for (const pipe of this.#pipes.filter(({ from }) => from === host)) {
      this.#forget(pipe);
      if (!isSilent) this.#deliver(pipe, { type: "closed", connection: pipe.toId, reason: "reset" });
    }
  }

  /** Resets all TCP connections between two hosts. */
  reset(a: Host, b: Host): void {
    for (const pipe of this.#pipes.filter(({ from, to }) => from === a && to === b)) {
      this.#forget(pipe);
      this.input(a, { type: "closed", connection: pipe.fromId, reason: "reset" });
      this.input(b, { type: "closed", connection: pipe.toId, reason: "reset" });
    }
  }

  /** From now on nothing passes between them, and nobody is told. */
  cut(a: Host, b: Host, isCut = true): void {
    for (const key of [`${a.name}-${b.name}`, `${b.name}-${a.name}`]) {
      if (isCut) this.#cut.add(key);
      else this.#cut.delete(key);
    }
  }

  connectionCount(a: Host, b: Host): number {
    return this.#pipes.filter(({ from, to }) => from === a && to === b).length;
  }

  /** Lets that much time pass. */
  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (let steps = 0; ; steps++) {
      assert.ok(steps < 2_000_000, "the network never rests");
      const next = this.#next(endMs);
      if (next === undefined) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = endMs;
  }

  input(host: Host, input: SpeakerInput): void {
    if (!host.isUp) return;
    for (const output of host.core.step(input, this.nowMs)) {
      switch (output.type) {
        case "connect":
          this.#connect(host, output.connection, output.remoteAddress, output.localAddress);
          break;
        case "write": {
          const pipe = this.#pipes.find(({ from, fromId }) => from === host && fromId === output.connection);
          if (pipe !== undefined) this.#deliverBytes(pipe, output.bytes);
          break;
        }
        case "close": {
          const pipe = this.#pipes.find(({ from, fromId }) => from === host && fromId === output.connection);
          if (pipe === undefined) {
            this.#cancelled.add(`${host.name}/${output.connection}`);
            break;
          }
          this.#forget(pipe);
          this.#deliver(pipe, { type: "closed", connection: pipe.toId, reason: "closed by the peer" });
          break;
        }
        case "setTimer":
          host.timers.set(output.timer, output.atMs);
          break;
        case "clearTimer":
          host.timers.delete(output.timer);
          break;
        case "wantTurn":
          this.#at(this.nowMs, host, { type: "turn" });
          break;
        case "routes":
          for (const update of output.updates) {
            if (update.paths.length > 0) host.kernel.set(update.prefix, update);
            else if (host.kernel.delete(update.prefix)) host.lost.push(update.prefix);
          }
          break;
        case "peer":
          host.states.push(output.status);
          break;
        case "restartEnd":
          host.restartEnds.push(output.family);
          break;
        case "notice":
          host.notices.push(`${output.text}: ${output.detail}`);
      }
    }
  }

  #connect(host: Host, connection: ConnectionId, remote: IpAddress, local: IpAddress | undefined): void {
    const peer = [...this.hosts.values()].find(({ addresses }) => addresses.includes(remote));
    const own = local ?? host.addresses.find((one) => one.includes(":") === remote.includes(":")) ?? assert.fail();
    const core = host.core;
    this.#schedule(this.nowMs + this.#delay(), () => {
      const isCancelled = this.#cancelled.delete(`${host.name}/${connection}`);
      if (host.core !== core) return;
      if (peer !== undefined && this.#cut.has(`${host.name}-${peer.name}`)) return;
      if (peer?.isUp !== true) {
        this.input(host, { type: "closed", connection, reason: "refused" });
        return;
      }
      const toId = `in:${this.#order++}`;
      this.#pipes.push({ from: host, fromId: connection, to: peer, toId });
      this.#pipes.push({ from: peer, fromId: toId, to: host, toId: connection });
      const atMs = this.nowMs + this.#delay();
      this.#lastArrival.set(`${peer.name}/${toId}`, atMs);
      this.#at(atMs, peer, { type: "accepted", connection: toId, localAddress: remote, remoteAddress: own });
      // Given up while the other end's TCP had already agreed.
      const pipe = this.#pipes.at(-2);
      if (isCancelled && pipe !== undefined) {
        this.#forget(pipe);
        this.#deliver(pipe, { type: "closed", connection: toId, reason: "closed by the peer" });
        return;
      }
      const connectedMs = this.nowMs + this.#delay();
      this.#lastArrival.set(`${host.name}/${connection}`, connectedMs);
      this.#at(connectedMs, host, { type: "connected", connection, localAddress: own });
    });
  }

  /** In order within a pipe: a later message never overtakes an earlier one. */
  readonly #lastArrival = new Map<string, number>();

  #deliver(pipe: Pipe, input: SpeakerInput): void {
    if (this.#cut.has(`${pipe.from.name}-${pipe.to.name}`)) return;
    const key = `${pipe.to.name}/${pipe.toId}`;
    const atMs = Math.max(this.nowMs + this.#delay(), this.#lastArrival.get(key) ?? 0);
    this.#lastArrival.set(key, atMs);
    this.#at(atMs, pipe.to, input);
  }

  /** TCP keeps no borders between messages. */
  #deliverBytes(pipe: Pipe, bytes: Uint8Array): void {
    const middle = Math.floor(this.#random() * bytes.length);
    for (const part of [bytes.slice(0, middle), bytes.slice(middle)]) {
      this.#deliver(pipe, { type: "bytes", connection: pipe.toId, bytes: part });
    }
  }

  #forget(pipe: Pipe): void {
    const isSame = (one: Pipe) => one === pipe || (one.from === pipe.to && one.fromId === pipe.toId);
    for (const one of this.#pipes.filter(isSame)) this.#pipes.splice(this.#pipes.indexOf(one), 1);
  }

  #at(atMs: number, host: Host, input: SpeakerInput): void {
    const core = host.core;
    this.#schedule(atMs, () => {
      if (host.core === core) this.input(host, input);
    });
  }

  #schedule(atMs: number, run: () => void): void {
    this.#events.push({ atMs, order: this.#order++, run });
  }

  #delay(): number {
    return 1 + this.#random() * this.maxDelayMs;
  }

  /** The earliest event or timer up to then, taken from its place. */
  #next(endMs: number): { readonly atMs: number; readonly run: () => void } | undefined {
    let best: Event | undefined;
    for (const event of this.#events) {
      if (best === undefined || event.atMs < best.atMs || (event.atMs === best.atMs && event.order < best.order)) {
        best = event;
      }
    }
    let due: { host: Host; timer: string; atMs: number } | undefined;
    for (const host of this.hosts.values()) {
      for (const [timer, atMs] of host.timers) {
        if (due === undefined || atMs < due.atMs) due = { host, timer, atMs };
      }
    }
    if (Math.min(due?.atMs ?? Infinity, best?.atMs ?? Infinity) > endMs) return undefined;
    if (due !== undefined && (best === undefined || due.atMs < best.atMs)) {
      const { host, timer, atMs } = due;
      const run = () => {
        host.timers.delete(timer);
        this.input(host, { type: "timer", timer });
      };
      return { atMs, run };
    }
    if (best !== undefined) this.#events.splice(this.#events.indexOf(best), 1);
    return best;
  }
}
