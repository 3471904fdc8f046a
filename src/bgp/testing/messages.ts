import assert from "node:assert/strict";
import { AttributeTable } from "../attribute-table.ts";
import { allFamilies } from "../config.ts";
import { type Message, readMessage, writeMessage } from "../message.ts";
import type { Open } from "../open.ts";
import type { Update, UpdateContext } from "../update.ts";
import { address } from "./values.ts";
import { hex } from "./octets.ts";

export const internal: UpdateContext = {
  isInternal: true,
  isFourOctetAs: true,
  families: allFamilies,
  addPathReceive: [],
  hasExtendedNextHop: false,
};
export const external: UpdateContext = { ...internal, isInternal: false };

export const origin = "40 01 01 00";
export const emptyPath = "40 02 00";
export const nextHop = "40 03 04 c0000201";
/** The least that an IPv4 route needs. */
export const plain = `${origin} ${emptyPath} ${nextHop}`;

/** An UPDATE of its three parts in hexadecimal. */
export function update(withdrawn: string, attributes: string, nlri: string): Uint8Array {
  const [first, second, third] = [hex(withdrawn), hex(attributes), hex(nlri)];
  const size = (bytes: Uint8Array) => [bytes.length >> 8, bytes.length & 255];
  return writeMessage(2, Uint8Array.of(...size(first), ...first, ...size(second), ...second, ...third));
}

export function read(bytes: Uint8Array, context = internal, table = new AttributeTable()): Message {
  return readMessage(bytes, context, table);
}

export function readUpdateOf(bytes: Uint8Array, context = internal, table = new AttributeTable()): Update {
  const message = read(bytes, context, table);
  assert.ok(message.type === "update", message.type === "fault" ? JSON.stringify(message.fault) : message.type);
  return message;
}

/** What becomes of an UPDATE: its outcome, or code and subcode of the NOTIFICATION that it brings. */
export function outcomeOf(bytes: Uint8Array, context = internal): string {
  const message = read(bytes, context);
  assert.ok(message.type === "update" || message.type === "fault");
  return message.type === "update" ? message.outcome : `${message.fault.code}/${message.fault.subcode}`;
}

/** What a plain speaker of AS 64512 offers. */
export function openOf(more: Partial<Open> = {}): Open {
  return {
    asNumber: 64512,
    holdTimeSeconds: 90,
    routerId: address("192.0.2.1"),
    families: allFamilies,
    canRefresh: true,
    hasFourOctetAs: true,
    hasExtendedMessages: true,
    hasEnhancedRefresh: true,
    hasExtendedNextHop: false,
    addPath: [],
    ...more,
  };
}
