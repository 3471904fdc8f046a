import type { NetlinkWriter } from "../lib/index.ts";
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
 * Writes the messages of several changes behind what the writer holds. The change at place i has sequence number
 * `firstSequence + i` (two messages may share one). Only the last message asks for an acknowledgement: failures are answered anyhow.
 */
export function writeChanges(writer: NetlinkWriter, changes: readonly RouteChange[], firstSequence: number): void {
  let sequence = firstSequence;
  const last = firstSequence + changes.length - 1;
  for (const change of changes) {
    const ack = sequence === last ? NLM_F_ACK : 0;
    if (isOfRoute(change)) writeOfRoute(writer, change, sequence, ack);
    else {
      const messages = messagesOf(change);
      for (const [i, { type, flags, write }] of messages.entries()) {
        const asked = i === messages.length - 1 ? ack : 0;
        writer.message(type, NLM_F_REQUEST | flags | asked, sequence, () => write(writer));
      }
    }
    sequence++;
  }
}

type OfRoute = Extract<RouteChange, { readonly type: "putRoute" | "deleteRoute" }>;

function isOfRoute(change: RouteChange): change is OfRoute {
  return change.type === "putRoute" || change.type === "deleteRoute";
}

/** There are 100,000 of these where there are ten of the others: nothing is made on the way. */
function writeOfRoute(writer: NetlinkWriter, change: OfRoute, sequence: number, ack: number): void {
  if (change.type === "putRoute") {
    const start = writer.begin(
      RTM_NEWROUTE,
      NLM_F_REQUEST | (change.isExclusive === true ? create : put) | ack,
      sequence,
    );
    writeRoute(writer, change.route);
    writer.end(start);
  } else {
    const start = writer.begin(RTM_DELROUTE, NLM_F_REQUEST | ack, sequence);
    writeRouteKey(writer, change.route);
    writer.end(start);
  }
}

function messagesOf(change: Exclude<RouteChange, OfRoute>): Message[] {
  switch (change.type) {
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
