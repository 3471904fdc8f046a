import { type AttributeContext, type RawAttribute, type RawAttributes, splitAttributes } from "./attribute-reader.ts";
import { type AttributeTable, type InternedAttributes, setWithNextHop } from "./attribute-table.ts";
import type { AttributeSet } from "./attributes.ts";
import type { Family } from "./config.ts";
import { type Notification, notification } from "./notification.ts";
import { attributeType, errorCode, familyOf } from "./numbers.ts";
import { OctetReader } from "./octets.ts";
import { type PrefixKey, readPrefixes } from "./prefix-key.ts";

export type UpdateContext = AttributeContext & {
  /** Families of the session; routes of others are passed over. */
  readonly families: readonly Family[];
};

type Withdrawal = { readonly family: Family; readonly keys: readonly PrefixKey[] };
type Announcement = Withdrawal & { readonly set: AttributeSet };

/**
 * An UPDATE that can be used. RFC 7606: `discard` means that an attribute was dropped, `withdraw` that its routes count
 * as withdrawn. RFC 7606's "AFI/SAFI disable" is never chosen: what would call for it ends the session.
 */
export type Update = {
  readonly type: "update";
  readonly outcome: "ok" | "discard" | "withdraw";
  /** What was wrong; empty when nothing was. */
  readonly complaint: string;
  /** To be applied before `announced`: a prefix in both is announced (RFC 4271 section 4.3). */
  readonly withdrawn: readonly Withdrawal[];
  readonly announced: readonly Announcement[];
  readonly endOfRib?: Family;
};

export type UpdateFault = { readonly type: "fault"; readonly fault: Notification };

/** Reads the body of an UPDATE, behind the header. */
export function readUpdate(body: Uint8Array, context: UpdateContext, table: AttributeTable): Update | UpdateFault {
  const reader = new OctetReader(body);
  const withdrawnReader = new OctetReader(reader.take(reader.u16()));
  const attributeBytes = reader.take(reader.u16());
  if (reader.isFailed) return updateFault(1);
  const withdrawnV4 = readPrefixes(withdrawnReader, "ipv4-unicast");
  const announcedV4 = readPrefixes(reader, "ipv4-unicast");
  if (withdrawnV4 === undefined || announcedV4 === undefined) return updateFault(10);
  if (body.length === 4) return { ...nothing, endOfRib: "ipv4-unicast" };

  const raw = splitAttributes(attributeBytes);
  const multiprotocol = readMultiprotocol(raw, context.families);
  if ("type" in multiprotocol) return multiprotocol;
  const { reach, unreach } = multiprotocol;
  const hasV4 = context.families.includes("ipv4-unicast");
  const withdrawn: Withdrawal[] = [];
  if (hasV4 && withdrawnV4.length > 0) withdrawn.push({ family: "ipv4-unicast", keys: withdrawnV4 });
  if (unreach?.family !== undefined && unreach.keys.length > 0) {
    withdrawn.push({ family: unreach.family, keys: unreach.keys });
  }
  const interned = table.read(raw, context);
  if (announcedV4.length === 0 && reach === undefined) {
    const isEmpty = withdrawnV4.length === 0 && unreach?.keys.length === 0 && raw.list.length === 1;
    if (isEmpty && unreach.family !== undefined) return { ...nothing, endOfRib: unreach.family };
    return finishWithdrawal(interned, withdrawn);
  }
  const wanted = hasV4 ? announcedV4 : [];
  return announce(interned, wanted, announcedV4.length > 0, reach, withdrawn);
}

const nothing: Update = { type: "update", outcome: "ok", complaint: "", withdrawn: [], announced: [] };

function updateFault(subcode: number, data: ArrayLike<number> = []): UpdateFault {
  return { type: "fault", fault: notification(errorCode.update, subcode, data) };
}

/** No route is announced. Attributes mean nothing then, but an error in them has no routes to fall on (RFC 7606, 5.2). */
function finishWithdrawal({ reading }: InternedAttributes, withdrawn: readonly Withdrawal[]): Update | UpdateFault {
  if (reading.outcome === "withdraw" || reading.outcome === "unrecognized") return updateFault(1);
  return { ...nothing, outcome: reading.outcome, complaint: reading.complaint, withdrawn };
}

function announce(
  interned: InternedAttributes,
  keysV4: readonly PrefixKey[],
  needsNextHop: boolean,
  reach: Reach | undefined,
  withdrawn: Withdrawal[],
): Update | UpdateFault {
  const { reading } = interned;
  if (reading.outcome === "unrecognized") return updateFault(2, reading.culprit?.whole ?? []);
  const announced: Announcement[] = [];
  if (keysV4.length > 0) announced.push({ family: "ipv4-unicast", keys: keysV4, set: interned.set });
  if (reach?.family !== undefined && reach.keys.length > 0) {
    announced.push({ family: reach.family, keys: reach.keys, set: setWithNextHop(interned, reach.nextHop) });
  }
  const missing = missingAttribute(reading.has, needsNextHop);
  if (reading.outcome === "withdraw" || missing !== undefined) {
    const complaint = missing === undefined ? reading.complaint : `attribute ${missing} is missing`;
    for (const { family, keys } of announced) withdrawn.push({ family, keys });
    return { ...nothing, outcome: "withdraw", complaint, withdrawn };
  }
  return { ...nothing, outcome: reading.outcome, complaint: reading.complaint, withdrawn, announced };
}

/** RFC 7606 section 3 (d). LOCAL_PREF may be missing: its default is 100. */
function missingAttribute(has: InternedAttributes["reading"]["has"], needsNextHop: boolean): number | undefined {
  if (!has.origin) return attributeType.origin;
  if (!has.asPath) return attributeType.asPath;
  return needsNextHop && !has.nextHop ? attributeType.nextHop : undefined;
}

/** `family` is undefined when the session does not carry it. */
type Unreach = { readonly family: Family | undefined; readonly keys: readonly PrefixKey[] };
type Reach = Unreach & { readonly nextHop: Uint8Array };
type Multiprotocol = { readonly reach?: Reach; readonly unreach?: Unreach };

/** RFC 7606 sections 3 (g) and 7.11: these two attributes are right, or the session ends. */
function readMultiprotocol(raw: RawAttributes, families: readonly Family[]): Multiprotocol | UpdateFault {
  let reach: Reach | undefined;
  let unreach: Unreach | undefined;
  for (const attribute of raw.list) {
    if (attribute.type === attributeType.mpReach) {
      if (reach !== undefined) return updateFault(1);
      reach = readReach(attribute, families);
      if (reach === undefined) return updateFault(9, attribute.whole);
    } else if (attribute.type === attributeType.mpUnreach) {
      if (unreach !== undefined) return updateFault(1);
      unreach = readUnreach(attribute, families);
      if (unreach === undefined) return updateFault(9, attribute.whole);
    }
  }
  return { ...(reach === undefined ? {} : { reach }), ...(unreach === undefined ? {} : { unreach }) };
}

function readReach({ flags, value }: RawAttribute, families: readonly Family[]): Reach | undefined {
  const reader = new OctetReader(value);
  const { family, isKnown } = readFamily(reader, families);
  const nextHop = reader.take(reader.u8());
  reader.u8(); // reserved; once the count of SNPAs
  if (reader.isFailed || (flags & 0xc0) !== 0x80) return undefined;
  if (family === undefined) return { family: undefined, keys: [], nextHop };
  const isFit = family === "ipv4-unicast" ? nextHop.length === 4 : nextHop.length === 16 || nextHop.length === 32;
  const keys = isFit ? readPrefixes(reader, family) : undefined;
  if (keys === undefined) return undefined;
  return isKnown ? { family, keys, nextHop: nextHop.slice() } : { family: undefined, keys: [], nextHop };
}

function readUnreach({ flags, value }: RawAttribute, families: readonly Family[]): Unreach | undefined {
  const reader = new OctetReader(value);
  const { family, isKnown } = readFamily(reader, families);
  if (reader.isFailed || (flags & 0xc0) !== 0x80) return undefined;
  if (family === undefined) return { family: undefined, keys: [] };
  const keys = readPrefixes(reader, family);
  if (keys === undefined) return undefined;
  return { family: isKnown ? family : undefined, keys };
}

function readFamily(reader: OctetReader, families: readonly Family[]): { family?: Family; isKnown: boolean } {
  const afi = reader.u16();
  const family = familyOf(afi, reader.u8());
  return family === undefined ? { isKnown: false } : { family, isKnown: families.includes(family) };
}
