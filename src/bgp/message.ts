import type { AttributeTable } from "./attribute-table.ts";
import type { Family } from "./config.ts";
import { type Notification, notification } from "./notification.ts";
import {
  afiOf,
  errorCode,
  familyOf,
  headerBytes,
  maxMessageBytes,
  messageType,
  refreshSubtype,
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
  | {
      readonly type: "routeRefresh";
      /** Undefined when we do not speak it. */
      readonly family: Family | undefined;
      readonly subtype: number;
      readonly whole: Uint8Array;
    }
  /** What was read asks for a NOTIFICATION and the end of the session. */
  | { readonly type: "fault"; readonly fault: Notification };

/**
 * Reads one whole message, header included, as the framer cut it. Total: any octets give a message or a fault. Nothing
 * that is kept of it refers to `bytes`, but for `whole` of a ROUTE-REFRESH.
 */
export function readMessage(bytes: Uint8Array, context: UpdateContext, table: AttributeTable): Message {
  switch (bytes[headerBytes - 1]) {
    case messageType.open:
      return readOpen(bytes.subarray(headerBytes));
    case messageType.update:
      return readUpdate(bytes, headerBytes, context, table);
    case messageType.notification: {
      const [code = 0, subcode = 0, ...data] = bytes.subarray(headerBytes);
      return { type: "notification", notification: notification(code, subcode, data) };
    }
    case messageType.keepalive:
      return { type: "keepalive" };
    case messageType.routeRefresh: {
      const reader = new OctetReader(bytes.subarray(headerBytes));
      const afi = reader.u16();
      const subtype = reader.u8();
      return { type: "routeRefresh", family: familyOf(afi, reader.u8()), subtype, whole: bytes };
    }
    default:
      return { type: "fault", fault: notification(errorCode.header, 3, [bytes[headerBytes - 1] ?? 0]) };
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

/** Asks for all routes of the family again (RFC 2918), or marks the begin or the end of the answer (RFC 7313). */
export function writeRouteRefresh(family: Family, subtype: keyof typeof refreshSubtype = "ask"): Uint8Array {
  const writer = new OctetWriter(4);
  writer.u16(afiOf(family));
  writer.u8(refreshSubtype[subtype]);
  writer.u8(unicastSafi);
  return writeMessage(messageType.routeRefresh, writer.finish());
}
