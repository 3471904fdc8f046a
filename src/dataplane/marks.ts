/**
 * Bits of the packet mark (skb mark) that the table uses, while a packet is on this host; 0xffff0000 are ours, the lower
 * half is everybody else's. They carry nothing from one packet to the next and mean nothing outside our table.
 */
export const marks = {
  /** The rules asked last allow the packet. */
  accepted: 0x0001_0000,
  /** A rule passed the packet on: the rest of the tier is skipped. */
  passed: 0x0002_0000,
  /** Came in from a workload, and belongs to no connection that was let through. */
  fromWorkload: 0x0004_0000,
  /** A rule before connection tracking allows the packet: nothing behind it has a say. */
  untracked: 0x0008_0000,
} as const;

export const verdictMarks = marks.accepted | marks.passed;
export const allMarks = verdictMarks | marks.fromWorkload | marks.untracked;
