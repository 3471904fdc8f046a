import { type Family, allFamilies } from "./config.ts";
import type { Peer } from "./peer.ts";

/**
 * How long a peer that is not there holds up the end of our restart. A living one connects within seconds; a dead
 * one must not keep the others' routes out of the kernel for the whole restart time.
 */
const absenceMs = 30_000;

/**
 * RFC 4724 section 4.1: a restarted speaker takes no decision about the routes of a family before the peers that can
 * restart gracefully have told theirs to the end, or time is up. Its own routes it may tell from the beginning, since they
 * depend on nobody; but no End-of-RIB before they are known, or the peers would sweep them.
 */
export class Restart {
  readonly #pending: Set<Family>;
  readonly #isRestart: boolean;
  #deadlineMs = 0;
  #absenceDeadlineMs = 0;
  #hasOriginated = false;

  constructor(isRestart: boolean) {
    this.#isRestart = isRestart;
    this.#pending = new Set(allFamilies);
  }

  /** To be called once; gives the times at which to look again. */
  begin(nowMs: number, restartTimeSeconds: number): number[] {
    this.#deadlineMs = nowMs + restartTimeSeconds * 1000;
    this.#absenceDeadlineMs = Math.min(this.#deadlineMs, nowMs + absenceMs);
    return this.#isRestart ? [...new Set([this.#absenceDeadlineMs, this.#deadlineMs])] : [];
  }

  get isRunning(): boolean {
    return this.#isRestart && this.#pending.size > 0;
  }

  /** The routes of peers are not to be used yet. */
  isDeferred(family: Family): boolean {
    return this.#isRestart && this.#pending.has(family);
  }

  /** What we have told is all that we have. */
  isComplete(family: Family): boolean {
    return !this.#pending.has(family);
  }

  originated(): void {
    this.#hasOriginated = true;
  }

  /** Families whose restart ends now; each is given once. */
  end(peers: Iterable<Peer>, nowMs: number): Family[] {
    if (!this.#hasOriginated || this.#pending.size === 0) return [];
    const all = [...peers];
    const ended = [...this.#pending].filter((family) => all.every((peer) => !this.#isAwaited(peer, family, nowMs)));
    for (const family of ended) this.#pending.delete(family);
    return ended;
  }

  #isAwaited(peer: Peer, family: Family, nowMs: number): boolean {
    if (!this.#isRestart || nowMs >= this.#deadlineMs || !peer.config.families.includes(family)) return false;
    const hasEnded = peer.routes.hasEnded(family);
    return hasEnded === undefined ? nowMs < this.#absenceDeadlineMs : !hasEnded;
  }
}
