import type { Random } from "../lib/index.ts";

/** Quick at first, so that a network that comes up as a whole is up within a second or two. */
const refusedDelaysMs = [200, 500, 1000, 2000, 5000];
/** After a session or an attempt that ended with a word: it will most likely end so again. */
const faultDelaysMs = [1000, 2000, 4000, 8000, 15_000, 30_000];
/** A session that held as long was a good one, or at least shows that the way there is open. */
const goodMs = 30_000;
const openMs = 5000;

/** How long to wait before the next attempt at a peer. */
export class Backoff {
  #refusals = 0;
  #faults = 0;

  /** The connection did not come up, or ended without a word. */
  refused(random: Random): number {
    return jitter(delayAt(refusedDelaysMs, this.#refusals++), random);
  }

  /** A NOTIFICATION ended it, of either side. */
  failed(random: Random): number {
    return jitter(delayAt(faultDelaysMs, this.#faults++), random);
  }

  /** A session ended that had held that long. */
  held(durationMs: number): void {
    if (durationMs >= openMs) this.#refusals = 0;
    if (durationMs >= goodMs) this.#faults = 0;
  }
}

function delayAt(delaysMs: readonly number[], index: number): number {
  return delaysMs[Math.min(index, delaysMs.length - 1)] ?? 0;
}

/** RFC 4271 section 10: up to a quarter less. */
function jitter(delayMs: number, random: Random): number {
  return delayMs * (0.75 + 0.25 * random());
}
