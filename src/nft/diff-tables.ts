import { compareBytes, differing } from "../lib/index.ts";
import { type NftAction, type NftChange, type SetShape, shapeOf } from "./change.ts";
import { diffElements } from "./diff-elements.ts";
import { ruleBytes } from "./encode-change.ts";
import type { Chain, NftSet, Rule, Table } from "./table.ts";

/**
 * The changes that make `present` (undefined: no such table) into `wanted`; none for equal tables. Order: sets, chains,
 * members, rules of ordinary chains, verdict maps, base chains, deletions. What did not change is not touched, and costs
 * next to nothing when it is the same object in both tables, at its place in the order.
 */
export function diffTables(present: Table | undefined, wanted: Table): NftChange[] {
  if (present === wanted) return [];
  const diff = reducedDiff(present, wanted) ?? new TableDiff(present, wanted);
  // The kernel cannot turn a base chain into an ordinary one, and jumps may already lead to it: start anew, in one go.
  if (diff.hasChainOfOtherSort()) {
    return [{ type: "deleteTable", table: wanted.name }, ...joinAll(diffTables(undefined, wanted))];
  }
  return diff.changes();
}

/** Of what differs alone. Undefined when that does not tell enough: a set that is made anew concerns all chains that hold it. */
function reducedDiff(present: Table | undefined, wanted: Table): TableDiff | undefined {
  if (present === undefined || present.isDormant === true) return undefined;
  const chains = differing(present.chains, wanted.chains);
  const sets = differing(present.sets, wanted.sets);
  const diff = new TableDiff(
    { ...present, chains: chains.a, sets: sets.a },
    { ...wanted, chains: chains.b, sets: sets.b },
  );
  return diff.hasRemadeSets() ? undefined : diff;
}

class TableDiff {
  readonly #present: Table | undefined;
  readonly #wanted: Table;
  readonly #presentChains: ReadonlyMap<string, Chain>;
  readonly #wantedChains: ReadonlyMap<string, Chain>;
  readonly #presentSets: ReadonlyMap<string, NftSet>;
  readonly #wantedSets: ReadonlyMap<string, NftSet>;
  /** Sets that must be deleted and made again, since a set's type cannot change. */
  readonly #remadeSets: ReadonlyMap<string, NftSet>;
  readonly #changes: NftChange[] = [];

  constructor(present: Table | undefined, wanted: Table) {
    this.#present = present;
    this.#wanted = wanted;
    this.#presentChains = byName(present?.chains ?? []);
    this.#wantedChains = byName(wanted.chains);
    this.#presentSets = byName(present?.sets ?? []);
    this.#wantedSets = byName(wanted.sets);
    this.#remadeSets = byName(
      wanted.sets.filter((set) => {
        const before = this.#presentSets.get(set.name);
        return before !== undefined && before !== set && !isSameShape(before, set);
      }),
    );
  }

  hasRemadeSets(): boolean {
    return this.#remadeSets.size > 0;
  }

  hasChainOfOtherSort(): boolean {
    return this.#wanted.chains.some((chain) => {
      const before = this.#presentChains.get(chain.name);
      return before !== undefined && (before.hook === undefined) !== (chain.hook === undefined);
    });
  }

  changes(): NftChange[] {
    if (this.#present === undefined || this.#present.isDormant === true) this.#push({ type: "putTable" });
    const ordinary = this.#wanted.chains.filter(({ hook }) => hook === undefined);
    const remade = this.#chainsToRefill();
    this.#createSets();
    for (const { name } of ordinary) {
      if (!this.#presentChains.has(name)) this.#push({ type: "createChain", chain: name });
    }
    this.#changeElements((set) => !set.isVerdictMap);
    // Nothing leads to a new chain yet: its rules may come in several transactions.
    for (const { name, rules } of ordinary) {
      if (!this.#presentChains.has(name) && !remade.has(name)) this.#addRules(name, rules, false);
    }
    this.#remakeSets(remade);
    const staying = ordinary.filter(({ name }) => !remade.has(name));
    // Who jumps there may jump elsewhere from now on, and none is to meet the rules of others in between.
    const closed = staying.filter((chain) => chain.isClosedWhenEmpty === true && this.#isToRefill(chain));
    for (const { name } of closed) this.#push({ type: "flushChain", chain: name });
    for (const chain of staying) if (chain.isClosedWhenEmpty !== true) this.#changeRules(chain);
    for (const { name, rules } of closed) this.#fill(name, rules, false);
    this.#changeElements((set) => set.isVerdictMap);
    for (const chain of this.#wanted.chains) if (chain.hook !== undefined) this.#changeBaseChain(chain, remade);
    this.#deleteGone();
    // Chains stay empty from the flush to their new rules: nobody may see that.
    return this.#remadeSets.size > 0 ? joinAll(this.#changes) : this.#changes;
  }

  #push(action: NftAction, isJoined = false): void {
    const { name: table } = this.#wanted;
    this.#changes.push(isJoined ? { table, ...action, isJoined } : { table, ...action });
  }

  #createSets(): void {
    for (const set of this.#wanted.sets) {
      if (this.#presentSets.has(set.name)) continue;
      const shape = shapeOf(set);
      this.#push({ type: "createSet", set: shape });
      if (!set.isVerdictMap) this.#addElements(shape, set);
    }
  }

  #addElements(shape: SetShape, set: NftSet): void {
    const { elements } = set;
    if (elements.length > 0) this.#push({ type: "addElements", set: shape, elements });
  }

  /** Of sets that stay; the maps that are new get all their elements. */
  #changeElements(isMeant: (set: NftSet) => boolean): void {
    for (const set of this.#wanted.sets) {
      const before = this.#presentSets.get(set.name);
      if (before === set || !isMeant(set) || this.#remadeSets.has(set.name)) continue;
      if (before === undefined) {
        if (set.isVerdictMap) this.#addElements(shapeOf(set), set);
        continue;
      }
      const { added, deleted } = diffElements(before, set);
      const shape = shapeOf(set);
      if (deleted.length > 0) this.#push({ type: "deleteElements", set: shape, elements: deleted });
      if (added.length > 0) this.#push({ type: "addElements", set: shape, elements: added }, deleted.length > 0);
    }
  }

  /**
   * Chains with a rule that holds a set that is made anew: the set can go only while no rule holds it. New chains come
   * first, since the others may jump to them.
   */
  #chainsToRefill(): ReadonlySet<string> {
    if (this.#remadeSets.size === 0) return new Set();
    const holds = ({ rules }: Chain) => rules.some((rule) => setsOf(rule).some((set) => this.#remadeSets.has(set)));
    const fresh = this.#wanted.chains.filter(({ name, hook }) => hook === undefined && !this.#presentChains.has(name));
    const held = [...fresh, ...this.#presentChains.values()].filter(holds);
    return new Set(held.map(({ name }) => name));
  }

  #remakeSets(refilled: ReadonlySet<string>): void {
    for (const chain of refilled) if (this.#presentChains.has(chain)) this.#push({ type: "flushChain", chain });
    for (const { name } of this.#remadeSets.values()) this.#push({ type: "deleteSet", set: name });
    for (const set of this.#remadeSets.values()) {
      const shape = shapeOf(set);
      this.#push({ type: "createSet", set: shape });
      this.#addElements(shape, set);
    }
    for (const name of refilled) this.#addRules(name, this.#wantedChains.get(name)?.rules ?? [], false);
  }

  #addRules(chain: string, rules: readonly Rule[], isJoined: boolean): void {
    for (const rule of rules) this.#push({ type: "addRule", chain, rule }, isJoined);
  }

  #isToRefill({ name, rules }: Chain): boolean {
    const before = this.#presentChains.get(name);
    return before !== undefined && !hasSameRules(before.rules, rules);
  }

  #changeRules(chain: Chain): void {
    if (!this.#isToRefill(chain)) return;
    const { name, rules } = chain;
    const isFlushed = this.#presentChains.get(name)?.rules.length !== 0;
    if (isFlushed) this.#push({ type: "flushChain", chain: name });
    this.#fill(name, rules, isFlushed);
  }

  #fill(chain: string, rules: readonly Rule[], isJoined: boolean): void {
    for (const [i, rule] of rules.entries()) this.#push({ type: "addRule", chain, rule }, isJoined || i > 0);
  }

  #changeBaseChain(chain: Chain, refilled: ReadonlySet<string>): void {
    const { name, hook } = chain;
    const before = this.#presentChains.get(name);
    if (before === chain || hook === undefined) return;
    const old = before?.hook;
    const isAtSamePlace = old?.type === hook.type && old.hook === hook.hook && old.priority === hook.priority;
    if (before !== undefined && isAtSamePlace) {
      if (old.policy !== hook.policy) this.#push({ type: "setChainPolicy", chain: name, hook });
      if (!refilled.has(name)) this.#changeRules(chain);
      return;
    }
    if (before !== undefined) {
      this.#push({ type: "flushChain", chain: name });
      this.#push({ type: "deleteChain", chain: name }, true);
    }
    this.#push({ type: "createChain", chain: name, hook }, before !== undefined);
    this.#addRules(name, chain.rules, true);
  }

  /** Base chains first; then rules, and maps before the chains that their elements jump to. */
  #deleteGone(): void {
    const gone = Array.from(this.#presentChains.values()).filter(({ name }) => !this.#wantedChains.has(name));
    for (const { name, hook } of gone) {
      if (hook === undefined) continue;
      this.#push({ type: "flushChain", chain: name });
      this.#push({ type: "deleteChain", chain: name }, true);
    }
    const ordinary = gone.filter(({ hook }) => hook === undefined);
    for (const { name, rules } of ordinary) if (rules.length > 0) this.#push({ type: "flushChain", chain: name });
    for (const { name } of this.#presentSets.values()) {
      if (!this.#wantedSets.has(name)) this.#push({ type: "deleteSet", set: name });
    }
    for (const { name } of ordinary) this.#push({ type: "deleteChain", chain: name });
  }
}

/** One transaction, whatever its length. */
function joinAll(changes: readonly NftChange[]): NftChange[] {
  return changes.map((change) => ({ ...change, isJoined: true }));
}

function byName<T extends { readonly name: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.name, item]));
}

function isSameShape(a: NftSet, b: NftSet): boolean {
  return (
    a.isInterval === b.isInterval &&
    a.isVerdictMap === b.isVerdictMap &&
    a.foreign === b.foreign &&
    a.keyType.join(" . ") === b.keyType.join(" . ")
  );
}

function hasSameRules(a: readonly Rule[], b: readonly Rule[]): boolean {
  return a === b || (a.length === b.length && a.every((rule, i) => isSameRule(rule, b[i])));
}

/** Whether the kernel would hold them for the same rule. */
function isSameRule(a: Rule, b: Rule | undefined): boolean {
  return a === b || (b !== undefined && compareBytes(ruleBytes(a), ruleBytes(b)) === 0);
}

/** The names of the sets and maps that the rule looks up. */
function setsOf(rule: Rule): string[] {
  const names: string[] = [];
  for (const expression of rule.expressions) {
    if (expression.type === "lookup") names.push(expression.set);
    if (expression.type === "lookupVerdict") names.push(expression.map);
  }
  return names;
}
