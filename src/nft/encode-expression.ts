import type { NetlinkWriter } from "../lib/index.ts";
import type { Expression, Hex, Verdict } from "./expression.ts";
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

/** NFT_REG_VERDICT. */
const verdictRegister = 0;

/** One element of a rule's expression list. */
export function encodeExpression(writer: NetlinkWriter, expression: Expression): void {
  const element = writer.beginNest(attributes.listElement);
  writer.text(attributes.expression.name, expressionName(expression));
  const data = writer.beginNest(attributes.expression.data);
  encodeBody(writer, expression);
  writer.endNest(data);
  writer.endNest(element);
}

/** The kernel's name of the expression. */
function expressionName(expression: Expression): string {
  switch (expression.type) {
    case "setMeta":
      return "meta";
    case "compare":
      return "cmp";
    case "lookupVerdict":
      return "lookup";
    case "verdict":
      return "immediate";
    case "connection":
      return "ct";
    case "masquerade":
      return "masq";
    case "unknown":
      return expression.name;
    case "meta":
    case "payload":
    case "bitwise":
    case "range":
    case "lookup":
    case "immediate":
    case "counter":
    case "log":
    case "limit":
    case "reject":
    case "fib":
    case "notrack":
      return expression.type;
  }
}

function encodeBody(writer: NetlinkWriter, expression: Expression): void {
  switch (expression.type) {
    case "meta":
      writer.u32be(attributes.meta.target, expression.register);
      writer.u32be(attributes.meta.key, metaKeys[expression.key]);
      return;
    case "setMeta":
      writer.u32be(attributes.meta.source, expression.register);
      writer.u32be(attributes.meta.key, metaKeys[expression.key]);
      return;
    case "payload":
      writer.u32be(attributes.payload.target, expression.register);
      writer.u32be(attributes.payload.base, payloadBases[expression.base]);
      writer.u32be(attributes.payload.offset, expression.offset);
      writer.u32be(attributes.payload.length, expression.length);
      return;
    case "compare":
      writer.u32be(attributes.compare.source, expression.register);
      writer.u32be(attributes.compare.operator, compareOperators[expression.operator]);
      encodeData(writer, attributes.compare.data, expression.data);
      return;
    case "bitwise":
      writer.u32be(attributes.bitwise.source, expression.source);
      writer.u32be(attributes.bitwise.target, expression.target);
      writer.u32be(attributes.bitwise.length, expression.mask.length / 2);
      encodeData(writer, attributes.bitwise.mask, expression.mask);
      encodeData(writer, attributes.bitwise.xor, expression.xor);
      return;
    case "range":
      writer.u32be(attributes.range.source, expression.register);
      writer.u32be(attributes.range.operator, expression.isNot ? rangeOperators.notEqual : rangeOperators.equal);
      encodeData(writer, attributes.range.from, expression.from);
      encodeData(writer, attributes.range.to, expression.to);
      return;
    case "lookup":
      writer.text(attributes.lookup.set, expression.set);
      writer.u32be(attributes.lookup.source, expression.register);
      if (expression.isNot) writer.u32be(attributes.lookup.flags, lookupFlags.not);
      return;
    case "lookupVerdict":
      writer.text(attributes.lookup.set, expression.map);
      writer.u32be(attributes.lookup.source, expression.register);
      writer.u32be(attributes.lookup.target, verdictRegister);
      return;
    case "immediate":
      writer.u32be(attributes.immediate.target, expression.register);
      encodeData(writer, attributes.immediate.data, expression.data);
      return;
    case "verdict":
      writer.u32be(attributes.immediate.target, verdictRegister);
      encodeVerdict(writer, attributes.immediate.data, expression.verdict);
      return;
    case "connection":
    case "counter":
    case "fib":
    case "limit":
    case "log":
    case "masquerade":
    case "notrack":
    case "reject":
    case "unknown":
      encodeStatement(writer, expression);
  }
}

type Statement = Extract<
  Expression,
  { type: "connection" | "counter" | "fib" | "limit" | "log" | "masquerade" | "notrack" | "reject" | "unknown" }
>;

function encodeStatement(writer: NetlinkWriter, expression: Statement): void {
  switch (expression.type) {
    case "counter":
    case "notrack":
      return;
    case "connection":
      writer.u32be(attributes.connection.target, expression.register);
      writer.u32be(attributes.connection.key, connectionKeys[expression.key]);
      return;
    case "log":
      if (expression.group !== undefined) writer.u16be(attributes.log.group, expression.group);
      if (expression.prefix !== "") writer.text(attributes.log.prefix, expression.prefix);
      if (expression.snapLength !== undefined) writer.u32be(attributes.log.snapLength, expression.snapLength);
      if (expression.level !== undefined) writer.u32be(attributes.log.level, expression.level);
      return;
    case "limit":
      writer.u64be(attributes.limit.rate, BigInt(expression.rate));
      writer.u64be(attributes.limit.unit, BigInt(expression.unitSeconds));
      writer.u32be(attributes.limit.burst, expression.burst);
      writer.u32be(attributes.limit.type, limitTypes[expression.per]);
      writer.u32be(attributes.limit.flags, expression.isOver ? limitFlags.over : 0);
      return;
    case "masquerade":
      writer.u32be(attributes.masquerade.flags, natFlags.fullyRandom);
      return;
    case "reject":
      writer.u32be(attributes.reject.type, rejectTypes[expression.with]);
      writer.u8(attributes.reject.code, expression.code);
      return;
    case "fib": {
      const flags = expression.flags.reduce((sum, flag) => sum | fibFlags[flag], 0);
      writer.u32be(attributes.fib.target, expression.register);
      writer.u32be(attributes.fib.result, fibResults[expression.result]);
      writer.u32be(attributes.fib.flags, flags | (expression.isPresence ? fibFlags.present : 0));
      return;
    }
    case "unknown":
      writer.header(Uint8Array.fromHex(expression.data));
      return;
  }
}

/** NFTA_DATA_VALUE in a nest of type `attribute`. */
export function encodeData(writer: NetlinkWriter, attribute: number, data: Hex): void {
  const start = writer.beginNest(attribute);
  writer.hex(attributes.data.value, data);
  writer.endNest(start);
}

/** NFTA_DATA_VERDICT in a nest of type `attribute`. */
export function encodeVerdict(writer: NetlinkWriter, attribute: number, verdict: Verdict): void {
  const start = writer.beginNest(attribute);
  const inner = writer.beginNest(attributes.data.verdict);
  writer.u32be(attributes.verdict.code, verdictCodes[verdict.type]);
  if ("chain" in verdict) writer.text(attributes.verdict.chain, verdict.chain);
  writer.endNest(inner);
  writer.endNest(start);
}
