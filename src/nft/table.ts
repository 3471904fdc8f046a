import type { Expression, Hex, Verdict } from "./expression.ts";
import type { hookNumbers, keyFields } from "./numbers.ts";

/** One nftables table of family inet: IPv4 and IPv6 in one. */
export type Table = {
  readonly family: "inet";
  readonly name: string;
  /** Somebody switched the whole table off; never wanted. */
  readonly isDormant?: boolean;
  readonly chains: readonly Chain[];
  readonly sets: readonly NftSet[];
};

export type HookName = keyof typeof hookNumbers;
export type ChainType = "filter" | "nat" | "route";

export type ChainHook = {
  readonly type: ChainType;
  readonly hook: HookName;
  /** Lower runs earlier: raw -300, connection tracking -200, filter 0. */
  readonly priority: number;
  readonly policy: "accept" | "drop";
};

export type Chain = {
  /** At most 127 characters, so that nft can print it. */
  readonly name: string;
  /** Missing: a chain that only jumps reach. */
  readonly hook?: ChainHook;
  /** Without its rules less gets through, whatever they are. Only in tables that are wanted: the kernel does not tell it. */
  readonly isClosedWhenEmpty?: boolean;
  readonly rules: readonly Rule[];
};

export type Rule = {
  readonly expressions: readonly Expression[];
  /** At most 127 octets; nft prints it behind the rule. */
  readonly comment?: string;
};

export type KeyField = keyof typeof keyFields;

export type NftSet = {
  readonly name: string;
  /** One field, or several for a concatenation. Empty when somebody else made a set of a type we do not know. */
  readonly keyType: readonly KeyField[];
  /** Elements are ranges, which must neither overlap nor touch (netElements and portElements see to that). */
  readonly isInterval: boolean;
  /** Each element has a verdict. */
  readonly isVerdictMap: boolean;
  /** Flags that no set of ours has (NFT_SET_*), or a foreign data type: only from a dump. */
  readonly foreign?: string;
  readonly elements: readonly SetElement[];
};

export type SetElement = {
  /** The key, every field padded to 4 octets when there are several; for an interval its first value. */
  readonly key: Hex;
  /** The last value of an interval, itself inside; only in interval sets, there always. */
  readonly last?: Hex;
  /** Only in verdict maps, there always. */
  readonly verdict?: Verdict;
};
