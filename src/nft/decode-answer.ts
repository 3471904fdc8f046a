import { type NetlinkMessage, readAttributes, readText, readU32 } from "../lib/index.ts";
import { type NftObject, decodeMessage } from "./decode-message.ts";
import { netlink } from "./numbers.ts";

/** The kernel's answer to one of our messages. `errno` is positive, 0 for success. */
export type NftAnswer =
  | { readonly type: "result"; readonly errno: number /** Its own words, often none. */; readonly detail: string }
  /** `isLast`: nothing follows; false for a part of a dump. */
  | { readonly type: "object"; readonly object: NftObject | undefined; readonly isLast: boolean };

/** struct nlmsgerr: the error and the header of the message that it is about (NETLINK_CAP_ACK leaves out the rest). */
const errorBytes = 20;
const errorText = 1;
const flagTextFollows = 0x200;

/** Never throws; a message that is no answer counts as an unknown object. */
export function decodeAnswer(message: NetlinkMessage): NftAnswer {
  const { type, flags, body } = message;
  if (type === netlink.done) return { type: "result", errno: readErrno(body), detail: "" };
  if (type === netlink.error) {
    const text = (flags & flagTextFollows) === 0 ? undefined : readAttributes(body.subarray(errorBytes)).get(errorText);
    return { type: "result", errno: readErrno(body), detail: text === undefined ? "" : readText(text) };
  }
  return { type: "object", object: decodeMessage(message), isLast: (flags & netlink.flagMulti) === 0 };
}

/** The table changed while the kernel was writing the dump: it may be of two minds. */
export function isDumpInterrupted(message: NetlinkMessage): boolean {
  return message.type >= netlink.done && (message.flags & netlink.flagDumpInterrupted) !== 0;
}

function readErrno(body: Uint8Array): number {
  return Math.abs(readU32(body) | 0);
}
