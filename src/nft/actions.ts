import type { Expression, RejectType } from "./expression.ts";
import { hostOrder } from "./hex.ts";
import { loadInterface } from "./matches.ts";
import { rejectCodes } from "./numbers.ts";
import { printableText } from "./printable-text.ts";

/** What a rule does with a packet that passed its tests. */
export type VerdictWanted = "accept" | "drop" | "return" | { readonly jump: string } | { readonly goto: string };

export function verdict(wanted: VerdictWanted): Expression[] {
  if (typeof wanted === "string") return [{ type: "verdict", verdict: { type: wanted } }];
  if ("jump" in wanted) return [{ type: "verdict", verdict: { type: "jump", chain: wanted.jump } }];
  return [{ type: "verdict", verdict: { type: "goto", chain: wanted.goto } }];
}

/** The verdict that the map (interfaceMap) has for the packet's interface; goes on behind when it has none. */
export function verdictMap(way: "in" | "out", mapName: string): Expression[] {
  return [loadInterface(way), { type: "lookupVerdict", map: mapName, register: 1 }];
}

/** Sets the packet mark's bits under `mask` to `bits`; the others stay. */
export function setMark(bits: number, mask: number = bits): Expression[] {
  return [
    { type: "meta", key: "mark", register: 1 },
    { type: "bitwise", source: 1, target: 1, mask: hostOrder(~mask >>> 0), xor: hostOrder((bits & mask) >>> 0) },
    { type: "setMeta", key: "mark", register: 1 },
  ];
}

/** Clears the packet mark's bits under `mask`. */
export function clearMark(mask: number): Expression[] {
  return setMark(0, mask);
}

export function counter(): Expression[] {
  return [{ type: "counter" }];
}

/** The prefix is cut at 127 octets. To that NFLOG group, without one to the kernel's log. */
export function log(options: { readonly prefix: string; readonly group?: number }): Expression[] {
  const { group } = options;
  const prefix = printableText(options.prefix);
  // The kernel's level when none is said: LOG_WARNING.
  return [group === undefined ? { type: "log", prefix, level: 4 } : { type: "log", prefix, group }];
}

/** Goes on while at most `rate` packets a `unit` pass (after a burst of `burst`, 5 when not given); the rest ends here. */
export function limit(options: {
  readonly rate: number;
  readonly unit: keyof typeof unitSeconds;
  readonly burst?: number;
  readonly isOver?: boolean;
}): Expression[] {
  return [
    {
      type: "limit",
      rate: options.rate,
      unitSeconds: unitSeconds[options.unit],
      burst: options.burst ?? 5,
      per: "packets",
      isOver: options.isOver === true,
    },
  ];
}

const unitSeconds = { second: 1, minute: 60, hour: 3600, day: 86_400 } as const;

/** Refuses with an ICMP error of either family, or a TCP reset (`reset`: only behind a test for TCP). */
export function reject(reason: keyof typeof rejectCodes | "reset" = "portUnreachable"): Expression[] {
  const kind: RejectType = reason === "reset" ? "reset" : "icmpx";
  return [{ type: "reject", with: kind, code: reason === "reset" ? 0 : rejectCodes[reason] }];
}

/** The address of the interface that the packet leaves by. Only in chains of type nat at postrouting. */
export function masquerade(): Expression[] {
  return [{ type: "masquerade" }];
}

/** No connection tracking for this packet; only in chains before priority -200. */
export function notrack(): Expression[] {
  return [{ type: "notrack" }];
}
