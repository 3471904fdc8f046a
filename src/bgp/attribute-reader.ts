import { addressFromBytes } from "../lib/index.ts";
import { mergeAs4Path, plainPath, readAsPath } from "./as-path.ts";
import { type Aggregator, type PathAttributes, type UnknownAttribute, emptyAttributes } from "./attributes.ts";
import type { LargeCommunity } from "./config.ts";
import { asTrans, attributeFlag, attributeType } from "./numbers.ts";
import { OctetReader } from "./octets.ts";

/** What about the session decides how attributes are read. */
export type AttributeContext = { readonly isInternal: boolean; readonly isFourOctetAs: boolean };

export type RawAttribute = {
  readonly flags: number;
  readonly type: number;
  readonly value: Uint8Array;
  /** Header and value within the attributes. */
  readonly whole: Uint8Array;
};

/**
 * Attributes cut apart. `cutType`: the last one runs over the end, and this would be its type (RFC 7606 section 4); 0
 * when not even that is there.
 */
export type RawAttributes = { readonly list: readonly RawAttribute[]; readonly cutType?: number };

export function splitAttributes(bytes: Uint8Array): RawAttributes {
  const reader = new OctetReader(bytes);
  const list: RawAttribute[] = [];
  while (reader.left > 0) {
    const start = reader.offset;
    const flags = reader.u8();
    const type = reader.u8();
    const value = reader.take((flags & attributeFlag.extendedLength) === 0 ? reader.u8() : reader.u16());
    if (reader.isFailed) return { list, cutType: type };
    list.push({ flags, type, value, whole: bytes.subarray(start, reader.offset) });
  }
  return { list };
}

/** RFC 7606: how bad it is. `discard` costs the attribute, `withdraw` the routes, `unrecognized` the session. */
type AttributeOutcome = "ok" | "discard" | "withdraw" | "unrecognized";

export type AttributeReading = {
  readonly outcome: AttributeOutcome;
  /** What was wrong, for the log; the first thing when there are several. */
  readonly complaint: string;
  /** Meaningful unless the outcome is `withdraw` or worse. */
  readonly attributes: PathAttributes;
  readonly has: { readonly origin: boolean; readonly asPath: boolean; readonly nextHop: boolean };
  /** The attribute that made it `unrecognized`. */
  readonly culprit?: RawAttribute;
};

type Draft = {
  -readonly [K in keyof PathAttributes]: PathAttributes[K];
} & { as4Path?: PathAttributes["asPath"]; as4Aggregator?: Aggregator; unknown: UnknownAttribute[] };

type Verdict = "ok" | "discard" | "withdraw";

/** Reads all attributes but the MP ones, each in its own slice. */
export function readAttributes(raw: RawAttributes, context: AttributeContext): AttributeReading {
  const draft: Draft = { ...emptyAttributes, unknown: [] };
  const seen = new Set<number>();
  const good = new Set<number>();
  const isCut = raw.cutType !== undefined;
  let outcome: AttributeOutcome = isCut ? "withdraw" : "ok";
  let complaint = isCut ? "the attributes run over their length" : "";
  let culprit: RawAttribute | undefined;
  for (const attribute of raw.list) {
    const { type } = attribute;
    if (type === attributeType.mpReach || type === attributeType.mpUnreach) continue;
    // RFC 7606 section 3 (g): of a repeated attribute the first counts.
    const isRepeated = seen.has(type);
    seen.add(type);
    const verdict = isRepeated ? "discard" : readOne(attribute, draft, context);
    if (verdict === "ok") {
      good.add(type);
    } else if (severity[verdict] > severity[outcome]) {
      outcome = verdict;
      complaint = isRepeated ? `attribute ${type} comes twice` : complaintOf(verdict, type, context);
      if (verdict === "unrecognized") culprit = attribute;
    }
  }
  const has = {
    origin: good.has(attributeType.origin),
    asPath: good.has(attributeType.asPath),
    nextHop: good.has(attributeType.nextHop),
  };
  const attributes = finishDraft(draft, context);
  return { outcome, complaint, attributes, has, ...(culprit === undefined ? {} : { culprit }) };
}

function complaintOf(verdict: AttributeOutcome, type: number, context: AttributeContext): string {
  if (verdict === "unrecognized") return `attribute ${type} is not known but well-known`;
  return isForeign(type, context) ? `attribute ${type} is not this peer's to send` : `attribute ${type} is malformed`;
}

const severity: Readonly<Record<AttributeOutcome, number>> = { ok: 0, discard: 1, withdraw: 2, unrecognized: 3 };

/**
 * RFC 6793 section 4.2.3: an AGGREGATOR other than AS_TRANS beside an AS4_AGGREGATOR makes both AS4 attributes worthless.
 */
function finishDraft(draft: Draft, context: AttributeContext): PathAttributes {
  const { as4Path, as4Aggregator, ...attributes } = draft;
  if (context.isFourOctetAs) return attributes;
  if (as4Aggregator !== undefined && attributes.aggregator !== undefined) {
    if (attributes.aggregator.asNumber !== asTrans) return attributes;
    attributes.aggregator = as4Aggregator;
  }
  if (as4Path !== undefined) attributes.asPath = mergeAs4Path(attributes.asPath, as4Path);
  return attributes;
}

/** For the types that we know: whether they are optional and transitive (RFC 7606 section 3 (c)). */
const expectedFlags: ReadonlyMap<number, number> = new Map([
  [attributeType.origin, 0x40],
  [attributeType.asPath, 0x40],
  [attributeType.nextHop, 0x40],
  [attributeType.med, 0x80],
  [attributeType.localPref, 0x40],
  [attributeType.atomicAggregate, 0x40],
  [attributeType.aggregator, 0xc0],
  [attributeType.communities, 0xc0],
  [attributeType.originatorId, 0x80],
  [attributeType.clusterList, 0x80],
  [attributeType.extendedCommunities, 0xc0],
  [attributeType.as4Path, 0xc0],
  [attributeType.as4Aggregator, 0xc0],
  [attributeType.largeCommunities, 0xc0],
]);

/** MP_REACH_NLRI and MP_UNREACH_NLRI are known too, but are not read here. */
export function isKnownAttribute(type: number): boolean {
  return expectedFlags.has(type) || type === attributeType.mpReach || type === attributeType.mpUnreach;
}

function readOne(raw: RawAttribute, draft: Draft, context: AttributeContext): AttributeOutcome {
  const { flags, type, value } = raw;
  const expected = expectedFlags.get(type);
  if (expected === undefined) {
    if ((flags & attributeFlag.optional) === 0) return "unrecognized";
    if ((flags & attributeFlag.transitive) !== 0) draft.unknown.push({ type, flags: flags & 0xe0, value });
    return "ok";
  }
  if (isForeign(type, context)) return "discard";
  if ((flags & 0xc0) !== expected) return "withdraw";
  const reader = new OctetReader(value);
  const verdict = readKnown(type, reader, draft, context);
  if (verdict !== "ok") return verdict;
  if (reader.isFailed || reader.left > 0) return "withdraw";
  if ((flags & attributeFlag.partial) !== 0 && expected === 0xc0) draft.partial = [...(draft.partial ?? []), type];
  return "ok";
}

/** What an external peer, or a peer with wide AS numbers, has no business to send (RFC 7606 section 7, RFC 6793). */
function isForeign(type: number, { isInternal, isFourOctetAs }: AttributeContext): boolean {
  if (type === attributeType.as4Path || type === attributeType.as4Aggregator) return isFourOctetAs;
  if (isInternal) return false;
  return type === attributeType.localPref || type === attributeType.originatorId || type === attributeType.clusterList;
}

function readKnown(type: number, reader: OctetReader, draft: Draft, context: AttributeContext): Verdict {
  const size = reader.left;
  switch (type) {
    case attributeType.origin:
      draft.origin = reader.u8();
      return size === 1 && draft.origin <= 2 ? "ok" : "withdraw";
    case attributeType.asPath: {
      const path = readAsPath(reader, context.isFourOctetAs);
      draft.asPath = path ?? [];
      return path === undefined ? "withdraw" : "ok";
    }
    case attributeType.nextHop:
      if (size !== 4) return "withdraw";
      draft.nextHop = addressFromBytes(reader.take(4));
      return "ok";
    case attributeType.med:
      if (size === 4) draft.med = reader.u32();
      return size === 4 ? "ok" : "withdraw";
    case attributeType.localPref:
      if (size === 4) draft.localPref = reader.u32();
      return size === 4 ? "ok" : "withdraw";
    case attributeType.atomicAggregate:
      draft.isAtomicAggregate = size === 0;
      return size === 0 ? "ok" : "discard";
    case attributeType.aggregator:
    case attributeType.as4Aggregator:
      return readAggregator(type, reader, draft, context);
    case attributeType.as4Path: {
      const path = readAsPath(reader, true);
      if (path === undefined) return "discard";
      // RFC 6793 section 6: segments of confederations have no place here.
      draft.as4Path = plainPath(path);
      return "ok";
    }
    default:
      return readListed(type, reader, draft);
  }
}

function readAggregator(type: number, reader: OctetReader, draft: Draft, context: AttributeContext): Verdict {
  const isWide = type === attributeType.as4Aggregator || context.isFourOctetAs;
  if (reader.left !== (isWide ? 8 : 6)) return "discard";
  const asNumber = isWide ? reader.u32() : reader.u16();
  const aggregator: Aggregator = { asNumber, address: addressFromBytes(reader.take(4)) };
  // RFC 7607.
  if (asNumber === 0) return "discard";
  if (type === attributeType.aggregator) draft.aggregator = aggregator;
  else draft.as4Aggregator = aggregator;
  return "ok";
}

/** Attributes that are a list, which must not be empty, and ORIGINATOR_ID. */
function readListed(type: number, reader: OctetReader, draft: Draft): Verdict {
  const count = reader.left;
  if (count === 0) return "withdraw";
  switch (type) {
    case attributeType.communities: {
      const values: number[] = [];
      while (reader.left > 0) values.push(reader.u32());
      draft.communities = values;
      break;
    }
    case attributeType.extendedCommunities: {
      const values: bigint[] = [];
      while (reader.left > 0) values.push(reader.u64());
      draft.extendedCommunities = values;
      break;
    }
    case attributeType.largeCommunities: {
      const values: LargeCommunity[] = [];
      while (reader.left > 0) values.push([reader.u32(), reader.u32(), reader.u32()]);
      draft.largeCommunities = withoutRepeats(values);
      break;
    }
    case attributeType.originatorId:
      if (count !== 4) return "withdraw";
      draft.originatorId = addressFromBytes(reader.take(4));
      break;
    case attributeType.clusterList: {
      if (count % 4 !== 0) return "withdraw";
      const values = [];
      while (reader.left > 0) values.push(addressFromBytes(reader.take(4)));
      draft.clusterList = values;
      break;
    }
  }
  return "ok";
}

/** RFC 8092 section 5. */
function withoutRepeats(values: readonly LargeCommunity[]): LargeCommunity[] {
  return [...new Map(values.map((value) => [value.join(":"), value])).values()];
}
