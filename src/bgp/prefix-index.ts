import type { Random } from "../lib/index.ts";
import type { PrefixKey } from "./prefix-key.ts";

/** Something that is found by its prefix, or by its number. */
interface Numbered {
  readonly key: PrefixKey;
  readonly id: number;
}

const leastSlots = 16;
/** Slots from where a thing belongs to where it stands: by chance not once in 2^60 tables, but where somebody seeks prefixes of one hash. */
const longWay = 256;

/**
 * Things by their prefixes: what a Map does, in half its time and memory, since keys are short, fresh strings whose hash is
 * quickly worked out here. Open addressing with linear probing; never more than half full. Each thing has a small number
 * of its own for as long as it is there. The hash is known to everybody who reads this: when many things meet in one place,
 * it becomes another one that nobody can foresee.
 */
export class PrefixIndex<T extends Numbered> {
  readonly #byId: (T | undefined)[] = [];
  readonly #freeIds: number[] = [];
  /** Numbers of things, plus one; 0 where there is none. */
  #slots = new Int32Array(leastSlots);
  #hashes = new Int32Array(leastSlots);
  readonly #random: Random;
  #salt = 0;
  #size = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#size;
  }

  /** All numbers are below. */
  get idLimit(): number {
    return this.#byId.length;
  }

  byId(id: number): T | undefined {
    return this.#byId[id];
  }

  get(key: PrefixKey): T | undefined {
    return this.#thingAt(this.#find(key, this.#hash(key)));
  }

  /** The key must not be there yet. */
  add(key: PrefixKey, make: (id: number) => T): T {
    if ((this.#size + 1) * 2 >= this.#slots.length) this.#resize(this.#slots.length * 2);
    const id = this.#freeIds.pop() ?? this.#byId.length;
    const thing = make(id);
    this.#byId[id] = thing;
    this.#size++;
    if (this.#place(id + 1, this.#hash(key)) > longWay) this.#takeSalt();
    return thing;
  }

  delete({ key, id }: T): void {
    const mask = this.#slots.length - 1;
    let hole = this.#find(key, this.#hash(key));
    if (this.#slots[hole] !== id + 1) return;
    this.#byId[id] = undefined;
    this.#freeIds.push(id);
    this.#size--;
    // Those behind that would have stood here, or before, move up: so there are no gaps on anybody's way.
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const slot = this.#slots[at] ?? 0;
      if (slot === 0) break;
      const hash = this.#hashes[at] ?? 0;
      const isBehindHole = ((at - (hash & mask)) & mask) >= ((at - hole) & mask);
      if (!isBehindHole) continue;
      this.#slots[hole] = slot;
      this.#hashes[hole] = hash;
      hole = at;
    }
    this.#slots[hole] = 0;
    if (this.#slots.length > leastSlots && this.#size * 8 < this.#slots.length) this.#resize(this.#slots.length / 2);
  }

  /** By number. Those that come meanwhile may be among them or not. */
  *values(): Generator<T> {
    for (let id = 0; id < this.#byId.length; id++) {
      const thing = this.#byId[id];
      if (thing !== undefined) yield thing;
    }
  }

  #hash(key: PrefixKey): number {
    return this.#salt === 0 ? hashOf(key) : saltedHashOf(key, this.#salt);
  }

  #thingAt(slot: number): T | undefined {
    return this.#byId[(this.#slots[slot] ?? 0) - 1];
  }

  /** Its slot, or the empty one where it would go. */
  #find(key: PrefixKey, hash: number): number {
    const mask = this.#slots.length - 1;
    let at = hash & mask;
    while (this.#slots[at] !== 0) {
      if (this.#hashes[at] === hash && this.#thingAt(at)?.key === key) return at;
      at = (at + 1) & mask;
    }
    return at;
  }

  /** Gives how far from its place it stands. */
  #place(slot: number, hash: number): number {
    const mask = this.#slots.length - 1;
    let at = hash & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = slot;
    this.#hashes[at] = hash;
    return (at - hash) & mask;
  }

  #takeSalt(): void {
    this.#salt = Math.floor(this.#random() * 0xffffffff) + 1;
    this.#slots.fill(0);
    for (const [id, thing] of this.#byId.entries()) if (thing !== undefined) this.#place(id + 1, this.#hash(thing.key));
  }

  #resize(count: number): void {
    const slots = this.#slots;
    const hashes = this.#hashes;
    this.#slots = new Int32Array(count);
    this.#hashes = new Int32Array(count);
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] ?? 0;
      if (slot !== 0) this.#place(slot, hashes[at] ?? 0);
    }
  }
}

/** Mixed well: the prefixes of a network differ in few bits. */
function hashOf(key: PrefixKey): number {
  let hash = key.length;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash, 0x01000193) ^ key.charCodeAt(i);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return hash ^ (hash >>> 15);
}

/** Each octet reaches every bit before the next one comes, or prefixes could be found that meet whatever the salt. */
function saltedHashOf(key: PrefixKey, salt: number): number {
  let hash = salt ^ key.length;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x2c1b3c6d);
    hash = Math.imul(hash ^ (hash >>> 15), 0x297a2d39);
    hash ^= hash >>> 13;
  }
  return hash;
}
