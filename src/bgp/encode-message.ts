import { type Problem, type Result, addressToBytes, success } from "../lib/index.ts";
import type { MessageContext } from "./describe-message.ts";
import { encodeUpdate, readFamily } from "./encode-update.ts";
import { JsonReader } from "./json-reader.ts";
import { writeKeepalive, writeMessage } from "./message.ts";
import { afiOf, capabilityCode, headerBytes, maxExtendedMessageBytes, messageType, unicastSafi } from "./numbers.ts";
import { OctetWriter } from "./octets.ts";
import { type RawCapability, writeOpenBody } from "./open.ts";

/** The octets of a message that is told as `describeMessage` tells it, `path` being where it stands in the request. */
export function encodeMessage(json: unknown, context: MessageContext, path: string): Result<Uint8Array> {
  const problems: Problem[] = [];
  const message = new JsonReader(json, path, problems);
  const bytes = encode(message, context);
  if (bytes.length > maxExtendedMessageBytes) {
    message.refuse("", `makes ${bytes.length} octets, and a message has at most ${maxExtendedMessageBytes}`);
  }
  return problems.length === 0 ? success(bytes) : { ok: false, problems };
}

function encode(message: JsonReader, context: MessageContext): Uint8Array {
  const type = message.text("type");
  switch (type) {
    case "open":
      return encodeOpen(message);
    case "update":
      return writeMessage(messageType.update, encodeUpdate(message, context));
    case "notification": {
      const writer = new OctetWriter(64);
      writer.put([message.number("code", 255), message.number("subcode", 255)]);
      writer.put(message.octets("data", maxExtendedMessageBytes - headerBytes - 2));
      return writeMessage(messageType.notification, writer.finish());
    }
    case "keepalive":
      return writeKeepalive();
    case "route-refresh":
      return encodeRefresh(message);
    default:
      message.refuse("type", "must be open, update, notification, keepalive or route-refresh");
      return new Uint8Array(0);
  }
}

function encodeRefresh(message: JsonReader): Uint8Array {
  const writer = new OctetWriter(8);
  const family = message.has("family") ? readFamily(message, "family") : undefined;
  writer.u16(family === undefined ? message.number("afi", 0xffff) : afiOf(family));
  writer.u8(message.number("subtype", 255, 0));
  writer.u8(family === undefined ? message.number("safi", 255) : unicastSafi);
  writer.put(message.octets("data", maxExtendedMessageBytes - headerBytes - 4));
  return writeMessage(messageType.routeRefresh, writer.finish());
}

/** Capabilities stand in one parameter unless `parameters` divides them. */
function encodeOpen(message: JsonReader): Uint8Array {
  const routerId = message.router("routerId");
  const capabilities = message.objects("capabilities").map(
    (one): RawCapability => ({
      code: one.number("code", 255),
      value: one.octets("value", 255),
    }),
  );
  if (message.has("as4") && !capabilities.some(({ code }) => code === capabilityCode.fourOctetAs)) {
    const writer = new OctetWriter(4);
    writer.u32(message.number("as4", 0xffffffff));
    capabilities.push({ code: capabilityCode.fourOctetAs, value: writer.finish() });
  }
  const counts = message.has("parameters")
    ? message.values("parameters", (value) => (typeof value === "number" ? value : undefined), "must be a number")
    : [capabilities.length];
  let next = 0;
  const parameters = counts.map((count) => capabilities.slice(next, (next += count)));
  if (parameters.flat().length !== capabilities.length) message.refuse("parameters", "must divide the capabilities");
  if (message.problems.length > 0 || routerId === undefined) return new Uint8Array(0);
  const body = writeOpenBody(
    {
      version: message.number("version", 255, 4),
      asNumber: message.number("asNumber", 0xffff),
      holdTimeSeconds: message.number("holdTime", 0xffff),
      routerId: addressToBytes(routerId),
    },
    parameters,
    message.isSet("isLongForm"),
  );
  return writeMessage(messageType.open, body);
}
