import {
  type NetlinkAttributes,
  readAttributeList,
  readAttributes,
  readText,
  readU16be,
  readU32be,
  readU64be,
} from "../lib/index.ts";
import type { Expression, FibFlag, Hex, Verdict } from "./expression.ts";
import {
  attributes,
  compareOperators,
  connectionKeys,
  fibFlags,
  fibResults,
  limitFlags,
  limitTypes,
  lookupFlags,
  metaKeys,
  natFlags,
  payloadBases,
  rangeOperators,
  rejectTypes,
  verdictCodes,
} from "./numbers.ts";

/** The expressions of a rule, from NFTA_RULE_EXPRESSIONS. What we do not write ourselves comes as "unknown". */
export function decodeExpressions(list: Uint8Array): Expression[] {
  const expressions: Expression[] = [];
  for (const [, element] of readAttributeList(list)) {
    const found = readAttributes(element);
    const name = readText(found.get(attributes.expression.name) ?? none);
    const data = found.get(attributes.expression.data) ?? none;
    expressions.push(decodeBody(name, readAttributes(data)) ?? { type: "unknown", name, data: data.toHex() });
  }
  return expressions;
}

const none = new Uint8Array(0);

type Decoder = (found: NetlinkAttributes) => Expression | undefined;

function decodeBody(name: string, found: NetlinkAttributes): Expression | undefined {
  return decoders.get(name)?.(found);
}

const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["meta", decodeMeta],
  ["payload", decodePayload],
  ["cmp", decodeCompare],
  ["bitwise", decodeBitwise],
  ["range", decodeRange],
  ["lookup", decodeLookup],
  ["immediate", decodeImmediate],
  ["ct", decodeConnection],
  ["log", decodeLog],
  ["limit", decodeLimit],
  ["reject", decodeReject],
  ["fib", decodeFib],
  ["counter", () => ({ type: "counter" })],
  ["notrack", () => ({ type: "notrack" })],
  ["masq", decodeMasquerade],
]);

function decodeMeta(found: NetlinkAttributes): Expression | undefined {
  const key = nameOf(metaKeys, number(found, attributes.meta.key));
  const target = number(found, attributes.meta.target);
  const source = number(found, attributes.meta.source);
  if (key === undefined) return undefined;
  if (target !== undefined) return { type: "meta", key, register: target };
  return source === undefined ? undefined : { type: "setMeta", key, register: source };
}

function decodePayload(found: NetlinkAttributes): Expression | undefined {
  const base = nameOf(payloadBases, number(found, attributes.payload.base));
  const register = number(found, attributes.payload.target);
  const offset = number(found, attributes.payload.offset);
  const length = number(found, attributes.payload.length);
  if (base === undefined || register === undefined || offset === undefined || length === undefined) return undefined;
  return { type: "payload", base, offset, length, register };
}

function decodeCompare(found: NetlinkAttributes): Expression | undefined {
  const operator = nameOf(compareOperators, number(found, attributes.compare.operator));
  const register = number(found, attributes.compare.source);
  const data = decodeData(found.get(attributes.compare.data));
  if (operator === undefined || register === undefined || data === undefined) return undefined;
  return { type: "compare", register, operator, data };
}

function decodeBitwise(found: NetlinkAttributes): Expression | undefined {
  const source = number(found, attributes.bitwise.source);
  const target = number(found, attributes.bitwise.target);
  const mask = decodeData(found.get(attributes.bitwise.mask));
  const xor = decodeData(found.get(attributes.bitwise.xor));
  if (source === undefined || target === undefined || mask === undefined || xor === undefined) return undefined;
  // Shifts, and the newer boolean operations of two registers, have another number here.
  if ((number(found, attributes.bitwise.operation) ?? 0) !== 0) return undefined;
  if (number(found, attributes.bitwise.length) !== mask.length / 2) return undefined;
  return { type: "bitwise", source, target, mask, xor };
}

function decodeRange(found: NetlinkAttributes): Expression | undefined {
  const register = number(found, attributes.range.source);
  const from = decodeData(found.get(attributes.range.from));
  const to = decodeData(found.get(attributes.range.to));
  if (register === undefined || from === undefined || to === undefined) return undefined;
  const isNot = number(found, attributes.range.operator) === rangeOperators.notEqual;
  return { type: "range", register, from, to, isNot };
}

function decodeLookup(found: NetlinkAttributes): Expression | undefined {
  const set = found.get(attributes.lookup.set);
  const register = number(found, attributes.lookup.source);
  if (set === undefined || register === undefined) return undefined;
  const isNot = ((number(found, attributes.lookup.flags) ?? 0) & lookupFlags.not) !== 0;
  const target = number(found, attributes.lookup.target);
  if (target === undefined) return { type: "lookup", set: readText(set), register, isNot };
  return target === 0 && !isNot ? { type: "lookupVerdict", map: readText(set), register } : undefined;
}

function decodeImmediate(found: NetlinkAttributes): Expression | undefined {
  const register = number(found, attributes.immediate.target);
  const payload = found.get(attributes.immediate.data);
  const verdict = decodeVerdict(payload);
  if (verdict !== undefined) return register === 0 ? { type: "verdict", verdict } : undefined;
  const data = decodeData(payload);
  return register === undefined || data === undefined ? undefined : { type: "immediate", register, data };
}

function decodeConnection(found: NetlinkAttributes): Expression | undefined {
  const key = nameOf(connectionKeys, number(found, attributes.connection.key));
  const register = number(found, attributes.connection.target);
  if (key === undefined || register === undefined || found.has(attributes.connection.direction)) return undefined;
  return { type: "connection", key, register };
}

function decodeLog(found: NetlinkAttributes): Expression | undefined {
  if (found.has(attributes.log.queueThreshold) || (number(found, attributes.log.flags) ?? 0) !== 0) return undefined;
  const group = found.get(attributes.log.group);
  const level = number(found, attributes.log.level);
  const snapLength = number(found, attributes.log.snapLength);
  return {
    type: "log",
    prefix: readText(found.get(attributes.log.prefix) ?? none),
    ...(group === undefined ? {} : { group: readU16be(group) }),
    ...(level === undefined ? {} : { level }),
    ...(snapLength === undefined ? {} : { snapLength }),
  };
}

function decodeLimit(found: NetlinkAttributes): Expression | undefined {
  const per = nameOf(limitTypes, number(found, attributes.limit.type));
  if (per === undefined) return undefined;
  return {
    type: "limit",
    rate: Number(readU64be(found.get(attributes.limit.rate) ?? none)),
    unitSeconds: Number(readU64be(found.get(attributes.limit.unit) ?? none)),
    burst: number(found, attributes.limit.burst) ?? 0,
    per,
    isOver: ((number(found, attributes.limit.flags) ?? 0) & limitFlags.over) !== 0,
  };
}

function decodeReject(found: NetlinkAttributes): Expression | undefined {
  const kind = nameOf(rejectTypes, number(found, attributes.reject.type));
  return kind && { type: "reject", with: kind, code: found.get(attributes.reject.code)?.[0] ?? 0 };
}

function decodeMasquerade(found: NetlinkAttributes): Expression | undefined {
  const isOurs = found.size === 1 && number(found, attributes.masquerade.flags) === natFlags.fullyRandom;
  return isOurs ? { type: "masquerade" } : undefined;
}

function decodeFib(found: NetlinkAttributes): Expression | undefined {
  const result = nameOf(fibResults, number(found, attributes.fib.result));
  const register = number(found, attributes.fib.target);
  const bits = number(found, attributes.fib.flags) ?? 0;
  if (result === undefined || register === undefined) return undefined;
  const flags = fibFlagNames.filter((flag) => (bits & fibFlags[flag]) !== 0);
  return { type: "fib", flags, result, isPresence: (bits & fibFlags.present) !== 0, register };
}

const fibFlagNames: readonly FibFlag[] = ["source", "destination", "mark", "input", "output"];

/** A value from a data nest; undefined when there is none. */
export function decodeData(nest: Uint8Array | undefined): Hex | undefined {
  return nest === undefined ? undefined : readAttributes(nest).get(attributes.data.value)?.toHex();
}

/** A verdict from a data nest; undefined when there is none, or one that we never give. */
export function decodeVerdict(nest: Uint8Array | undefined): Verdict | undefined {
  if (nest === undefined) return undefined;
  const payload = readAttributes(nest).get(attributes.data.verdict);
  if (payload === undefined) return undefined;
  const found = readAttributes(payload);
  const code = number(found, attributes.verdict.code);
  const type = code === undefined ? undefined : nameOf(verdictCodes, code | 0);
  if (type === undefined) return undefined;
  if (type !== "jump" && type !== "goto") return { type };
  return { type, chain: readText(found.get(attributes.verdict.chain) ?? none) };
}

function number(found: NetlinkAttributes, type: number): number | undefined {
  const payload = found.get(type);
  return payload === undefined ? undefined : readU32be(payload);
}

function nameOf<K extends string>(numbers: Readonly<Record<K, number>>, value: number | undefined): K | undefined {
  for (const name in numbers) if (numbers[name] === value) return name;
  return undefined;
}
