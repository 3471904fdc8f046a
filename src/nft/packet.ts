import { type IpAddress, addressToBytes, addressVersion } from "../lib/index.ts";
import type { ConnectionState } from "./matches.ts";

/** A packet as it crosses a host, with what the kernel knows about it. */
export type Packet = {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: number;
  /** Source and destination, for protocols that have ports. */
  readonly ports?: readonly [number, number];
  readonly icmp?: { readonly type: number; readonly code: number };
  readonly state: ConnectionState;
  /** Undefined: the host itself sends it. */
  readonly inputName?: string;
  /** Undefined: it is for the host itself. */
  readonly outputName?: string;
  /** The route back to its source leads to where it came in. */
  readonly isSourceReal: boolean;
};

export type Outcome = {
  readonly verdict: "accept" | "drop";
  /** The prefixes of the lines in the log, in order. */
  readonly logged: readonly string[];
  /** Comments of the rules that matched, in order. */
  readonly matched: readonly string[];
};

export function networkHeader(packet: Packet): Uint8Array {
  const isIpv4 = addressVersion(packet.source) === 4;
  const header = new Uint8Array(isIpv4 ? 20 : 40);
  header.set(addressToBytes(packet.source), isIpv4 ? 12 : 8);
  header.set(addressToBytes(packet.destination), isIpv4 ? 16 : 24);
  header[isIpv4 ? 9 : 6] = packet.protocol;
  return header;
}

export function transportHeader(packet: Packet): Uint8Array {
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  if (packet.ports !== undefined) {
    view.setUint16(0, packet.ports[0]);
    view.setUint16(2, packet.ports[1]);
  }
  if (packet.icmp !== undefined) header.set([packet.icmp.type, packet.icmp.code]);
  return header;
}
