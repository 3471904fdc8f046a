import { readAttributes, readU32 } from "../lib/index.ts";

export const RTM_NEWNETCONF = 80;

const NETCONFA_IFINDEX = 1;
/** -1: what holds for all links together. Those of a single one are of no interest here, and come with each link that is made. */
const allLinks = 0xffffffff;

/** Whether the message tells of a setting under conf/all, e.g. that packets are not forwarded any more. */
export function isOfAllLinks(body: Uint8Array): boolean {
  if (body.length < 4) return false;
  const index = readAttributes(body.subarray(4)).get(NETCONFA_IFINDEX);
  return index?.length === 4 && readU32(index) === allLinks;
}
