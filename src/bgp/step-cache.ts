import type { Base } from "./group-member.ts";
import { type Step, stepThrough, stepThroughDifferences, stepThroughLeftovers } from "./table-step.ts";
import type { UpdateGroup } from "./update-group.ts";

/** Work that may still be done in a turn, in changes, and how much of it goes into one step. */
type Work = { work: number; readonly step: number; readonly nowMs: number };

/** How long the first steps of new members are kept for the next one. */
const openingRestMs = 10_000;
/** The least that a step costs, however little is in it. */
const leastWork = 64;

/**
 * Steps through the changes of a group, made once for all members that are at the same place in a turn. Those who begin
 * at nothing share even more: their first steps are kept as long as all that they tell is true.
 */
export class StepCache {
  readonly #group: UpdateGroup;
  readonly #steps = new Map<string, Step>();
  /** By where each begins; one behind the other from 0 on. */
  readonly #opening = new Map<number, Step>();
  #openingEnd = 0;
  #openingSize = 0;
  #openingUsedMs = 0;

  constructor(group: UpdateGroup) {
    this.#group = group;
  }

  /** Something that was told at that version is not so any more: nobody new must hear of it. */
  outdate(version: number): void {
    if (version <= this.#openingEnd) this.#opening.clear();
  }

  /** What comes after that version; undefined when there is no time left to work it out. */
  next(from: number, turn: Work): Step | undefined {
    const { changes, format } = this.#group;
    const opening = this.#openingStep(from, turn);
    return opening ?? this.#shared(`${from}`, turn, () => stepThrough(changes, format, from, turn.step, from === 0));
  }

  /** The same for members that were told something by other groups. */
  differences(from: number, bases: readonly Base[], startedAt: number, turn: Work): Step | undefined {
    const { changes, format } = this.#group;
    const known = bases.map(({ group, version }) => `${group.id} ${version}`).join();
    return this.#shared(`differences ${from} ${startedAt} ${known}`, turn, () =>
      stepThroughDifferences(changes, format, from, turn.step, bases, startedAt),
    );
  }

  /** What another group told and this one does not, as far as it has not been looked through. */
  leftovers(base: Base, turn: Work): Step | undefined {
    const name = `leftovers ${base.group.id} ${base.version} ${base.sweptTo}`;
    return this.#shared(name, turn, () => stepThroughLeftovers(this.#group, base, turn.step));
  }

  endTurn(memberCount: number, walkerCount: number, nowMs: number): void {
    this.#steps.clear();
    const isResting = walkerCount === 0 && nowMs - this.#openingUsedMs > openingRestMs;
    if (memberCount < 2 || isResting) this.#opening.clear();
  }

  #openingStep(from: number, turn: Work): Step | undefined {
    const { changes, format } = this.#group;
    this.#openingUsedMs = turn.nowMs;
    const known = this.#opening.get(from);
    if (known !== undefined) return known;
    if (this.#opening.size === 0) {
      this.#openingEnd = 0;
      this.#openingSize = 0;
    }
    const rest = changes.version - from;
    // A short rest is not worth keeping.
    const isWorthIt = rest >= turn.step / 4 || rest > this.#openingSize / 4;
    if (from !== this.#openingEnd || turn.work <= 0 || !isWorthIt) return undefined;
    const step = stepThrough(changes, format, from, turn.step, from === 0);
    turn.work -= Math.max(step.size, leastWork);
    this.#openingSize += step.size;
    this.#openingEnd = step.to;
    this.#opening.set(from, step);
    return step;
  }

  #shared(name: string, turn: Work, make: () => Step): Step | undefined {
    const known = this.#steps.get(name);
    if (known !== undefined) return known;
    if (turn.work <= 0) return undefined;
    const step = make();
    turn.work -= Math.max(step.size, leastWork);
    this.#steps.set(name, step);
    return step;
  }
}
