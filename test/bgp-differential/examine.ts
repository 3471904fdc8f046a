import type { Answer } from "./ask-speaker.ts";
import type { Case } from "./cases.ts";
import { type Difference, type Listing, compare } from "./compare.ts";
import { classify } from "./differences.ts";

/** What the answers of one speaker come to. */
export type Finding = {
  readonly speaker: string;
  readonly asked: number;
  /** Understood alike in every point. */
  readonly agreed: number;
  /** Messages by what the class of difference says was sent. */
  readonly byClass: ReadonlyMap<string, number>;
  /** Numbers of the messages that are not understood alike. */
  readonly disagreeing: readonly number[];
  readonly unexplained: readonly Difference[];
};

export function examine(speaker: Listing, cases: readonly Case[], answers: ReadonlyMap<number, Answer>): Finding {
  const byClass = new Map<string, number>();
  const disagreeing: number[] = [];
  const unexplained: Difference[] = [];
  for (const one of cases) {
    const differences = compare(speaker, one, answers.get(one.number) ?? { type: "stuck" });
    if (differences.length > 0) disagreeing.push(one.number);
    const found = new Set<string>();
    for (const difference of differences) {
      const known = classify(difference, one);
      if (known === undefined) unexplained.push(difference);
      else found.add(known.sent);
    }
    for (const sent of found) byClass.set(sent, (byClass.get(sent) ?? 0) + 1);
  }
  const [asked, agreed] = [cases.length, cases.length - disagreeing.length];
  return { speaker: speaker.name, asked, agreed, byClass, disagreeing, unexplained };
}
