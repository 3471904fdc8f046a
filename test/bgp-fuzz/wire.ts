// BGP messages put together by hand, right or wrong as the caller likes. Shares nothing with src/bgp on purpose: what
// judges the codec must not be made by it.

/** Octets, a number for one octet, hexadecimal text, or a list of these. */
export type Octets = number | string | Uint8Array | readonly Octets[];

export function octets(...parts: readonly Octets[]): Uint8Array {
  const out: number[] = [];
  const add = (part: Octets): void => {
    if (typeof part === "number") out.push(part & 0xff);
    else if (typeof part === "string") out.push(...Uint8Array.fromHex(part.replaceAll(/\s/g, "")));
    else for (const one of part) add(one);
  };
  add(parts);
  return Uint8Array.from(out);
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value);
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** That many times the same octet. */
export function filler(count: number, octet = 0): Uint8Array {
  return new Uint8Array(count).fill(octet);
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** `192.0.2.1`. */
export function ip4(text: string): Uint8Array {
  return Uint8Array.from(text.split("."), Number);
}

/** `2001:db8::1`, with at most one `::`. */
export function ip6(text: string): Uint8Array {
  const [head = "", tail] = text.split("::");
  const words = (part: string) => (part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16)));
  const front = words(head);
  const back = words(tail ?? "");
  const middle = tail === undefined ? [] : Array.from({ length: 8 - front.length - back.length }, () => 0);
  return octets([...front, ...middle, ...back].map(u16));
}

/** `10.0.0.0/24` or `2001:db8::/32` as on the wire: length in bits, then the octets it needs. */
export function prefix(text: string): Uint8Array {
  const [address = "", bits = ""] = text.split("/");
  const bytes = address.includes(":") ? ip6(address) : ip4(address);
  return octets(Number(bits), bytes.subarray(0, (Number(bits) + 7) >> 3));
}

export const messageTypes = {
  open: 1,
  update: 2,
  notification: 3,
  keepalive: 4,
  routeRefresh: 5,
  capability: 6,
} as const;

/** Header and body. `length` and `marker` only when the header is to lie. */
export function message(type: number, body: Octets, lie: { length?: number; marker?: Octets } = {}): Uint8Array {
  const bytes = octets(body);
  return octets(lie.marker ?? filler(16, 0xff), u16(lie.length ?? bytes.length + 19), type, bytes);
}

export const keepalive = message(messageTypes.keepalive, []);

export type OpenFields = {
  version?: number;
  asNumber: number;
  holdTime?: number;
  routerId: string;
  /** Each is put into an optional parameter of its own. */
  capabilities?: readonly Octets[];
  /** Everything behind the router identifier, instead of `capabilities`. */
  parameters?: Octets;
};

export function open({ version = 4, asNumber, holdTime = 90, routerId, capabilities = [], parameters }: OpenFields) {
  const own = capabilities.map((value) => parameter(2, value));
  const tail = parameters ?? octets(octets(own).length, own);
  const narrow = asNumber > 0xffff ? 23456 : asNumber;
  return message(messageTypes.open, [version, u16(narrow), u16(holdTime), ip4(routerId), tail]);
}

export function parameter(type: number, value: Octets): Uint8Array {
  const bytes = octets(value);
  return octets(type, bytes.length, bytes);
}

/** `length` only when it is to lie. */
export function capability(code: number, value: Octets = [], length?: number): Uint8Array {
  const bytes = octets(value);
  return octets(code, length ?? bytes.length, bytes);
}

export const capabilities = {
  multiprotocol: (afi: number, safi: number) => capability(1, [u16(afi), 0, safi]),
  routeRefresh: capability(2),
  extendedMessage: capability(6),
  enhancedRefresh: capability(70),
  fourOctetAs: (asNumber: number) => capability(65, u32(asNumber)),
  gracefulRestart: (flagsAndTime: number, families: Octets = []) => capability(64, [u16(flagsAndTime), families]),
} as const;

export const flags = { optional: 0x80, transitive: 0x40, partial: 0x20, extended: 0x10 } as const;
const wellKnown = flags.transitive;
const optional = flags.optional;
const both = flags.optional | flags.transitive;

/** An attribute; the length takes two octets when the flags say so or when it must. `length` only when it is to lie. */
export function attribute(flagBits: number, type: number, value: Octets, length?: number): Uint8Array {
  const bytes = octets(value);
  const told = length ?? bytes.length;
  const isLong = (flagBits & flags.extended) !== 0 || bytes.length > 255;
  return octets(isLong ? flagBits | flags.extended : flagBits, type, isLong ? u16(told) : told, bytes);
}

export type Segment = readonly [type: "set" | "sequence" | "confedSequence" | "confedSet", ...asNumbers: number[]];
const segmentNumbers = { set: 1, sequence: 2, confedSequence: 3, confedSet: 4 } as const;

export function segments(path: readonly Segment[], isNarrow = false): Uint8Array {
  return octets(
    path.map(([type, ...asNumbers]) => [
      segmentNumbers[type],
      asNumbers.length,
      asNumbers.map((asNumber) => (isNarrow ? u16(asNumber) : u32(asNumber))),
    ]),
  );
}

export const attributes = {
  origin: (value: number) => attribute(wellKnown, 1, value),
  asPath: (...path: readonly Segment[]) => attribute(wellKnown, 2, segments(path)),
  narrowAsPath: (...path: readonly Segment[]) => attribute(wellKnown, 2, segments(path, true)),
  nextHop: (address: string) => attribute(wellKnown, 3, ip4(address)),
  med: (value: number) => attribute(optional, 4, u32(value)),
  localPref: (value: number) => attribute(wellKnown, 5, u32(value)),
  atomicAggregate: attribute(wellKnown, 6, []),
  aggregator: (asNumber: number, address: string) => attribute(both, 7, [u32(asNumber), ip4(address)]),
  communities: (...values: readonly number[]) => attribute(both, 8, values.map(u32)),
  originatorId: (address: string) => attribute(optional, 9, ip4(address)),
  clusterList: (...addresses: readonly string[]) => attribute(optional, 10, addresses.map(ip4)),
  mpReach: (afi: number, safi: number, nextHop: Octets, nlri: Octets) =>
    attribute(optional, 14, [u16(afi), safi, octets(nextHop).length, nextHop, 0, nlri]),
  mpUnreach: (afi: number, safi: number, nlri: Octets) => attribute(optional, 15, [u16(afi), safi, nlri]),
  extendedCommunities: (...values: readonly string[]) => attribute(both, 16, values),
  as4Path: (...path: readonly Segment[]) => attribute(both, 17, segments(path)),
  as4Aggregator: (asNumber: number, address: string) => attribute(both, 18, [u32(asNumber), ip4(address)]),
  largeCommunities: (...values: readonly (readonly [number, number, number])[]) =>
    attribute(
      both,
      32,
      values.map((parts) => parts.map(u32)),
    ),
} as const;

export type UpdateFields = { withdrawn?: Octets; attributes?: Octets; nlri?: Octets };
type UpdateLies = { withdrawnLength?: number; attributesLength?: number };

export function update(fields: UpdateFields, lies: UpdateLies = {}): Uint8Array {
  const withdrawn = octets(fields.withdrawn ?? []);
  const attributeBytes = octets(fields.attributes ?? []);
  return message(messageTypes.update, [
    u16(lies.withdrawnLength ?? withdrawn.length),
    withdrawn,
    u16(lies.attributesLength ?? attributeBytes.length),
    attributeBytes,
    fields.nlri ?? [],
  ]);
}

export function notification(code: number, subcode: number, data: Octets = []): Uint8Array {
  return message(messageTypes.notification, [code, subcode, data]);
}

export function routeRefresh(afi: number, safi: number, subtype = 0): Uint8Array {
  return message(messageTypes.routeRefresh, [u16(afi), subtype, safi]);
}
