import fc from "fast-check";
import { type SelectorNode, joinNodes, makeSet } from "../ast.ts";

const labels = ["a", "b", "in", "has", "x.y/z-1"];
const values = ["", "red", "it's", 'say "x"', "all()", "\u{1F408}", "\uFFFD"];

/** Trees as the parser makes them: a `not` has no `not` right below it. */
export const arbitraryNode: fc.Arbitrary<SelectorNode> = fc.letrec<{
  node: SelectorNode;
  positive: SelectorNode;
  atom: SelectorNode;
}>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie("positive"),
    tie("positive").map((operand): SelectorNode => ({ type: "not", operand })),
  ),
  positive: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie("atom"),
    fc
      .tuple(fc.constantFrom("and" as const, "or" as const), fc.array(tie("node"), { minLength: 2, maxLength: 3 }))
      .map(([type, operands]) => joinNodes(type, operands)),
  ),
  atom: fc.oneof(
    fc.constantFrom<SelectorNode>({ type: "all" }, { type: "global" }),
    fc.constantFrom(...labels).map((label): SelectorNode => ({ type: "has", label })),
    fc
      .record({
        type: fc.constantFrom("equals", "notEquals", "contains", "startsWith", "endsWith"),
        label: fc.constantFrom(...labels),
        value: fc.constantFrom(...values),
      })
      .map((node): SelectorNode => ({ ...node })),
    fc
      .tuple(
        fc.constantFrom("in" as const, "notIn" as const),
        fc.constantFrom(...labels),
        fc.array(fc.constantFrom(...values), { maxLength: 4 }),
      )
      .map(([type, label, set]) => makeSet(type, label, set)),
  ),
})).node;

export const arbitraryLabels: fc.Arbitrary<Record<string, string>> = fc.dictionary(
  fc.constantFrom(...labels),
  fc.constantFrom(...values),
);
