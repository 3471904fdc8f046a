import {
  type IpAddress,
  type IpVersion,
  type NetlinkMessage,
  type NetlinkWriter,
  addressFromBytes,
  addressToBytes,
  addressVersion,
  readAttributes,
  readU16be,
  readU32be,
} from "../lib/index.ts";

/** One direction of a connection, as the packets of that direction look. */
export type FlowTuple = {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** IANA's number. */
  readonly protocol: number;
  /** Source and destination, for protocols that have ports; of GRE the keys. */
  readonly ports?: readonly [number, number];
  readonly icmp?: { readonly id: number; readonly type: number; readonly code: number };
};

/** A connection that the kernel keeps track of (struct nf_conn). */
export type Flow = {
  /** Told apart by this from a later connection of the same tuple. */
  readonly id: number;
  readonly original: FlowTuple;
  readonly reply: FlowTuple;
};

export const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_NEW = 0;
export const CTA_TUPLE_ORIG = 1;
export const CTA_TUPLE_REPLY = 2;
export const CTA_ID = 12;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP = { source: { 4: 1, 6: 3 }, destination: { 4: 2, 6: 4 } } as const;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
/** CTA_PROTO_ICMP_ID and CTA_PROTO_ICMPV6_ID; type and code follow. */
const CTA_PROTO_ID = { 4: 4, 6: 7 } as const;
/** struct nfgenmsg. */
const headerBytes = 4;

/** Reads IPCTNL_MSG_CT_NEW; undefined for other messages, and for one that lacks a part. */
export function readFlow(message: NetlinkMessage): Flow | undefined {
  if (message.type !== ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW)) return undefined;
  const attributes = readAttributes(message.body.subarray(headerBytes));
  const original = readTuple(attributes.get(CTA_TUPLE_ORIG));
  const reply = readTuple(attributes.get(CTA_TUPLE_REPLY));
  const id = attributes.get(CTA_ID);
  if (original === undefined || reply === undefined || id === undefined) return undefined;
  return { id: readU32be(id), original, reply };
}

function readTuple(payload: Uint8Array | undefined): FlowTuple | undefined {
  if (payload === undefined) return undefined;
  const parts = readAttributes(payload);
  const addresses = readAttributes(parts.get(CTA_TUPLE_IP) ?? new Uint8Array());
  const version: IpVersion = addresses.has(CTA_IP.source[4]) ? 4 : 6;
  const source = readAddress(addresses.get(CTA_IP.source[version]), version);
  const destination = readAddress(addresses.get(CTA_IP.destination[version]), version);
  const proto = readAttributes(parts.get(CTA_TUPLE_PROTO) ?? new Uint8Array());
  const protocol = proto.get(CTA_PROTO_NUM)?.[0];
  if (source === undefined || destination === undefined || protocol === undefined) return undefined;
  const [from, to] = [proto.get(CTA_PROTO_SRC_PORT), proto.get(CTA_PROTO_DST_PORT)];
  if (from !== undefined && to !== undefined)
    return { source, destination, protocol, ports: [readU16be(from), readU16be(to)] };
  const first = CTA_PROTO_ID[version];
  const id = proto.get(first);
  if (id === undefined) return { source, destination, protocol };
  const [type = 0, code = 0] = [proto.get(first + 1)?.[0], proto.get(first + 2)?.[0]];
  return { source, destination, protocol, icmp: { id: readU16be(id), type, code } };
}

function readAddress(payload: Uint8Array | undefined, version: IpVersion): IpAddress | undefined {
  return payload?.length === (version === 4 ? 4 : 16) ? addressFromBytes(payload) : undefined;
}

/** `attribute`: CTA_TUPLE_ORIG or CTA_TUPLE_REPLY. */
export function writeTuple(writer: NetlinkWriter, attribute: number, tuple: FlowTuple): void {
  const version = addressVersion(tuple.source);
  const { protocol, ports, icmp } = tuple;
  writer.nest(attribute, () => {
    writeTupleAddresses(writer, tuple);
    writer.nest(CTA_TUPLE_PROTO, () => {
      writer.u8(CTA_PROTO_NUM, protocol);
      if (ports !== undefined) {
        writer.u16be(CTA_PROTO_SRC_PORT, ports[0]);
        writer.u16be(CTA_PROTO_DST_PORT, ports[1]);
      }
      if (icmp === undefined) return;
      const first = CTA_PROTO_ID[version];
      writer.u16be(first, icmp.id);
      writer.u8(first + 1, icmp.type);
      writer.u8(first + 2, icmp.code);
    });
  });
}

export function writeTupleAddresses(
  writer: NetlinkWriter,
  { source, destination }: Partial<Pick<FlowTuple, "source" | "destination">>,
): void {
  writer.nest(CTA_TUPLE_IP, () => {
    if (source !== undefined) writer.attribute(CTA_IP.source[addressVersion(source)], addressToBytes(source));
    if (destination !== undefined)
      writer.attribute(CTA_IP.destination[addressVersion(destination)], addressToBytes(destination));
  });
}
