import type { Cidr } from "../lib/index.ts";
import { type RawAttribute, type RawAttributes, readAttributes, splitAttributes } from "./attribute-reader.ts";
import { AttributeTable } from "./attribute-table.ts";
import type { PathAttributes } from "./attributes.ts";
import { type AsPath, type AsSegment, asPathLength } from "./as-path.ts";
import { type Family, allFamilies } from "./config.ts";
import { Framer, type Message, readMessage } from "./message.ts";
import type { Notification } from "./notification.ts";
import { attributeType, familyOf, headerBytes, maxExtendedMessageBytes } from "./numbers.ts";
import { OctetReader } from "./octets.ts";
import type { Open } from "./open.ts";
import { type PrefixKey, keyToCidr } from "./prefix-key.ts";
import type { Update } from "./update.ts";

/** What the session has agreed, as far as the form of its messages depends on it. */
export type MessageContext = { readonly isInternal: boolean; readonly isFourOctetAs: boolean };

/** What becomes of a message by RFC 4271, 4760 and 7606, and what it says. All of it survives JSON. */
export type MessageDescription = {
  readonly result: "ok" | "discard" | "withdraw" | "error";
  readonly notification?: { readonly code: number; readonly subcode: number };
  readonly message?: Readonly<Record<string, unknown>>;
};

/** Describes one whole message with its header. Total. */
export function describeMessage(bytes: Uint8Array, context: MessageContext): MessageDescription {
  const framer = new Framer();
  framer.maxBytes = maxExtendedMessageBytes;
  framer.push(bytes);
  const whole = framer.next();
  // More or fewer octets than the header says.
  if (whole === undefined || (isOctets(whole) && whole.length < bytes.length))
    return describeFault({ code: 1, subcode: 2 });
  if (!isOctets(whole)) return describeFault(whole);
  const read = readMessage(whole, { ...context, families: allFamilies }, new AttributeTable(1));
  return describe(read, whole, context);
}

function isOctets(value: Uint8Array | Notification): value is Uint8Array {
  return value instanceof Uint8Array;
}

function describe(read: Message, bytes: Uint8Array, context: MessageContext): MessageDescription {
  switch (read.type) {
    case "fault":
      return describeFault(read.fault);
    case "keepalive":
      return { result: "ok", message: { type: "keepalive" } };
    case "notification": {
      const { code, subcode, data } = read.notification;
      return { result: "ok", message: { type: "notification", code, subcode, data: data.toHex() } };
    }
    case "routeRefresh":
      return { result: "ok", message: { type: "route-refresh", family: read.family ?? null, subtype: read.subtype } };
    case "open":
      return { result: "ok", message: describeOpen(read.open, bytes) };
    case "update":
      return { result: read.outcome, message: describeUpdate(read, bytes, context) };
  }
}

function describeFault({ code, subcode }: Pick<Notification, "code" | "subcode">): MessageDescription {
  return { result: "error", notification: { code, subcode } };
}

function describeOpen(open: Open, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const body = new OctetReader(bytes.subarray(headerBytes));
  const version = body.u8();
  return {
    type: "open",
    version,
    asNumber: body.u16(),
    ...(open.hasFourOctetAs ? { as4: open.asNumber } : {}),
    holdTime: open.holdTimeSeconds,
    routerId: open.routerId,
    capabilities: [
      ...open.families,
      ...(open.canRefresh ? ["route-refresh"] : []),
      ...(open.hasExtendedMessages ? ["extended-message"] : []),
      ...(open.gracefulRestart === undefined ? [] : ["graceful-restart"]),
      ...(open.hasFourOctetAs ? ["four-octet-as"] : []),
    ],
  };
}

function describeUpdate(update: Update, bytes: Uint8Array, context: MessageContext): Readonly<Record<string, unknown>> {
  const body = new OctetReader(bytes.subarray(headerBytes));
  body.take(body.u16());
  const raw = splitAttributes(body.take(body.u16()));
  const { attributes } = readAttributes(raw, context);
  const ignored = raw.list.flatMap(unknownFamily);
  const list = (family: Family, keys: readonly PrefixKey[]) =>
    keys.map((key): { family: Family; prefix: Cidr } => ({ family, prefix: keyToCidr(key, family) }));
  return {
    type: "update",
    attributes: describeAttributes(attributes, raw),
    announce: update.announced.flatMap(({ family, keys, set }) =>
      list(family, keys).map((route) => ({ ...route, nextHop: set.attributes.nextHop ?? null })),
    ),
    withdraw: update.withdrawn.flatMap(({ family, keys }) => list(family, keys)),
    ...(update.endOfRib === undefined ? {} : { endOfRib: update.endOfRib }),
    ...(raw.list.some(({ type }) => type === attributeType.asPath)
      ? { asPathText: asPathText(attributes.asPath), asPathHops: asPathLength(attributes.asPath) }
      : {}),
    ...(ignored.length === 0 ? {} : { ignored }),
    ...(update.complaint === "" ? {} : { complaint: update.complaint }),
  };
}

/** AFI and SAFI of routes that are passed over. */
function unknownFamily({ type, value }: RawAttribute): string[] {
  if (type !== attributeType.mpReach && type !== attributeType.mpUnreach) return [];
  const reader = new OctetReader(value);
  const [afi, safi] = [reader.u16(), reader.u8()];
  return familyOf(afi, safi) === undefined ? [`afi ${afi} safi ${safi}`] : [];
}

const origins = ["igp", "egp", "incomplete"];

/** Those that are there. */
function describeAttributes(attributes: PathAttributes, raw: RawAttributes): Readonly<Record<string, unknown>> {
  const has = (type: number) => raw.list.some((attribute) => attribute.type === type);
  const { med, localPref, originatorId, aggregator } = attributes;
  const list = <T>(name: string, values: readonly T[]) => (values.length === 0 ? {} : { [name]: values });
  return {
    ...(has(attributeType.origin) ? { origin: origins[attributes.origin] ?? null } : {}),
    ...(has(attributeType.asPath) ? { asPath: attributes.asPath.map(describeSegment) } : {}),
    ...(med === undefined ? {} : { med }),
    ...(localPref === undefined ? {} : { localPref }),
    ...list(
      "communities",
      attributes.communities.map((value) => `${value >>> 16}:${value & 0xffff}`),
    ),
    ...list(
      "largeCommunities",
      attributes.largeCommunities.map((parts) => parts.join(":")),
    ),
    ...list(
      "extendedCommunities",
      attributes.extendedCommunities.map((value) => value.toString(16).padStart(16, "0")),
    ),
    ...(originatorId === undefined ? {} : { originatorId }),
    ...list("clusterList", attributes.clusterList),
    ...(attributes.isAtomicAggregate ? { atomicAggregate: true } : {}),
    ...(aggregator === undefined ? {} : { aggregator: `${aggregator.asNumber}:${aggregator.address}` }),
    ...list(
      "unknown",
      attributes.unknown.map(({ type, flags, value }) => ({ type, flags, value: value.toHex() })),
    ),
  };
}

const segmentTypes = {
  sequence: "sequence",
  set: "set",
  confedSequence: "confed-sequence",
  confedSet: "confed-set",
} as const;

function describeSegment({ type, asNumbers }: AsSegment): { readonly type: string; readonly asns: readonly number[] } {
  return { type: segmentTypes[type], asns: asNumbers };
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
