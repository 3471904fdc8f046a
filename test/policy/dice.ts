import { type Random, seededRandom } from "../../src/lib/index.ts";

/** Chance that can be repeated. */
export class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    // Neighbouring seeds give unlike beginnings.
    this.#random = seededRandom(Math.imul(seed + 1, 0x9e3779b1));
  }

  /** 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  isOnce(outOf: number): boolean {
    return this.below(outOf) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** The entry with weight 3 comes up three times as often as the one with weight 1. */
  weigh<T>(from: readonly (readonly [weight: number, value: T])[]): T {
    let left = this.below(from.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, value] of from) {
      left -= weight;
      if (left < 0) return value;
    }
    throw new Error("nothing to choose from");
  }

  /** `low` to `high` different ones, in any order. */
  some<T>(from: readonly T[], low: number, high: number): T[] {
    const left = [...from];
    const count = Math.min(left.length, low + this.below(high - low + 1));
    return Array.from({ length: count }, () => left.splice(this.below(left.length), 1)[0]!);
  }

  /** As many as chance makes, `low` to `high`. */
  list<T>(low: number, high: number, make: () => T): T[] {
    return Array.from({ length: low + this.below(high - low + 1) }, make);
  }
}
