import assert from "node:assert/strict";
import type { IpAddress } from "../../lib/index.ts";
import { messageType } from "../numbers.ts";
import type { ConnectionId } from "../steps.ts";
import type { EventQueue } from "./event-queue.ts";

/** One end of a TCP connection, and who it belongs to. */
export interface Endpoint {
  readonly id: ConnectionId;
  readonly address: IpAddress;
  received(bytes: Uint8Array): void;
  /** The other end has ended, or the connection broke. Nothing comes after it. */
  ended(reason: string): void;
  /** There is room to send again. */
  drained(): void;
  /** Its process is gone without anybody's having been told. */
  readonly isDead: boolean;
}

export type Chance = {
  readonly random: () => number;
  readonly maxDelayMs: number;
};

/** Octets in flight after which a sender is told to wait. */
const bufferBytes = 2048;

/** Of the type, in a message. */
const typeOffset = 18;

/** One direction of a connection: an ordered stream of octets that may be slow, stuck and blocked. */
export class Stream {
  readonly to: Endpoint;
  readonly #from: Endpoint;
  readonly #events: EventQueue;
  readonly #chance: Chance;
  readonly #queue: { readonly bytes: Uint8Array | undefined; readonly reason: string; readonly arriveMs: number }[] =
    [];
  #queuedBytes = 0;
  #isPumping = false;
  #isBlocked = false;
  #isTold = false;
  /** Nothing gets through, and nobody is told. */
  isCut: () => boolean;
  /** The receiver reads nothing. */
  isStuck = false;
  isOver = false;
  onOver: () => void = () => undefined;

  constructor(from: Endpoint, to: Endpoint, events: EventQueue, chance: Chance, isCut: () => boolean) {
    this.#from = from;
    this.to = to;
    this.#events = events;
    this.#chance = chance;
    this.isCut = isCut;
  }

  /** The sender has been told to wait: from now on it tells no routes until there is room again. */
  tellBlocked(): void {
    this.#isTold = this.#isBlocked;
  }

  /** Tells whether the sender has to wait from now on. */
  send(bytes: Uint8Array): boolean {
    if (this.isOver || bytes.length === 0) return false;
    assert.ok(!this.#isTold || bytes[typeOffset] !== messageType.update, "routes are told to one that takes nothing");
    this.#queuedBytes += bytes.length;
    this.#push(bytes, "");
    if (this.#isBlocked || this.#queuedBytes <= bufferBytes) return false;
    this.#isBlocked = true;
    return true;
  }

  /** What was sent before still arrives. */
  end(reason: string): void {
    if (!this.isOver) this.#push(undefined, reason);
  }

  /** What is in flight is lost. */
  break(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#queue.length = 0;
    this.#events.schedule(this.#events.nowMs + this.#delay(), () => this.to.ended(reason));
    this.onOver();
  }

  /** After the cut or the standstill is over. */
  pump(): void {
    if (this.#isPumping || this.isOver) return;
    const first = this.#queue[0];
    if (first === undefined) return;
    this.#isPumping = true;
    this.#events.schedule(first.arriveMs, () => {
      this.#isPumping = false;
      this.#deliver();
    });
  }

  #push(bytes: Uint8Array | undefined, reason: string): void {
    const before = this.#queue.at(-1)?.arriveMs ?? 0;
    this.#queue.push({ bytes, reason, arriveMs: Math.max(before, this.#events.nowMs + this.#delay()) });
    this.pump();
  }

  #deliver(): void {
    if (this.isOver || this.isCut()) return;
    if (this.to.isDead) {
      // There is a host, but it knows nothing of the connection.
      this.isOver = true;
      this.#events.schedule(this.#events.nowMs + this.#delay(), () => this.#from.ended("reset"));
      this.onOver();
      return;
    }
    if (this.isStuck) return;
    const item = this.#queue.shift();
    if (item === undefined) return;
    if (item.bytes === undefined) {
      this.isOver = true;
      this.to.ended(item.reason);
      this.onOver();
      return;
    }
    this.#queuedBytes -= item.bytes.length;
    // TCP keeps no borders between messages.
    const middle = Math.floor(this.#chance.random() * item.bytes.length);
    for (const part of [item.bytes.subarray(0, middle), item.bytes.subarray(middle)]) {
      if (part.length > 0 && !this.isOver) this.to.received(part);
    }
    if (this.#isBlocked && this.#queuedBytes <= bufferBytes / 2) {
      this.#isBlocked = false;
      this.#isTold = false;
      this.#from.drained();
    }
    this.pump();
  }

  #delay(): number {
    return 0.1 + this.#chance.random() * this.#chance.maxDelayMs;
  }
}
