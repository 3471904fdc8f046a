import type { SetElement } from "./table.ts";

/** Equal for equal elements. */
export function elementText(element: SetElement): string {
  const { key, last, verdict } = element;
  if (last === undefined && verdict === undefined) return key;
  const chain = verdict !== undefined && "chain" in verdict ? verdict.chain : "";
  return `${key} ${last ?? ""} ${verdict?.type ?? ""} ${chain}`;
}
