import { type IpAddress, addressFromBytes, addressToBytes } from "../lib/index.ts";
import type { Family } from "./config.ts";
import { type Notification, notification } from "./notification.ts";
import { afiOf, asTrans, capabilityCode, errorCode, familyOf, unicastSafi } from "./numbers.ts";
import { OctetReader, OctetWriter } from "./octets.ts";

type GracefulRestart = {
  /** The R bit: the sender has just restarted. */
  readonly isRestarting: boolean;
  /** How long the receiver should keep the sender's routes; 0 to 4,095. */
  readonly restartTimeSeconds: number;
  readonly families: readonly { readonly family: Family; readonly isForwarding: boolean }[];
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
  readonly gracefulRestart?: GracefulRestart;
};

/** The body of an OPEN, behind the header. */
export function writeOpen(open: Open): Uint8Array {
  const writer = new OctetWriter(64);
  writer.u8(4);
  writer.u16(open.asNumber > 0xffff ? asTrans : open.asNumber);
  writer.u16(open.holdTimeSeconds);
  writer.put(addressToBytes(open.routerId));
  const capabilities = writeCapabilities(open);
  // All capabilities in one parameter, as RFC 5492 recommends.
  writer.u8(capabilities.length === 0 ? 0 : capabilities.length + 2);
  if (capabilities.length > 0) {
    writer.u8(2);
    writer.u8(capabilities.length);
    writer.put(capabilities);
  }
  return writer.finish();
}

function writeCapabilities(open: Open): Uint8Array {
  const writer = new OctetWriter(64);
  for (const family of open.families) {
    writer.put([capabilityCode.multiprotocol, 4]);
    writer.u16(afiOf(family));
    writer.u16(unicastSafi);
  }
  if (open.canRefresh) writer.put([capabilityCode.routeRefresh, 0]);
  if (open.hasExtendedMessages) writer.put([capabilityCode.extendedMessage, 0]);
  const restart = open.gracefulRestart;
  if (restart !== undefined) {
    writer.put([capabilityCode.gracefulRestart, 2 + 4 * restart.families.length]);
    writer.u16((restart.isRestarting ? 0x8000 : 0) | restart.restartTimeSeconds);
    for (const { family, isForwarding } of restart.families) {
      writer.u16(afiOf(family));
      writer.u8(unicastSafi);
      writer.u8(isForwarding ? 0x80 : 0);
    }
  }
  if (open.hasFourOctetAs) {
    writer.put([capabilityCode.fourOctetAs, 4]);
    writer.u32(open.asNumber);
  }
  return writer.finish();
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
  const parameters = readParameters(reader);
  if (version !== 4) return openFault(1, [0, 4]);
  if (reader.isFailed || parameters === undefined) return openFault(0);
  if (parameters.unknown !== undefined) return openFault(4, parameters.unknown);
  if (routerId.every((octet) => octet === 0)) return openFault(3);
  if (holdTimeSeconds === 1 || holdTimeSeconds === 2) return openFault(6);
  const found = readCapabilities(parameters.capabilities);
  if (found === undefined) return openFault(0);
  const realAs = found.fourOctetAs ?? asNumber;
  // RFC 7607: AS 0 names nobody.
  if (realAs === 0) return openFault(2);
  const open: Open = {
    asNumber: realAs,
    holdTimeSeconds,
    routerId: addressFromBytes(routerId),
    families: found.hasMultiprotocol ? found.families : ["ipv4-unicast"],
    canRefresh: found.canRefresh,
    hasFourOctetAs: found.fourOctetAs !== undefined,
    hasExtendedMessages: found.hasExtendedMessages,
    ...(found.gracefulRestart === undefined ? {} : { gracefulRestart: found.gracefulRestart }),
  };
  return { type: "open", open };
}

function openFault(subcode: number, data: ArrayLike<number> = []): OpenReading {
  return { type: "fault", fault: notification(errorCode.open, subcode, data) };
}

type Parameters = { readonly capabilities: readonly Uint8Array[]; readonly unknown?: Uint8Array };

/** Undefined when the lengths do not fit together. */
function readParameters(reader: OctetReader): Parameters | undefined {
  let total = reader.u8();
  let isLong = false;
  let parameters = reader;
  // RFC 9072: parameter type 255 in front says that the true length and all parameter lengths take two octets.
  if (total !== 0 && reader.left > 0) {
    const first = new OctetReader(reader.rest());
    const type = first.u8();
    if (type === 255) {
      isLong = true;
      total = first.u16();
      parameters = first;
    } else {
      parameters = new OctetReader(Uint8Array.of(type, ...first.rest()));
    }
  }
  if (parameters.left !== total) return undefined;
  const capabilities: Uint8Array[] = [];
  while (parameters.left > 0) {
    const type = parameters.u8();
    const value = parameters.take(isLong ? parameters.u16() : parameters.u8());
    if (parameters.isFailed) return undefined;
    if (type !== 2) return { capabilities, unknown: Uint8Array.of(type) };
    capabilities.push(value);
  }
  return { capabilities };
}

type FoundCapabilities = {
  hasMultiprotocol: boolean;
  families: Family[];
  canRefresh: boolean;
  hasExtendedMessages: boolean;
  fourOctetAs?: number;
  gracefulRestart?: GracefulRestart;
};

function readCapabilities(parameters: readonly Uint8Array[]): FoundCapabilities | undefined {
  const found: FoundCapabilities = {
    hasMultiprotocol: false,
    families: [],
    canRefresh: false,
    hasExtendedMessages: false,
  };
  for (const parameter of parameters) {
    const reader = new OctetReader(parameter);
    while (reader.left > 0) {
      const code = reader.u8();
      const value = reader.take(reader.u8());
      if (reader.isFailed || !isCapabilityLength(code, value.length)) return undefined;
      readCapability(code, value, found);
    }
  }
  return found;
}

/** A capability that we know is as long as its RFC says, or the OPEN is malformed. */
function isCapabilityLength(code: number, length: number): boolean {
  switch (code) {
    case capabilityCode.multiprotocol:
    case capabilityCode.fourOctetAs:
      return length === 4;
    case capabilityCode.routeRefresh:
    case capabilityCode.extendedMessage:
      return length === 0;
    case capabilityCode.gracefulRestart:
      return length >= 2 && (length - 2) % 4 === 0;
    default:
      return true;
  }
}

/** One that we do not know is passed over (RFC 5492). */
function readCapability(code: number, value: Uint8Array, found: FoundCapabilities): void {
  const reader = new OctetReader(value);
  if (code === capabilityCode.multiprotocol) {
    found.hasMultiprotocol = true;
    const family = familyOf(reader.u16(), reader.u16() & 0xff);
    if (family !== undefined && !found.families.includes(family)) found.families.push(family);
  } else if (code === capabilityCode.routeRefresh) {
    found.canRefresh = true;
  } else if (code === capabilityCode.extendedMessage) {
    found.hasExtendedMessages = true;
  } else if (code === capabilityCode.fourOctetAs) {
    found.fourOctetAs = reader.u32();
  } else if (code === capabilityCode.gracefulRestart) {
    found.gracefulRestart = readGracefulRestart(reader);
  }
}

function readGracefulRestart(reader: OctetReader): GracefulRestart {
  const flags = reader.u16();
  const families: { family: Family; isForwarding: boolean }[] = [];
  while (reader.left >= 4) {
    const family = familyOf(reader.u16(), reader.u8());
    const isForwarding = (reader.u8() & 0x80) !== 0;
    if (family !== undefined && !families.some((known) => known.family === family)) {
      families.push({ family, isForwarding });
    }
  }
  return { isRestarting: (flags & 0x8000) !== 0, restartTimeSeconds: flags & 0x0fff, families };
}
