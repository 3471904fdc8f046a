import {
  type NetlinkAttributes,
  type NetlinkMessage,
  readAttributeList,
  readAttributes,
  readText,
  readU32be,
} from "../lib/index.ts";
import { decodeData, decodeExpressions, decodeVerdict } from "./decode-expression.ts";
import type { Hex, Verdict } from "./expression.ts";
import {
  attributes,
  elementFlags,
  hookNumbers,
  keyFields,
  keyTypeBits,
  messages,
  nftSubsystem,
  setFlags,
  tableFlags,
  userDataTypes,
  verdictCodes,
  verdictDataType,
} from "./numbers.ts";
import type { SetShape } from "./change.ts";
import type { ChainHook, ChainType, HookName, KeyField, Rule } from "./table.ts";

/** What one message of a dump, or of the event group, is about. */
export type NftObject =
  | { readonly type: "generation"; readonly id: number }
  | { readonly type: "table"; readonly table: string; readonly isDormant: boolean }
  | { readonly type: "chain"; readonly table: string; readonly chain: string; readonly hook?: ChainHook }
  | { readonly type: "rule"; readonly table: string; readonly chain: string; readonly rule: Rule }
  | { readonly type: "set"; readonly table: string; readonly set: SetShape; readonly isAnonymous: boolean }
  | {
      readonly type: "elements";
      readonly table: string;
      readonly set: string;
      readonly elements: readonly RawElement[];
    };

/** An element as the kernel keeps it: intervals are still two of them. */
export type RawElement = { readonly key: Hex; readonly isEnd: boolean; readonly verdict?: Verdict };

/** struct nfgenmsg. */
const headerBytes = 4;
const none = new Uint8Array(0);

/** Undefined for messages that are no such objects, or lack what they need. Never throws. */
export function decodeMessage(message: NetlinkMessage): NftObject | undefined {
  const found = readAttributes(message.body.subarray(headerBytes));
  switch (message.type) {
    case messages.newGeneration: {
      const id = found.get(attributes.generation.id);
      return id && { type: "generation", id: readU32be(id) };
    }
    case messages.newTable: {
      const table = text(found, attributes.table.name);
      const flags = number(found, attributes.table.flags);
      return table === undefined ? undefined : { type: "table", table, isDormant: (flags & tableFlags.dormant) !== 0 };
    }
    case messages.newChain:
      return decodeChain(found);
    case messages.newRule:
      return decodeRule(found);
    case messages.newSet:
      return decodeSet(found);
    case messages.newElements:
      return decodeElements(found);
    default:
      return undefined;
  }
}

/** The table that an event's message is about; undefined when it is about none (a new generation). */
export function tableOfEvent(message: NetlinkMessage): string | undefined {
  const isObject = message.type >> 8 === nftSubsystem && message.type !== messages.newGeneration;
  // In the messages of every kind of object the table's name is attribute 1.
  return isObject ? text(readAttributes(message.body.subarray(headerBytes)), 1) : undefined;
}

function decodeChain(found: NetlinkAttributes): NftObject | undefined {
  const table = text(found, attributes.chain.table);
  const chain = text(found, attributes.chain.name);
  if (table === undefined || chain === undefined) return undefined;
  const nest = found.get(attributes.chain.hook);
  if (nest === undefined) return { type: "chain", table, chain };
  const place = readAttributes(nest);
  const hookNumber = number(place, attributes.hook.number);
  const hook = hookNames.find((name) => hookNumbers[name] === hookNumber);
  const type = chainTypes.find((name) => name === text(found, attributes.chain.type));
  if (hook === undefined || type === undefined) return undefined;
  const policy = number(found, attributes.chain.policy) === verdictCodes.drop ? "drop" : "accept";
  return {
    type: "chain",
    table,
    chain,
    hook: { type, hook, priority: number(place, attributes.hook.priority) | 0, policy },
  };
}

const hookNames: readonly HookName[] = ["prerouting", "input", "forward", "output", "postrouting"];
const chainTypes: readonly ChainType[] = ["filter", "nat", "route"];

function decodeRule(found: NetlinkAttributes): NftObject | undefined {
  const table = text(found, attributes.rule.table);
  const chain = text(found, attributes.rule.chain);
  if (table === undefined || chain === undefined) return undefined;
  const expressions = decodeExpressions(found.get(attributes.rule.expressions) ?? none);
  const comment = readComment(found.get(attributes.rule.userData) ?? none);
  return { type: "rule", table, chain, rule: comment === undefined ? { expressions } : { expressions, comment } };
}

/** nft's user data: records of type, length, value. */
function readComment(userData: Uint8Array): string | undefined {
  let offset = 0;
  while (offset + 2 <= userData.length) {
    const length = userData[offset + 1] ?? 0;
    const value = userData.subarray(offset + 2, offset + 2 + length);
    if (userData[offset] === userDataTypes.ruleComment) return readText(value);
    offset += 2 + length;
  }
  return undefined;
}

function decodeSet(found: NetlinkAttributes): NftObject | undefined {
  const table = text(found, attributes.set.table);
  const name = text(found, attributes.set.name);
  if (table === undefined || name === undefined) return undefined;
  const flags = number(found, attributes.set.flags);
  const isInterval = (flags & setFlags.interval) !== 0;
  const isMap = (flags & setFlags.map) !== 0;
  const isVerdictMap = isMap && number(found, attributes.set.dataType) === verdictDataType;
  const keyType = readKeyType(number(found, attributes.set.keyType));
  const otherFlags = flags & ~(setFlags.interval | setFlags.map);
  const isForeign = otherFlags !== 0 || keyType.length === 0 || isMap !== isVerdictMap;
  const shape = { name, keyType, isInterval, isVerdictMap };
  const set = isForeign ? { ...shape, foreign: `flags 0x${flags.toString(16)}` } : shape;
  return { type: "set", table, set, isAnonymous: (flags & setFlags.anonymous) !== 0 };
}

function readKeyType(type: number): KeyField[] {
  const fields: KeyField[] = [];
  for (let rest = type; rest !== 0; rest >>>= keyTypeBits) {
    const number = rest & ((1 << keyTypeBits) - 1);
    const field = fieldNames.find((name) => keyFields[name].type === number);
    if (field === undefined) return [];
    fields.unshift(field);
  }
  return fields;
}

const fieldNames: readonly KeyField[] = [
  "nf_proto",
  "ipv4_addr",
  "ipv6_addr",
  "inet_proto",
  "inet_service",
  "mark",
  "ifname",
];

function decodeElements(found: NetlinkAttributes): NftObject | undefined {
  const table = text(found, attributes.elements.table);
  const set = text(found, attributes.elements.set);
  if (table === undefined || set === undefined) return undefined;
  const elements: RawElement[] = [];
  for (const [, nest] of readAttributeList(found.get(attributes.elements.list) ?? none)) {
    const element = readAttributes(nest);
    const key = decodeData(element.get(attributes.element.key));
    // A catch-all element has no key; no set of ours has one.
    if (key === undefined) continue;
    const isEnd = (number(element, attributes.element.flags) & elementFlags.intervalEnd) !== 0;
    const verdict = decodeVerdict(element.get(attributes.element.data));
    elements.push(verdict === undefined ? { key, isEnd } : { key, isEnd, verdict });
  }
  return { type: "elements", table, set, elements };
}

function text(found: NetlinkAttributes, type: number): string | undefined {
  const payload = found.get(type);
  return payload && readText(payload);
}

/** 0 when it is missing. */
function number(found: NetlinkAttributes, type: number): number {
  return readU32be(found.get(type) ?? none);
}
