import { median } from "./bench.ts";

/** How often a ratio must have been taken before one near its target is believed. */
export const fineRounds = 13;

/** Below this a ratio of two times on a shared machine says nothing. */
const coarse = 1.3;

export type Verdict = "met" | "missed" | "close";

export type Judged = {
  readonly middle: number;
  /** In which the median lies with 95 % confidence; from six values on, before that all of them. */
  readonly low: number;
  readonly high: number;
  readonly verdict: Verdict;
};

/**
 * Of ratios of us to another, one a round: the median may be at most `most`. `close`: so few rounds cannot tell, or the median is
 * beyond and its interval is not.
 */
export function judgeRatios(ratios: readonly number[], most: number): Judged {
  const { low, high } = medianInterval(ratios);
  const middle = median(ratios);
  const isFar = middle * coarse <= most || middle >= most * coarse;
  if (ratios.length < fineRounds && !isFar) return { middle, low, high, verdict: "close" };
  if (middle <= most) return { middle, low, high, verdict: "met" };
  return { middle, low, high, verdict: ratios.length >= fineRounds && low <= most ? "close" : "missed" };
}

/** By order statistics: the ranks that a fair coin leaves outside with at most 2.5 % on each side. */
export function medianInterval(values: readonly number[]): { readonly low: number; readonly high: number } {
  const sorted = values.toSorted((a, b) => a - b);
  let outside = 0;
  let chance = 0.5 ** sorted.length;
  for (let below = 0, total = chance; total <= 0.025; below++, total += chance) {
    outside = below;
    chance = (chance * (sorted.length - below)) / (below + 1);
  }
  return { low: sorted[outside] ?? Number.NaN, high: sorted[sorted.length - 1 - outside] ?? Number.NaN };
}

/** The value below which the share (0 to 1) of them lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Three digits that count. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value === 0) return "0";
  const digits = 2 - Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(6, Math.max(0, digits)));
}
