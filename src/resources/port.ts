import { Complaint, show } from "./complaint.ts";
import { isEndpointPortName } from "./formats.ts";
import { type Protocol, hasPorts, protocol } from "./protocol.ts";
import { convert, numberOrText, refine, textOf } from "./schema.ts";

/** A number 1..65535, a range as text `lo:hi` with lo < hi, or the name of an endpoint's port. See `readPort`. */
export type Port = number | string;

export type PortMatch =
  /** Both ends belong to the range. */
  | { readonly type: "range"; readonly first: number; readonly last: number }
  | { readonly type: "name"; readonly name: string };

/** What a decoded port stands for. */
export function readPort(port: Port): PortMatch {
  if (typeof port === "number") return { type: "range", first: port, last: port };
  const [first, last] = port.split(":");
  if (first === undefined || last === undefined) return { type: "name", name: port };
  return { type: "range", first: Number(first), last: Number(last) };
}

const portHint = 'write a port from 1 to 65535, a range such as "8000:8999", or the name of a port';

/** An entry of `ports` or `notPorts`. */
export const rulePort = convert(numberOrText, (value): Port | Complaint => {
  if (typeof value === "number" && isPortNumber(value)) return value;
  if (typeof value === "string") {
    const [, first, last] = /^([0-9]+)(?::([0-9]+))?$/.exec(value) ?? [];
    if (first === undefined)
      return isEndpointPortName(value) ? value : new Complaint(`${show(value)} is no port`, nameHint(value));
    const low = Number(first);
    const high = Number(last ?? first);
    if (low > high) return new Complaint(`the range ${show(value)} ends before it begins`, `write "${last}:${first}"`);
    if (isPortNumber(low) && isPortNumber(high)) return low === high ? low : `${low}:${high}`;
  }
  return new Complaint(`${show(value)} is no port`, portHint);
});

function nameHint(text: string): string {
  if (/^[0-9]+-[0-9]+$/.test(text)) return `write a range with a colon: "${text.replace("-", ":")}"`;
  if (/^[0-9:]/.test(text)) return portHint;
  return "the name of a port has at most 15 lower-case letters, digits and single dashes between them, and at least one letter";
}

/** A protocol of a port that an endpoint has. */
export const portProtocol = refine(protocol, (value: Protocol) => {
  return hasPorts(value) ? undefined : new Complaint(`${show(value)} has no ports`, "write TCP, UDP or SCTP");
});

/** The name of a port that an endpoint has. */
export const portName = textOf(
  isEndpointPortName,
  "a name for a port",
  "at most 15 lower-case letters, digits and single dashes between them, and at least one letter",
);

export function isPortNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}
