import { type Family, allFamilies } from "./config.ts";
import type { Peer } from "./peer.ts";

/**
 * How long a peer that is not there holds up the end of our restart. A living one connects within seconds; a dead
 * one must not keep the others' routes out of the kernel for the whole restart time.
 */
const absenceMs = 30_000;

/** How long no session must have come up until a speaker that forwards nothing takes its peers for complete. */
const quietMs = 10_000;

export type RestartOptions = {
  /** Routes of the run before are still in force in the kernel. */
  readonly isRestart: boolean;
  /** Off the path of the packets: what it told its peers stays good while it is away. */
  readonly isOffPath: boolean;
};

/**
 * RFC 4724 section 4.1: a restarted speaker takes no decision about the routes of a family before the peers that can
 * restart gracefully have told theirs to the end, or time is up. Its own routes it may tell from the beginning, since they
 * depend on nobody; but no End-of-RIB before they are known, or the peers would sweep them.
 *
 * A route reflector off the path need not defer anything, and cannot know whom it had as clients before: it tells routes as
 * they come. But its End-of-RIB waits until clients have ceased to come back, or each would sweep the routes of those that
 * are slower.
 */
export class Restart {
  readonly #pending: Set<Family>;
  readonly #isRestart: boolean;
  readonly #isOffPath: boolean;
  #standing = 0;
  #quietAtMs = 0;
  #lookAtMs: number | undefined;
  #deadlineMs = 0;
  #absenceDeadlineMs = 0;
  #hasOriginated = false;

  constructor({ isRestart, isOffPath }: RestartOptions) {
    this.#isRestart = isRestart;
    this.#isOffPath = isOffPath;
    this.#pending = new Set(allFamilies);
  }

  /** To be called once; gives the times at which to look again. */
  begin(nowMs: number, restartTimeSeconds: number): number[] {
    this.#deadlineMs = nowMs + restartTimeSeconds * 1000;
    this.#absenceDeadlineMs = Math.min(this.#deadlineMs, nowMs + absenceMs);
    this.#quietAtMs = Math.min(this.#deadlineMs, nowMs + quietMs);
    const looks = [...(this.#isOffPath ? [this.#quietAtMs] : []), this.#absenceDeadlineMs, this.#deadlineMs];
    return this.#isRestart || this.#isOffPath ? [...new Set(looks)] : [];
  }

  get isRunning(): boolean {
    return this.#isRestart && this.#pending.size > 0;
  }

  /** Routes of peers were kept back, and are to be looked at when it ends. */
  get isDeferring(): boolean {
    return this.#isRestart;
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
    if (this.#isOffPath && !this.#isQuiet(all, nowMs)) return [];
    const ended = [...this.#pending].filter((family) => all.every((peer) => !this.#isAwaited(peer, family, nowMs)));
    for (const family of ended) this.#pending.delete(family);
    return ended;
  }

  /** When to look again, where that has changed since it was last asked for. */
  takeLookAtMs(): number | undefined {
    const atMs = this.#lookAtMs;
    this.#lookAtMs = undefined;
    return atMs;
  }

  #isQuiet(peers: readonly Peer[], nowMs: number): boolean {
    const standing = peers.filter(({ isEstablished }) => isEstablished).length;
    if (standing > this.#standing) {
      this.#quietAtMs = Math.min(this.#deadlineMs, nowMs + quietMs);
      this.#lookAtMs = this.#quietAtMs;
    }
    this.#standing = standing;
    return nowMs >= this.#quietAtMs;
  }

  #isAwaited(peer: Peer, family: Family, nowMs: number): boolean {
    if (nowMs >= this.#deadlineMs || !peer.config.families.includes(family)) return false;
    const hasEnded = peer.routes.hasEnded(family);
    if (!this.#isRestart) return this.#isOffPath && hasEnded === false && nowMs < this.#absenceDeadlineMs;
    return hasEnded === undefined ? nowMs < this.#absenceDeadlineMs : !hasEnded;
  }
}
