import { NetlinkWriter, assert } from "../lib/index.ts";
import type { NftChange, SetShape } from "./change.ts";
import { encodeData, encodeExpression, encodeVerdict } from "./encode-expression.ts";
import { nextHex } from "./hex.ts";
import {
  attributes,
  byteOrders,
  elementFlags,
  hookNumbers,
  inetFamily,
  keyFields,
  keyTypeBits,
  messages,
  netlink,
  setFlags,
  userDataTypes,
  verdictCodes,
  verdictDataType,
} from "./numbers.ts";
import type { ChainHook, Rule, SetElement } from "./table.ts";

/** struct nfgenmsg: family, version 0, resource 0. */
const familyHeader = [inetFamily, 0, 0, 0];

/** Elements of one message: their nest must stay below 64 KiB, and one with a verdict takes at most 400 octets. */
const elementBytes = 60_000;

/** The messages of a change, sequence numbers still 0. */
export function encodeChange(change: NftChange): Uint8Array[] {
  const { table } = change;
  switch (change.type) {
    case "putTable":
      return [
        message(messages.newTable, netlink.flagCreate, (writer) => {
          writer.text(attributes.table.name, table);
          writer.u32be(attributes.table.flags, 0);
        }),
      ];
    case "deleteTable":
      return [message(messages.deleteTable, 0, (writer) => writer.text(attributes.table.name, table))];
    case "createChain":
      return [chainMessage(netlink.flagCreate | netlink.flagExclusive, table, change.chain, change.hook)];
    case "setChainPolicy":
      return [chainMessage(netlink.flagCreate, table, change.chain, change.hook)];
    case "flushChain":
      // Without a handle every rule of the chain goes.
      return [
        message(messages.deleteRule, 0, (writer) => {
          writer.text(attributes.rule.table, table);
          writer.text(attributes.rule.chain, change.chain);
        }),
      ];
    case "deleteChain":
      return [
        message(messages.deleteChain, 0, (writer) => {
          writer.text(attributes.chain.table, table);
          writer.text(attributes.chain.name, change.chain);
        }),
      ];
    case "addRule":
      return [ruleMessage(table, change.chain, change.rule)];
    case "createSet":
      return [createSetMessage(table, change.set)];
    case "deleteSet":
      return [
        message(messages.deleteSet, 0, (writer) => {
          writer.text(attributes.set.table, table);
          writer.text(attributes.set.name, change.set);
        }),
      ];
    case "addElements":
      return elementMessages(messages.newElements, netlink.flagCreate, table, change.set, change.elements);
    case "deleteElements":
      return elementMessages(messages.deleteElements, 0, table, change.set, change.elements);
  }
}

const encoder = new TextEncoder();

/** One for all messages: a table may have 100,000. What is written is copied out at once. */
const scratch = new NetlinkWriter();

function message(type: number, flags: number, body: (writer: NetlinkWriter) => void): Uint8Array {
  scratch.reset();
  scratch.message(type, flags | netlink.flagRequest, 0, () => {
    scratch.header(familyHeader);
    body(scratch);
  });
  return scratch.bytes().slice();
}

function chainMessage(flags: number, table: string, chain: string, hook: ChainHook | undefined): Uint8Array {
  return message(messages.newChain, flags, (writer) => {
    writer.text(attributes.chain.table, table);
    writer.text(attributes.chain.name, chain);
    if (hook === undefined) return;
    writer.nest(attributes.chain.hook, () => {
      writer.u32be(attributes.hook.number, hookNumbers[hook.hook]);
      writer.u32be(attributes.hook.priority, hook.priority);
    });
    writer.u32be(attributes.chain.policy, verdictCodes[hook.policy]);
    writer.text(attributes.chain.type, hook.type);
  });
}

function ruleMessage(table: string, chain: string, rule: Rule): Uint8Array {
  return message(messages.newRule, netlink.flagCreate | netlink.flagAppend, (writer) => {
    writer.text(attributes.rule.table, table);
    writer.text(attributes.rule.chain, chain);
    writeKnownRule(writer, rule);
  });
}

/** Rules that have been written once; and what was written for those that came again, since they will once more. */
const written = new WeakSet<Rule>();
const bytesByRule = new WeakMap<Rule, Uint8Array>();

function writeKnownRule(writer: NetlinkWriter, rule: Rule): void {
  const known = bytesByRule.get(rule);
  if (known !== undefined) {
    writer.header(known);
    return;
  }
  const start = writer.length;
  writeRule(writer, rule);
  if (written.has(rule)) bytesByRule.set(rule, writer.bytes().slice(start));
  else written.add(rule);
}

function writeRule(writer: NetlinkWriter, rule: Rule): void {
  const start = writer.beginNest(attributes.rule.expressions);
  for (const expression of rule.expressions) encodeExpression(writer, expression);
  writer.endNest(start);
  if (rule.comment === undefined) return;
  const text = encoder.encode(`${rule.comment}\0`);
  assert(text.length <= 255, "a rule's comment is longer than 254 octets");
  const data = new Uint8Array(2 + text.length);
  data.set([userDataTypes.ruleComment, text.length]);
  data.set(text, 2);
  writer.attribute(attributes.rule.userData, data);
}

/** What the rule says, as octets: equal for rules that the kernel cannot tell apart. */
export function ruleBytes(rule: Rule): Uint8Array {
  scratch.reset();
  writeRule(scratch, rule);
  return scratch.bytes().slice();
}

function createSetMessage(table: string, set: SetShape): Uint8Array {
  const fields = set.keyType.map((field) => keyFields[field]);
  const [field] = fields;
  assert(field !== undefined && set.foreign === undefined, `set ${set.name} is of a type that we do not make`);
  const isSingle = fields.length === 1;
  const octets = fields.reduce((sum, { octets }) => sum + (isSingle ? octets : (octets + 3) & ~3), 0);
  return message(messages.newSet, netlink.flagCreate | netlink.flagExclusive, (writer) => {
    writer.text(attributes.set.table, table);
    writer.text(attributes.set.name, set.name);
    writer.u32be(
      attributes.set.flags,
      (set.isInterval ? setFlags.interval : 0) | (set.isVerdictMap ? setFlags.map : 0),
    );
    writer.u32be(
      attributes.set.keyType,
      fields.reduce((type, { type: next }) => (type << keyTypeBits) | next, 0),
    );
    writer.u32be(attributes.set.keyLength, octets);
    if (set.isVerdictMap) {
      writer.u32be(attributes.set.dataType, verdictDataType);
      writer.u32be(attributes.set.dataLength, 0);
    }
    // The kernel insists on a number, though it is needed only to name a set before it has a name.
    writer.u32be(attributes.set.id, 1);
    // Without it nft would print interface names and marks with their octets reversed.
    const order = isSingle && field.isHostOrder ? byteOrders.host : byteOrders.network;
    writer.attribute(attributes.set.userData, [userDataTypes.setKeyByteOrder, 4, order, 0, 0, 0]);
  });
}

function elementMessages(
  type: number,
  flags: number,
  table: string,
  set: SetShape,
  elements: readonly SetElement[],
): Uint8Array[] {
  const found: Uint8Array[] = [];
  let from = 0;
  while (from < elements.length) {
    const made = message(type, flags, (writer) => {
      writer.text(attributes.elements.table, table);
      writer.text(attributes.elements.set, set.name);
      writer.nest(attributes.elements.list, () => {
        const start = writer.length;
        for (; from < elements.length && writer.length - start < elementBytes; from++) {
          const element = elements[from];
          if (element !== undefined) writeElement(writer, element);
        }
      });
    });
    found.push(made);
  }
  return found;
}

/** An interval is two elements: its first value, and the value behind its last one unless there is none. */
function writeElement(writer: NetlinkWriter, element: SetElement): void {
  const start = writer.beginNest(attributes.listElement);
  encodeData(writer, attributes.element.key, element.key);
  if (element.verdict !== undefined) encodeVerdict(writer, attributes.element.data, element.verdict);
  writer.endNest(start);
  const end = element.last === undefined ? undefined : nextHex(element.last);
  if (end === undefined) return;
  const endStart = writer.beginNest(attributes.listElement);
  writer.u32be(attributes.element.flags, elementFlags.intervalEnd);
  encodeData(writer, attributes.element.key, end);
  writer.endNest(endStart);
}
