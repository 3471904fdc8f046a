import {
  type IpAddress,
  type IpVersion,
  type NetlinkWriter,
  addressFromBytes,
  addressToBytes,
  readAttributes,
  readU32,
} from "../lib/index.ts";
import { FamilyHeader, u32 } from "./family-header.ts";
import { familyOf, versionOf } from "./family.ts";

/** A next-hop object, which many routes can name: replacing it moves them all at once. */
export type NextHop = {
  readonly id: number;
  /** Who wrote it, as a route protocol number. */
  readonly protocol: number;
  /** Of the gateway (and so of the routes, but for IPv4 routes by an IPv6 gateway). A group has none. */
  readonly version?: IpVersion;
  readonly linkIndex?: number;
  readonly gateway?: IpAddress;
  /** The gateway is on the link although no address of ours says so. */
  readonly isOnlink?: boolean;
  readonly isBlackhole?: boolean;
  /** Members of an ECMP group; weights 1 to 256. */
  readonly group?: readonly { readonly id: number; readonly weight: number }[];
};

export const RTM_NEWNEXTHOP = 104;
export const RTM_DELNEXTHOP = 105;
export const RTM_GETNEXTHOP = 106;

const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_BLACKHOLE = 4;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;
const RTNH_F_ONLINK = 4;

export function writeNextHop(writer: NetlinkWriter, nextHop: NextHop): void {
  // The kernel wants a group to have no family.
  const family = nextHop.group !== undefined || nextHop.version === undefined ? 0 : familyOf(nextHop.version);
  writer.header([family, 0, nextHop.protocol, 0, ...u32(nextHop.isOnlink === true ? RTNH_F_ONLINK : 0)]);
  writer.u32(NHA_ID, nextHop.id);
  if (nextHop.group !== undefined) {
    writer.attribute(
      NHA_GROUP,
      nextHop.group.flatMap(({ id, weight }) => [...u32(id), (weight - 1) & 0xff, 0, 0, 0]),
    );
    return;
  }
  if (nextHop.isBlackhole === true) return writer.flag(NHA_BLACKHOLE);
  if (nextHop.linkIndex !== undefined) writer.u32(NHA_OIF, nextHop.linkIndex);
  if (nextHop.gateway !== undefined) writer.attribute(NHA_GATEWAY, addressToBytes(nextHop.gateway));
}

/** Body of RTM_DELNEXTHOP. */
export function writeNextHopId(writer: NetlinkWriter, id: number): void {
  writer.header(new Uint8Array(8));
  writer.u32(NHA_ID, id);
}

/** Body of RTM_GETNEXTHOP: all of them. */
export function writeNextHopQuery(writer: NetlinkWriter): void {
  writer.header(new Uint8Array(8));
}

/** Undefined when it names no id. */
export function readNextHop(body: Uint8Array): NextHop | undefined {
  const header = FamilyHeader.read(body, 8);
  if (header === undefined) return undefined;
  const attributes = readAttributes(body.subarray(8));
  const id = attributes.get(NHA_ID);
  if (id === undefined) return undefined;
  const version = versionOf(header.u8(0));
  const link = attributes.get(NHA_OIF);
  const gateway = attributes.get(NHA_GATEWAY);
  const group = attributes.get(NHA_GROUP);
  const isBlackhole = attributes.has(NHA_BLACKHOLE);
  return {
    id: readU32(id),
    protocol: header.u8(2),
    ...(version === undefined || group !== undefined ? {} : { version }),
    // A blackhole is put on the loopback link by the kernel; that is no wish of anybody.
    ...(link === undefined || isBlackhole ? {} : { linkIndex: readU32(link) }),
    ...(gateway?.length === 4 || gateway?.length === 16 ? { gateway: addressFromBytes(gateway) } : {}),
    ...((header.u32(4) & RTNH_F_ONLINK) === 0 ? {} : { isOnlink: true }),
    ...(isBlackhole ? { isBlackhole } : {}),
    ...(group === undefined ? {} : { group: readGroup(group) }),
  };
}

/** struct nexthop_grp: id, weight less one, and three octets that we do not use. */
function readGroup(bytes: Uint8Array): { id: number; weight: number }[] {
  const members: { id: number; weight: number }[] = [];
  for (let offset = 0; offset + 8 <= bytes.length; offset += 8) {
    members.push({ id: readU32(bytes.subarray(offset)), weight: (bytes[offset + 4] ?? 0) + 1 });
  }
  return members;
}
