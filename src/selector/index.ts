// The selector language: text to tree, canonical text, identity, evaluation over labels, translation of policy selectors.
// Must not know resources, endpoints or label inheritance; labels are whatever the caller looks them up in.
// Start at parse-selector.ts; translate-selector.ts turns what users write in policies into what is evaluated.
export { type Selector, type SelectorNode, makeSelector } from "./ast.ts";
export { compareTexts } from "./compare-texts.ts";
export { type LabelLookup, evaluateSelector } from "./evaluate-selector.ts";
export { isTokenizable } from "./is-tokenizable.ts";
export { parseSelector } from "./parse-selector.ts";
export { type LabelRestriction, selectorRestrictions } from "./selector-restrictions.ts";
export { selectorText } from "./selector-text.ts";
export { hashId, selectorUid } from "./selector-uid.ts";
export {
  type EntityTerms,
  systemLabels,
  translateEntity,
  translateGlobalPolicySubject,
  translateNetworkPolicySubject,
} from "./translate-selector.ts";
