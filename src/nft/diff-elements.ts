import type { NftSet, SetElement } from "./table.ts";

export type ElementDiff = { readonly added: readonly SetElement[]; readonly deleted: readonly SetElement[] };

/** What must go from and come to a set of the same shape; an element with another verdict is in both. Deletions go first. */
export function diffElements(present: NftSet, wanted: NftSet): ElementDiff {
  if (present.elements === wanted.elements) return { added: [], deleted: [] };
  const before = new Set(present.elements.map(elementText));
  const after = new Set(wanted.elements.map(elementText));
  return {
    added: wanted.elements.filter((element) => !before.has(elementText(element))),
    deleted: present.elements.filter((element) => !after.has(elementText(element))),
  };
}

function elementText(element: SetElement): string {
  const { key, last, verdict } = element;
  if (last === undefined && verdict === undefined) return key;
  const chain = verdict !== undefined && "chain" in verdict ? verdict.chain : "";
  return `${key} ${last ?? ""} ${verdict?.type ?? ""} ${chain}`;
}
