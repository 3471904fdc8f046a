import { compareTexts } from "./compare-texts.ts";

/** A selector's tree. `values` are sorted by their UTF-8 bytes, without repeats; `operands` are two or more. */
export type SelectorNode =
  | { readonly type: "all" }
  | { readonly type: "global" }
  | { readonly type: "has"; readonly label: string }
  | { readonly type: ComparisonType; readonly label: string; readonly value: string }
  | { readonly type: "in" | "notIn"; readonly label: string; readonly values: readonly string[] }
  | { readonly type: "not"; readonly operand: SelectorNode }
  | { readonly type: "and" | "or"; readonly operands: readonly SelectorNode[] };

export type ComparisonType = "equals" | "notEquals" | "contains" | "startsWith" | "endsWith";

/** A parsed selector. Two selectors with the same `text` are the same selector. */
export type Selector = {
  readonly root: SelectorNode;
  /** The canonical form; see `formatNode`. */
  readonly text: string;
};

export function makeSelector(root: SelectorNode): Selector {
  return { root, text: formatNode(root) };
}

export function makeSet(type: "in" | "notIn", label: string, values: readonly string[]): SelectorNode {
  return { type, label, values: [...new Set(values)].sort(compareTexts) };
}

/** The operands joined; a single one stands for itself, none is `all()`. */
export function joinNodes(type: "and" | "or", operands: readonly SelectorNode[]): SelectorNode {
  const [first] = operands;
  if (first === undefined) return { type: "all" };
  return operands.length === 1 ? first : { type, operands };
}

/**
 * The one way to write a tree: groups in brackets, values in double quotes (single ones when the value has a double
 * quote), `!` right before its operand. Nothing is simplified. Set names are made from this text: it must never change.
 */
function formatNode(node: SelectorNode): string {
  switch (node.type) {
    case "all":
    case "global":
      return `${node.type}()`;
    case "has":
      return `has(${node.label})`;
    case "equals":
    case "notEquals":
    case "contains":
    case "startsWith":
    case "endsWith":
      return `${node.label} ${operators[node.type]} ${quote(node.value)}`;
    case "in":
    case "notIn":
      return `${node.label} ${operators[node.type]} {${node.values.map(quote).join(", ")}}`;
    case "not":
      return `!${formatNode(node.operand)}`;
    case "and":
    case "or":
      return `(${node.operands.map(formatNode).join(node.type === "and" ? " && " : " || ")})`;
  }
}

const operators: Readonly<Record<ComparisonType | "in" | "notIn", string>> = {
  equals: "==",
  notEquals: "!=",
  contains: "contains",
  startsWith: "starts with",
  endsWith: "ends with",
  in: "in",
  notIn: "not in",
};

function quote(value: string): string {
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}
