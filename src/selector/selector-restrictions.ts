import type { Selector, SelectorNode } from "./ast.ts";

/** What must hold of one label for a selector to match: a hint for indexes. No values: nothing can match. */
export type LabelRestriction =
  | { readonly type: "present" }
  | { readonly type: "absent" }
  | { readonly type: "values"; readonly values: readonly string[] };

type Restrictions = ReadonlyMap<string, LabelRestriction>;

const none: Restrictions = new Map();

/** Conditions, by label, that are necessary for a match, though seldom sufficient. */
export function selectorRestrictions(selector: Selector): ReadonlyMap<string, LabelRestriction> {
  return restrict(selector.root, false);
}

/** Negation is carried down to the atoms, where it turns AND into OR and `==` into `!=`. */
function restrict(node: SelectorNode, isNegated: boolean): Restrictions {
  switch (node.type) {
    case "all":
    case "global":
      return none;
    case "has":
      return new Map([[node.label, { type: isNegated ? "absent" : "present" }]]);
    case "equals":
      return isNegated ? none : oneOf(node.label, [node.value]);
    case "notEquals":
      return isNegated ? oneOf(node.label, [node.value]) : none;
    case "in":
      return isNegated ? none : oneOf(node.label, node.values);
    case "notIn":
      return isNegated ? oneOf(node.label, node.values) : none;
    case "contains":
    case "startsWith":
    case "endsWith":
      return isNegated ? none : new Map([[node.label, { type: "present" }]]);
    case "not":
      return restrict(node.operand, !isNegated);
    case "and":
    case "or": {
      const parts = node.operands.map((operand) => restrict(operand, isNegated));
      return (node.type === "and") === isNegated ? unite(parts) : intersect(parts);
    }
  }
}

function oneOf(label: string, values: readonly string[]): Restrictions {
  return new Map([[label, { type: "values", values }]]);
}

/** All must hold. */
function intersect(parts: readonly Restrictions[]): Restrictions {
  const result = new Map<string, LabelRestriction>();
  for (const part of parts) {
    for (const [label, restriction] of part) {
      const other = result.get(label);
      result.set(label, other === undefined ? restriction : both(other, restriction));
    }
  }
  return result;
}

/** One must hold: only what all of them ask for is certain. A part that cannot match does not count. */
function unite(parts: readonly Restrictions[]): Restrictions {
  const [first, ...rest] = parts.filter((part) => ![...part.values()].some(isImpossible));
  if (first === undefined) return parts[0] ?? none;
  const result = new Map(first);
  for (const part of rest) {
    for (const [label, restriction] of result) {
      const other = part.get(label);
      const united = other === undefined ? undefined : either(restriction, other);
      if (united === undefined) result.delete(label);
      else result.set(label, united);
    }
  }
  return result;
}

function isImpossible(restriction: LabelRestriction): boolean {
  return restriction.type === "values" && restriction.values.length === 0;
}

function both(a: LabelRestriction, b: LabelRestriction): LabelRestriction {
  if (a.type === "values" && b.type === "values") {
    const others = new Set(b.values);
    return { type: "values", values: a.values.filter((value) => others.has(value)) };
  }
  if (a.type === b.type) return a;
  if (a.type === "absent" || b.type === "absent") return { type: "values", values: [] };
  return a.type === "values" ? a : b;
}

function either(a: LabelRestriction, b: LabelRestriction): LabelRestriction | undefined {
  if (a.type === "values" && b.type === "values")
    return { type: "values", values: [...new Set([...a.values, ...b.values])] };
  if (a.type === b.type) return a;
  return a.type === "absent" || b.type === "absent" ? undefined : { type: "present" };
}
