import { type RawElement, type NftObject } from "./decode-message.ts";
import { previousHex } from "./hex.ts";
import type { Chain, NftSet, Rule, SetElement, Table } from "./table.ts";

/**
 * The table from the objects of its dump. Undefined when it does not exist. Anonymous sets are left out: they belong to
 * rules that are not ours and go with them.
 */
export function assembleTable(name: string, objects: Iterable<NftObject>): Table | undefined {
  let isDormant: boolean | undefined;
  const chains = new Map<string, { chain: Omit<Chain, "rules">; rules: Rule[] }>();
  const sets = new Map<string, { set: Omit<NftSet, "elements">; elements: RawElement[] }>();
  const rules: Extract<NftObject, { type: "rule" }>[] = [];
  const elements: Extract<NftObject, { type: "elements" }>[] = [];
  for (const object of objects) {
    if (object.type === "generation" || object.table !== name) continue;
    if (object.type === "table") isDormant = object.isDormant;
    else if (object.type === "rule") rules.push(object);
    else if (object.type === "elements") elements.push(object);
    else if (object.type === "set") {
      if (!object.isAnonymous) sets.set(object.set.name, { set: object.set, elements: [] });
    } else {
      const chain = object.hook === undefined ? { name: object.chain } : { name: object.chain, hook: object.hook };
      chains.set(object.chain, { chain, rules: [] });
    }
  }
  for (const { chain, rule } of rules) chains.get(chain)?.rules.push(rule);
  for (const { set, elements: found } of elements) {
    const target = sets.get(set)?.elements;
    for (const element of found) target?.push(element);
  }
  if (isDormant === undefined) return undefined;
  return {
    family: "inet",
    name,
    ...(isDormant ? { isDormant } : {}),
    chains: Array.from(chains.values(), ({ chain, rules }) => ({ ...chain, rules })),
    sets: Array.from(sets.values(), ({ set, elements }) => ({
      ...set,
      elements: set.isInterval ? joinIntervals(elements) : elements.map(plainElement),
    })),
  };
}

function plainElement({ key, verdict }: RawElement): SetElement {
  return verdict === undefined ? { key } : { key, verdict };
}

/** Pairs the first values with the ends (the value behind the last); a first one without end reaches to the last value. */
function joinIntervals(raw: readonly RawElement[]): SetElement[] {
  const found: SetElement[] = [];
  let open: RawElement | undefined;
  const close = (last: string) => {
    if (open === undefined) return;
    found.push({ ...plainElement(open), last });
    open = undefined;
  };
  for (const element of raw.toSorted(compareRaw)) {
    const before = previousHex(element.key);
    if (open !== undefined && before !== undefined) close(before);
    if (!element.isEnd) open = element;
  }
  if (open !== undefined) close("f".repeat(open.key.length));
  return found;
}

/** By key; of one key the end first, for it closes the interval before. */
function compareRaw(a: RawElement, b: RawElement): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return Number(b.isEnd) - Number(a.isEnd);
}
