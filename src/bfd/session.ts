import type { Random } from "../lib/index.ts";
import { type BfdDiagnostic, type BfdPacket, type BfdState, encodeBfdPacket } from "./packet.ts";

/** Intervals in milliseconds, 10 to 60,000; multiplier 1 to 255. */
export type BfdTiming = { readonly minTxMs: number; readonly minRxMs: number; readonly multiplier: number };

/** What a session is joined to its owner by. */
export type SessionHooks = {
  readonly random: Random;
  send(bytes: Uint8Array): void;
  /** The state changed; `before` is what it was. */
  changed(session: BfdSession, before: BfdState): void;
};

/** RFC 5880 section 6.8.3: a session that is not up sends no faster, whatever is configured. */
const slowMs = 1000;

/** How much the other end knows of our last change of timing (RFC 5880 section 6.5). */
type Poll =
  | "none"
  /** Sending the P bit until the F bit answers. */
  | "asking"
  /** The same, but the timing has changed once more since: the answer may be to the old one. */
  | "askingAgain"
  /** One packet without the P bit keeps two questions apart. */
  | "pausing";

/** What we know of the other end; before it is heard, and again when it has been silent for too long. */
type Remote = {
  readonly discriminator: number;
  readonly state: BfdState;
  readonly isDemand: boolean;
  readonly minRxMs: number;
  readonly minTxMs: number;
  readonly multiplier: number;
};
const unheard: Remote = {
  discriminator: 0,
  state: "down",
  isDemand: false,
  // One microsecond, by section 6.8.1: our own interval counts.
  minRxMs: 0.001,
  minTxMs: 0,
  multiplier: 1,
};

/** One end of one session: RFC 5880 section 6.8 in asynchronous mode, without authentication and echo. */
export class BfdSession {
  readonly discriminator: number;
  readonly #hooks: SessionHooks;
  #timing: BfdTiming;
  #state: BfdState = "down";
  #diagnostic: BfdDiagnostic = "none";
  #remote = unheard;
  #remoteDiagnostic: BfdDiagnostic = "none";
  #poll: Poll = "none";
  /** What intervals are reckoned with; lags behind what is told while the other end does not know of a change. */
  #txInUseMs: number;
  #rxInUseMs: number;
  #sendAtMs: number;
  #detectAtMs = Infinity;
  #endAtMs = Infinity;

  /** The first packet leaves within a second. */
  constructor(discriminator: number, timing: BfdTiming, hooks: SessionHooks, nowMs: number) {
    this.discriminator = discriminator;
    this.#timing = timing;
    this.#hooks = hooks;
    this.#txInUseMs = this.#minTxMs;
    this.#rxInUseMs = timing.minRxMs;
    this.#sendAtMs = nowMs + hooks.random() * 100;
  }

  get state(): BfdState {
    return this.#state;
  }

  get diagnostic(): BfdDiagnostic {
    return this.#diagnostic;
  }

  get remoteState(): BfdState {
    return this.#remote.state;
  }

  get remoteDiagnostic(): BfdDiagnostic {
    return this.#remoteDiagnostic;
  }

  /** Between two packets of ours, before jitter. */
  get intervalMs(): number {
    return Math.max(this.#txInUseMs, this.#remote.minRxMs);
  }

  /** Silence that means a failure; section 6.8.4. */
  get detectionMs(): number {
    return this.#remote.multiplier * Math.max(this.#rxInUseMs, this.#remote.minTxMs);
  }

  /** When `wake` has something to do. */
  get deadlineMs(): number {
    return Math.min(this.#sendAtMs, this.#detectAtMs, this.#endAtMs);
  }

  /** It has told for long enough that it is no more. */
  isOver(nowMs: number): boolean {
    return nowMs >= this.#endAtMs;
  }

  setTiming(timing: BfdTiming, nowMs: number): void {
    const before = this.#timing;
    if (isSameTiming(before, timing)) return;
    this.#timing = timing;
    const isUp = this.#state === "up";
    // Neither end may count on the other's new pace before the other has agreed to it.
    if (!isUp || this.#minTxMs < this.#txInUseMs) this.#txInUseMs = this.#minTxMs;
    if (!isUp || timing.minRxMs > this.#rxInUseMs) this.#rxInUseMs = timing.minRxMs;
    if (isUp && (before.minTxMs !== timing.minTxMs || before.minRxMs !== timing.minRxMs)) this.#ask();
    this.#hurry(nowMs);
  }

  receive(packet: BfdPacket, nowMs: number): void {
    if (this.#state === "adminDown") return;
    this.#remote = {
      discriminator: packet.myDiscriminator,
      state: packet.state,
      isDemand: packet.isDemand,
      minRxMs: packet.minRxUs / 1000,
      minTxMs: packet.minTxUs / 1000,
      multiplier: packet.multiplier,
    };
    this.#remoteDiagnostic = packet.diagnostic;
    if (packet.isFinal) this.#answered();
    this.#follow(packet.state, nowMs);
    this.#detectAtMs = nowMs + this.detectionMs;
    if (packet.isPoll) this.#send(true);
    this.#hurry(nowMs);
  }

  /** Does what is due. Whatever has arrived by now must have been given to `receive` before. */
  wake(nowMs: number): void {
    if (nowMs >= this.#detectAtMs) this.#detected(nowMs);
    if (nowMs < this.#sendAtMs) return;
    if (this.#mayTransmit) {
      this.#send(false);
      this.#sendAtMs = nowMs + this.#jitteredMs();
    } else {
      this.#sendAtMs = Infinity;
    }
  }

  /** Tells the other end, for as long as it may take to hear it, that this is no failure. */
  shut(nowMs: number): void {
    if (this.#state === "adminDown") return;
    const lingerMs = this.#timing.multiplier * Math.max(slowMs, this.intervalMs);
    this.#diagnostic = "administrativelyDown";
    this.#enter("adminDown", nowMs);
    this.#detectAtMs = Infinity;
    this.#endAtMs = nowMs + lingerMs;
  }

  /** The Desired Min TX Interval that we tell. */
  get #minTxMs(): number {
    return this.#state === "up" ? this.#timing.minTxMs : Math.max(slowMs, this.#timing.minTxMs);
  }

  get #mayTransmit(): boolean {
    const { isDemand, state, minRxMs } = this.#remote;
    if (minRxMs === 0) return false;
    return !(isDemand && this.#state === "up" && state === "up" && this.#poll === "none");
  }

  /** The state machine of section 6.2, by the state that the other end told. */
  #follow(told: BfdState, nowMs: number): void {
    const isDown = this.#state === "down";
    if (told === "adminDown" || (this.#state === "up" && told === "down")) {
      if (!isDown) this.#change("down", "neighbourSignaledDown", nowMs);
    } else if (isDown) {
      if (told === "down") this.#change("init", this.#diagnostic, nowMs);
      else if (told === "init") this.#change("up", "none", nowMs);
    } else if (this.#state === "init" && told !== "down") {
      this.#change("up", "none", nowMs);
    }
  }

  #change(state: "down" | "init" | "up", diagnostic: BfdDiagnostic, nowMs: number): void {
    this.#diagnostic = diagnostic;
    this.#enter(state, nowMs);
  }

  #enter(state: BfdState, nowMs: number): void {
    const before = this.#state;
    this.#state = state;
    this.#poll = "none";
    this.#txInUseMs = this.#minTxMs;
    this.#rxInUseMs = this.#timing.minRxMs;
    // Going up changes the interval that we tell from the slow one.
    if (state === "up") this.#ask();
    // Section 6.8.7: news need not wait for their turn.
    this.#sendAtMs = nowMs;
    this.#hooks.changed(this, before);
  }

  #detected(nowMs: number): void {
    this.#detectAtMs = Infinity;
    this.#remote = unheard;
    if (this.#state === "init" || this.#state === "up") this.#change("down", "detectionTimeExpired", nowMs);
    this.#hurry(nowMs);
  }

  #ask(): void {
    if (this.#poll === "none") this.#poll = "asking";
    else if (this.#poll === "asking") this.#poll = "askingAgain";
  }

  #answered(): void {
    if (this.#poll === "askingAgain") this.#poll = "pausing";
    if (this.#poll !== "asking") return;
    this.#poll = "none";
    this.#txInUseMs = this.#minTxMs;
    this.#rxInUseMs = this.#timing.minRxMs;
  }

  #send(isFinal: boolean): void {
    const isPoll = !isFinal && (this.#poll === "asking" || this.#poll === "askingAgain");
    if (!isFinal && this.#poll === "pausing") this.#poll = "asking";
    this.#hooks.send(
      encodeBfdPacket({
        diagnostic: this.#diagnostic,
        state: this.#state,
        isPoll,
        isFinal,
        isIndependent: false,
        isDemand: false,
        multiplier: this.#timing.multiplier,
        myDiscriminator: this.discriminator,
        yourDiscriminator: this.#remote.discriminator,
        minTxUs: Math.round(this.#minTxMs * 1000),
        minRxUs: Math.round(this.#timing.minRxMs * 1000),
        minEchoRxUs: 0,
      }),
    );
  }

  /** The other end may have asked for more haste, or for packets at all. */
  #hurry(nowMs: number): void {
    if (this.#mayTransmit && this.#sendAtMs > nowMs + this.intervalMs) this.#sendAtMs = nowMs + this.#jitteredMs();
  }

  /** Up to a quarter less; with a multiplier of 1 at least a tenth less, since one late packet would be a failure. */
  #jitteredMs(): number {
    const [least, range] = this.#timing.multiplier === 1 ? [0.75, 0.15] : [0.75, 0.25];
    return this.intervalMs * (least + range * this.#hooks.random());
  }
}

function isSameTiming(a: BfdTiming, b: BfdTiming): boolean {
  return a.minTxMs === b.minTxMs && a.minRxMs === b.minRxMs && a.multiplier === b.multiplier;
}
