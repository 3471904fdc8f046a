import type { AttributeContext, RawAttribute } from "./attribute-reader.ts";
import { type AttributeScan, scanAttributes } from "./attribute-scan.ts";
import type { AttributeTable, InternedAttributes } from "./attribute-table.ts";
import type { AttributeSet } from "./attributes.ts";
import type { Family } from "./config.ts";
import { type Nlri, readNlri } from "./nlri.ts";
import { type Notification, notification } from "./notification.ts";
import { attributeType, errorCode, familyOf } from "./numbers.ts";
import type { PrefixKey } from "./prefix-key.ts";

export type UpdateContext = AttributeContext & {
  /** Families of the session; routes of others are passed over. */
  readonly families: readonly Family[];
  /** Families whose prefixes come with path identifiers (RFC 7911). */
  readonly addPathReceive: readonly Family[];
  /** IPv4 prefixes may come with IPv6 next hops (RFC 8950). */
  readonly hasExtendedNextHop: boolean;
};

export type Withdrawal = {
  readonly family: Family;
  readonly keys: readonly PrefixKey[];
  /** Path identifiers, parallel to `keys`; there exactly when the family comes with them. */
  readonly pathIds?: readonly number[];
};
export type Announcement = Withdrawal & { readonly set: AttributeSet };

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

/** Reads the UPDATE whose body begins at `at` and ends with the octets. */
export function readUpdate(
  bytes: Uint8Array,
  at: number,
  context: UpdateContext,
  table: AttributeTable,
): Update | UpdateFault {
  const end = bytes.length;
  const withdrawnEnd = at + 2 + readU16(bytes, at);
  const attributesAt = withdrawnEnd + 2;
  const attributesEnd = attributesAt + readU16(bytes, withdrawnEnd);
  if (attributesAt > end || attributesEnd > end) return updateFault(1);
  const hasPathIds = context.addPathReceive.includes("ipv4-unicast");
  const withdrawnV4 = readNlri(bytes, at + 2, withdrawnEnd, "ipv4-unicast", hasPathIds);
  const announcedV4 = readNlri(bytes, attributesEnd, end, "ipv4-unicast", hasPathIds);
  if (withdrawnV4 === undefined || announcedV4 === undefined) return updateFault(10);
  const isSpokenV4 = context.families.includes("ipv4-unicast");
  if (end - at === 4) return isSpokenV4 ? { ...nothing, endOfRib: "ipv4-unicast" } : nothing;

  const scan = scanAttributes(bytes, attributesAt, attributesEnd);
  const multiprotocol = readMultiprotocol(scan, context);
  if ("type" in multiprotocol) return multiprotocol;
  const { reach, unreach, wrongFlags } = multiprotocol;
  const withdrawn: Withdrawal[] = [];
  if (isSpokenV4 && withdrawnV4.keys.length > 0) withdrawn.push({ family: "ipv4-unicast", ...withdrawnV4 });
  if (unreach?.family !== undefined && unreach.nlri.keys.length > 0) {
    withdrawn.push({ family: unreach.family, ...unreach.nlri });
  }
  const interned = table.read(bytes, scan, context);
  const verdict = judge(interned, wrongFlags);
  const announcesV4 = announcedV4.keys.length > 0;
  if (!announcesV4 && reach?.hasPrefixes !== true) {
    const isBare = withdrawnV4.keys.length === 0 && scan.ranges.length === 0 && scan.multiprotocol.length === 1;
    if (isBare && unreach?.family !== undefined && !unreach.hasPrefixes && wrongFlags === undefined) {
      return { ...nothing, endOfRib: unreach.family };
    }
    return finishWithdrawal(verdict, withdrawn, scan.ranges.length === 0 && reach === undefined);
  }
  const announced: Announcement[] = [];
  if (announcesV4 && isSpokenV4) announced.push({ family: "ipv4-unicast", ...announcedV4, set: interned.set });
  if (reach?.family !== undefined && reach.hasPrefixes) {
    announced.push({ family: reach.family, ...reach.nlri, set: table.withNextHop(interned, reach.nextHop) });
  }
  return finishAnnouncement(verdict, missingAttribute(interned, announcesV4), withdrawn, announced);
}

const nothing: Update = { type: "update", outcome: "ok", complaint: "", withdrawn: [], announced: [] };

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
}

function updateFault(subcode: number, data: ArrayLike<number> = []): UpdateFault {
  return { type: "fault", fault: notification(errorCode.update, subcode, data) };
}

type Verdict = Pick<InternedAttributes["reading"], "outcome" | "complaint" | "culprit">;

/** RFC 7606 section 3 (h): of several errors the one with the strongest remedy counts. */
function judge({ reading }: InternedAttributes, wrongFlags: number | undefined): Verdict {
  if (wrongFlags === undefined || reading.outcome === "withdraw" || reading.outcome === "unrecognized") return reading;
  return { outcome: "withdraw", complaint: `attribute ${wrongFlags} is malformed` };
}

/**
 * No route is announced. Attributes mean nothing then, but an error in them has no routes to fall on, unless there is
 * no attribute but MP_UNREACH_NLRI (RFC 7606 section 5.2): its own prefixes are withdrawn anyway.
 */
function finishWithdrawal(
  verdict: Verdict,
  withdrawn: readonly Withdrawal[],
  isUnreachAlone: boolean,
): Update | UpdateFault {
  const { outcome, complaint, culprit } = verdict;
  if (outcome === "unrecognized") return updateFault(2, culprit?.whole);
  if (outcome === "withdraw" && !isUnreachAlone) return updateFault(1);
  return { ...nothing, outcome, complaint, withdrawn };
}

function finishAnnouncement(
  verdict: Verdict,
  missing: number | undefined,
  withdrawn: Withdrawal[],
  announced: readonly Announcement[],
): Update | UpdateFault {
  const { outcome, complaint, culprit } = verdict;
  if (outcome === "unrecognized") return updateFault(2, culprit?.whole);
  if (outcome !== "withdraw" && missing === undefined) return { ...nothing, outcome, complaint, withdrawn, announced };
  for (const { set: _, ...routes } of announced) withdrawn.push(routes);
  const why = outcome === "withdraw" ? complaint : `attribute ${missing} is missing`;
  return { ...nothing, outcome: "withdraw", complaint: why, withdrawn };
}

/** RFC 7606 section 3 (d). LOCAL_PREF may be missing: its default is 100. */
function missingAttribute({ reading: { has } }: InternedAttributes, needsNextHop: boolean): number | undefined {
  if (!has.origin) return attributeType.origin;
  if (!has.asPath) return attributeType.asPath;
  return needsNextHop && !has.nextHop ? attributeType.nextHop : undefined;
}

type Unreach = {
  /** Undefined when the session does not carry it; its prefixes are not told then. */
  readonly family: Family | undefined;
  readonly nlri: Nlri;
  readonly hasPrefixes: boolean;
};
type Reach = Unreach & { readonly nextHop: Uint8Array };
type Multiprotocol = {
  readonly reach?: Reach;
  readonly unreach?: Unreach;
  /** Type of the one whose flags are not those of its sort. */
  readonly wrongFlags?: number;
};

const noMultiprotocol: Multiprotocol = {};

/**
 * RFC 7606 sections 3 (g), 3 (j), 5.3 and 7.11: what these two attributes hold is right, or the session ends, since its
 * routes cannot be told. Flags alone cost the routes (section 3 (c)).
 */
function readMultiprotocol(scan: AttributeScan, context: UpdateContext): Multiprotocol | UpdateFault {
  if (scan.cutType === attributeType.mpReach || scan.cutType === attributeType.mpUnreach) return updateFault(9);
  if (scan.multiprotocol.length === 0) return noMultiprotocol;
  const found: { -readonly [K in keyof Multiprotocol]: Multiprotocol[K] } = {};
  for (const attribute of scan.multiprotocol) {
    const { type, flags, whole } = attribute;
    if ((flags & 0xc0) !== 0x80) found.wrongFlags = type;
    if (type === attributeType.mpReach) {
      if (found.reach !== undefined) return updateFault(1);
      const reach = readReach(attribute, context);
      if (reach === undefined) return updateFault(9, whole);
      found.reach = reach;
    } else {
      if (found.unreach !== undefined) return updateFault(1);
      const unreach = readUnreach(attribute, context);
      if (unreach === undefined) return updateFault(9, whole);
      found.unreach = unreach;
    }
  }
  return found;
}

/** AFI, SAFI, length of the next hop, next hop, a reserved octet, prefixes (RFC 4760 section 3). */
function readReach({ value }: RawAttribute, context: UpdateContext): Reach | undefined {
  const nextHopLength = value[3] ?? 0;
  const nlriAt = 4 + nextHopLength + 1;
  if (nlriAt > value.length) return undefined;
  const nextHop = value.subarray(4, 4 + nextHopLength);
  const family = familyOf(readU16(value, 0), value[2] ?? 0);
  if (family !== undefined && !isNextHopLength(nextHopLength, family, context)) return undefined;
  const rest = readRest(value, nlriAt, family, context);
  return rest === undefined ? undefined : { ...rest, nextHop };
}

function isNextHopLength(length: number, family: Family, { hasExtendedNextHop }: UpdateContext): boolean {
  if (family === "ipv4-unicast" && length === 4) return true;
  return (family === "ipv6-unicast" || hasExtendedNextHop) && (length === 16 || length === 32);
}

/** AFI, SAFI, prefixes. */
function readUnreach({ value }: RawAttribute, context: UpdateContext): Unreach | undefined {
  if (value.length < 3) return undefined;
  return readRest(value, 3, familyOf(readU16(value, 0), value[2] ?? 0), context);
}

function readRest(
  value: Uint8Array,
  at: number,
  family: Family | undefined,
  { families, addPathReceive }: UpdateContext,
): Unreach | undefined {
  const hasPrefixes = value.length > at;
  if (family === undefined) return { family, nlri: noNlri, hasPrefixes };
  const nlri = readNlri(value, at, value.length, family, addPathReceive.includes(family));
  if (nlri === undefined) return undefined;
  return families.includes(family) ? { family, nlri, hasPrefixes } : { family: undefined, nlri: noNlri, hasPrefixes };
}

const noNlri: Nlri = { keys: [] };
