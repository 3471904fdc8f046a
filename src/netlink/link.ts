import { type NetlinkWriter, readAttributes, readText, readU32 } from "../lib/index.ts";
import { formatMac, macBytes } from "./mac.ts";
import { FamilyHeader, u32 } from "./family-header.ts";

/** A network interface, as far as we look at it. */
export type Link = {
  readonly index: number;
  readonly name: string;
  /** `ee:ee:ee:ee:ee:ee`; empty for links without link-layer addresses. */
  readonly mac: string;
  readonly mtu: number;
  /** Switched on (IFF_UP). */
  readonly isUp: boolean;
  /** Switched on and its carrier is there (IFF_LOWER_UP). */
  readonly isRunning: boolean;
  /**
   * The kernel has taken note of the carrier (RFC 2863: up): until then what is sent by the link is thrown away. Loopback, and
   * drivers that know no carrier, never tell.
   */
  readonly isOperational?: true;
  /** `veth`, `bridge` ...; absent for real cards and loopback. */
  readonly kind?: string;
  /** The other end of a veth; an index of the other end's namespace. */
  readonly peerIndex?: number;
  readonly masterIndex?: number;
  readonly alias?: string;
  readonly group: number;
};

export type VethToCreate = {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** The kernel takes none while it makes a link: a `setAlias` has to follow, which a route socket sees to. */
  readonly alias?: string;
  /** The other end, born in the namespace that `netnsFd` is a descriptor of. It has the same MTU. */
  readonly peer: { readonly name: string; readonly netnsFd?: number; readonly mac?: string };
};

export type LinkSettings = {
  readonly index: number;
  readonly isUp?: boolean;
  readonly mtu?: number;
  readonly mac?: string;
  readonly alias?: string;
  /** The new name; the kernel wants the link to be down for it. */
  readonly name?: string;
  readonly group?: number;
  /** 0 takes the link out of its bridge. */
  readonly masterIndex?: number;
  /** How IPv6 link-local addresses come about. "none": the kernel makes none. */
  readonly addrGenMode?: "eui64" | "none";
};

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;

const IFF_UP = 1;
const IFF_LOWER_UP = 0x10000;
const IF_OPER_UP = 6;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_AF_SPEC = 26;
const IFLA_GROUP = 27;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const AF_INET6 = 10;
const addrGenModes = { eui64: 0, none: 1 } as const;
const RTEXT_FILTER_SKIP_STATS = 8;

/** Body of RTM_NEWLINK that makes a pair. */
export function writeVeth(writer: NetlinkWriter, veth: VethToCreate): void {
  writer.header(linkHeader());
  writer.text(IFLA_IFNAME, veth.name);
  writer.attribute(IFLA_ADDRESS, macBytes(veth.mac));
  writer.u32(IFLA_MTU, veth.mtu);
  const { peer } = veth;
  writer.nest(IFLA_LINKINFO, () => {
    writer.text(IFLA_INFO_KIND, "veth");
    writer.nest(IFLA_INFO_DATA, () => {
      writer.nest(VETH_INFO_PEER, () => {
        writer.header(linkHeader());
        writer.text(IFLA_IFNAME, peer.name);
        if (peer.mac !== undefined) writer.attribute(IFLA_ADDRESS, macBytes(peer.mac));
        writer.u32(IFLA_MTU, veth.mtu);
        if (peer.netnsFd !== undefined) writer.u32(IFLA_NET_NS_FD, peer.netnsFd);
      });
    });
  });
}

/** Body of RTM_NEWLINK that makes a bridge: for labs, whose fabric may be one layer-2 segment. */
export function writeBridge(writer: NetlinkWriter, name: string): void {
  writer.header(linkHeader());
  writer.text(IFLA_IFNAME, name);
  writer.nest(IFLA_LINKINFO, () => writer.text(IFLA_INFO_KIND, "bridge"));
}

/**
 * Body of RTM_NEWLINK that changes a link, without what `writeAddrGenMode` does: the kernel refuses (EAFNOSUPPORT)
 * the one beside a link's creation, so that it always travels alone.
 */
export function writeLinkSettings(writer: NetlinkWriter, settings: LinkSettings): void {
  const change = settings.isUp === undefined ? 0 : IFF_UP;
  writer.header(linkHeader(settings.index, settings.isUp === true ? IFF_UP : 0, change));
  if (settings.name !== undefined) writer.text(IFLA_IFNAME, settings.name);
  if (settings.mac !== undefined) writer.attribute(IFLA_ADDRESS, macBytes(settings.mac));
  if (settings.mtu !== undefined) writer.u32(IFLA_MTU, settings.mtu);
  if (settings.alias !== undefined) writer.attribute(IFLA_IFALIAS, new TextEncoder().encode(settings.alias));
  if (settings.group !== undefined) writer.u32(IFLA_GROUP, settings.group);
  if (settings.masterIndex !== undefined) writer.u32(IFLA_MASTER, settings.masterIndex);
}

export function writeAddrGenMode(writer: NetlinkWriter, index: number, mode: "eui64" | "none"): void {
  writer.header(linkHeader(index));
  writer.nest(IFLA_AF_SPEC, () => {
    writer.nest(AF_INET6, () => writer.u8(IFLA_INET6_ADDR_GEN_MODE, addrGenModes[mode]));
  });
}

/** Body of RTM_NEWLINK for a link whose index is not known yet. */
export function writeAlias(writer: NetlinkWriter, name: string, alias: string): void {
  writer.header(linkHeader());
  writer.text(IFLA_IFNAME, name);
  writer.attribute(IFLA_IFALIAS, new TextEncoder().encode(alias));
}

/** Body of RTM_DELLINK. */
export function writeLinkIndex(writer: NetlinkWriter, index: number): void {
  writer.header(linkHeader(index));
}

/** Body of RTM_GETLINK: all links, or the one of that name. Counters are left out: they are half of the answer. */
export function writeLinkQuery(
  writer: NetlinkWriter,
  { name, index = 0 }: { name?: string; index?: number } = {},
): void {
  writer.header(linkHeader(index));
  if (name !== undefined) writer.text(IFLA_IFNAME, name);
  writer.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

/**
 * Undefined when the octets are too few to be a link, and for messages of a family: a bridge tells with RTM_DELLINK
 * (AF_BRIDGE) that a port has left it, which is not the end of the link.
 */
export function readLink(body: Uint8Array): Link | undefined {
  const header = FamilyHeader.read(body, 16);
  if (header === undefined || header.u8(0) !== 0) return undefined;
  const attributes = readAttributes(body.subarray(16));
  const flags = header.u32(8);
  const kind = readKind(attributes.get(IFLA_LINKINFO));
  const peer = attributes.get(IFLA_LINK);
  const master = attributes.get(IFLA_MASTER);
  const alias = attributes.get(IFLA_IFALIAS);
  return {
    index: header.u32(4),
    name: readText(attributes.get(IFLA_IFNAME) ?? new Uint8Array()),
    mac: formatMac(attributes.get(IFLA_ADDRESS)),
    mtu: readU32(attributes.get(IFLA_MTU) ?? new Uint8Array()),
    isUp: (flags & IFF_UP) !== 0,
    isRunning: (flags & IFF_LOWER_UP) !== 0,
    ...(attributes.get(IFLA_OPERSTATE)?.[0] === IF_OPER_UP ? { isOperational: true } : {}),
    ...(kind === undefined ? {} : { kind }),
    ...(peer === undefined || kind !== "veth" ? {} : { peerIndex: readU32(peer) }),
    ...(master === undefined ? {} : { masterIndex: readU32(master) }),
    ...(alias === undefined ? {} : { alias: readText(alias) }),
    group: readU32(attributes.get(IFLA_GROUP) ?? new Uint8Array()),
  };
}

function readKind(info: Uint8Array | undefined): string | undefined {
  const kind = info === undefined ? undefined : readAttributes(info).get(IFLA_INFO_KIND);
  return kind === undefined ? undefined : readText(kind);
}

/** struct ifinfomsg. */
function linkHeader(index = 0, flags = 0, change = 0): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, ...u32(index), ...u32(flags), ...u32(change)]);
}
