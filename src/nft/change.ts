import type { ChainHook, NftSet, Rule, SetElement } from "./table.ts";

/** A change to a table, in the order in which the kernel must see it. */
export type NftChange = {
  readonly table: string;
  /** Must be in the same transaction as the change before it. */
  readonly isJoined?: boolean;
} & NftAction;

export type NftAction =
  /** Makes the table, or wakes it when it is dormant; an awake one stays as it is. */
  | { readonly type: "putTable" }
  | { readonly type: "deleteTable" }
  | { readonly type: "createChain"; readonly chain: string; readonly hook?: ChainHook }
  | { readonly type: "setChainPolicy"; readonly chain: string; readonly hook: ChainHook }
  | { readonly type: "flushChain"; readonly chain: string }
  | { readonly type: "deleteChain"; readonly chain: string }
  /** Behind the chain's last rule. */
  | { readonly type: "addRule"; readonly chain: string; readonly rule: Rule }
  | { readonly type: "createSet"; readonly set: SetShape }
  | { readonly type: "deleteSet"; readonly set: string }
  | { readonly type: "addElements"; readonly set: SetShape; readonly elements: readonly SetElement[] }
  | { readonly type: "deleteElements"; readonly set: SetShape; readonly elements: readonly SetElement[] };

/** A set without its elements. */
export type SetShape = Omit<NftSet, "elements">;

/** What a change is about, for an error message: `chain forward`. */
export function describeChange(change: NftChange): string {
  const table = `table ${change.table}`;
  switch (change.type) {
    case "putTable":
    case "deleteTable":
      return table;
    case "createChain":
    case "setChainPolicy":
    case "flushChain":
    case "deleteChain":
      return `chain ${change.chain} of ${table}`;
    case "addRule": {
      const comment = change.rule.comment === undefined ? "" : ` "${change.rule.comment}"`;
      return `rule${comment} of chain ${change.chain} of ${table}`;
    }
    case "createSet":
    case "addElements":
    case "deleteElements":
      return `set ${change.set.name} of ${table}`;
    case "deleteSet":
      return `set ${change.set} of ${table}`;
  }
}

export function shapeOf(set: NftSet): SetShape {
  // Not by taking the elements out: they may be a great many, and made only when they are asked for.
  const { name, keyType, isInterval, isVerdictMap, foreign } = set;
  return { name, keyType, isInterval, isVerdictMap, ...(foreign === undefined ? {} : { foreign }) };
}
