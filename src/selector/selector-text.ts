import type { Selector } from "./ast.ts";

/** The canonical form: selectors of equal text are one selector. */
export function selectorText(selector: Selector): string {
  return selector.text;
}
