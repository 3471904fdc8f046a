import type { Family } from "./config.ts";
import { afiOf, ceaseSubcode, errorCode, unicastSafi } from "./numbers.ts";
import { OctetWriter } from "./octets.ts";

/** What a NOTIFICATION carries; also what a parser answers that found a reason to end the session. */
export type Notification = { readonly code: number; readonly subcode: number; readonly data: Uint8Array };

export function notification(code: number, subcode: number, data: ArrayLike<number> = []): Notification {
  return { code, subcode, data: Uint8Array.from(data) };
}

/** To a connection that is taken from nobody, or not now. */
export const rejectedWord = notification(errorCode.cease, ceaseSubcode.connectionRejected);

/** The peer told more prefixes than it may (RFC 4486 section 4). */
export function maxPrefixesWord(family: Family, count: number): Notification {
  const writer = new OctetWriter(7);
  writer.u16(afiOf(family));
  writer.u8(unicastSafi);
  writer.u32(count);
  return notification(errorCode.cease, ceaseSubcode.maxPrefixes, writer.finish());
}

const maxTextBytes = 255;

/** Administrative shutdown with a word for the operators at the other end (RFC 9003); cut where it is too long. */
export function shutdownWord(text = ""): Notification {
  const octets = new Uint8Array(maxTextBytes);
  const { written } = new TextEncoder().encodeInto(text, octets);
  const data = written === 0 ? [] : [written, ...octets.subarray(0, written)];
  return notification(errorCode.cease, ceaseSubcode.administrativeShutdown, data);
}

/** RFC 8538 section 3: the same word, and that it is to cost the routes. */
export function hardReset({ code, subcode, data }: Notification): Notification {
  return notification(errorCode.cease, ceaseSubcode.hardReset, [code, subcode, ...data]);
}

const subcodesForGood: ReadonlySet<number> = new Set([
  ceaseSubcode.maxPrefixes,
  ceaseSubcode.administrativeShutdown,
  ceaseSubcode.peerDeconfigured,
  ceaseSubcode.bfdDown,
]);

/** Said when routes must not outlive the session: it is not meant to come back soon, or the way there is broken. */
export function isForGood({ code, subcode }: Notification): boolean {
  return code === errorCode.cease && subcodesForGood.has(subcode);
}

const codeNames = new Map<number, string>([
  [1, "message header error"],
  [2, "OPEN error"],
  [3, "UPDATE error"],
  [4, "hold timer expired"],
  [5, "finite state machine error"],
  [6, "cease"],
  [7, "ROUTE-REFRESH error"],
  [8, "send hold timer expired"],
]);

const subcodeNames = new Map<string, string>([
  ["1/1", "connection not synchronized"],
  ["1/2", "bad message length"],
  ["1/3", "bad message type"],
  ["2/1", "unsupported version"],
  ["2/2", "bad peer AS"],
  ["2/3", "bad BGP identifier"],
  ["2/4", "unsupported optional parameter"],
  ["2/6", "unacceptable hold time"],
  ["2/7", "unsupported capability"],
  ["2/11", "role mismatch"],
  ["3/1", "malformed attribute list"],
  ["3/2", "unrecognized well-known attribute"],
  ["3/3", "missing well-known attribute"],
  ["3/4", "attribute flags error"],
  ["3/5", "attribute length error"],
  ["3/6", "invalid ORIGIN"],
  ["3/8", "invalid NEXT_HOP"],
  ["3/9", "optional attribute error"],
  ["3/10", "invalid network field"],
  ["3/11", "malformed AS_PATH"],
  ["5/1", "unexpected message in OpenSent"],
  ["5/2", "unexpected message in OpenConfirm"],
  ["5/3", "unexpected message in Established"],
  ["6/1", "maximum number of prefixes reached"],
  ["6/2", "administrative shutdown"],
  ["6/3", "peer de-configured"],
  ["6/4", "administrative reset"],
  ["6/5", "connection rejected"],
  ["6/6", "other configuration change"],
  ["6/7", "connection collision resolution"],
  ["6/8", "out of resources"],
  ["6/9", "hard reset"],
  ["6/10", "BFD down"],
  ["7/1", "invalid message length"],
]);

/** `OPEN error: bad peer AS`, with the peer's own words when it gave some (RFC 9003). */
export function describeNotification({ code, subcode, data }: Notification): string {
  const name = codeNames.get(code) ?? `error ${code}`;
  const detail = subcodeNames.get(`${code}/${subcode}`) ?? (subcode === 0 ? "" : `subcode ${subcode}`);
  const text = detail === "" ? name : `${name}: ${detail}`;
  if (code !== errorCode.cease) return text;
  if (subcode === ceaseSubcode.hardReset && data.length >= 2) {
    const [innerCode = 0, innerSubcode = 0] = data;
    const isNested = innerCode === code && innerSubcode === subcode;
    if (!isNested) return `${text}: ${describeNotification(notification(innerCode, innerSubcode, data.subarray(2)))}`;
  }
  const isShutdown = subcode === ceaseSubcode.administrativeShutdown || subcode === ceaseSubcode.administrativeReset;
  const words = isShutdown ? shutdownText(data) : "";
  return words === "" ? text : `${text} (${words})`;
}

/** UTF-8 behind a length octet; whatever could upset a terminal or a log is left out. */
function shutdownText(data: Uint8Array): string {
  const length = data[0] ?? 0;
  if (length === 0 || length > data.length - 1) return "";
  return new TextDecoder().decode(data.subarray(1, 1 + length)).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "");
}
