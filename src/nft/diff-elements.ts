import { elementText } from "./element-text.ts";
import { type ElementDiff, changesBetween } from "./living-set.ts";
import type { NftSet } from "./table.ts";

/** What must go from and come to a set of the same shape; an element with another verdict is in both. Deletions go first. */
export function diffElements(present: NftSet, wanted: NftSet): ElementDiff {
  const known = changesBetween(present, wanted);
  if (known !== undefined) return known;
  const [presentElements, wantedElements] = [present.elements, wanted.elements];
  if (presentElements === wantedElements) return { added: [], deleted: [] };
  const before = new Set(presentElements.map(elementText));
  const after = new Set(wantedElements.map(elementText));
  return {
    added: wantedElements.filter((element) => !before.has(elementText(element))),
    deleted: presentElements.filter((element) => !after.has(elementText(element))),
  };
}
