import type { SetShape } from "./change.ts";
import type { Hex } from "./expression.ts";
import { elementText } from "./element-text.ts";
import type { NftSet, SetElement } from "./table.ts";

export type ElementDiff = { readonly added: readonly SetElement[]; readonly deleted: readonly SetElement[] };

/** What was made of a set next. Old versions lead to new ones, so that those that nobody has any more can go. */
type Step = ElementDiff & { readonly next: NftSet };

const steps = new WeakMap<NftSet, Step>();

/** Further back than this a comparison of everything is cheaper. */
const maxSteps = 256;

/**
 * A set whose elements come and go one by one. Each version is an NftSet that never changes, and two of them are compared by
 * what happened between: neither costs work for what stayed. Intervals depend on their neighbours: LivingNets works them out.
 */
export class LivingSet {
  readonly #shape: SetShape;
  readonly #elements = new Map<Hex, SetElement>();
  #version: NftSet | undefined;
  /** By key, what the newest version has; undefined: nothing. */
  readonly #before = new Map<Hex, SetElement | undefined>();

  constructor(shape: SetShape) {
    this.#shape = shape;
  }

  get size(): number {
    return this.#elements.size;
  }

  put(element: SetElement): void {
    const { key } = element;
    const present = this.#elements.get(key);
    if (present !== undefined && elementText(present) === elementText(element)) return;
    this.#note(key, present);
    this.#elements.set(key, element);
  }

  delete(key: Hex): void {
    const present = this.#elements.get(key);
    if (present === undefined) return;
    this.#note(key, present);
    this.#elements.delete(key);
  }

  /** The set as it is now; the same object as the last time when nothing has changed. */
  version(): NftSet {
    const before = this.#version;
    const diff = this.#takeDiff();
    if (before !== undefined && diff.added.length === 0 && diff.deleted.length === 0) return before;
    const version = this.#makeVersion();
    if (before !== undefined) steps.set(before, { ...diff, next: version });
    this.#version = version;
    return version;
  }

  #note(key: Hex, present: SetElement | undefined): void {
    if (this.#version !== undefined && !this.#before.has(key)) this.#before.set(key, present);
  }

  #takeDiff(): ElementDiff {
    const added: SetElement[] = [];
    const deleted: SetElement[] = [];
    for (const [key, before] of this.#before) {
      const after = this.#elements.get(key);
      if (after !== undefined && before !== undefined && elementText(after) === elementText(before)) continue;
      if (before !== undefined) deleted.push(before);
      if (after !== undefined) added.push(after);
    }
    this.#before.clear();
    return { added, deleted };
  }

  #makeVersion(): NftSet {
    const list = () => this.#list(version);
    const version: NftSet = {
      ...this.#shape,
      get elements() {
        return list();
      },
    };
    return version;
  }

  #list(version: NftSet): readonly SetElement[] {
    const found = new Map<Hex, SetElement>(this.#elements);
    for (const [key, before] of this.#before) undo(found, key, before);
    const later: Step[] = [];
    for (let step = steps.get(version); step !== undefined; step = steps.get(step.next)) later.push(step);
    for (const { added, deleted } of later.toReversed()) {
      for (const { key } of added) found.delete(key);
      for (const element of deleted) found.set(element.key, element);
    }
    return [...found.values()];
  }
}

/** What made `wanted` of `present`; undefined when they are no versions of one set, or one is too old. */
export function changesBetween(present: NftSet, wanted: NftSet): ElementDiff | undefined {
  const first = steps.get(present);
  if (first?.next === wanted) return { added: first.added, deleted: first.deleted };
  const before = new Map<Hex, SetElement | undefined>();
  const after = new Map<Hex, SetElement | undefined>();
  let version = present;
  for (let count = 0; version !== wanted; count++) {
    const step = steps.get(version);
    if (step === undefined || count === maxSteps) return undefined;
    for (const element of step.deleted) {
      if (!before.has(element.key)) before.set(element.key, element);
      after.set(element.key, undefined);
    }
    for (const element of step.added) {
      if (!before.has(element.key)) before.set(element.key, undefined);
      after.set(element.key, element);
    }
    version = step.next;
  }
  return netDiff(before, after);
}

function netDiff(
  before: ReadonlyMap<Hex, SetElement | undefined>,
  after: ReadonlyMap<Hex, SetElement | undefined>,
): ElementDiff {
  const added: SetElement[] = [];
  const deleted: SetElement[] = [];
  for (const [key, old] of before) {
    const element = after.get(key);
    if (old !== undefined && element !== undefined && elementText(old) === elementText(element)) continue;
    if (old !== undefined) deleted.push(old);
    if (element !== undefined) added.push(element);
  }
  return { added, deleted };
}

function undo(elements: Map<Hex, SetElement>, key: Hex, before: SetElement | undefined): void {
  if (before === undefined) elements.delete(key);
  else elements.set(key, before);
}
