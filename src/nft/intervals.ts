import type { Hex } from "./expression.ts";
import { nextHex } from "./hex.ts";

/** From `key` to `last`, both inside, of the same width: as text they compare like numbers. */
export type Interval = { readonly key: Hex; readonly last: Hex };

/** The same values in as few intervals as can be, in rising order. The kernel refuses overlapping ones. */
export function mergeIntervals(intervals: readonly Interval[]): Interval[] {
  const merged: Interval[] = [];
  for (const interval of intervals.toSorted(compareKeys)) {
    const before = merged.at(-1);
    if (before === undefined || isApart(before, interval)) merged.push(interval);
    else if (interval.last > before.last) merged[merged.length - 1] = { key: before.key, last: interval.last };
  }
  return merged;
}

/** Whether a value lies between the two; `later` does not start before `earlier`. */
export function isApart(earlier: Interval, later: Interval): boolean {
  if (later.key <= earlier.last) return false;
  // Most are far apart, and their last digits show it.
  if (((digitAtEnd(earlier.last) + 1) & 0xf) !== digitAtEnd(later.key)) return true;
  const next = nextHex(earlier.last);
  return next !== undefined && later.key > next;
}

function digitAtEnd(value: Hex): number {
  const code = value.charCodeAt(value.length - 1);
  return code <= 0x39 ? code - 0x30 : code - 0x61 + 10;
}

export function compareKeys(a: Interval, b: Interval): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
