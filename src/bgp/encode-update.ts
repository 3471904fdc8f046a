import { type IpAddress, addressFromBytes, parseAddress } from "../lib/index.ts";
import { type AsSegment, writeAsPath } from "./as-path.ts";
import { isKnownAttribute } from "./attribute-reader.ts";
import {
  type Aggregator,
  type AttributeEntry,
  type PathAttributes,
  listAttributes,
  writeAttribute,
} from "./attributes.ts";
import { type Family, type LargeCommunity, allFamilies } from "./config.ts";
import type { MessageContext } from "./describe-message.ts";
import { compareTypes, originNames, segmentNames } from "./describe-update.ts";
import { type JsonReader, readAddress } from "./json-reader.ts";
import { afiOf, attributeFlag, attributeType, unicastSafi } from "./numbers.ts";
import { OctetWriter } from "./octets.ts";
import { type PrefixKey, keyAt } from "./prefix-key.ts";

type Route = {
  readonly family: Family;
  readonly key: PrefixKey;
  readonly pathId: number;
  /** Hexadecimal; empty for a withdrawn one. */
  readonly nextHop: string;
};

/** The body of an UPDATE. What it cannot say is noted in the reader's problems. */
export function encodeUpdate(message: JsonReader, context: MessageContext): Uint8Array {
  const wire = message.object("wire");
  const announced = divide(readRoutes(message, "announce", true), wire.number("announcedV4", 0xffff, 0));
  const withdrawn = divide(readRoutes(message, "withdraw", false), wire.number("withdrawnV4", 0xffff, 0));
  const endOfRib = message.has("endOfRib") ? readFamily(message, "endOfRib") : undefined;
  const isEndInMultiprotocol = endOfRib === "ipv6-unicast" || wire.isSet("isEndInMultiprotocol");
  const entries = [
    ...listOwn(message, wire, soleNextHop(message, announced.plain), context),
    ...writeReach(message, wire, announced.multiprotocol, context),
    ...writeUnreach(message, withdrawn.multiprotocol, isEndInMultiprotocol ? endOfRib : undefined, context),
    ...listRaw(message.object("attributes"), "unknown"),
    ...listRaw(wire, "passed"),
  ];
  const plainWithdrawn = writeNlri(withdrawn.plain, context);
  const attributes = writeEntries(entries, wire);
  if (plainWithdrawn.length > 0xffff || attributes.length > 0xffff) message.refuse("", "is too long");
  const writer = new OctetWriter(512);
  writer.u16(plainWithdrawn.length & 0xffff);
  writer.put(plainWithdrawn);
  writer.u16(attributes.length & 0xffff);
  writer.put(attributes);
  writer.put(writeNlri(announced.plain, context));
  return writer.finish();
}

/** Notes a problem and gives undefined when it is none that we speak. */
export function readFamily(reader: JsonReader, name: string): Family | undefined {
  const family = allFamilies.find((one) => one === reader.value(name));
  if (family === undefined) reader.refuse(name, `must be ${allFamilies.join(" or ")}`);
  return family;
}

function writeEntries(entries: readonly AttributeEntry[], wire: JsonReader): Uint8Array {
  const order = wire.list("order");
  const wide = wire.list("wide");
  const place = (type: number) => (order.includes(type) ? order.indexOf(type) : order.length);
  const sorted = entries.toSorted(([a], [b]) => place(a) - place(b) || compareTypes(a, b));
  const writer = new OctetWriter(256);
  for (const [type, flags, write] of sorted) writeAttribute(writer, flags, type, write, wide.includes(type));
  return writer.finish();
}

type Divided = { readonly plain: readonly Route[]; readonly multiprotocol: readonly Route[] };

/** Plain is IPv4 but with an IPv6 next hop, and but for the last `lastV4` of it. */
function divide(routes: readonly Route[], lastV4: number): Divided {
  const isPlain = ({ family, nextHop }: Route) => family === "ipv4-unicast" && nextHop.length <= 8;
  const able = routes.filter(isPlain);
  const count = Math.max(0, able.length - lastV4);
  return {
    plain: able.slice(0, count),
    multiprotocol: [...able.slice(count), ...routes.filter((route) => !isPlain(route))],
  };
}

function readRoutes(message: JsonReader, name: string, hasNextHop: boolean): Route[] {
  return message.objects(name).flatMap((reader) => {
    const family = readFamily(reader, "family");
    const pathId = reader.number("pathId", 0xffffffff, 0);
    const nextHop = hasNextHop ? reader.address("nextHop") : new Uint8Array(0);
    const key = family === undefined ? undefined : readKey(reader, family);
    if (family === undefined || key === undefined || nextHop === undefined) return [];
    if (family === "ipv6-unicast" && nextHop.length === 4) reader.refuse("nextHop", "must be an IPv6 address");
    return [{ family, key, pathId, nextHop: nextHop.toHex() }];
  });
}

function readKey(reader: JsonReader, family: Family): PrefixKey | undefined {
  const [text = "", length = "", ...more] = reader.text("prefix").split("/");
  const octets = readAddress(text);
  const bits = Number(length);
  const size = family === "ipv4-unicast" ? 4 : 16;
  if (octets?.length === size && more.length === 0 && /^\d{1,3}$/.test(length) && bits <= size * 8) {
    return keyAt(octets, 0, bits);
  }
  reader.refuse("prefix", `must be a prefix of ${family}`);
  return undefined;
}

/** Of all routes that share one place in the message. */
function soleNextHop(message: JsonReader, routes: readonly Route[]): Uint8Array | undefined {
  const [first, ...others] = new Set(routes.map(({ nextHop }) => nextHop));
  if (others.length > 0) message.refuse("announce", "must have one next hop in each family");
  return first === undefined ? undefined : Uint8Array.fromHex(first);
}

function soleFamily(message: JsonReader, name: string, routes: readonly Route[]): Family | undefined {
  const [first, ...others] = new Set(routes.map(({ family }) => family));
  if (others.length > 0) message.refuse(name, "must have one family beside plain IPv4");
  return first;
}

function writeNlri(routes: readonly Route[], { addPath }: MessageContext): Uint8Array {
  const writer = new OctetWriter(256);
  for (const { family, key, pathId } of routes) {
    if (addPath.includes(family)) writer.u32(pathId);
    writer.latin1(key);
  }
  return writer.finish();
}

function writeReach(
  message: JsonReader,
  wire: JsonReader,
  routes: readonly Route[],
  context: MessageContext,
): AttributeEntry[] {
  const family = soleFamily(message, "announce", routes);
  const nextHop = soleNextHop(message, routes);
  if (family === undefined || nextHop === undefined) return [];
  const linkLocal = wire.has("linkLocalNextHop") ? wire.address("linkLocalNextHop") : undefined;
  const hops = Uint8Array.of(...nextHop, ...(linkLocal ?? []));
  const write = (body: OctetWriter) => {
    body.u16(afiOf(family));
    body.put([unicastSafi, hops.length]);
    body.put(hops);
    body.u8(0);
    body.put(writeNlri(routes, context));
  };
  return [[attributeType.mpReach, attributeFlag.optional, write]];
}

function writeUnreach(
  message: JsonReader,
  routes: readonly Route[],
  endOfRib: Family | undefined,
  context: MessageContext,
): AttributeEntry[] {
  const family = soleFamily(message, "withdraw", routes) ?? endOfRib;
  if (family === undefined) return [];
  const write = (body: OctetWriter) => {
    body.u16(afiOf(family));
    body.u8(unicastSafi);
    body.put(writeNlri(routes, context));
  };
  return [[attributeType.mpUnreach, attributeFlag.optional, write]];
}

/** The attributes that we know. Their AS4 companions are those that came, when any did. */
function listOwn(
  message: JsonReader,
  wire: JsonReader,
  plainNextHop: Uint8Array | undefined,
  { isFourOctetAs }: MessageContext,
): AttributeEntry[] {
  const attributes = readAttributes(message.object("attributes"), wire);
  const wireNextHop = wire.has("nextHop") ? wire.router("nextHop") : undefined;
  const nextHop = plainNextHop === undefined ? wireNextHop : addressFromBytes(plainNextHop);
  const entries = listAttributes({ ...attributes, ...(nextHop === undefined ? {} : { nextHop }) }, isFourOctetAs);
  if (isFourOctetAs) return entries;
  const isGiven = (type: number) =>
    (type === attributeType.as4Path && wire.has("as4Path")) ||
    (type === attributeType.as4Aggregator && wire.has("as4Aggregator"));
  const own = entries.filter(([type]) => !isGiven(type));
  const flags = (type: number) =>
    attributeFlag.optional |
    attributeFlag.transitive |
    (wire.list("partial").includes(type) ? attributeFlag.partial : 0);
  if (wire.has("as4Path")) {
    const path = readSegments(wire, "as4Path");
    own.push([attributeType.as4Path, flags(attributeType.as4Path), (body) => writeAsPath(body, path, true)]);
  }
  if (wire.has("as4Aggregator")) {
    const value = wire.octets("as4Aggregator", 8);
    own.push([attributeType.as4Aggregator, flags(attributeType.as4Aggregator), (body) => body.put(value)]);
  }
  return own;
}

function readAttributes(reader: JsonReader, wire: JsonReader): Partial<PathAttributes> {
  const origin = originNames.findIndex((name) => name === reader.value("origin"));
  if (reader.has("origin") && origin === -1) reader.refuse("origin", `must be one of ${originNames.join(", ")}`);
  const originatorId = reader.has("originatorId") ? reader.router("originatorId") : undefined;
  const aggregator = reader.has("aggregator") ? readAggregator(reader) : undefined;
  return {
    ...(origin === -1 ? {} : { origin }),
    ...(reader.has("asPath") ? { asPath: readSegments(reader, "asPath") } : {}),
    ...(reader.has("med") ? { med: reader.number("med", 0xffffffff) } : {}),
    ...(reader.has("localPref") ? { localPref: reader.number("localPref", 0xffffffff) } : {}),
    isAtomicAggregate: reader.isSet("atomicAggregate"),
    ...(aggregator === undefined ? {} : { aggregator }),
    ...(originatorId === undefined ? {} : { originatorId }),
    communities: reader.values("communities", readCommunity, "must be like 65000:1"),
    largeCommunities: reader.values("largeCommunities", readLargeCommunity, "must be like 65000:1:2"),
    extendedCommunities: reader.values("extendedCommunities", readExtendedCommunity, "must be 16 hexadecimal digits"),
    clusterList: reader.values("clusterList", readRouter, "must be an IPv4 address"),
    partial: wire.list("partial").filter((type) => typeof type === "number"),
  };
}

const segmentTypes = new Map<unknown, AsSegment["type"]>(
  (["sequence", "set", "confedSequence", "confedSet"] as const).map((type) => [segmentNames[type], type]),
);

function readSegments(reader: JsonReader, name: string): AsSegment[] {
  return reader.objects(name).flatMap((segment) => {
    const type = segmentTypes.get(segment.value("type"));
    if (type === undefined) segment.refuse("type", `must be one of ${[...segmentTypes.keys()].join(", ")}`);
    const asNumbers = segment.values("asns", (value) => readInteger(value, 0xffffffff), "must be an AS number");
    return type === undefined ? [] : [{ type, asNumbers }];
  });
}

function readAggregator(reader: JsonReader): Aggregator | undefined {
  const text = reader.text("aggregator");
  const colon = text.indexOf(":");
  const asNumber = readDigits(text.slice(0, colon), 0xffffffff);
  const address = readRouter(text.slice(colon + 1));
  if (asNumber !== undefined && address !== undefined) return { asNumber, address };
  reader.refuse("aggregator", "must be like 65000:192.0.2.1");
  return undefined;
}

function listRaw(reader: JsonReader, name: string): AttributeEntry[] {
  return reader.objects(name).map((one) => {
    const type = one.number("type", 255);
    const value = one.octets("value");
    if (name === "unknown" && isKnownAttribute(type)) one.refuse("type", "is that of an attribute that is known");
    return [type, one.number("flags", 255), (body) => body.put(value)];
  });
}

function readInteger(value: unknown, max: number): number | undefined {
  const isFit = typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;
  return isFit ? value : undefined;
}

function readDigits(text: string | undefined, max: number): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? readInteger(Number(text), max) : undefined;
}

function readCommunity(value: unknown): number | undefined {
  const parts = String(value).split(":");
  const [high, low] = parts.map((part) => readDigits(part, 0xffff));
  return parts.length === 2 && high !== undefined && low !== undefined ? high * 0x10000 + low : undefined;
}

function readLargeCommunity(value: unknown): LargeCommunity | undefined {
  const parts = String(value).split(":");
  const [a, b, c] = parts.map((part) => readDigits(part, 0xffffffff));
  return parts.length === 3 && a !== undefined && b !== undefined && c !== undefined ? [a, b, c] : undefined;
}

function readExtendedCommunity(value: unknown): bigint | undefined {
  return typeof value === "string" && /^[0-9a-f]{16}$/i.test(value) ? BigInt(`0x${value}`) : undefined;
}

function readRouter(value: unknown): IpAddress | undefined {
  const address = parseAddress(String(value));
  return address?.includes(":") === false ? address : undefined;
}
