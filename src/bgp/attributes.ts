import { type IpAddress, addressToBytes, addressVersion } from "../lib/index.ts";
import { type AsPath, asPathLength, needsAs4Path, neighbourAs, writeAsPath } from "./as-path.ts";
import type { LargeCommunity } from "./config.ts";
import { asTrans, attributeFlag, attributeType } from "./numbers.ts";
import { OctetWriter } from "./octets.ts";

export type Aggregator = { readonly asNumber: number; readonly address: IpAddress };

/** An optional transitive attribute that we do not know: passed on with the Partial bit. */
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

/**
 * All attributes but MP_REACH_NLRI and MP_UNREACH_NLRI, in order of their type. An IPv6 next hop is left out, since it
 * travels in MP_REACH_NLRI.
 */
export function writeAttributes(attributes: PathAttributes, isFourOctetAs: boolean): Uint8Array {
  const writer = new OctetWriter(128);
  const { asPath, nextHop, med, localPref, aggregator, originatorId } = attributes;
  writeAttribute(writer, wellKnown, attributeType.origin, (body) => body.u8(attributes.origin));
  writeAttribute(writer, wellKnown, attributeType.asPath, (body) => writeAsPath(body, asPath, isFourOctetAs));
  if (nextHop !== undefined && addressVersion(nextHop) === 4) {
    writeAttribute(writer, wellKnown, attributeType.nextHop, (body) => body.put(addressToBytes(nextHop)));
  }
  if (med !== undefined) writeAttribute(writer, optional, attributeType.med, (body) => body.u32(med));
  if (localPref !== undefined) {
    writeAttribute(writer, wellKnown, attributeType.localPref, (body) => body.u32(localPref));
  }
  if (attributes.isAtomicAggregate) writeAttribute(writer, wellKnown, attributeType.atomicAggregate, () => {});
  if (aggregator !== undefined) {
    const type = attributeType.aggregator;
    writeAttribute(writer, optionalTransitive, type, (body) => writeAggregator(body, aggregator, isFourOctetAs));
  }
  writeList(writer, optionalTransitive, attributeType.communities, attributes.communities, (body, value) =>
    body.u32(value),
  );
  if (originatorId !== undefined) {
    writeAttribute(writer, optional, attributeType.originatorId, (body) => body.put(addressToBytes(originatorId)));
  }
  writeList(writer, optional, attributeType.clusterList, attributes.clusterList, (body, value) =>
    body.put(addressToBytes(value)),
  );
  const extended = attributes.extendedCommunities;
  writeList(writer, optionalTransitive, attributeType.extendedCommunities, extended, (body, value) => body.u64(value));
  if (!isFourOctetAs) writeAs4(writer, attributes);
  writeList(writer, optionalTransitive, attributeType.largeCommunities, attributes.largeCommunities, (body, value) => {
    for (const part of value) body.u32(part);
  });
  for (const { type, flags, value } of attributes.unknown) {
    writeAttribute(writer, flags | attributeFlag.partial, type, (body) => body.put(value));
  }
  return writer.finish();
}

/** RFC 6793: what does not fit into two octets travels beside, through a peer that knows no better. */
function writeAs4(writer: OctetWriter, { asPath, aggregator }: PathAttributes): void {
  if (needsAs4Path(asPath)) {
    const plain = asPath.filter(({ type }) => type === "sequence" || type === "set");
    writeAttribute(writer, optionalTransitive, attributeType.as4Path, (body) => writeAsPath(body, plain, true));
  }
  if (aggregator !== undefined && aggregator.asNumber > 0xffff) {
    const type = attributeType.as4Aggregator;
    writeAttribute(writer, optionalTransitive, type, (body) => writeAggregator(body, aggregator, true));
  }
}

function writeAggregator(writer: OctetWriter, { asNumber, address }: Aggregator, isFourOctetAs: boolean): void {
  if (isFourOctetAs) writer.u32(asNumber);
  else writer.u16(asNumber > 0xffff ? asTrans : asNumber);
  writer.put(addressToBytes(address));
}

function writeList<T>(
  writer: OctetWriter,
  flags: number,
  type: number,
  values: readonly T[],
  writeOne: (body: OctetWriter, value: T) => void,
): void {
  if (values.length === 0) return;
  writeAttribute(writer, flags, type, (body) => {
    for (const value of values) writeOne(body, value);
  });
}

/** Flags, type, length in one octet or two, and the value. */
export function writeAttribute(
  writer: OctetWriter,
  flags: number,
  type: number,
  writeBody: (body: OctetWriter) => void,
): void {
  const body = new OctetWriter(64);
  writeBody(body);
  const isLong = body.length > 255;
  const kept = flags & ~attributeFlag.extendedLength;
  writer.u8(isLong ? kept | attributeFlag.extendedLength : kept);
  writer.u8(type);
  if (isLong) writer.u16(body.length);
  else writer.u8(body.length);
  writer.put(body.finish());
}
