import {
  type IpAddress,
  type NetlinkWriter,
  addressFromBytes,
  addressToBytes,
  addressVersion,
  readAttributes,
} from "../lib/index.ts";
import { FamilyHeader, u32 } from "./family-header.ts";
import { addressSize, familyOf, versionOf } from "./family.ts";
import { formatMac, macBytes } from "./mac.ts";

/** NUD_ states; each but the first is one bit, in this order. */
const states = ["none", "incomplete", "reachable", "stale", "delay", "probe", "failed", "noarp", "permanent"] as const;

export type NeighbourState = (typeof states)[number];

/** Which link-layer address an IP address has (ARP and ND tables). */
export type Neighbour = {
  readonly linkIndex: number;
  readonly address: IpAddress;
  /** Empty while it is not known. */
  readonly mac: string;
  readonly state: NeighbourState;
  /** Who wrote it, as a route protocol number; absent when nobody said so. */
  readonly protocol?: number;
};

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_PROTOCOL = 12;
const NTF_PROXY = 8;

function stateNumber(state: NeighbourState): number {
  return state === "none" ? 0 : 1 << (states.indexOf(state) - 1);
}

export function writeNeighbour(writer: NetlinkWriter, neighbour: Neighbour): void {
  writer.header([
    familyOf(addressVersion(neighbour.address)),
    0,
    0,
    0,
    ...u32(neighbour.linkIndex),
    stateNumber(neighbour.state),
    0,
    0,
    0,
  ]);
  writer.attribute(NDA_DST, addressToBytes(neighbour.address));
  if (neighbour.mac !== "") writer.attribute(NDA_LLADDR, macBytes(neighbour.mac));
  if (neighbour.protocol !== undefined) writer.u8(NDA_PROTOCOL, neighbour.protocol);
}

/** Body of RTM_GETNEIGH: all neighbours of both versions. */
export function writeNeighbourQuery(writer: NetlinkWriter): void {
  writer.header(new Uint8Array(12));
}

/** Undefined for proxy entries, bridge forwarding entries and what is too short. */
export function readNeighbour(body: Uint8Array): Neighbour | undefined {
  const header = FamilyHeader.read(body, 12);
  const version = header === undefined ? undefined : versionOf(header.u8(0));
  if (header === undefined || version === undefined || (header.u8(10) & NTF_PROXY) !== 0) return undefined;
  const attributes = readAttributes(body.subarray(12));
  const address = attributes.get(NDA_DST);
  const protocol = attributes.get(NDA_PROTOCOL)?.[0];
  if (address?.length !== addressSize(version)) return undefined;
  return {
    linkIndex: header.u32(4),
    address: addressFromBytes(address),
    mac: formatMac(attributes.get(NDA_LLADDR)),
    state: states.find((state) => stateNumber(state) === header.u16(8)) ?? "none",
    ...(protocol === undefined || protocol === 0 ? {} : { protocol }),
  };
}
