import assert from "node:assert/strict";
import type { NftChange } from "../change.ts";
import type { Chain, NftSet, Rule, SetElement, Table } from "../table.ts";

/** A table that takes changes as strictly as the kernel: what is referred to must exist, what is in use cannot go. */
export class ModelKernel {
  exists = false;
  chains = new Map<string, { chain: Chain; rules: Rule[] }>();
  sets = new Map<string, { set: NftSet; elements: Map<string, SetElement> }>();

  constructor(table: Table | undefined) {
    if (table === undefined) return;
    this.exists = true;
    for (const chain of table.chains) this.chains.set(chain.name, { chain, rules: [...chain.rules] });
    for (const set of table.sets) {
      this.sets.set(set.name, { set, elements: new Map(set.elements.map((element) => [element.key, element])) });
    }
  }

  apply(change: NftChange): void {
    assert(this.exists || change.type === "putTable", "the table exists");
    switch (change.type) {
      case "putTable":
        this.exists = true;
        return;
      case "deleteTable":
        this.exists = false;
        this.chains.clear();
        this.sets.clear();
        return;
      case "createChain": {
        assert(!this.chains.has(change.chain), "the chain is new");
        const chain = { name: change.chain, rules: [], ...(change.hook === undefined ? {} : { hook: change.hook }) };
        this.chains.set(change.chain, { chain, rules: [] });
        return;
      }
      case "setChainPolicy": {
        const found = this.#chain(change.chain);
        found.chain = { ...found.chain, hook: change.hook };
        return;
      }
      case "flushChain":
        this.#chain(change.chain).rules = [];
        return;
      case "deleteChain":
        assert.deepEqual(this.#chain(change.chain).rules, [], "the chain is empty");
        assert(!this.#jumpTargets().includes(change.chain), "nothing jumps to the chain");
        this.chains.delete(change.chain);
        return;
      case "addRule":
        for (const set of lookedUp(change.rule)) assert(this.sets.has(set), "the set is there");
        for (const target of jumpsOf(change.rule)) this.#ordinary(target);
        this.#chain(change.chain).rules.push(change.rule);
        return;
      case "createSet":
        assert(!this.sets.has(change.set.name), "the set is new");
        this.sets.set(change.set.name, { set: { ...change.set, elements: [] }, elements: new Map() });
        return;
      case "deleteSet":
        for (const { rules } of this.chains.values()) {
          for (const rule of rules) assert(!lookedUp(rule).includes(change.set), "no rule looks the set up");
        }
        assert(this.sets.delete(change.set), "the set is there");
        return;
      case "addElements":
        for (const element of change.elements) this.#add(change.set.name, element);
        return;
      case "deleteElements":
        for (const { key } of change.elements)
          assert(this.#set(change.set.name).elements.delete(key), "the element is there");
    }
  }

  table(name: string): Table | undefined {
    if (!this.exists) return undefined;
    return {
      family: "inet",
      name,
      chains: Array.from(this.chains.values(), ({ chain, rules }) => ({ ...chain, rules })),
      sets: Array.from(this.sets.values(), ({ set, elements }) => ({ ...set, elements: [...elements.values()] })),
    };
  }

  #add(name: string, element: SetElement): void {
    const { elements } = this.#set(name);
    assert(!elements.has(element.key), "the element is new");
    if (element.verdict !== undefined && "chain" in element.verdict) this.#ordinary(element.verdict.chain);
    for (const { key, last } of elements.values()) {
      if (last === undefined || element.last === undefined) break;
      assert(last < element.key || element.last < key, "intervals do not overlap");
    }
    elements.set(element.key, element);
  }

  #chain(name: string): { chain: Chain; rules: Rule[] } {
    const found = this.chains.get(name);
    assert(found !== undefined, `chain ${name} is there`);
    return found;
  }

  #ordinary(name: string): void {
    assert.equal(this.#chain(name).chain.hook, undefined, "only ordinary chains are jumped to");
  }

  #set(name: string): { set: NftSet; elements: Map<string, SetElement> } {
    const found = this.sets.get(name);
    assert(found !== undefined, `set ${name} is there`);
    return found;
  }

  #jumpTargets(): string[] {
    const ofRules = Array.from(this.chains.values()).flatMap(({ rules }) => rules.flatMap(jumpsOf));
    const ofMaps = Array.from(this.sets.values()).flatMap(({ elements }) =>
      Array.from(elements.values()).flatMap(jumpOf),
    );
    return [...ofRules, ...ofMaps];
  }
}

function lookedUp(rule: Rule): string[] {
  return rule.expressions.flatMap((expression) =>
    expression.type === "lookup" ? [expression.set] : expression.type === "lookupVerdict" ? [expression.map] : [],
  );
}

function jumpsOf(rule: Rule): string[] {
  return rule.expressions.flatMap((expression) => (expression.type === "verdict" ? jumpOf(expression) : []));
}

function jumpOf({ verdict }: Pick<SetElement, "verdict">): string[] {
  return verdict !== undefined && "chain" in verdict ? [verdict.chain] : [];
}
