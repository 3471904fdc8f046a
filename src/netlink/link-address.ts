import {
  type IpAddress,
  type NetlinkWriter,
  addressFromBytes,
  addressToBytes,
  addressVersion,
  readAttributes,
  readU32,
} from "../lib/index.ts";
import { FamilyHeader, u32 } from "./family-header.ts";
import { addressSize, familyOf, versionOf } from "./family.ts";

/** An address of an interface. */
export type LinkAddress = {
  readonly linkIndex: number;
  readonly address: IpAddress;
  /** Bits of the prefix that the link is said to reach. */
  readonly length: number;
  readonly scope: "global" | "site" | "link" | "host";
  /** IPv6: usable at once, without asking the link whether somebody else has it. */
  readonly isNoDad?: boolean;
};

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 2;
const scopeNumbers = { global: 0, site: 200, link: 253, host: 254 } as const;

export function writeLinkAddress(writer: NetlinkWriter, address: LinkAddress): void {
  const family = familyOf(addressVersion(address.address));
  writer.header([family, address.length, 0, scopeNumbers[address.scope], ...u32(address.linkIndex)]);
  const bytes = addressToBytes(address.address);
  writer.attribute(IFA_LOCAL, bytes);
  writer.attribute(IFA_ADDRESS, bytes);
  if (address.isNoDad === true) writer.u32(IFA_FLAGS, IFA_F_NODAD);
}

/** Body of RTM_GETADDR: all addresses of both versions. */
export function writeLinkAddressQuery(writer: NetlinkWriter): void {
  writer.header(new Uint8Array(8));
}

/** Undefined when it is no IPv4 or IPv6 address. */
export function readLinkAddress(body: Uint8Array): LinkAddress | undefined {
  const header = FamilyHeader.read(body, 8);
  const version = header === undefined ? undefined : versionOf(header.u8(0));
  if (header === undefined || version === undefined) return undefined;
  const attributes = readAttributes(body.subarray(8));
  // On a point-to-point link IFA_ADDRESS is the other end.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (bytes?.length !== addressSize(version)) return undefined;
  const flags = readU32(attributes.get(IFA_FLAGS) ?? new Uint8Array());
  return {
    linkIndex: header.u32(4),
    address: addressFromBytes(bytes),
    length: header.u8(1),
    scope: scopeName(header.u8(3)),
    ...((flags & IFA_F_NODAD) === 0 ? {} : { isNoDad: true }),
  };
}

/** Numbers that an administrator made up lie between global and site, and count as global. */
function scopeName(number: number): LinkAddress["scope"] {
  if (number === scopeNumbers.site) return "site";
  if (number === scopeNumbers.link) return "link";
  return number === scopeNumbers.host ? "host" : "global";
}
