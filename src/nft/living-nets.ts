import type { Cidr, IpVersion } from "../lib/index.ts";
import type { Hex } from "./expression.ts";
import { previousHex } from "./hex.ts";
import { type Interval, compareKeys, isApart, mergeIntervals } from "./intervals.ts";
import { LivingSet } from "./living-set.ts";
import { netInterval, netShape } from "./sets.ts";
import type { NftSet } from "./table.ts";

/** Beyond this many changes at once one pass over everything is cheaper than a search for each. */
const fewChanges = 16;

/**
 * The prefixes of an interval set, which come and go one by one. The kernel's elements are what they come down to: without
 * repeats, and as one where they overlap or touch. A change is worked out among its neighbours.
 */
export class LivingNets {
  readonly #intervals = new Map<Cidr, Interval>();
  /** In rising order. */
  #sorted: readonly Interval[] = [];
  /** What they come down to. */
  #merged: readonly Interval[] = [];
  readonly #elements: LivingSet;
  readonly #come = new Set<Interval>();
  readonly #gone = new Set<Interval>();

  constructor(name: string, version: IpVersion) {
    this.#elements = new LivingSet(netShape(name, version));
  }

  put(net: Cidr): void {
    if (this.#intervals.has(net)) return;
    const interval = netInterval(net);
    this.#intervals.set(net, interval);
    this.#come.add(interval);
  }

  delete(net: Cidr): void {
    const interval = this.#intervals.get(net);
    if (interval === undefined) return;
    this.#intervals.delete(net);
    if (!this.#come.delete(interval)) this.#gone.add(interval);
  }

  /** The set as it is now; the same object as the last time when nothing has changed. */
  version(): NftSet {
    if (this.#come.size + this.#gone.size > fewChanges) this.#changeMany();
    else {
      for (const interval of this.#gone) this.#remove(interval);
      for (const interval of this.#come) this.#insert(interval);
    }
    this.#come.clear();
    this.#gone.clear();
    return this.#elements.version();
  }

  #insert(interval: Interval): void {
    this.#sorted = this.#sorted.toSpliced(countBeginning(this.#sorted, interval.key), 0, interval);
    // What it joins: those that begin within it or right behind it, and one that begins before it.
    let from = countBeginning(this.#merged, interval.key);
    let to = from;
    for (let next = this.#merged[to]; next !== undefined && !isApart(interval, next); next = this.#merged[to]) to++;
    const before = this.#merged[from - 1];
    if (before !== undefined && !isApart(before, interval)) from--;
    this.#replace(from, to, mergeIntervals([...this.#merged.slice(from, to), interval]));
  }

  #remove(interval: Interval): void {
    const at = this.#sorted.indexOf(interval, countBeginning(this.#sorted, previousHex(interval.key)));
    this.#sorted = this.#sorted.toSpliced(at, 1);
    const whole = countBeginning(this.#merged, interval.key) - 1;
    const union = this.#merged[whole];
    if (union === undefined) return;
    const [from, to] = [previousHex(union.key), union.last].map((key) => countBeginning(this.#sorted, key));
    this.#replace(whole, whole + 1, mergeIntervals(this.#sorted.slice(from, to)));
  }

  /** Of the merged ones those between two places. */
  #replace(from: number, to: number, by: readonly Interval[]): void {
    for (const { key } of this.#merged.slice(from, to)) this.#elements.delete(key);
    for (const interval of by) this.#elements.put(interval);
    this.#merged = this.#merged.toSpliced(from, to - from, ...by);
  }

  #changeMany(): void {
    const stay = this.#sorted.filter((interval) => !this.#gone.has(interval));
    this.#sorted = [...stay, ...this.#come].sort(compareKeys);
    const before = this.#merged;
    this.#merged = mergeIntervals(this.#sorted);
    let at = 0;
    for (const interval of this.#merged) {
      for (let old = before[at]; old !== undefined && old.key < interval.key; old = before[++at])
        this.#elements.delete(old.key);
      const same = before[at]?.key === interval.key ? before[at++] : undefined;
      if (same?.last !== interval.last) this.#elements.put(interval);
    }
    for (const { key } of before.slice(at)) this.#elements.delete(key);
  }
}

/** How many of the list, which is in order, do not begin behind the key; none when there is no such key. */
function countBeginning(list: readonly Interval[], key: Hex | undefined): number {
  if (key === undefined) return 0;
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const interval = list[middle];
    if (interval !== undefined && interval.key <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
