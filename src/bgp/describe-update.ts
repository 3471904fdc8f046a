import { addressFromBytes } from "../lib/index.ts";
import { type AsPath, type AsSegment, asPathLength, readAsPath } from "./as-path.ts";
import { type RawAttribute, isKnownAttribute, readAttributes, splitAttributes } from "./attribute-reader.ts";
import type { PathAttributes } from "./attributes.ts";
import type { Family } from "./config.ts";
import { attributeFlag, attributeType, familyOf, headerBytes } from "./numbers.ts";
import { OctetReader } from "./octets.ts";
import { keyToCidr } from "./prefix-key.ts";
import type { Announcement, Update, UpdateContext, Withdrawal } from "./update.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * An UPDATE as plain values. What is not in the meaning but in the octets, and is needed to write them again as they were,
 * stands in `wire`; it is absent from most messages that are written as our speaker writes them.
 */
export function describeUpdate(update: Update, bytes: Uint8Array, context: UpdateContext): Json {
  const body = new OctetReader(bytes.subarray(headerBytes));
  body.take(body.u16());
  const raw = splitAttributes(body.take(body.u16()));
  const { attributes } = readAttributes(raw, context);
  const list = raw.list.filter(({ type }, i) => raw.list.findIndex((one) => one.type === type) === i);
  const wire = describeWire(list, update, { hasPlainPrefixes: body.left > 0, isFourOctetAs: context.isFourOctetAs });
  const ignored = list.flatMap(describeIgnored);
  return {
    type: "update",
    attributes: describeAttributes(attributes, list),
    announce: update.announced.flatMap((routes) =>
      describeRoutes(routes).map(({ family, prefix, ...pathId }) => ({
        family,
        prefix,
        nextHop: routes.set.attributes.nextHop ?? null,
        ...pathId,
      })),
    ),
    withdraw: update.withdrawn.flatMap(describeRoutes),
    ...(update.endOfRib === undefined ? {} : { endOfRib: update.endOfRib }),
    ...(list.some(({ type }) => type === attributeType.asPath)
      ? { asPathText: asPathText(attributes.asPath), asPathHops: asPathLength(attributes.asPath) }
      : {}),
    ...(ignored.length === 0 ? {} : { ignored }),
    ...(update.complaint === "" ? {} : { complaint: update.complaint }),
    ...(Object.keys(wire).length === 0 ? {} : { wire }),
  };
}

function describeRoutes({ family, keys, pathIds }: Withdrawal) {
  return keys.map((key, i) => ({
    family,
    prefix: keyToCidr(key, family),
    ...(pathIds === undefined ? {} : { pathId: pathIds[i] ?? 0 }),
  }));
}

/** AFI and SAFI of routes that are passed over, and attributes that mean nothing to us and go no further. */
function describeIgnored(attribute: RawAttribute): string[] {
  const { type, flags, value } = attribute;
  if (isMultiprotocol(attribute)) {
    const { afi, safi, family } = readFamily(value);
    return family === undefined ? [`afi ${afi} safi ${safi}`] : [];
  }
  const isPassedOn = isKnownAttribute(type) || (flags & attributeFlag.transitive) !== 0;
  return isPassedOn ? [] : [`attribute ${type}`];
}

function isMultiprotocol({ type }: RawAttribute): boolean {
  return type === attributeType.mpReach || type === attributeType.mpUnreach;
}

function readFamily(value: Uint8Array): { afi: number; safi: number; family: Family | undefined } {
  const reader = new OctetReader(value);
  const [afi, safi] = [reader.u16(), reader.u8()];
  return { afi, safi, family: familyOf(afi, safi) };
}

type WireContext = { readonly hasPlainPrefixes: boolean; readonly isFourOctetAs: boolean };

function describeWire(list: readonly RawAttribute[], update: Update, context: WireContext): Json {
  const order = list.map(({ type }) => type);
  const wide = list.filter(({ flags, value }) => (flags & attributeFlag.extendedLength) !== 0 && value.length < 256);
  const partial = list.filter(({ type, flags }) => isKnownAttribute(type) && (flags & attributeFlag.partial) !== 0);
  const find = (type: number) => list.find((attribute) => attribute.type === type);
  const nextHop = find(attributeType.nextHop);
  const hasOwnNextHop = nextHop?.value.length === 4 && !context.hasPlainPrefixes;
  return {
    ...(order.every((type, i) => type === order.toSorted(compareTypes)[i]) ? {} : { order }),
    ...some("wide", types(wide)),
    ...some("partial", types(partial)),
    ...(hasOwnNextHop ? { nextHop: addressFromBytes(nextHop.value) } : {}),
    ...(context.isFourOctetAs ? {} : describeAs4(find)),
    ...some("passed", list.filter((attribute) => isPassed(attribute, update)).map(describeUnknown)),
    ...describeMultiprotocol(find, update),
  };
}

function types(list: readonly RawAttribute[]): number[] {
  return list.map(({ type }) => type);
}

/** As our speaker writes them: the multiprotocol ones in front (RFC 7606 section 5.1). */
export function compareTypes(a: number, b: number): number {
  return rankOf(a) - rankOf(b);
}

function rankOf(type: number): number {
  return type === attributeType.mpReach || type === attributeType.mpUnreach ? type - 256 : type;
}

function some(name: string, values: readonly unknown[]): Json {
  return values.length === 0 ? {} : { [name]: values };
}

type Find = (type: number) => RawAttribute | undefined;

/** AS4_PATH and AS4_AGGREGATOR as they came, beside the AS numbers that were merged of them. */
function describeAs4(find: Find): Json {
  const path = find(attributeType.as4Path);
  const segments = path === undefined ? undefined : readAsPath(new OctetReader(path.value), true);
  const aggregator = find(attributeType.as4Aggregator)?.value;
  return {
    ...(segments === undefined ? {} : { as4Path: segments.map(describeSegment) }),
    ...(aggregator?.length === 8 ? { as4Aggregator: aggregator.toHex() } : {}),
  };
}

/** Nothing of it is told elsewhere. An End-of-RIB tells its family. */
function isPassed(attribute: RawAttribute, { endOfRib }: Update): boolean {
  const { type, flags, value } = attribute;
  if (!isMultiprotocol(attribute)) return !isKnownAttribute(type) && (flags & attributeFlag.transitive) === 0;
  if (readFamily(value).family === undefined) return true;
  return !hasPrefixes(attribute) && (type === attributeType.mpReach || endOfRib === undefined);
}

function hasPrefixes(attribute: RawAttribute | undefined): boolean {
  if (attribute === undefined) return false;
  const { type, value } = attribute;
  return value.length > (type === attributeType.mpReach ? 5 + (value[3] ?? 0) : 3);
}

/** A link-local next hop beside the global one, and how many of the last IPv4 routes stand in MP attributes without need. */
function describeMultiprotocol(find: Find, { announced, withdrawn, endOfRib }: Update): Json {
  const [reach, unreach] = [find(attributeType.mpReach), find(attributeType.mpUnreach)];
  const last = hasPrefixes(reach) ? announced.at(-1) : undefined;
  const linkLocal = announced.map(({ set }) => set.attributes.linkLocalNextHop).find((hop) => hop !== undefined);
  const announcedV4 = isV4(reach) && last !== undefined && isPlainNextHop(last) ? last.keys.length : 0;
  const withdrawnV4 = isV4(unreach) && hasPrefixes(unreach) ? (withdrawn.at(-1)?.keys.length ?? 0) : 0;
  return {
    ...(linkLocal === undefined ? {} : { linkLocalNextHop: linkLocal }),
    ...(announcedV4 === 0 ? {} : { announcedV4 }),
    ...(withdrawnV4 === 0 ? {} : { withdrawnV4 }),
    ...(isV4(unreach) && endOfRib !== undefined ? { isEndInMultiprotocol: true } : {}),
  };
}

function isV4(attribute: RawAttribute | undefined): boolean {
  return attribute !== undefined && readFamily(attribute.value).family === "ipv4-unicast";
}

function isPlainNextHop({ set }: Announcement): boolean {
  return set.attributes.nextHop?.includes(":") === false;
}

export const originNames = ["igp", "egp", "incomplete"] as const;

/** Those that are there. */
function describeAttributes(attributes: PathAttributes, list: readonly RawAttribute[]): Json {
  const has = (type: number) => list.some((attribute) => attribute.type === type);
  const { med, localPref, originatorId, aggregator } = attributes;
  const origin = originNames[attributes.origin];
  const unknown = list.filter(({ type, flags }) => !isKnownAttribute(type) && (flags & attributeFlag.transitive) !== 0);
  return {
    ...(has(attributeType.origin) && origin !== undefined ? { origin } : {}),
    ...(has(attributeType.asPath) ? { asPath: attributes.asPath.map(describeSegment) } : {}),
    ...(med === undefined ? {} : { med }),
    ...(localPref === undefined ? {} : { localPref }),
    ...some(
      "communities",
      attributes.communities.map((value) => `${value >>> 16}:${value & 0xffff}`),
    ),
    ...some(
      "largeCommunities",
      attributes.largeCommunities.map((parts) => parts.join(":")),
    ),
    ...some(
      "extendedCommunities",
      attributes.extendedCommunities.map((value) => value.toString(16).padStart(16, "0")),
    ),
    ...(originatorId === undefined ? {} : { originatorId }),
    ...some("clusterList", attributes.clusterList),
    ...(attributes.isAtomicAggregate ? { atomicAggregate: true } : {}),
    ...(aggregator === undefined ? {} : { aggregator: `${aggregator.asNumber}:${aggregator.address}` }),
    ...some("unknown", unknown.map(describeUnknown)),
  };
}

function describeUnknown({ type, flags, value }: RawAttribute): Json {
  return { type, flags: flags & ~attributeFlag.extendedLength, value: value.toHex() };
}

export const segmentNames = {
  sequence: "sequence",
  set: "set",
  confedSequence: "confed-sequence",
  confedSet: "confed-set",
} as const;

function describeSegment({ type, asNumbers }: AsSegment): { readonly type: string; readonly asns: readonly number[] } {
  return { type: segmentNames[type], asns: asNumbers };
}

/** As routers show it: `1 2 {3,4} (5 6) [7,8]`, sets in ascending order without repeats. */
function asPathText(path: AsPath): string {
  return path
    .map(({ type, asNumbers }) => {
      const members = [...new Set(asNumbers)].sort((a, b) => a - b).join(",");
      switch (type) {
        case "sequence":
          return asNumbers.join(" ");
        case "set":
          return `{${members}}`;
        case "confedSequence":
          return `(${asNumbers.join(" ")})`;
        case "confedSet":
          return `[${members}]`;
      }
    })
    .join(" ");
}
