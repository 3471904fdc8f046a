import { NetlinkWriter } from "../lib/index.ts";
import { type LinkAddress, RTM_DELADDR, RTM_NEWADDR, writeLinkAddress } from "./link-address.ts";
import {
  type LinkSettings,
  RTM_DELLINK,
  RTM_NEWLINK,
  type VethToCreate,
  writeAddrGenMode,
  writeAlias,
  writeBridge,
  writeLinkIndex,
  writeLinkSettings,
  writeVeth,
} from "./link.ts";
import { type Neighbour, RTM_DELNEIGH, RTM_NEWNEIGH, writeNeighbour } from "./neighbour.ts";
import { type NextHop, RTM_DELNEXTHOP, RTM_NEWNEXTHOP, writeNextHop, writeNextHopId } from "./next-hop.ts";
import { RTM_DELROUTE, RTM_NEWROUTE, type Route, writeRoute, writeRouteKey } from "./route.ts";

/** One thing to do to the kernel's routing state. A put makes or replaces. */
export type RouteChange =
  /** Exclusive: fails with EEXIST when a route of that destination, metric and table is there, whosever it is. */
  | { readonly type: "putRoute"; readonly route: Route; readonly isExclusive?: boolean }
  | { readonly type: "deleteRoute"; readonly route: Route }
  | { readonly type: "putNeighbour"; readonly neighbour: Neighbour }
  | { readonly type: "deleteNeighbour"; readonly neighbour: Neighbour }
  | { readonly type: "putNextHop"; readonly nextHop: NextHop }
  | { readonly type: "deleteNextHop"; readonly nextHop: NextHop }
  | { readonly type: "putAddress"; readonly address: LinkAddress }
  | { readonly type: "deleteAddress"; readonly address: LinkAddress }
  /** Fails with EEXIST when a link has the name. Both ends are down. */
  | ({ readonly type: "createVeth" } & VethToCreate)
  | { readonly type: "createBridge"; readonly name: string }
  | { readonly type: "setAlias"; readonly name: string; readonly alias: string }
  | ({ readonly type: "setLink" } & LinkSettings)
  | { readonly type: "deleteLink"; readonly index: number };

const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_REPLACE = 0x100;
const NLM_F_EXCL = 0x200;
const NLM_F_CREATE = 0x400;
const put = NLM_F_CREATE | NLM_F_REPLACE;
const create = NLM_F_CREATE | NLM_F_EXCL;

type Message = { readonly type: number; readonly flags: number; write(writer: NetlinkWriter): void };

/**
 * The messages of several changes in one datagram. The change at place i has sequence number `firstSequence + i`
 * (two messages may share one). Only the last message asks for an acknowledgement: failures are answered anyhow.
 */
export function encodeChanges(changes: readonly RouteChange[], firstSequence: number): Uint8Array {
  const writer = new NetlinkWriter(changes.length * 96);
  const last = changes.length - 1;
  for (const [i, change] of changes.entries()) {
    const messages = messagesOf(change);
    for (const [j, message] of messages.entries()) {
      const ack = i === last && j === messages.length - 1 ? NLM_F_ACK : 0;
      writer.message(message.type, NLM_F_REQUEST | message.flags | ack, firstSequence + i, () => message.write(writer));
    }
  }
  return writer.bytes();
}

function messagesOf(change: RouteChange): Message[] {
  switch (change.type) {
    case "putRoute":
      return [
        message(RTM_NEWROUTE, change.isExclusive === true ? create : put, (writer) => writeRoute(writer, change.route)),
      ];
    case "deleteRoute":
      return [message(RTM_DELROUTE, 0, (writer) => writeRouteKey(writer, change.route))];
    case "putNeighbour":
      return [message(RTM_NEWNEIGH, put, (writer) => writeNeighbour(writer, change.neighbour))];
    case "deleteNeighbour":
      return [message(RTM_DELNEIGH, 0, (writer) => writeNeighbour(writer, change.neighbour))];
    case "putNextHop":
      return [message(RTM_NEWNEXTHOP, put, (writer) => writeNextHop(writer, change.nextHop))];
    case "deleteNextHop":
      return [message(RTM_DELNEXTHOP, 0, (writer) => writeNextHopId(writer, change.nextHop.id))];
    case "putAddress":
      return [message(RTM_NEWADDR, put, (writer) => writeLinkAddress(writer, change.address))];
    case "deleteAddress":
      return [message(RTM_DELADDR, 0, (writer) => writeLinkAddress(writer, change.address))];
    case "createVeth":
      return [message(RTM_NEWLINK, create, (writer) => writeVeth(writer, change))];
    case "createBridge":
      return [message(RTM_NEWLINK, create, (writer) => writeBridge(writer, change.name))];
    case "setAlias":
      return [message(RTM_NEWLINK, 0, (writer) => writeAlias(writer, change.name, change.alias))];
    case "setLink":
      return settingMessages(change);
    case "deleteLink":
      return [message(RTM_DELLINK, 0, (writer) => writeLinkIndex(writer, change.index))];
  }
}

/** The address mode goes first, so that a link which comes up with it has made no address yet. */
function settingMessages(settings: LinkSettings): Message[] {
  const rest = message(RTM_NEWLINK, 0, (writer) => writeLinkSettings(writer, settings));
  const mode = settings.addrGenMode;
  if (mode === undefined) return [rest];
  return [message(RTM_NEWLINK, 0, (writer) => writeAddrGenMode(writer, settings.index, mode)), rest];
}

function message(type: number, flags: number, write: (writer: NetlinkWriter) => void): Message {
  return { type, flags, write };
}
