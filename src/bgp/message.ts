import type { AttributeTable } from "./attribute-table.ts";
import type { Family } from "./config.ts";
import { type Notification, notification } from "./notification.ts";
import {
  afiOf,
  errorCode,
  familyOf,
  headerBytes,
  maxExtendedMessageBytes,
  maxMessageBytes,
  messageType,
  unicastSafi,
} from "./numbers.ts";
import { OctetReader, OctetWriter } from "./octets.ts";
import { type Open, readOpen, writeOpen } from "./open.ts";
import { type Update, type UpdateContext, readUpdate } from "./update.ts";

export type Message =
  | { readonly type: "open"; readonly open: Open }
  | Update
  | { readonly type: "notification"; readonly notification: Notification }
  | { readonly type: "keepalive" }
  | { readonly type: "routeRefresh"; readonly family: Family | undefined; readonly subtype: number }
  /** What was read asks for a NOTIFICATION and the end of the session. */
  | { readonly type: "fault"; readonly fault: Notification };

/**
 * Reads one whole message, header included, as the framer cut it. Total: any octets give a message or a fault.
 */
export function readMessage(bytes: Uint8Array, context: UpdateContext, table: AttributeTable): Message {
  const body = bytes.subarray(headerBytes);
  switch (bytes[18]) {
    case messageType.open:
      return readOpen(body);
    case messageType.update:
      return readUpdate(body, context, table);
    case messageType.notification:
      return {
        type: "notification",
        notification: notification(body[0] ?? 0, body[1] ?? 0, body.subarray(2)),
      };
    case messageType.keepalive:
      return { type: "keepalive" };
    case messageType.routeRefresh: {
      const reader = new OctetReader(body);
      const afi = reader.u16();
      const subtype = reader.u8();
      return { type: "routeRefresh", family: familyOf(afi, reader.u8()), subtype };
    }
    default:
      return { type: "fault", fault: notification(errorCode.header, 3, [bytes[18] ?? 0]) };
  }
}

/** Least and greatest length of each type, header included (RFC 4271 section 6.1; RFC 8654). */
const lengthLimits = new Map<number, readonly [least: number, most: number]>([
  [messageType.open, [29, maxMessageBytes]],
  [messageType.update, [23, maxExtendedMessageBytes]],
  [messageType.notification, [21, maxExtendedMessageBytes]],
  [messageType.keepalive, [headerBytes, headerBytes]],
  [messageType.routeRefresh, [23, maxExtendedMessageBytes]],
]);

/**
 * Cuts a stream of octets into messages. It holds at most one incomplete message, so its memory is bounded by the
 * longest message allowed.
 */
export class Framer {
  #pending: Uint8Array = new Uint8Array(0);
  /** Raised to 65,535 once both ends have agreed (RFC 8654). */
  maxBytes = maxMessageBytes;

  push(chunk: Uint8Array): void {
    if (this.#pending.length === 0) {
      this.#pending = chunk;
      return;
    }
    const joined = new Uint8Array(this.#pending.length + chunk.length);
    joined.set(this.#pending);
    joined.set(chunk, this.#pending.length);
    this.#pending = joined;
  }

  /** The next whole message, a fault of its header, or undefined when more octets are needed. */
  next(): Uint8Array | Notification | undefined {
    const pending = this.#pending;
    if (pending.length < headerBytes) return this.#keep();
    for (let i = 0; i < 16; i++) if (pending[i] !== 0xff) return notification(errorCode.header, 1);
    const length = ((pending[16] ?? 0) << 8) | (pending[17] ?? 0);
    const type = pending[18] ?? 0;
    const lengthFault = notification(errorCode.header, 2, [length >> 8, length & 0xff]);
    if (length < headerBytes || length > this.maxBytes) return lengthFault;
    const limits = lengthLimits.get(type);
    if (limits === undefined) return notification(errorCode.header, 3, [type]);
    if (length < limits[0] || length > limits[1]) return lengthFault;
    if (pending.length < length) return this.#keep();
    this.#pending = pending.subarray(length);
    return pending.subarray(0, length);
  }

  /** What waits for its rest must not keep the socket's whole buffer, nor be changed under us. */
  #keep(): undefined {
    this.#pending = this.#pending.slice();
    return undefined;
  }
}

/** Adds the header: marker, length, type. */
export function writeMessage(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerBytes + body.length);
  bytes.fill(0xff, 0, 16);
  bytes[16] = bytes.length >> 8;
  bytes[17] = bytes.length & 0xff;
  bytes[18] = type;
  bytes.set(body, headerBytes);
  return bytes;
}

export function writeOpenMessage(open: Open): Uint8Array {
  return writeMessage(messageType.open, writeOpen(open));
}

export function writeKeepalive(): Uint8Array {
  return writeMessage(messageType.keepalive, new Uint8Array(0));
}

export function writeNotification({ code, subcode, data }: Notification): Uint8Array {
  // The data only explains: it is cut where the message would grow too long.
  const kept = data.subarray(0, maxMessageBytes - headerBytes - 2);
  return writeMessage(messageType.notification, Uint8Array.of(code, subcode, ...kept));
}

/** Asks for all routes of the family again (RFC 2918). */
export function writeRouteRefresh(family: Family): Uint8Array {
  const writer = new OctetWriter(4);
  writer.u16(afiOf(family));
  writer.u8(0);
  writer.u8(unicastSafi);
  return writeMessage(messageType.routeRefresh, writer.finish());
}
