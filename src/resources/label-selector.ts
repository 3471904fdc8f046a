import { z } from "zod";
import type { Result } from "../lib/index.ts";
import { Complaint } from "./complaint.ts";
import { isLabelValue, isQualifiedName } from "./formats.ts";
import { labelNameHint, labels } from "./object-meta.ts";
import { decodeWith } from "./problems.ts";
import { isBlank, isEmptyList, list, object, optional, refine, required, textOf } from "./schema.ts";

/** Kubernetes' way to select by labels: all of it must hold. */
export type LabelSelector = {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelExpression[];
};

export type LabelExpression = {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  /** One or more exactly with In and NotIn. */
  readonly values?: readonly string[];
};

const expression = refine(
  object({
    key: required(textOf(isQualifiedName, "a label name", labelNameHint), isBlank),
    operator: required(z.enum(["In", "NotIn", "Exists", "DoesNotExist"]), isBlank),
    values: optional(list(textOf(isLabelValue, "a label value")), isEmptyList),
  }),
  ({ operator, values }) => {
    const needsValues = operator === "In" || operator === "NotIn";
    if (needsValues === (values !== undefined)) return undefined;
    return new Complaint(needsValues ? `of ${operator} must not be empty` : `goes not with ${operator}`, "", [
      "values",
    ]);
  },
);

/** Present without terms it selects everything. */
export const labelSelector = object({
  matchLabels: optional(labels),
  matchExpressions: optional(list(expression), isEmptyList),
});

export function readLabelSelector(json: unknown): Result<LabelSelector> {
  return decodeWith(labelSelector, json);
}

/**
 * The same in our selector language, term by term: labels by name, then expressions in their order.
 */
function labelSelectorTerms({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string[] {
  const quoteAll = (values: readonly string[] = []) => values.map((value) => `'${value}'`).join(", ");
  return [
    ...Object.keys(matchLabels)
      .sort()
      .map((key) => `${key} == '${matchLabels[key]}'`),
    ...matchExpressions.map(({ key, operator, values }) => {
      switch (operator) {
        case "In":
          return `${key} in { ${quoteAll(values)} }`;
        case "NotIn":
          return `${key} not in { ${quoteAll(values)} }`;
        case "Exists":
          return `has(${key})`;
        case "DoesNotExist":
          return `! has(${key})`;
      }
    }),
  ];
}

/** Over pods: never anything but pods. */
export function podSelectorText(selector: LabelSelector | undefined): string {
  return ["projectcalico.org/orchestrator == 'k8s'", ...labelSelectorTerms(selector ?? {})].join(" && ");
}

/** Over namespaces; undefined when there is none. */
export function namespaceSelectorText(selector: LabelSelector): string {
  const terms = labelSelectorTerms(selector);
  return terms.length === 0 ? "all()" : terms.join(" && ");
}
