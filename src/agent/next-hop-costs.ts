import type { IpAddress } from "../lib/index.ts";
import type { NextHopCost, NextHopTracker } from "../speaker/index.ts";

type Tell = (costs: readonly NextHopCost[]) => void;

/**
 * What BGP's next hops cost, by the same ways by which the data plane would program them: what BGP counts as reachable
 * can be forwarded to. Told when asked for and, by `refresh`, when they change.
 */
export class NextHopCosts {
  readonly #costOf: (nextHop: IpAddress) => number | undefined;
  /** Those in whose cost somebody is interested, as it was told to him. */
  readonly #told = new Map<IpAddress, number | undefined>();
  /** Asked for and not told yet. */
  readonly #asked = new Set<IpAddress>();
  #tell: Tell | undefined;

  constructor(costOf: (nextHop: IpAddress) => number | undefined) {
    this.#costOf = costOf;
  }

  /** One at a time. */
  follow(tell: Tell): NextHopTracker {
    this.#tell = tell;
    return {
      track: (nextHops) => this.#track(nextHops),
      untrack: (nextHops) => {
        for (const nextHop of nextHops) {
          this.#asked.delete(nextHop);
          this.#told.delete(nextHop);
        }
      },
      [Symbol.dispose]: () => {
        this.#tell = undefined;
        this.#asked.clear();
        this.#told.clear();
      },
    };
  }

  /** The host's routes, or those of BGP, may have changed. */
  refresh(): void {
    const changed: NextHopCost[] = [];
    for (const [nextHop, before] of this.#told) {
      const cost = this.#costOf(nextHop);
      if (cost === before) continue;
      this.#told.set(nextHop, cost);
      changed.push({ nextHop, cost });
    }
    if (changed.length > 0) this.#tell?.(changed);
  }

  #track(nextHops: readonly IpAddress[]): void {
    if (this.#asked.size === 0) setImmediate(() => this.#answer());
    for (const nextHop of nextHops) this.#asked.add(nextHop);
  }

  #answer(): void {
    const costs = [...this.#asked].map((nextHop) => ({ nextHop, cost: this.#costOf(nextHop) }));
    this.#asked.clear();
    for (const { nextHop, cost } of costs) this.#told.set(nextHop, cost);
    if (costs.length > 0) this.#tell?.(costs);
  }
}
