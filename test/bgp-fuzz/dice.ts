/** Chance that can be repeated: xorshift128, seeded so that near seeds give unlike runs. Fast, since it is the fuzzer's bread. */
export class Dice {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  constructor(seed: number) {
    this.seed(seed);
  }

  /** Begins anew. */
  seed(seed: number): void {
    let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 0;
    const next = () => {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5;
      return (state ^ (state >>> 13)) | 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
    for (let i = 0; i < 8; i++) this.bits();
  }

  /** 32 random bits, unsigned. */
  bits(): number {
    let mixed = this.#d;
    const first = this.#a;
    this.#d = this.#c;
    this.#c = this.#b;
    this.#b = first;
    mixed ^= mixed << 11;
    mixed ^= mixed >>> 8;
    this.#a = mixed ^ first ^ (first >>> 19);
    return this.#a >>> 0;
  }

  /** 0 to `count - 1`. */
  int(count: number): number {
    return Math.floor((this.bits() * count) / 4294967296);
  }

  /** Both included. */
  between(least: number, most: number): number {
    return least + this.int(most - least + 1);
  }

  chance(probability: number): boolean {
    return this.bits() < probability * 4294967296;
  }

  pick<T>(list: readonly T[]): T {
    const chosen = list[this.int(list.length)];
    if (chosen === undefined) throw new Error("nothing to pick from");
    return chosen;
  }

  /** As Math.random. */
  readonly real = (): number => this.bits() / 4294967296;
}
