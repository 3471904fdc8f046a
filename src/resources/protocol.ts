import { Complaint, show } from "./complaint.ts";
import { findNearest } from "./nearest.ts";
import { convert, numberOrText } from "./schema.ts";

/** A name of an IP protocol as policies write it, or its number 1..255. Numbers stay numbers: 6 and "TCP" mean the same. */
export type Protocol = ProtocolName | number;
export type ProtocolName = "TCP" | "UDP" | "ICMP" | "ICMPv6" | "SCTP" | "UDPLite";

const numbers: Readonly<Record<ProtocolName, number>> = {
  TCP: 6,
  UDP: 17,
  ICMP: 1,
  ICMPv6: 58,
  SCTP: 132,
  UDPLite: 136,
};
const names = Object.keys(numbers);

/** The number in the IP header. */
export function protocolNumber(protocol: Protocol): number {
  return typeof protocol === "number" ? protocol : numbers[protocol];
}

/** TCP, UDP and SCTP. UDPLite has ports too, but policies do not match them. */
export function hasPorts(protocol: Protocol): boolean {
  const number = protocolNumber(protocol);
  return number === numbers.TCP || number === numbers.UDP || number === numbers.SCTP;
}

/** Digits become the number they write; other texts must be one of the names, letter for letter. */
export const protocol = convert(numberOrText, (value): Protocol | Complaint => {
  const read = typeof value === "string" && /^[0-9]+$/.test(value) ? Number(value) : value;
  if (typeof read === "number" && Number.isInteger(read) && read >= 1 && read <= 255) return read;
  if (typeof read === "string" && isName(read)) return read;
  const nearest = typeof read === "string" ? findNearest(read, names) : undefined;
  const hint = nearest === undefined ? `write ${names.join(", ")} or a number from 1 to 255` : `write ${nearest}`;
  return new Complaint(`${show(value)} is no protocol`, hint);
});

function isName(text: string): text is ProtocolName {
  return Object.hasOwn(numbers, text);
}
