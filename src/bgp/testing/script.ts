import assert from "node:assert/strict";
import type { PeerConfig, PeerStatus, SpeakerConfig } from "../config.ts";
import { Framer } from "../framer.ts";
import { writeKeepalive, writeOpenMessage } from "../message.ts";
import type { Open } from "../open.ts";
import { SpeakerCore } from "../speaker-core.ts";
import type { ConnectionId, SpeakerInput, SpeakerOutput } from "../steps.ts";
import { openOf } from "./messages.ts";
import { toHex } from "./octets.ts";
import { address, peerAt } from "./values.ts";

/** A speaker whose neighbours are played by the test, message by message. */
export class Script {
  readonly core = new SpeakerCore({ isRestart: false, random: () => 1 });
  readonly timers = new Map<string, number>();
  /** Those that stand or are on their way, in the order in which they came. */
  readonly connections = new Set<ConnectionId>();
  /** Messages that each connection was written, as `1` or, of a NOTIFICATION, `3:6/2:`; `close` when it was closed. */
  readonly said = new Map<ConnectionId, string[]>();
  readonly notices: string[] = [];
  /** Prefixes in use. */
  readonly routes = new Set<string>();
  nowMs = 0;
  readonly config: SpeakerConfig;
  #count = 0;

  constructor(peer: Partial<PeerConfig> = {}, more: Partial<SpeakerConfig> = {}) {
    this.config = {
      localAs: 64512,
      routerId: address("192.0.2.1"),
      listenPort: 179,
      restartTimeSeconds: 120,
      exportWithin: "all",
      peers: [peerAt("192.0.2.2", peer)],
      ...more,
    };
    this.input({ type: "configure", config: this.config });
    this.input({ type: "originate", routes: [] });
  }

  get status(): PeerStatus {
    return this.core.status(this.nowMs)[0] ?? assert.fail("there is no peer");
  }

  input(input: SpeakerInput): void {
    const waiting = [input];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      for (const output of this.core.step(next, this.nowMs)) {
        this.#take(output);
        if (output.type === "wantTurn") waiting.push({ type: "turn" });
      }
    }
  }

  /** The peer connects. */
  accept(remote = "192.0.2.2"): ConnectionId {
    const connection = `in:${this.#count++}`;
    this.connections.add(connection);
    this.said.set(connection, []);
    const ends = { localAddress: address("192.0.2.1"), remoteAddress: address(remote) };
    this.input({ type: "accepted", connection, ...ends });
    return connection;
  }

  /** Our latest connection to the peer stands. */
  connect(): ConnectionId {
    const connection = [...this.connections].findLast((id) => id.startsWith("out:")) ?? assert.fail("nobody connects");
    this.input({ type: "connected", connection, localAddress: address("192.0.2.1") });
    return connection;
  }

  send(connection: ConnectionId, ...messages: readonly Uint8Array[]): void {
    for (const bytes of messages) this.input({ type: "bytes", connection, bytes });
  }

  /** The peer's OPEN. */
  open(connection: ConnectionId, more: Partial<Open> = {}): void {
    const open = openOf({ routerId: address("192.0.2.2"), families: ["ipv4-unicast"], ...more });
    this.send(connection, writeOpenMessage(open));
  }

  /** A session on a new connection of the peer. */
  establish(more: Partial<Open> = {}): ConnectionId {
    const connection = this.accept();
    this.open(connection, more);
    this.send(connection, writeKeepalive());
    assert.equal(this.status.state, "established");
    return connection;
  }

  lose(connection: ConnectionId, reason = "reset"): void {
    this.connections.delete(connection);
    this.input({ type: "closed", connection, reason });
  }

  /** Milliseconds until the next attempt. */
  get retryMs(): number | undefined {
    const atMs = this.timers.get("192.0.2.2|retry");
    return atMs === undefined ? undefined : atMs - this.nowMs;
  }

  /** Lets that much time pass, with the timers that fire in it. */
  wait(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      const [next] = [...this.timers].filter(([, atMs]) => atMs <= endMs).toSorted(([, a], [, b]) => a - b);
      if (next === undefined) break;
      const [timer, atMs] = next;
      this.timers.delete(timer);
      this.nowMs = Math.max(this.nowMs, atMs);
      this.input({ type: "timer", timer });
    }
    this.nowMs = endMs;
  }

  #take(output: SpeakerOutput): void {
    switch (output.type) {
      case "connect":
        this.connections.add(output.connection);
        this.said.set(output.connection, []);
        return;
      case "write":
        this.said.get(output.connection)?.push(...describe(output.bytes));
        return;
      case "close":
        this.connections.delete(output.connection);
        this.said.get(output.connection)?.push("close");
        return;
      case "setTimer":
        this.timers.set(output.timer, output.atMs);
        return;
      case "clearTimer":
        this.timers.delete(output.timer);
        return;
      case "routes":
        for (const { prefix, paths } of output.updates) {
          if (paths.length > 0) this.routes.add(prefix);
          else this.routes.delete(prefix);
        }
        return;
      case "notice":
        this.notices.push(`${output.text}: ${output.detail}`);
        return;
      case "wantTurn":
      case "peer":
      case "restartEnd":
      case "trackNextHops":
      case "untrackNextHops":
      case "bfdPeers":
    }
  }
}

function describe(bytes: Uint8Array): string[] {
  const framer = new Framer();
  framer.maxBytes = 65535;
  framer.push(bytes);
  const found: string[] = [];
  for (let message = framer.next(); message instanceof Uint8Array; message = framer.next()) {
    const type = message[18];
    found.push(type === 3 ? `3:${message[19]}/${message[20]}:${toHex(message.subarray(21))}` : `${type}`);
  }
  return found;
}
