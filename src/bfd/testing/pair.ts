import assert from "node:assert/strict";
import { type IpAddress, type Random, parseAddress, seededRandom } from "../../lib/index.ts";
import { BfdCore, type BfdInput, type BfdPeer } from "../bfd-core.ts";
import { type BfdPacket, decodeBfdPacket } from "../packet.ts";
import type { BfdTiming } from "../session.ts";

export const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);

/** One host with BFD, and what it said. */
export type End = {
  readonly address: IpAddress;
  core: BfdCore;
  peers: readonly BfdPeer[];
  isRunning: boolean;
  wakeAtMs: number;
  /** `peer state diagnostic`, in order. */
  readonly said: string[];
  readonly sent: { readonly atMs: number; readonly packet: BfdPacket }[];
};

type Flight = {
  readonly atMs: number;
  readonly order: number;
  readonly to: End;
  readonly from: End;
  readonly bytes: Uint8Array;
};

/** Two hosts on a link in virtual time: packets may be late, lost and out of order, hosts may crash and come back. */
export class Pair {
  readonly random: Random;
  readonly a: End;
  readonly b: End;
  nowMs = 0;
  lossRate = 0;
  maxDelayMs = 1;
  ttl = 255;
  isCut = false;
  #order = 0;
  readonly #flights: Flight[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.a = this.#end("192.0.2.1");
    this.b = this.#end("192.0.2.2");
  }

  #end(text: string): End {
    return {
      address: address(text),
      core: new BfdCore(this.random),
      peers: [],
      isRunning: true,
      wakeAtMs: Infinity,
      said: [],
      sent: [],
    };
  }

  other(end: End): End {
    return end === this.a ? this.b : this.a;
  }

  watch(end: End, timing: Partial<BfdTiming> = {}, names = ["peer"]): void {
    const bfd = { minTxMs: 50, minRxMs: 50, multiplier: 3, isMultihop: false, ...timing };
    end.peers = names.map((name) => ({ name, address: this.other(end).address, bfd }));
    this.step(end, { type: "configure", peers: end.peers });
  }

  watchBoth(timing: Partial<BfdTiming> = {}): void {
    this.watch(this.a, timing);
    this.watch(this.b, timing);
  }

  crash(end: End): void {
    end.isRunning = false;
    end.wakeAtMs = Infinity;
  }

  start(end: End): void {
    end.core = new BfdCore(this.random);
    end.isRunning = true;
    this.step(end, { type: "configure", peers: end.peers });
  }

  step(end: End, input: BfdInput): void {
    if (!end.isRunning) return;
    for (const output of end.core.step(input, this.nowMs)) {
      if (output.type === "wakeAt") end.wakeAtMs = output.atMs;
      if (output.type === "state") end.said.push(`${output.peer} ${output.state} ${output.diagnostic}`);
      if (output.type !== "send") continue;
      const decoded = decodeBfdPacket(output.bytes);
      assert.ok(decoded.ok, "what is sent is right");
      end.sent.push({ atMs: this.nowMs, packet: decoded.value });
      if (this.isCut || this.random() < this.lossRate) continue;
      const atMs = this.nowMs + 0.1 + this.random() * this.maxDelayMs;
      this.#flights.push({ atMs, order: this.#order++, to: this.other(end), from: end, bytes: output.bytes });
    }
  }

  /** Lets so much time pass. */
  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (let steps = 0; ; steps++) {
      assert.ok(steps < 1_000_000, "the pair never rests");
      this.#flights.sort((one, other) => one.atMs - other.atMs || one.order - other.order);
      const flight = this.#flights[0];
      const due = [this.a, this.b].reduce((first, end) => (end.wakeAtMs < first.wakeAtMs ? end : first));
      const atMs = Math.min(flight?.atMs ?? Infinity, due.wakeAtMs);
      if (atMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      if (flight !== undefined && flight.atMs <= due.wakeAtMs) {
        this.#flights.shift();
        this.deliver(flight.to, flight.from, flight.bytes);
      } else {
        due.wakeAtMs = Infinity;
        this.step(due, { type: "wake" });
      }
    }
    this.nowMs = endMs;
  }

  deliver(to: End, from: End, bytes: Uint8Array): void {
    this.step(to, {
      type: "packet",
      bytes,
      remoteAddress: from.address,
      localAddress: to.address,
      linkName: "eth0",
      isMultihop: false,
      ttl: this.ttl,
    });
  }

  states(): string[] {
    return [this.a, this.b].map(({ core }) => core.status().sessions[0]?.state ?? "none");
  }
}
