import {
  type Cidr,
  type IpAddress,
  type IpVersion,
  type NetlinkAttributes,
  type NetlinkWriter,
  addressFromBytes,
  addressToBytes,
  addressVersion,
  cidrFromBytes,
  cidrLength,
  cidrVersion,
  readAttributes,
  readU16,
  readU32,
} from "../lib/index.ts";
import { FamilyHeader, u32 } from "./family-header.ts";
import { addressSize, familyOf, versionOf } from "./family.ts";

/** RTN_ types; their place is their number. */
const types = [
  "unspecified",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
] as const;

export type RouteType = (typeof types)[number];

const scopes = ["universe", "site", "link", "host", "nowhere"] as const;

/** How far the destination is: beyond a gateway, on the link, on this host. IPv6 knows universe only. */
export type RouteScope = (typeof scopes)[number];

/** One way of a route that has several. */
export type RouteHop = {
  readonly linkIndex?: number;
  readonly gateway?: IpAddress;
  /** 1 to 256. */
  readonly weight: number;
  readonly isOnlink?: boolean;
};

export type Route = {
  readonly destination: Cidr;
  readonly table: number;
  /** Who wrote it (rtm_protocol). */
  readonly protocol: number;
  /** Lower wins. The kernel makes 1024 of an IPv6 route's 0. */
  readonly metric: number;
  readonly type: RouteType;
  readonly scope: RouteScope;
  readonly linkIndex?: number;
  /** Of either version; an IPv4 route may have an IPv6 gateway. */
  readonly gateway?: IpAddress;
  /** The gateway is on the link although no address of ours says so. */
  readonly isOnlink?: boolean;
  /** The next-hop object that says the way; then link, gateway and nextHops are absent. */
  readonly nextHopId?: number;
  /** The source address of this host's own packets. */
  readonly source?: IpAddress;
  /** ECMP without next-hop objects; then link and gateway are absent. */
  readonly nextHops?: readonly RouteHop[];
};

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTA_NH_ID = 30;
const RTNH_F_ONLINK = 4;
const RTM_F_CLONED = 0x200;
const headerBytes = 12;

const scopeNumbers: Readonly<Record<RouteScope, number>> = {
  universe: 0,
  site: 200,
  link: 253,
  host: 254,
  nowhere: 255,
};

export function writeRoute(writer: NetlinkWriter, route: Route): void {
  const version = cidrVersion(route.destination);
  writeHeader(writer, route, scopeNumbers[route.scope]);
  if (route.source !== undefined) writer.address(RTA_PREFSRC, route.source);
  if (route.nextHopId !== undefined) return writer.u32(RTA_NH_ID, route.nextHopId);
  if (route.nextHops !== undefined) return writeHops(writer, route.nextHops, version);
  if (route.linkIndex !== undefined) writer.u32(RTA_OIF, route.linkIndex);
  if (route.gateway !== undefined) writeGateway(writer, route.gateway, version);
}

/**
 * Body of RTM_DELROUTE: names the route's key, protocol and type. So a route of somebody else that took the key
 * since is left alone, and one whose way has changed since goes all the same.
 */
export function writeRouteKey(writer: NetlinkWriter, route: Route): void {
  writeHeader(writer, route, scopeNumbers.nowhere);
}

/** Body of RTM_GETROUTE. Needs a socket that checks strictly: otherwise the table is not looked at. */
export function writeRouteQuery(writer: NetlinkWriter, version: IpVersion, table?: number): void {
  writer.header([familyOf(version), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (table !== undefined) writer.u32(RTA_TABLE, table);
}

function writeHeader(writer: NetlinkWriter, route: Route, scope: number): void {
  const isOnlink = route.isOnlink === true && route.nextHops === undefined;
  writer.header([
    familyOf(cidrVersion(route.destination)),
    cidrLength(route.destination),
    0,
    0,
    route.table < 256 ? route.table : 0,
    route.protocol,
    scope,
    types.indexOf(route.type),
    isOnlink ? RTNH_F_ONLINK : 0,
    0,
    0,
    0,
  ]);
  writer.address(RTA_DST, route.destination);
  if (route.table > 255) writer.u32(RTA_TABLE, route.table);
  if (route.metric !== 0) writer.u32(RTA_PRIORITY, route.metric);
}

function writeGateway(writer: NetlinkWriter, gateway: IpAddress, version: IpVersion): void {
  const gatewayVersion = addressVersion(gateway);
  if (gatewayVersion === version) writer.address(RTA_GATEWAY, gateway);
  else writer.attribute(RTA_VIA, [familyOf(gatewayVersion), 0, ...addressToBytes(gateway)]);
}

/** struct rtnexthop, each with attributes of its own. */
function writeHops(writer: NetlinkWriter, hops: readonly RouteHop[], version: IpVersion): void {
  writer.nest(RTA_MULTIPATH, () => {
    for (const hop of hops) {
      const flags = hop.isOnlink === true ? RTNH_F_ONLINK : 0;
      const sizeBytes = 8 + gatewayBytes(hop.gateway, version);
      writer.header([sizeBytes, 0, flags, (hop.weight - 1) & 0xff, ...u32(hop.linkIndex ?? 0)]);
      if (hop.gateway !== undefined) writeGateway(writer, hop.gateway, version);
    }
  });
}

/** What `writeGateway` takes, padding included. */
function gatewayBytes(gateway: IpAddress | undefined, version: IpVersion): number {
  if (gateway === undefined) return 0;
  const gatewayVersion = addressVersion(gateway);
  const payload = addressSize(gatewayVersion) + (gatewayVersion === version ? 0 : 2);
  return 4 + ((payload + 3) & ~3);
}

/** Undefined for cached copies (RTM_F_CLONED), other families and what is too short or makes no sense. */
export function readRoute(body: Uint8Array): Route | undefined {
  const header = FamilyHeader.read(body, headerBytes);
  const version = header === undefined ? undefined : versionOf(header.u8(0));
  if (header === undefined || version === undefined) return undefined;
  const type = types[header.u8(7)];
  const flags = header.u32(8);
  if (type === undefined || (flags & RTM_F_CLONED) !== 0) return undefined;
  const attributes = readAttributes(body.subarray(headerBytes));
  const destination = readDestination(attributes.get(RTA_DST), version, header.u8(1));
  if (destination === undefined) return undefined;
  const table = attributes.get(RTA_TABLE);
  const metric = attributes.get(RTA_PRIORITY);
  const source = readAddress(attributes.get(RTA_PREFSRC));
  return {
    destination,
    table: table === undefined ? header.u8(4) : readU32(table),
    protocol: header.u8(5),
    metric: metric === undefined ? 0 : readU32(metric),
    type,
    scope: scopes.find((scope) => scopeNumbers[scope] === header.u8(6)) ?? "universe",
    ...readWay(attributes, type, flags),
    ...(source === undefined ? {} : { source }),
  };
}

type Way = Pick<Route, "linkIndex" | "gateway" | "isOnlink" | "nextHopId" | "nextHops">;

function readWay(attributes: NetlinkAttributes, type: RouteType, flags: number): Way {
  // Beside the id the kernel repeats what the next-hop object says, for old readers.
  const id = attributes.get(RTA_NH_ID);
  if (id !== undefined) return { nextHopId: readU32(id) };
  const hops = attributes.get(RTA_MULTIPATH);
  if (hops !== undefined) return { nextHops: readHops(hops) };
  const link = attributes.get(RTA_OIF);
  return {
    // IPv6 puts the routes that lead nowhere on the loopback link.
    ...(link === undefined || isDeadEnd(type) ? {} : { linkIndex: readU32(link) }),
    ...readHopWay(attributes, flags),
  };
}

function isDeadEnd(type: RouteType): boolean {
  return type === "blackhole" || type === "unreachable" || type === "prohibit" || type === "throw";
}

function readHops(bytes: Uint8Array): RouteHop[] {
  const hops: RouteHop[] = [];
  let offset = 0;
  while (offset + 8 <= bytes.length) {
    const sizeBytes = readU16(bytes.subarray(offset));
    if (sizeBytes < 8 || offset + sizeBytes > bytes.length) break;
    const attributes = readAttributes(bytes.subarray(offset + 8, offset + sizeBytes));
    const linkIndex = readU32(bytes.subarray(offset + 4));
    hops.push({
      ...(linkIndex === 0 ? {} : { linkIndex }),
      ...readHopWay(attributes, bytes[offset + 2] ?? 0),
      weight: (bytes[offset + 3] ?? 0) + 1,
    });
    offset += (sizeBytes + 3) & ~3;
  }
  return hops;
}

function readHopWay(attributes: NetlinkAttributes, flags: number): Pick<Route, "gateway" | "isOnlink"> {
  const gateway = readAddress(attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(2));
  return {
    ...(gateway === undefined ? {} : { gateway }),
    ...((flags & RTNH_F_ONLINK) === 0 ? {} : { isOnlink: true }),
  };
}

function readDestination(bytes: Uint8Array | undefined, version: IpVersion, length: number): Cidr | undefined {
  const size = addressSize(version);
  const address = bytes ?? new Uint8Array(size);
  return address.length === size && length <= size * 8 ? cidrFromBytes(address, length) : undefined;
}

function readAddress(bytes: Uint8Array | undefined): IpAddress | undefined {
  return bytes?.length === 4 || bytes?.length === 16 ? addressFromBytes(bytes) : undefined;
}
