import { type Anatomy, dissect } from "./anatomy.ts";
import { birdClasses } from "./bird-differences.ts";
import type { Case } from "./cases.ts";
import type { Difference } from "./compare.ts";
import { frrClasses } from "./frr-differences.ts";
import { gobgpClasses } from "./gobgp-differences.ts";

/** A kind of disagreement that is understood. */
export type DifferenceClass = {
  readonly speaker: string;
  /** What was sent; names the class among those of its speaker. */
  readonly sent: string;
  /** What the other speaker makes of it. */
  readonly does: string;
  /** Whose reading the RFCs ask for; `both` when they leave it open or when it is no question of form. Where only theirs is right, ours is changed. */
  readonly right: "tortie" | "both";
  /** With the RFC and its section. */
  readonly why: string;
  readonly matches: (context: Context) => boolean;
};

export type Context = {
  readonly difference: Difference;
  readonly one: Case;
  readonly anatomy: Anatomy;
};

export const classes: readonly DifferenceClass[] = [...birdClasses, ...frrClasses, ...gobgpClasses];

/** The first class that fits. */
export function classify(difference: Difference, one: Case): DifferenceClass | undefined {
  const context = { difference, one, anatomy: dissect(one.message) };
  return classes.find(({ speaker, matches }) => speaker === difference.speaker && matches(context));
}
