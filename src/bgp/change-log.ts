/** Something whose last change has a place in the log. */
export interface Logged {
  /** Place in the log; -1 when it has none. */
  slot: number;
}

/**
 * Things in the order of their last change, each once: what changes again moves to the end. A reader that knows everything
 * up to a version reads on from there and ends with the newest state of all, however long it was away, and the log is
 * never longer than there are things.
 */
export class ChangeLog<T extends Logged> {
  #things: (T | undefined)[] = [];
  #versions: number[] = [];
  #holes = 0;
  #version = 0;

  /** Of the last change. */
  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#things.length - this.#holes;
  }

  /** End of the places; they move at every change. */
  get slotEnd(): number {
    return this.#things.length;
  }

  touch(thing: T): void {
    if (thing.slot >= 0) {
      this.#things[thing.slot] = undefined;
      this.#holes++;
    }
    if (this.#holes > 64 && this.#holes * 2 > this.#things.length) this.#compact();
    thing.slot = this.#things.length;
    this.#things.push(thing);
    this.#version++;
    this.#versions.push(this.#version);
  }

  remove(thing: T): void {
    if (thing.slot < 0) return;
    this.#things[thing.slot] = undefined;
    this.#holes++;
    thing.slot = -1;
  }

  /** The version of its last change. */
  versionOf(thing: T): number {
    return this.#versions[thing.slot] ?? 0;
  }

  /** The first place of a later version. */
  slotAfter(version: number): number {
    let low = 0;
    let high = this.#versions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#versions[middle] ?? 0) <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Undefined where there was something that has changed again. */
  at(slot: number): T | undefined {
    return this.#things[slot];
  }

  versionAt(slot: number): number {
    return this.#versions[slot] ?? this.#version;
  }

  #compact(): void {
    const things: (T | undefined)[] = [];
    const versions: number[] = [];
    for (let slot = 0; slot < this.#things.length; slot++) {
      const thing = this.#things[slot];
      if (thing === undefined) continue;
      thing.slot = things.length;
      things.push(thing);
      versions.push(this.#versions[slot] ?? 0);
    }
    this.#things = things;
    this.#versions = versions;
    this.#holes = 0;
  }
}
