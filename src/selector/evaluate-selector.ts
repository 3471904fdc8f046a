import type { Selector, SelectorNode } from "./ast.ts";

/** Anything that finds the value of a label, such as a Map. */
export type LabelLookup = { get(label: string): string | undefined };

/** Whether something with these labels is selected. `global()` counts as true: translation gives it its meaning. */
export function evaluateSelector(selector: Selector, labels: Readonly<Record<string, string>> | LabelLookup): boolean {
  return evaluate(selector.root, isLookup(labels) ? labels : new RecordLookup(labels));
}

function isLookup(labels: Readonly<Record<string, string>> | LabelLookup): labels is LabelLookup {
  return typeof labels["get"] === "function";
}

class RecordLookup {
  readonly #labels: Readonly<Record<string, string>>;
  constructor(labels: Readonly<Record<string, string>>) {
    this.#labels = labels;
  }
  get(label: string): string | undefined {
    // A label may be called "constructor", which every plain object seems to have.
    return Object.hasOwn(this.#labels, label) ? this.#labels[label] : undefined;
  }
}

function evaluate(node: SelectorNode, labels: LabelLookup): boolean {
  switch (node.type) {
    case "all":
    case "global":
      return true;
    case "has":
      return labels.get(node.label) !== undefined;
    case "equals":
      return labels.get(node.label) === node.value;
    case "notEquals":
      return labels.get(node.label) !== node.value;
    case "contains":
      return labels.get(node.label)?.includes(node.value) ?? false;
    case "startsWith":
      return labels.get(node.label)?.startsWith(node.value) ?? false;
    case "endsWith":
      return labels.get(node.label)?.endsWith(node.value) ?? false;
    case "in":
      return hasValue(node.values, labels.get(node.label));
    case "notIn":
      return !hasValue(node.values, labels.get(node.label));
    case "not":
      return !evaluate(node.operand, labels);
    case "and":
      return node.operands.every((operand) => evaluate(operand, labels));
    case "or":
      return node.operands.some((operand) => evaluate(operand, labels));
  }
}

function hasValue(values: readonly string[], value: string | undefined): boolean {
  return value !== undefined && values.includes(value);
}
