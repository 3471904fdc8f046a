import { type IpAddress, addressToBytes, addressVersion } from "../lib/index.ts";
import { type AsPath, asPathLength, needsAs4Path, neighbourAs, plainPath, writeAsPath } from "./as-path.ts";
import type { LargeCommunity } from "./config.ts";
import { asTrans, attributeFlag, attributeType } from "./numbers.ts";
import { OctetWriter } from "./octets.ts";

export type Aggregator = { readonly asNumber: number; readonly address: IpAddress };

/** An optional transitive attribute that we do not know: passed on with the Partial bit. `flags` as they came. */
export type UnknownAttribute = { readonly type: number; readonly flags: number; readonly value: Uint8Array };

/** The path attributes of RFC 4271 and its kin as values. Lists are empty when the attribute is absent. */
export type PathAttributes = {
  /** 0 IGP, 1 EGP, 2 incomplete. */
  readonly origin: number;
  readonly asPath: AsPath;
  /** Absent on our own routes: what the peer is told depends on the session. */
  readonly nextHop?: IpAddress;
  readonly linkLocalNextHop?: IpAddress;
  readonly med?: number;
  readonly localPref?: number;
  readonly isAtomicAggregate: boolean;
  readonly aggregator?: Aggregator;
  readonly communities: readonly number[];
  readonly extendedCommunities: readonly bigint[];
  readonly largeCommunities: readonly LargeCommunity[];
  readonly originatorId?: IpAddress;
  readonly clusterList: readonly IpAddress[];
  readonly unknown: readonly UnknownAttribute[];
  /** Types of those that we know and that came with the Partial bit, which is never taken off (RFC 4271 section 5). */
  readonly partial?: readonly number[];
};

/** One object for many routes: two routes of the same octets share it, so that work is done once a set. */
export type AttributeSet = {
  readonly attributes: PathAttributes;
  readonly asPathLength: number;
  readonly neighbourAs: number | undefined;
};

export function makeAttributeSet(attributes: PathAttributes): AttributeSet {
  return {
    attributes,
    asPathLength: asPathLength(attributes.asPath),
    neighbourAs: neighbourAs(attributes.asPath),
  };
}

export const emptyAttributes: PathAttributes = {
  origin: 0,
  asPath: [],
  isAtomicAggregate: false,
  communities: [],
  extendedCommunities: [],
  largeCommunities: [],
  clusterList: [],
  unknown: [],
};

const wellKnown = attributeFlag.transitive;
const optional = attributeFlag.optional;
const optionalTransitive = attributeFlag.optional | attributeFlag.transitive;

type Writer = (body: OctetWriter) => void;
export type AttributeEntry = readonly [type: number, flags: number, write: Writer];

/**
 * All attributes but MP_REACH_NLRI and MP_UNREACH_NLRI, in the order of their types. An IPv6 next hop is left out, since
 * it travels in MP_REACH_NLRI. What we do not know gets the Partial bit.
 */
export function writeAttributes(attributes: PathAttributes, isFourOctetAs: boolean): Uint8Array {
  const others = attributes.unknown.map(
    ({ type, flags, value }): AttributeEntry => [type, flags | attributeFlag.partial, (body) => body.put(value)],
  );
  const entries = [...listAttributes(attributes, isFourOctetAs), ...others];
  const writer = new OctetWriter(128);
  for (const [type, flags, write] of entries.sort(([a], [b]) => a - b)) writeAttribute(writer, flags, type, write);
  return writer.finish();
}

/** Those that are there and that we know, in no order. */
export function listAttributes(attributes: Partial<PathAttributes>, isFourOctetAs: boolean): AttributeEntry[] {
  const { partial = [] } = attributes;
  return listKnown(attributes, isFourOctetAs).map(([type, flags, write]) => [
    type,
    partial.includes(type) ? flags | attributeFlag.partial : flags,
    write,
  ]);
}

function listKnown(attributes: Partial<PathAttributes>, isFourOctetAs: boolean): AttributeEntry[] {
  const { origin, asPath, nextHop, med, localPref, aggregator, originatorId } = attributes;
  const list: AttributeEntry[] = [];
  const add = (flags: number, type: number, write: Writer) => list.push([type, flags, write]);
  if (origin !== undefined) add(wellKnown, attributeType.origin, (body) => body.u8(origin));
  if (asPath !== undefined) {
    add(wellKnown, attributeType.asPath, (body) => writeAsPath(body, asPath, isFourOctetAs));
  }
  if (nextHop !== undefined && addressVersion(nextHop) === 4) {
    add(wellKnown, attributeType.nextHop, (body) => body.put(addressToBytes(nextHop)));
  }
  if (med !== undefined) add(optional, attributeType.med, (body) => body.u32(med));
  if (localPref !== undefined) add(wellKnown, attributeType.localPref, (body) => body.u32(localPref));
  if (attributes.isAtomicAggregate === true) add(wellKnown, attributeType.atomicAggregate, () => {});
  if (aggregator !== undefined) {
    add(optionalTransitive, attributeType.aggregator, (body) => writeAggregator(body, aggregator, isFourOctetAs));
  }
  if (originatorId !== undefined) {
    add(optional, attributeType.originatorId, (body) => body.put(addressToBytes(originatorId)));
  }
  return [...list, ...listLists(attributes), ...(isFourOctetAs ? [] : listAs4(attributes))];
}

function listLists(attributes: Partial<PathAttributes>): AttributeEntry[] {
  const { communities = [], clusterList = [], extendedCommunities = [], largeCommunities = [] } = attributes;
  const list: AttributeEntry[] = [];
  const add = <T>(
    flags: number,
    type: number,
    values: readonly T[],
    writeOne: (body: OctetWriter, value: T) => void,
  ) => {
    if (values.length === 0) return;
    list.push([
      type,
      flags,
      (body) => {
        for (const value of values) writeOne(body, value);
      },
    ]);
  };
  add(optionalTransitive, attributeType.communities, communities, (body, value) => body.u32(value));
  add(optional, attributeType.clusterList, clusterList, (body, value) => body.put(addressToBytes(value)));
  add(optionalTransitive, attributeType.extendedCommunities, extendedCommunities, (body, value) => body.u64(value));
  add(optionalTransitive, attributeType.largeCommunities, largeCommunities, (body, value) => {
    for (const part of value) body.u32(part);
  });
  return list;
}

/** RFC 6793: what does not fit into two octets travels beside, through a peer that knows no better. */
function listAs4({ asPath = [], aggregator }: Partial<PathAttributes>): AttributeEntry[] {
  const list: AttributeEntry[] = [];
  const plain = plainPath(asPath);
  if (needsAs4Path(plain)) {
    list.push([attributeType.as4Path, optionalTransitive, (body) => writeAsPath(body, plain, true)]);
  }
  if (aggregator !== undefined && aggregator.asNumber > 0xffff) {
    const write: Writer = (body) => writeAggregator(body, aggregator, true);
    list.push([attributeType.as4Aggregator, optionalTransitive, write]);
  }
  return list;
}

function writeAggregator(writer: OctetWriter, { asNumber, address }: Aggregator, isFourOctetAs: boolean): void {
  if (isFourOctetAs) writer.u32(asNumber);
  else writer.u16(asNumber > 0xffff ? asTrans : asNumber);
  writer.put(addressToBytes(address));
}

/** 4 or 16 octets. Unlike `addressToBytes` it leaves a v4-mapped IPv6 address the 16 that it has on the wire. */
export function addressOctets(address: IpAddress): Uint8Array {
  const octets = addressToBytes(address);
  if (octets.length === 16 || addressVersion(address) === 4) return octets;
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets);
}

/** Flags, type, length in one octet or, when it is needed or wanted, in two, and the value. */
export function writeAttribute(
  writer: OctetWriter,
  flags: number,
  type: number,
  writeBody: Writer,
  isWide = false,
): void {
  const start = writer.length;
  const kept = flags & ~attributeFlag.extendedLength;
  writer.u8(kept);
  writer.u8(type);
  writer.u8(0);
  writeBody(writer);
  const size = writer.length - start - 3;
  if (!isWide && size <= 255) {
    writer.setU8(start + 2, size);
    return;
  }
  writer.setU8(start, kept | attributeFlag.extendedLength);
  writer.insertU8(start + 2, 0);
  writer.setU16(start + 2, size);
}
