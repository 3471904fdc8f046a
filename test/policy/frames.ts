import {
  type IpAddress,
  type IpVersion,
  addressFromBytes,
  addressToBytes,
  addressVersion,
} from "../../src/lib/index.ts";
import type { JudgedPacket } from "./rule-meaning.ts";

/** Packets as octets. Each carries a number that no router touches, by which it is known again wherever it turns up. */

const tcp = 6;
const sctp = 132;
const udpLite = 136;
const icmp4 = 1;
const icmp6 = 58;
const etherTypes = { 4: 0x0800, 6: 0x86dd } as const;

/** Which kernel state a packet of this kind gets when no connection is known, or undefined when it cannot be said. */
export function stateOf(
  { source, protocol, icmp }: JudgedPacket,
  isOpening: boolean,
): JudgedPacket["state"] | undefined {
  const isIpv4 = addressVersion(source) === 4;
  if (protocol === tcp) return isOpening ? "new" : "invalid";
  // Of the other version: the kernel tracks what it does not understand in ways of its own.
  if (protocol === (isIpv4 ? icmp6 : icmp4)) return undefined;
  if (icmp === undefined || !(protocol === icmp4 || protocol === icmp6)) return "new";
  if (icmp.type === (isIpv4 ? 8 : 128)) return "new";
  if (!isIpv4 && (discovery.has(icmp.type) || icmp.type === 143)) return "untracked";
  return "invalid";
}

/** Multicast listeners and neighbours, which nf_conntrack leaves alone. */
const discovery: ReadonlySet<number> = new Set([130, 131, 132, 133, 134, 135, 136]);

/** `echoId` tells connections of ICMP apart. `isAnswer`: the second packet of a connection instead of the first. */
export function encodePacket(packet: JudgedPacket, id: number, echoId: number, isAnswer: boolean): Uint8Array {
  return wrap(packet, id, transportOf(packet, echoId, isAnswer));
}

/** What says that nobody listens at a port. */
export function errorOf(version: IpVersion) {
  return version === 4
    ? { protocol: icmp4, icmp: { type: 3, code: 3 } }
    : { protocol: icmp6, icmp: { type: 1, code: 4 } };
}

/** Such an error about the packet that went the other way as `original`. */
export function encodeError(packet: JudgedPacket, id: number, original: Uint8Array): Uint8Array {
  const quoted = original.subarray(0, (addressVersion(packet.source) === 4 ? 20 : 40) + 8);
  const error = new Uint8Array(8 + quoted.length);
  error.set([packet.icmp?.type ?? 0, packet.icmp?.code ?? 0]);
  error.set(quoted, 8);
  return wrap(packet, id, error);
}

type Ends = Pick<JudgedPacket, "source" | "destination" | "protocol">;

function transportOf({ source, protocol, ports, icmp }: JudgedPacket, echoId: number, isAnswer: boolean): Uint8Array {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  if (ports !== undefined) for (const [at, port] of ports.entries()) view.setUint16(at * 2, port);
  if (protocol === tcp) {
    view.setUint32(4, isAnswer ? 9000 : 1000);
    view.setUint32(8, isAnswer ? 1001 : 0);
    // Twenty octets of header; SYN and ACK.
    view.setUint16(12, 0x5002 | (isAnswer ? 0x10 : 0));
    view.setUint16(14, 65_535);
    return bytes.subarray(0, 20);
  }
  if (protocol === sctp) {
    // The first chunk is INIT, with a tag, a window and one stream each way; its answer INIT ACK under that tag.
    view.setUint32(4, isAnswer ? 7 : 0);
    bytes[12] = isAnswer ? 2 : 1;
    view.setUint16(14, 20);
    view.setUint32(16, 7);
    view.setUint32(20, 65_535);
    view.setUint32(24, 0x0001_0001);
    const whole = new Uint8Array(32);
    whole.set(bytes);
    return whole;
  }
  if (icmp !== undefined) {
    bytes.set([icmp.type, icmp.code]);
    view.setUint16(4, echoId);
    view.setUint16(6, 1);
    return bytes;
  }
  if (ports !== undefined) {
    view.setUint16(4, protocol === udpLite ? 8 : bytes.length);
    // A checksum of zero would be none; nobody checks it.
    view.setUint16(6, addressVersion(source) === 6 || protocol === udpLite ? 1 : 0);
  }
  return bytes;
}

function wrap({ source, destination, protocol }: Ends, id: number, payload: Uint8Array): Uint8Array {
  const isIpv4 = addressVersion(source) === 4;
  const header = new Uint8Array(isIpv4 ? 20 : 40);
  const view = new DataView(header.buffer);
  if (isIpv4) {
    header[0] = 0x45;
    view.setUint16(2, 20 + payload.length);
    view.setUint16(4, id);
    header.set([64, protocol], 8);
  } else {
    // The number is the flow label.
    view.setUint32(0, 0x6000_0000 | id);
    view.setUint16(4, payload.length);
    header.set([protocol, 64], 6);
  }
  header.set(addressToBytes(source), isIpv4 ? 12 : 8);
  header.set(addressToBytes(destination), isIpv4 ? 16 : 24);
  if (isIpv4) view.setUint16(10, checksum(header));
  const whole = new Uint8Array(header.length + payload.length);
  whole.set(header);
  whole.set(payload, header.length);
  return whole;
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export function toFrame(packet: Uint8Array, target: string): Uint8Array {
  const frame = new Uint8Array(14 + packet.length);
  frame.set(target.split(":").map((octet) => Number.parseInt(octet, 16)));
  frame.set([0x02, 0, 0, 0, 0xff, 0xff], 6);
  new DataView(frame.buffer).setUint16(12, packet[0]! >> 4 === 4 ? etherTypes[4] : etherTypes[6]);
  frame.set(packet, 14);
  return frame;
}

export type SeenPacket = Ends & { readonly id: number };

/** Undefined when the frame carries no IP. */
export function readFrame(frame: Uint8Array): SeenPacket | undefined {
  if (frame.length < 34) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const type = view.getUint16(12);
  const addressAt = (at: number, octets: number): IpAddress => addressFromBytes(frame.slice(at, at + octets));
  if (type === etherTypes[4]) {
    return { id: view.getUint16(18), protocol: frame[23]!, source: addressAt(26, 4), destination: addressAt(30, 4) };
  }
  if (type !== etherTypes[6] || frame.length < 54) return undefined;
  const id = view.getUint32(14) & 0xf_ffff;
  return { id, protocol: frame[20]!, source: addressAt(22, 16), destination: addressAt(38, 16) };
}
