import { type LabelRestriction, type Selector, evaluateSelector, selectorRestrictions } from "../selector/index.ts";

export type Labels = Readonly<Record<string, string>>;

/** Something with labels of its own and, behind them, those of its parents: the first that has a label gives its value. */
type Item = {
  readonly id: string;
  readonly labels: Labels;
  readonly parents: readonly string[];
  /** Ids of the selectors that match. */
  readonly matches: Set<string>;
};

type SelectorEntry = {
  readonly id: string;
  readonly selector: Selector;
  /** Under what the selector is found by an item that it may match. Undefined: every item has to try it. */
  readonly hint: Hint | undefined;
  /** Ids of the items that match. */
  readonly matches: Set<string>;
};

/** One condition of a selector: a label that must be there, with one of these values if `values` is given. */
type Hint = { readonly label: string; readonly values: readonly string[] | undefined };

/** Told at once of every pair that begins or ceases to match. */
export type MatchListener = {
  onMatch(selectorId: string, itemId: string): void;
  onUnmatch(selectorId: string, itemId: string): void;
};

/**
 * Which items do which selectors match, kept up to date. A change of an item looks only at selectors that may match its
 * labels, a new selector only at items that have a label it asks for.
 */
export class LabelIndex {
  readonly #listener: MatchListener;
  readonly #items = new Map<string, Item>();
  readonly #itemsByParent = new Map<string, Set<Item>>();
  readonly #parents = new Map<string, Labels>();
  readonly #selectors = new Map<string, SelectorEntry>();
  /** By label, then by value; under `anyValue` those that only need the label. */
  readonly #selectorsByHint = new Map<string, Map<string | typeof anyValue, Set<SelectorEntry>>>();
  readonly #selectorsWithoutHint = new Set<SelectorEntry>();
  /** Items by the value they have, for labels that some selector's hint has named: not for all, to save memory. */
  readonly #itemsByLabel = new Map<string, Map<string, Set<Item>>>();

  constructor(listener: MatchListener) {
    this.#listener = listener;
  }

  setItem(id: string, labels: Labels, parents: readonly string[]): void {
    const old = this.#items.get(id);
    if (old !== undefined) this.#unlinkItem(old);
    const item: Item = { id, labels, parents, matches: old?.matches ?? new Set() };
    this.#items.set(id, item);
    for (const parent of new Set(parents)) addTo(this.#itemsByParent, parent, item);
    for (const [label, byValue] of this.#itemsByLabel) this.#enter(byValue, label, item);
    this.#match(item);
  }

  deleteItem(id: string): void {
    const item = this.#items.get(id);
    if (item === undefined) return;
    this.#unlinkItem(item);
    this.#items.delete(id);
    for (const selectorId of item.matches) {
      this.#selectors.get(selectorId)?.matches.delete(id);
      this.#listener.onUnmatch(selectorId, id);
    }
  }

  /** Labels that all items with this parent inherit; undefined when there is no such parent. */
  setParent(name: string, labels: Labels | undefined): void {
    const items = this.#itemsByParent.get(name) ?? new Set<Item>();
    const changed = changedLabels(this.#parents.get(name) ?? {}, labels ?? {});
    for (const label of changed) {
      const byValue = this.#itemsByLabel.get(label);
      if (byValue !== undefined) for (const item of items) this.#leave(byValue, label, item);
    }
    if (labels === undefined) this.#parents.delete(name);
    else this.#parents.set(name, labels);
    for (const label of changed) {
      const byValue = this.#itemsByLabel.get(label);
      if (byValue !== undefined) for (const item of items) this.#enter(byValue, label, item);
    }
    if (changed.length > 0) for (const item of items) this.#match(item);
  }

  /** The id is new: a selector never changes under its id. */
  addSelector(id: string, selector: Selector): void {
    const entry: SelectorEntry = { id, selector, hint: this.#chooseHint(selector), matches: new Set() };
    this.#selectors.set(id, entry);
    if (entry.hint === undefined) this.#selectorsWithoutHint.add(entry);
    else for (const key of hintKeys(entry.hint)) addTo(getOrMake(this.#selectorsByHint, entry.hint.label), key, entry);
    for (const item of this.#candidateItems(entry.hint)) this.#test(entry, item);
  }

  deleteSelector(id: string): void {
    const entry = this.#selectors.get(id);
    if (entry === undefined) return;
    this.#selectors.delete(id);
    this.#selectorsWithoutHint.delete(entry);
    const byValue = entry.hint === undefined ? undefined : this.#selectorsByHint.get(entry.hint.label);
    if (entry.hint !== undefined && byValue !== undefined) {
      for (const key of hintKeys(entry.hint)) removeFrom(byValue, key, entry);
      if (byValue.size === 0) this.#selectorsByHint.delete(entry.hint.label);
    }
    for (const itemId of entry.matches) {
      this.#items.get(itemId)?.matches.delete(id);
      this.#listener.onUnmatch(id, itemId);
    }
  }

  /** Ids of the selectors that match the item. */
  selectorsOf(itemId: string): ReadonlySet<string> {
    return this.#items.get(itemId)?.matches ?? new Set();
  }

  #match(item: Item): void {
    for (const id of item.matches) {
      const entry = this.#selectors.get(id);
      if (entry !== undefined) this.#test(entry, item);
    }
    for (const entry of this.#selectorsWithoutHint) this.#test(entry, item);
    for (const source of [item.labels, ...item.parents.map((parent) => this.#parents.get(parent) ?? {})]) {
      for (const label of Object.keys(source)) {
        const byValue = this.#selectorsByHint.get(label);
        const value = byValue === undefined ? undefined : this.#valueOf(item, label);
        if (byValue === undefined || value === undefined) continue;
        for (const entry of byValue.get(value) ?? []) this.#test(entry, item);
        for (const entry of byValue.get(anyValue) ?? []) this.#test(entry, item);
      }
    }
  }

  #test(entry: SelectorEntry, item: Item): void {
    const isMatch = evaluateSelector(entry.selector, { get: (label) => this.#valueOf(item, label) });
    if (isMatch === item.matches.has(entry.id)) return;
    if (isMatch) {
      item.matches.add(entry.id);
      entry.matches.add(item.id);
      this.#listener.onMatch(entry.id, item.id);
    } else {
      item.matches.delete(entry.id);
      entry.matches.delete(item.id);
      this.#listener.onUnmatch(entry.id, item.id);
    }
  }

  #valueOf(item: Item, label: string): string | undefined {
    if (Object.hasOwn(item.labels, label)) return item.labels[label];
    for (const parent of item.parents) {
      const labels = this.#parents.get(parent);
      if (labels !== undefined && Object.hasOwn(labels, label)) return labels[label];
    }
    return undefined;
  }

  /** The condition that leaves the fewest items. One on a value beats one on presence, which grows with the cluster. */
  #chooseHint(selector: Selector): Hint | undefined {
    let best: { hint: Hint; rank: number } | undefined;
    for (const [label, restriction] of selectorRestrictions(selector)) {
      const hint = toHint(label, restriction);
      if (hint === undefined) continue;
      const rank = this.#count(hint) + (hint.values === undefined ? 2 ** 40 : 0);
      if (best === undefined || rank < best.rank) best = { hint, rank };
    }
    return best?.hint;
  }

  #count(hint: Hint): number {
    const byValue = this.#indexItems(hint.label);
    let count = 0;
    for (const value of hint.values ?? byValue.keys()) count += byValue.get(value)?.size ?? 0;
    return count;
  }

  #candidateItems(hint: Hint | undefined): Iterable<Item> {
    if (hint === undefined) return this.#items.values();
    const byValue = this.#indexItems(hint.label);
    return [...(hint.values ?? byValue.keys())].flatMap((value) => [...(byValue.get(value) ?? [])]);
  }

  #indexItems(label: string): Map<string, Set<Item>> {
    let byValue = this.#itemsByLabel.get(label);
    if (byValue === undefined) {
      byValue = new Map();
      this.#itemsByLabel.set(label, byValue);
      for (const item of this.#items.values()) this.#enter(byValue, label, item);
    }
    return byValue;
  }

  #enter(byValue: Map<string, Set<Item>>, label: string, item: Item): void {
    const value = this.#valueOf(item, label);
    if (value !== undefined) addTo(byValue, value, item);
  }

  #leave(byValue: Map<string, Set<Item>>, label: string, item: Item): void {
    const value = this.#valueOf(item, label);
    if (value !== undefined) removeFrom(byValue, value, item);
  }

  #unlinkItem(item: Item): void {
    for (const parent of item.parents) removeFrom(this.#itemsByParent, parent, item);
    for (const [label, byValue] of this.#itemsByLabel) this.#leave(byValue, label, item);
  }
}

const anyValue = Symbol("any value");

function hintKeys(hint: Hint): readonly (string | typeof anyValue)[] {
  return hint.values ?? [anyValue];
}

function toHint(label: string, restriction: LabelRestriction): Hint | undefined {
  switch (restriction.type) {
    case "absent":
      return undefined;
    case "present":
      return { label, values: undefined };
    case "values":
      return { label, values: restriction.values };
  }
}

function changedLabels(old: Labels, next: Labels): string[] {
  const all = new Set([...Object.keys(old), ...Object.keys(next)]);
  return [...all].filter((label) => old[label] !== next[label]);
}

function getOrMake<K, K2, V>(map: Map<K, Map<K2, V>>, key: K): Map<K2, V> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, new Set([value]));
  else values.add(value);
}

function removeFrom<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  values?.delete(value);
  if (values?.size === 0) map.delete(key);
}
