import type {
  compareOperators,
  connectionKeys,
  fibFlags,
  fibResults,
  metaKeys,
  payloadBases,
  rejectTypes,
} from "./numbers.ts";

/** Octets as lower-case hex text, two digits each: good for comparing, printing and JSON. */
export type Hex = string;

/**
 * A register by the number the kernel dumps it with: 1 (and 2, 3, 4) is 16 octets; 9, 10, 11 are the second, third and
 * fourth 4 octets of register 1, for concatenated keys.
 */
export type Register = number;

export type Verdict =
  | { readonly type: "accept" }
  | { readonly type: "drop" }
  | { readonly type: "return" }
  | { readonly type: "jump"; readonly chain: string }
  | { readonly type: "goto"; readonly chain: string };

type MetaKey = keyof typeof metaKeys;
type ConnectionKey = keyof typeof connectionKeys;
type CompareOperator = keyof typeof compareOperators;
export type PayloadBase = keyof typeof payloadBases;
export type FibFlag = Exclude<keyof typeof fibFlags, "present">;
type FibResult = keyof typeof fibResults;
export type RejectType = keyof typeof rejectTypes;

/**
 * One expression of a rule: the kernel's own, one by one. The first whose test fails ends the rule.
 * What a builder makes equals what the decoder lifts from the kernel's dump.
 */
export type Expression =
  | { readonly type: "meta"; readonly key: MetaKey; readonly register: Register }
  | { readonly type: "setMeta"; readonly key: MetaKey; readonly register: Register }
  | {
      readonly type: "payload";
      readonly base: PayloadBase;
      readonly offset: number;
      readonly length: number;
      readonly register: Register;
    }
  | {
      readonly type: "compare";
      readonly register: Register;
      readonly operator: CompareOperator;
      readonly data: Hex;
    }
  /** target = (source & mask) ^ xor */
  | {
      readonly type: "bitwise";
      readonly source: Register;
      readonly target: Register;
      readonly mask: Hex;
      readonly xor: Hex;
    }
  /** Both ends are inside. */
  | {
      readonly type: "range";
      readonly register: Register;
      readonly from: Hex;
      readonly to: Hex;
      readonly isNot: boolean;
    }
  | { readonly type: "lookup"; readonly set: string; readonly register: Register; readonly isNot: boolean }
  /** Looks the key up in a verdict map and does what is found there. */
  | { readonly type: "lookupVerdict"; readonly map: string; readonly register: Register }
  | { readonly type: "immediate"; readonly register: Register; readonly data: Hex }
  | { readonly type: "verdict"; readonly verdict: Verdict }
  /** The counts themselves are no part of the value: a rule that has counted is still the same rule. */
  | { readonly type: "counter" }
  | { readonly type: "connection"; readonly key: ConnectionKey; readonly register: Register }
  /** To the NFLOG group, or to the kernel's log when there is none; `level` as in syslog. */
  | {
      readonly type: "log";
      readonly prefix: string;
      readonly group?: number;
      readonly level?: number;
      readonly snapLength?: number;
    }
  /** Goes on while at most (`isOver`: only beyond) `rate` per `unitSeconds` after a burst. */
  | {
      readonly type: "limit";
      readonly rate: number;
      readonly unitSeconds: number;
      readonly burst: number;
      readonly per: "packets" | "bytes";
      readonly isOver: boolean;
    }
  | { readonly type: "reject"; readonly with: RejectType; readonly code: number }
  | {
      readonly type: "fib";
      readonly flags: readonly FibFlag[];
      readonly result: FibResult;
      /** The register gets 1 or 0: whether there is a route. */
      readonly isPresence: boolean;
      readonly register: Register;
    }
  | { readonly type: "notrack" }
  /** Gives the packet the address of the interface it leaves by, and a port by chance. In chains of type nat only. */
  | { readonly type: "masquerade" }
  /** Written by somebody else: equal to nothing of ours. `data` are the attributes as they came. */
  | { readonly type: "unknown"; readonly name: string; readonly data: Hex };
