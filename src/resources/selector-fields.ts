import { z } from "zod";
import { parseSelector } from "../selector/index.ts";
import { Complaint } from "./complaint.ts";
import { refine } from "./schema.ts";

const maxSelectorLength = 1024;

/** A selector that parses; kept as written. `global` tells whether `global()` may be in it. */
function selectorWith(global: "anywhere" | "alone" | "nowhere") {
  return refine(z.string(), (text) => {
    if (isTooLong(text)) return new Complaint(`is longer than the ${maxSelectorLength} characters a selector may have`);
    const parsed = parseSelector(text);
    if (!parsed.ok) {
      const [problem] = parsed.problems;
      return new Complaint(problem?.message ?? "is no selector", problem?.hint ?? "");
    }
    if (global === "anywhere" || !text.includes("global(")) return undefined;
    if (global === "nowhere")
      return new Complaint("global() has no meaning here", "it belongs in the namespaceSelector of a rule");
    if (/^\s*global\(\s*\)\s*$/.test(text)) return undefined;
    return new Complaint(
      "global() cannot be joined with anything else",
      "write global() alone, and the rest in selector",
    );
  });
}

/** Counted in code points, as Kubernetes does, of which a text has at least half as many as UTF-16 units. */
function isTooLong(text: string): boolean {
  if (text.length <= maxSelectorLength) return false;
  return text.length > 2 * maxSelectorLength || [...text].length > maxSelectorLength;
}

export const anySelector = selectorWith("anywhere");
export const selectorWithoutGlobal = selectorWith("nowhere");
export const ruleNamespaceSelector = selectorWith("alone");
