import { type IpAddress, addressFromBytes, addressToBytes } from "../lib/index.ts";
import type { Family } from "./config.ts";
import { type Notification, notification } from "./notification.ts";
import { afiOf, asTrans, capabilityCode, errorCode, familyOf, unicastSafi } from "./numbers.ts";
import { OctetReader, OctetWriter } from "./octets.ts";

type GracefulRestart = {
  /** The R bit: the sender has just restarted. */
  readonly isRestarting: boolean;
  /** The N bit: a NOTIFICATION need not cost the routes (RFC 8538). */
  readonly hasNotifications: boolean;
  /** How long the receiver should keep the sender's routes; 0 to 4,095. */
  readonly restartTimeSeconds: number;
  readonly families: readonly { readonly family: Family; readonly isForwarding: boolean }[];
};

type AddPathOffer = { readonly family: Family; readonly canSend: boolean; readonly canReceive: boolean };

/** `staleTimeSeconds`: 0 to 16,777,215. */
type LongLivedRestart = {
  readonly family: Family;
  readonly isForwarding: boolean;
  readonly staleTimeSeconds: number;
};

export type Open = {
  /** The real AS number, four octets wide where the peer can. */
  readonly asNumber: number;
  readonly holdTimeSeconds: number;
  readonly routerId: IpAddress;
  /** A peer that names none speaks IPv4 unicast (RFC 4760 section 8). Families that we do not know are left out. */
  readonly families: readonly Family[];
  readonly canRefresh: boolean;
  readonly hasFourOctetAs: boolean;
  readonly hasExtendedMessages: boolean;
  /** RFC 7313. */
  readonly hasEnhancedRefresh: boolean;
  /** IPv4 unicast with IPv6 next hops (RFC 8950). */
  readonly hasExtendedNextHop: boolean;
  /** What the sender is ready to do with path identifiers (RFC 7911); a family it does not name, neither. */
  readonly addPath: readonly AddPathOffer[];
  readonly gracefulRestart?: GracefulRestart;
  /** RFC 9494; means something beside `gracefulRestart` only. */
  readonly longLivedRestart?: readonly LongLivedRestart[];
};

/** One capability as it stands in an OPEN (RFC 5492). */
export type RawCapability = { readonly code: number; readonly value: Uint8Array };

/** The body of an OPEN, behind the header. All capabilities stand in one parameter, as RFC 5492 recommends. */
export function writeOpen(open: Open): Uint8Array {
  return writeOpenBody(
    {
      version: 4,
      asNumber: open.asNumber > 0xffff ? asTrans : open.asNumber,
      holdTimeSeconds: open.holdTimeSeconds,
      routerId: addressToBytes(open.routerId),
    },
    [listCapabilities(open)],
  );
}

export type OpenHead = {
  readonly version: number;
  /** The field of two octets. */
  readonly asNumber: number;
  readonly holdTimeSeconds: number;
  readonly routerId: Uint8Array;
};

/** `parameters`: the capabilities of each. `isLong`: in the form of RFC 9072, which is also taken where it is needed. */
export function writeOpenBody(
  head: OpenHead,
  parameters: readonly (readonly RawCapability[])[],
  isLong = false,
): Uint8Array {
  const bodies = parameters.filter((list) => list.length > 0).map(writeCapabilities);
  const total = bodies.reduce((sum, body) => sum + 2 + body.length, 0);
  const isWide = isLong || total > 255 || bodies.some((body) => body.length > 255);
  const writer = new OctetWriter(64);
  writer.u8(head.version);
  writer.u16(head.asNumber);
  writer.u16(head.holdTimeSeconds);
  writer.put(head.routerId);
  if (isWide) {
    writer.put([255, 255]);
    writer.u16(total + bodies.length);
  } else {
    writer.u8(total);
  }
  for (const body of bodies) {
    writer.u8(capabilitiesParameter);
    if (isWide) writer.u16(body.length);
    else writer.u8(body.length);
    writer.put(body);
  }
  return writer.finish();
}

const capabilitiesParameter = 2;

function writeCapabilities(list: readonly RawCapability[]): Uint8Array {
  const writer = new OctetWriter(64);
  for (const { code, value } of list) {
    writer.put([code, value.length]);
    writer.put(value);
  }
  return writer.finish();
}

/** The capabilities that say that we speak these families, as they stand in an OPEN. */
export function writeFamilies(families: readonly Family[]): Uint8Array {
  return writeCapabilities(families.map(familyCapability));
}

function familyCapability(family: Family): RawCapability {
  return { code: capabilityCode.multiprotocol, value: Uint8Array.of(0, afiOf(family), 0, unicastSafi) };
}

/** In the order of their codes. */
function listCapabilities(open: Open): RawCapability[] {
  const list = open.families.map(familyCapability);
  const add = (code: number, write: (writer: OctetWriter) => void = () => {}) => {
    const writer = new OctetWriter(16);
    write(writer);
    list.push({ code, value: writer.finish() });
  };
  if (open.canRefresh) add(capabilityCode.routeRefresh);
  if (open.hasExtendedNextHop) {
    add(capabilityCode.extendedNextHop, (writer) => writer.put([0, 1, 0, unicastSafi, 0, 2]));
  }
  if (open.hasExtendedMessages) add(capabilityCode.extendedMessage);
  const restart = open.gracefulRestart;
  if (restart !== undefined) add(capabilityCode.gracefulRestart, (writer) => writeGracefulRestart(writer, restart));
  if (open.hasFourOctetAs) add(capabilityCode.fourOctetAs, (writer) => writer.u32(open.asNumber));
  const offers = open.addPath.filter(({ canSend, canReceive }) => canSend || canReceive);
  if (offers.length > 0) {
    add(capabilityCode.addPath, (writer) => {
      for (const { family, canSend, canReceive } of offers) {
        writer.u16(afiOf(family));
        writer.u8(unicastSafi);
        writer.u8((canReceive ? 1 : 0) | (canSend ? 2 : 0));
      }
    });
  }
  if (open.hasEnhancedRefresh) add(capabilityCode.enhancedRefresh);
  const longLived = open.longLivedRestart;
  if (longLived !== undefined) {
    add(capabilityCode.longLivedRestart, (writer) => {
      for (const { family, isForwarding, staleTimeSeconds } of longLived) {
        writer.u16(afiOf(family));
        writer.put([unicastSafi, isForwarding ? 0x80 : 0, staleTimeSeconds >>> 16]);
        writer.u16(staleTimeSeconds & 0xffff);
      }
    });
  }
  return list;
}

function writeGracefulRestart(writer: OctetWriter, restart: GracefulRestart): void {
  const flags = (restart.isRestarting ? 0x8000 : 0) | (restart.hasNotifications ? 0x4000 : 0);
  writer.u16(flags | restart.restartTimeSeconds);
  for (const { family, isForwarding } of restart.families) {
    writer.u16(afiOf(family));
    writer.u8(unicastSafi);
    writer.u8(isForwarding ? 0x80 : 0);
  }
}

export type OpenReading =
  | { readonly type: "open"; readonly open: Open }
  | { readonly type: "fault"; readonly fault: Notification };

/** Reads the body of an OPEN. Whether its values are those we want is judged by the connection. */
export function readOpen(body: Uint8Array): OpenReading {
  const reader = new OctetReader(body);
  const version = reader.u8();
  const asNumber = reader.u16();
  const holdTimeSeconds = reader.u16();
  const routerId = reader.take(4);
  const parameters = readParameters(body);
  if (version !== 4) return openFault(1, [0, 4]);
  if (reader.isFailed || parameters === undefined) return openFault(0);
  if (parameters.unknown !== undefined) return openFault(4, parameters.unknown);
  if (routerId.every((octet) => octet === 0)) return openFault(3);
  if (holdTimeSeconds === 1 || holdTimeSeconds === 2) return openFault(6);
  const found = readCapabilities(parameters.capabilities.flat());
  if (found === undefined) return openFault(0);
  const { fourOctetAs, hasMultiprotocol, families, ...rest } = found;
  const realAs = fourOctetAs ?? asNumber;
  // RFC 7607: AS 0 names nobody.
  if (realAs === 0) return openFault(2);
  const open: Open = {
    ...rest,
    asNumber: realAs,
    holdTimeSeconds,
    routerId: addressFromBytes(routerId),
    families: hasMultiprotocol ? families : ["ipv4-unicast"],
    hasFourOctetAs: fourOctetAs !== undefined,
  };
  return { type: "open", open };
}

function openFault(subcode: number, data: ArrayLike<number> = []): OpenReading {
  return { type: "fault", fault: notification(errorCode.open, subcode, data) };
}

const parametersOffset = 9;

export type OpenParameters = {
  /** Of each parameter of capabilities; undefined: they do not fill it exactly. */
  readonly capabilities: readonly (readonly RawCapability[] | undefined)[];
  /** In the form of RFC 9072. */
  readonly isLong: boolean;
  /** Type of the first parameter that is none of capabilities: what stands behind it is not read. */
  readonly unknown?: Uint8Array;
};

/** The optional parameters of an OPEN's body. Undefined when the lengths do not fit together. */
export function readParameters(body: Uint8Array): OpenParameters | undefined {
  const parameters = new OctetReader(body.subarray(parametersOffset));
  let total = parameters.u8();
  // RFC 9072: parameter type 255 in front says that the true length and all parameter lengths take two octets.
  const isLong = total !== 0 && body[parametersOffset + 1] === 255;
  if (isLong) {
    parameters.u8();
    total = parameters.u16();
  }
  if (parameters.isFailed || parameters.left !== total) return undefined;
  const capabilities: (RawCapability[] | undefined)[] = [];
  while (parameters.left > 0) {
    const type = parameters.u8();
    const value = parameters.take(isLong ? parameters.u16() : parameters.u8());
    if (parameters.isFailed) return undefined;
    if (type !== capabilitiesParameter) return { capabilities, isLong, unknown: Uint8Array.of(type) };
    capabilities.push(splitCapabilities(value));
  }
  return { capabilities, isLong };
}

function splitCapabilities(parameter: Uint8Array): RawCapability[] | undefined {
  const reader = new OctetReader(parameter);
  const list: RawCapability[] = [];
  while (reader.left > 0) {
    const code = reader.u8();
    const value = reader.take(reader.u8());
    if (reader.isFailed) return undefined;
    list.push({ code, value });
  }
  return list;
}

type FoundCapabilities = {
  hasMultiprotocol: boolean;
  families: Family[];
  canRefresh: boolean;
  hasExtendedMessages: boolean;
  hasEnhancedRefresh: boolean;
  hasExtendedNextHop: boolean;
  addPath: AddPathOffer[];
  fourOctetAs?: number;
  gracefulRestart?: GracefulRestart;
  longLivedRestart?: LongLivedRestart[];
};

/** Of a capability that comes again, the last one counts (RFC 4724, RFC 5492), but each family named is one more. */
function readCapabilities(list: readonly (RawCapability | undefined)[]): FoundCapabilities | undefined {
  const found: FoundCapabilities = {
    hasMultiprotocol: false,
    families: [],
    canRefresh: false,
    hasExtendedMessages: false,
    hasEnhancedRefresh: false,
    hasExtendedNextHop: false,
    addPath: [],
  };
  for (const capability of list) {
    if (capability === undefined || !isCapabilityLength(capability)) return undefined;
    readCapability(capability, found);
  }
  return found;
}

/** A capability that we know is as long as its RFC says, or the OPEN is malformed. */
function isCapabilityLength({ code, value }: RawCapability): boolean {
  const { length } = value;
  switch (code) {
    case capabilityCode.multiprotocol:
    case capabilityCode.fourOctetAs:
      return length === 4;
    case capabilityCode.routeRefresh:
    case capabilityCode.extendedMessage:
    case capabilityCode.enhancedRefresh:
      return length === 0;
    case capabilityCode.extendedNextHop:
      return length % 6 === 0;
    case capabilityCode.gracefulRestart:
      return length >= 2 && (length - 2) % 4 === 0;
    case capabilityCode.addPath:
      return length % 4 === 0;
    case capabilityCode.longLivedRestart:
      return length % 7 === 0;
    default:
      return true;
  }
}

/** One that we do not know is passed over (RFC 5492). */
function readCapability({ code, value }: RawCapability, found: FoundCapabilities): void {
  const reader = new OctetReader(value);
  switch (code) {
    case capabilityCode.multiprotocol: {
      found.hasMultiprotocol = true;
      const family = familyOf(reader.u16(), reader.u16() & 0xff);
      if (family !== undefined && !found.families.includes(family)) found.families.push(family);
      return;
    }
    case capabilityCode.routeRefresh:
      found.canRefresh = true;
      return;
    case capabilityCode.extendedNextHop:
      while (reader.left > 0) {
        const family = familyOf(reader.u16(), reader.u16());
        if (reader.u16() === 2 && family === "ipv4-unicast") found.hasExtendedNextHop = true;
      }
      return;
    case capabilityCode.extendedMessage:
      found.hasExtendedMessages = true;
      return;
    case capabilityCode.gracefulRestart:
      found.gracefulRestart = readGracefulRestart(reader);
      return;
    case capabilityCode.fourOctetAs:
      found.fourOctetAs = reader.u32();
      return;
    case capabilityCode.addPath:
      found.addPath = readAddPath(reader);
      return;
    case capabilityCode.enhancedRefresh:
      found.hasEnhancedRefresh = true;
      return;
    case capabilityCode.longLivedRestart:
      found.longLivedRestart = readLongLivedRestart(reader);
  }
}

function readGracefulRestart(reader: OctetReader): GracefulRestart {
  const flags = reader.u16();
  const families: { family: Family; isForwarding: boolean }[] = [];
  while (reader.left > 0) {
    const family = familyOf(reader.u16(), reader.u8());
    const isForwarding = (reader.u8() & 0x80) !== 0;
    if (family !== undefined && !families.some((known) => known.family === family)) {
      families.push({ family, isForwarding });
    }
  }
  return {
    isRestarting: (flags & 0x8000) !== 0,
    hasNotifications: (flags & 0x4000) !== 0,
    restartTimeSeconds: flags & 0x0fff,
    families,
  };
}

/** RFC 7911 section 4: a family with a value other than 1, 2 and 3 is passed over. */
function readAddPath(reader: OctetReader): AddPathOffer[] {
  const offers: AddPathOffer[] = [];
  while (reader.left > 0) {
    const family = familyOf(reader.u16(), reader.u8());
    const value = reader.u8();
    if (family === undefined || value < 1 || value > 3 || offers.some((one) => one.family === family)) continue;
    offers.push({ family, canReceive: (value & 1) !== 0, canSend: (value & 2) !== 0 });
  }
  return offers;
}

function readLongLivedRestart(reader: OctetReader): LongLivedRestart[] {
  const list: LongLivedRestart[] = [];
  while (reader.left > 0) {
    const family = familyOf(reader.u16(), reader.u8());
    const isForwarding = (reader.u8() & 0x80) !== 0;
    const staleTimeSeconds = reader.u8() * 0x10000 + reader.u16();
    if (family !== undefined && !list.some((one) => one.family === family)) {
      list.push({ family, isForwarding, staleTimeSeconds });
    }
  }
  return list;
}
