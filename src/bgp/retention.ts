import type { AdjRibIn } from "./adj-rib-in.ts";
import type { Agreement } from "./agreement.ts";
import { type AttributeSet, makeAttributeSet } from "./attributes.ts";
import type { Family } from "./config.ts";
import { community } from "./numbers.ts";
import type { Open } from "./open.ts";
import { Path } from "./path.ts";

/** Longest time that routes of before may wait for the End-of-RIB of a peer that is back (RFC 4724 section 4.2). */
const staleTimeMs = 360_000;
/** Longest time from the beginning of an answer to a refresh to its end (RFC 7313 section 4). */
const refreshTimeMs = 360_000;

/** Sets and clears the timers of one peer. */
export type TimerSetter = { set(timer: string, atMs: number): void; clear(timer: string): void };

/**
 * How long the routes of one peer outlive what told them: its session (RFC 4724), its absence beyond the time to restart
 * (RFC 9494), and the refresh in which it does not tell them again (RFC 7313).
 */
export class Retention {
  readonly #ins: ReadonlyMap<Family, AdjRibIn>;
  readonly #timers: TimerSetter;
  /** Milliseconds for which routes of the session before last on as a last resort. */
  readonly #longLivedMs = new Map<Family, number>();
  /** Families whose routes of before are a last resort by now. Their time runs on when the peer is back. */
  readonly #longLived = new Set<Family>();
  readonly #refreshed = new Set<Family>();

  constructor(ins: ReadonlyMap<Family, AdjRibIn>, timers: TimerSetter) {
    this.#ins = ins;
    this.#timers = timers;
  }

  get hasStale(): boolean {
    for (const routes of this.#ins.values()) if (routes.hasStale) return true;
    return false;
  }

  /** `open` of a peer that may come back; undefined when it will not. */
  down(open: Open | undefined, longLivedSeconds: number, nowMs: number): void {
    this.#timers.clear("stale");
    for (const family of this.#refreshed) this.#timers.clear(`refresh-${family}`);
    this.#refreshed.clear();
    const restart = open?.gracefulRestart;
    const restartMs = (restart?.restartTimeSeconds ?? 0) * 1000;
    for (const [family, routes] of this.#ins) {
      const isGraceful = restartMs > 0 && restart?.families.some((one) => one.family === family) === true;
      const offered = open?.longLivedRestart?.find((one) => one.family === family)?.staleTimeSeconds ?? 0;
      const longLivedMs = restart === undefined ? 0 : Math.min(longLivedSeconds, offered) * 1000;
      if (!isGraceful && longLivedMs === 0) {
        routes.clear();
        this.#endLongLived(family);
        continue;
      }
      routes.markStale(this.#longLived.has(family));
      this.#longLivedMs.set(family, longLivedMs);
      if (!isGraceful) this.#beginLongLived(family, routes, nowMs);
    }
    if (restartMs > 0 && this.hasStale) this.#timers.set("restart", nowMs + restartMs);
  }

  /** RFC 4724 section 4.2: routes of before stay only where the peer says that it went on forwarding. */
  established({ families, peerOpen }: Agreement, nowMs: number): void {
    this.#timers.clear("restart");
    let isAwaited = false;
    for (const [family, routes] of this.#ins) {
      const restart = peerOpen.gracefulRestart?.families.find((one) => one.family === family);
      const longLived = peerOpen.longLivedRestart?.find((one) => one.family === family);
      const hasForwarded =
        restart?.isForwarding === true || (this.#longLived.has(family) && longLived?.isForwarding === true);
      if (!hasForwarded || !families.includes(family)) {
        routes.sweepStale();
        this.#endLongLived(family);
      } else if (routes.hasStale && !this.#longLived.has(family)) {
        isAwaited = true;
      }
    }
    if (isAwaited) this.#timers.set("stale", nowMs + staleTimeMs);
  }

  /** The peer has told all that it has. */
  endOfRib(family: Family): void {
    this.#ins.get(family)?.sweepStale();
    this.#endLongLived(family);
  }

  refreshBegin(family: Family, nowMs: number): void {
    const routes = this.#ins.get(family);
    if (routes === undefined) return;
    routes.markDue();
    this.#refreshed.add(family);
    this.#timers.set(`refresh-${family}`, nowMs + refreshTimeMs);
  }

  refreshEnd(family: Family): void {
    if (!this.#refreshed.delete(family)) return;
    this.#timers.clear(`refresh-${family}`);
    this.#ins.get(family)?.sweepDue();
  }

  /** `isUp`: there is a session. */
  timer(timer: string, isUp: boolean, nowMs: number): void {
    for (const [family, routes] of this.#ins) {
      if (timer === "restart" && !isUp) this.#endRestart(family, routes, nowMs);
      if (timer === "stale" && !this.#longLived.has(family)) routes.sweepStale();
      if (timer === `longLived-${family}`) {
        this.#longLived.delete(family);
        routes.sweepStale();
      }
      // What was not told again in time is not there any more (RFC 7313 section 4).
      if (timer === `refresh-${family}` && this.#refreshed.delete(family)) routes.sweepDue();
    }
  }

  clear(): void {
    for (const [family, routes] of this.#ins) {
      routes.clear();
      this.#endLongLived(family);
    }
    for (const family of this.#refreshed) this.#timers.clear(`refresh-${family}`);
    this.#refreshed.clear();
    this.#timers.clear("stale");
    this.#timers.clear("restart");
  }

  /** The peer did not come back in time. */
  #endRestart(family: Family, routes: AdjRibIn, nowMs: number): void {
    if (!routes.hasStale) return;
    if ((this.#longLivedMs.get(family) ?? 0) > 0) this.#beginLongLived(family, routes, nowMs);
    else routes.sweepStale();
  }

  #beginLongLived(family: Family, routes: AdjRibIn, nowMs: number): void {
    const sets = new Map<AttributeSet, AttributeSet>();
    const mark = (set: AttributeSet) => {
      const marked = sets.get(set) ?? withStaleMark(set);
      sets.set(set, marked);
      return marked;
    };
    routes.changeStale((path) => {
      const { communities } = path.raw.attributes;
      if (communities.includes(community.noLlgr)) return undefined;
      if (communities.includes(community.llgrStale)) return path;
      return new Path({ ...path, raw: mark(path.raw), set: mark(path.set) });
    });
    // RFC 9494 section 4.2: a second loss does not begin the time anew.
    if (this.#longLived.has(family) || !routes.hasStale) return;
    this.#longLived.add(family);
    this.#timers.set(`longLived-${family}`, nowMs + (this.#longLivedMs.get(family) ?? 0));
  }

  #endLongLived(family: Family): void {
    if (this.#longLived.delete(family)) this.#timers.clear(`longLived-${family}`);
  }
}

function withStaleMark({ attributes }: AttributeSet): AttributeSet {
  return makeAttributeSet({ ...attributes, communities: [...attributes.communities, community.llgrStale] });
}
