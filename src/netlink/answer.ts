import { type NetlinkMessage, readAttributes, readText, readU32 } from "../lib/index.ts";

/** The kernel's word on a request, or on the whole of a dump. */
export type Answer = {
  /** 0: done. Otherwise a positive errno. */
  readonly errno: number;
  /** What the kernel says about it (extended ack); empty when it says nothing. */
  readonly text: string;
};

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLM_F_DUMP_INTR = 0x10;
const NLMSGERR_ATTR_MSG = 1;

/** Reads NLMSG_ERROR (which is the acknowledgement, too) and NLMSG_DONE; undefined for other messages. */
export function readAnswer(message: NetlinkMessage): Answer | undefined {
  if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) return undefined;
  const { body } = message;
  const errno = 0 - (readU32(body) | 0);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno, text: "" };
  const text = readAttributes(body.subarray(textOffset(message))).get(NLMSGERR_ATTR_MSG);
  return { errno, text: text === undefined ? "" : readText(text) };
}

/** The state changed under a dump: what was read may miss things, and is to be read again. */
export function isInterrupted(message: NetlinkMessage): boolean {
  return (message.flags & NLM_F_DUMP_INTR) !== 0;
}

/** Behind the error number an NLMSG_ERROR repeats the request: its header, and its body unless it was capped. */
function textOffset(message: NetlinkMessage): number {
  if (message.type === NLMSG_DONE) return 4;
  if ((message.flags & NLM_F_CAPPED) !== 0) return 4 + 16;
  return 4 + ((readU32(message.body.subarray(4)) + 3) & ~3);
}
