import type { Family } from "../config.ts";
import { MessageLog } from "../message-log.ts";
import { maxMessageBytes } from "../numbers.ts";
import type { PrefixKey } from "../prefix-key.ts";
import * as writer from "../update-writer.ts";

/** Attributes as octets, and the next hop of MP_REACH_NLRI: one that is no IPv6 address stands among the attributes. */
type Encoded = { readonly bytes: Uint8Array; readonly nextHop: Uint8Array | undefined };

function format(family: Family, maxBytes: number): writer.UpdateFormat {
  return { family, hasPathIds: false, maxMessageBytes: maxBytes };
}

function messagesOf(write: (log: MessageLog) => void): Uint8Array[] {
  const log = new MessageLog();
  write(log);
  const bytes = Buffer.concat(log.read(0));
  const messages: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt16BE(at + 16)) {
    messages.push(bytes.subarray(at, at + bytes.readUInt16BE(at + 16)));
  }
  return messages;
}

function nlriOf(keys: readonly PrefixKey[]): writer.Nlri[] {
  return keys.map((key) => ({ key, pathId: 0 }));
}

/** UPDATEs that announce the prefixes without path identifiers, and those prefixes for which there is no room. */
export function writeAnnouncements(
  family: Family,
  keys: readonly PrefixKey[],
  encoded: Encoded,
  maxBytes = maxMessageBytes,
): { messages: Uint8Array[]; unfit: PrefixKey[] } {
  const nextHop = (encoded.nextHop?.length ?? 0) < 16 ? undefined : encoded.nextHop;
  const told = { bytes: encoded.bytes, nextHop };
  const room = writer.roomFor(told, format(family, maxBytes));
  const fit = keys.filter((key) => key.length <= room);
  const messages = messagesOf((log) => writer.writeAnnouncements(log, nlriOf(fit), told, format(family, maxBytes)));
  return { messages, unfit: keys.filter((key) => key.length > room) };
}

export function writeWithdrawals(family: Family, keys: readonly PrefixKey[], maxBytes = maxMessageBytes): Uint8Array[] {
  return messagesOf((log) => writer.writeWithdrawals(log, nlriOf(keys), format(family, maxBytes)));
}

export function writeEndOfRib(family: Family): Uint8Array {
  return messagesOf((log) => writer.writeEndOfRib(log, format(family, maxMessageBytes)))[0] ?? new Uint8Array(0);
}
