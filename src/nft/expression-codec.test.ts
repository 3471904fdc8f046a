import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NetlinkWriter, readAttributeList } from "../lib/index.ts";
import { decodeAnswer, isDumpInterrupted } from "./decode-answer.ts";
import { decodeExpressions } from "./decode-expression.ts";
import { decodeMessage, tableOfEvent } from "./decode-message.ts";
import { encodeExpression } from "./encode-expression.ts";
import type { Expression } from "./expression.ts";
import { messages } from "./numbers.ts";
import { expressions } from "./testing/arbitraries.ts";

function encode(list: readonly Expression[]): Uint8Array {
  const writer = new NetlinkWriter();
  for (const expression of list) encodeExpression(writer, expression);
  return writer.bytes();
}

test("every expression comes back as it went out", () => {
  fc.assert(
    fc.property(fc.array(expressions, { maxLength: 10 }), (list) => {
      assert.deepEqual(decodeExpressions(encode(list)), list);
    }),
  );
});

test("any octets decode to something or nothing, without a throw", () => {
  const types = fc.constantFrom(2, 3, ...Object.values(messages));
  const flags = fc.nat(0xffff);
  fc.assert(
    fc.property(types, flags, fc.uint8Array({ maxLength: 300 }), (type, flags, body) => {
      const message = { type, flags, sequence: 1, body };
      decodeMessage(message);
      decodeAnswer(message);
      tableOfEvent(message);
      isDumpInterrupted(message);
      decodeExpressions(body);
    }),
  );
});

test("expressions with broken octets decode without a throw, and what comes out can be encoded", () => {
  fc.assert(
    fc.property(fc.array(expressions, { minLength: 1 }), fc.nat(), fc.nat(255), (list, place, value) => {
      const bytes = encode(list).slice();
      bytes[place % bytes.length] = value;
      encode(decodeExpressions(bytes));
    }),
  );
});

test("an expression that we never write comes as unknown, with its attributes", () => {
  const shift: Expression = { type: "unknown", name: "bitwise", data: "0800060000000001" };
  assert.deepEqual(decodeExpressions(encode([shift])), [shift]);
  const foreign = encode([{ type: "unknown", name: "masq", data: "" }]);
  assert.deepEqual(decodeExpressions(foreign), [{ type: "unknown", name: "masq", data: "" }]);
});

test("a counter is the same whatever it has counted", () => {
  const counted: Expression = { type: "unknown", name: "counter", data: "0c0001000000000000000123" };
  assert.deepEqual(decodeExpressions(encode([counted])), [{ type: "counter" }]);
});

test("a verdict is an immediate value for register 0", () => {
  const bytes = encode([{ type: "verdict", verdict: { type: "jump", chain: "w" } }]);
  const [[, element] = assert.fail()] = readAttributeList(bytes);
  assert.equal(
    element.toHex(),
    "0e000100696d6d6564696174650000002400028008000100000000001800028014000280" +
      "08000100fffffffd" +
      "0600020077000000",
  );
});
