import { type IpVersion, type Result, failure, success } from "../lib/index.ts";
import { type Json, isRecord } from "../resources/index.ts";

/** The first packet of a connection, but for its ends. */
export type Probe = {
  readonly protocol: ProbeProtocol;
  readonly sourcePort: number;
  /** Destination; 0 for ICMP. */
  readonly port: number;
  readonly icmp?: { readonly type: number; readonly code: number };
  /** Undefined: that of the target's first address. */
  readonly ipVersion: IpVersion | undefined;
};

export const protocolNumbers = { TCP: 6, UDP: 17, SCTP: 132, ICMP: 1, ICMPv6: 58 } as const;

type ProbeProtocol = keyof typeof protocolNumbers;

const defaultSourcePort = 40000;
const echoRequest = { ICMP: 8, ICMPv6: 128 } as const;

/** Reads `{protocol, port, sourcePort?, icmpType?, icmpCode?, ipVersion?}`; paths of problems begin with `path`. */
export function readProbe(json: unknown, path: string): Result<Probe> {
  const at = (member: string) => (path === "" ? member : `${path}.${member}`);
  if (!isRecord(json)) return failure(path, "must be an object");
  const { protocol, ipVersion = null } = json;
  if (!isProtocol(protocol)) return failure(at("protocol"), "must be TCP, UDP, SCTP, ICMP or ICMPv6");
  if (ipVersion !== null && ipVersion !== 4 && ipVersion !== 6) return failure(at("ipVersion"), "must be 4 or 6");
  const version = ipVersion ?? undefined;
  if (protocol === "ICMP" || protocol === "ICMPv6") {
    const type = readNumber(json, "icmpType", 255, echoRequest[protocol]);
    const code = readNumber(json, "icmpCode", 255, 0);
    if (type === undefined) return failure(at("icmpType"), "must be a number from 0 to 255");
    if (code === undefined) return failure(at("icmpCode"), "must be a number from 0 to 255");
    return success({ protocol, sourcePort: 0, port: 0, icmp: { type, code }, ipVersion: version });
  }
  const port = readNumber(json, "port", 65535, undefined);
  const sourcePort = readNumber(json, "sourcePort", 65535, defaultSourcePort);
  if (port === undefined) return failure(at("port"), "must be a number from 0 to 65535");
  if (sourcePort === undefined) return failure(at("sourcePort"), "must be a number from 0 to 65535");
  return success({ protocol, sourcePort, port, ipVersion: version });
}

function isProtocol(value: unknown): value is ProbeProtocol {
  return typeof value === "string" && Object.hasOwn(protocolNumbers, value);
}

function readNumber<D extends number | undefined>(json: Json, member: string, max: number, fallback: D) {
  const value = json[member] ?? fallback;
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max ? value : undefined;
}
