import { AttributeTable } from "./attribute-table.ts";
import { type Family, allFamilies } from "./config.ts";
import { describeUpdate } from "./describe-update.ts";
import { Framer } from "./framer.ts";
import { type Message, readMessage } from "./message.ts";
import type { Notification } from "./notification.ts";
import { capabilityCode, headerBytes, maxExtendedMessageBytes } from "./numbers.ts";
import { OctetReader } from "./octets.ts";
import { type Open, readParameters } from "./open.ts";
import type { UpdateContext } from "./update.ts";

/** What the session has agreed, as far as the form of its messages depends on it. */
export type MessageContext = {
  readonly isInternal: boolean;
  readonly isFourOctetAs: boolean;
  /** Families that come with path identifiers (RFC 7911). */
  readonly addPath: readonly Family[];
  /** IPv4 prefixes may have IPv6 next hops (RFC 8950). */
  readonly hasExtendedNextHop: boolean;
};

/** What becomes of a message by RFC 4271, 4760 and 7606, and what it says. All of it survives JSON. */
export type MessageDescription = {
  readonly result: "ok" | "discard" | "withdraw" | "error";
  readonly notification?: { readonly code: number; readonly subcode: number };
  readonly message?: Readonly<Record<string, unknown>>;
};

function updateContext({ addPath, ...context }: MessageContext): UpdateContext {
  return { ...context, families: allFamilies, addPathReceive: addPath };
}

/** Describes one whole message with its header. Total. */
export function describeMessage(bytes: Uint8Array, context: MessageContext): MessageDescription {
  const framer = new Framer();
  framer.maxBytes = maxExtendedMessageBytes;
  framer.push(bytes);
  const whole = framer.next();
  // More or fewer octets than the header says.
  if (whole === undefined || (whole instanceof Uint8Array && whole.length < bytes.length)) {
    return describeFault({ code: 1, subcode: 2 });
  }
  if (!(whole instanceof Uint8Array)) return describeFault(whole);
  return describe(readMessage(whole, updateContext(context), new AttributeTable()), whole, context);
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
      return { result: "ok", message: describeRefresh(read, bytes) };
    case "open":
      return { result: "ok", message: describeOpen(read.open, bytes) };
    case "update":
      return { result: read.outcome, message: describeUpdate(read, bytes, updateContext(context)) };
  }
}

function describeFault({ code, subcode }: Pick<Notification, "code" | "subcode">): MessageDescription {
  return { result: "error", notification: { code, subcode } };
}

/** `data` is what RFC 5291 puts behind the family. */
function describeRefresh({ family, subtype }: Extract<Message, { type: "routeRefresh" }>, bytes: Uint8Array) {
  const body = new OctetReader(bytes.subarray(headerBytes));
  const afi = body.u16();
  body.u8();
  const safi = body.u8();
  const data = body.rest();
  return {
    type: "route-refresh",
    family: family ?? null,
    subtype,
    ...(family === undefined ? { afi, safi } : {}),
    ...(data.length === 0 ? {} : { data: data.toHex() }),
  };
}

/**
 * `parameters` is how many capabilities stand in each optional parameter, when they are not all in one, and
 * `isLongForm` says that RFC 9072's form was taken without need.
 */
function describeOpen(open: Open, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const body = new OctetReader(bytes.subarray(headerBytes));
  const version = body.u8();
  const asNumber = body.u16();
  const parameters = readParameters(bytes.subarray(headerBytes));
  const lists = (parameters?.capabilities ?? []).map((list) => list ?? []);
  const isLongForm = parameters?.isLong === true;
  return {
    type: "open",
    version,
    asNumber,
    ...(open.hasFourOctetAs ? { as4: open.asNumber } : {}),
    holdTime: open.holdTimeSeconds,
    routerId: open.routerId,
    capabilities: lists.flat().map(({ code, value }) => ({
      code,
      name: capabilityNames.get(code) ?? `capability ${code}`,
      value: value.toHex(),
    })),
    ...(lists.length > 1 || lists[0]?.length === 0 ? { parameters: lists.map(({ length }) => length) } : {}),
    ...(isLongForm ? { isLongForm } : {}),
  };
}

const capabilityNames = new Map<number, string>([
  [capabilityCode.multiprotocol, "multiprotocol"],
  [capabilityCode.routeRefresh, "route-refresh"],
  [capabilityCode.extendedNextHop, "extended-next-hop"],
  [capabilityCode.extendedMessage, "extended-message"],
  [capabilityCode.gracefulRestart, "graceful-restart"],
  [capabilityCode.fourOctetAs, "four-octet-as"],
  [capabilityCode.addPath, "add-path"],
  [capabilityCode.enhancedRefresh, "enhanced-route-refresh"],
  [capabilityCode.longLivedRestart, "long-lived-graceful-restart"],
]);
