import { type IpVersion, NetlinkWriter } from "../lib/index.ts";
import { RTM_GETADDR, writeLinkAddressQuery } from "./link-address.ts";
import { RTM_GETLINK, writeLinkQuery } from "./link.ts";
import { RTM_GETNEIGH, writeNeighbourQuery } from "./neighbour.ts";
import { RTM_GETNEXTHOP, writeNextHopQuery } from "./next-hop.ts";
import { RTM_GETROUTE, writeRouteQuery } from "./route.ts";

/** What to read from the kernel. `link` asks for a single one, by name or number. */
export type DumpRequest =
  | { readonly type: "links" }
  | { readonly type: "link"; readonly name: string }
  | { readonly type: "link"; readonly index: number }
  | { readonly type: "addresses" }
  | { readonly type: "routes"; readonly version: IpVersion; readonly table?: number | undefined }
  | { readonly type: "neighbours" }
  | { readonly type: "nextHops" };

const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;

/** The answer is a row of RTM_NEW messages and, in the end, an `Answer`. */
export function encodeDumpRequest(request: DumpRequest, sequence: number): Uint8Array {
  const writer = new NetlinkWriter(128);
  const dump = (type: number, body: () => void) => writer.message(type, NLM_F_REQUEST | NLM_F_DUMP, sequence, body);
  switch (request.type) {
    case "links":
      dump(RTM_GETLINK, () => writeLinkQuery(writer));
      break;
    case "link":
      writer.message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, sequence, () => writeLinkQuery(writer, request));
      break;
    case "addresses":
      dump(RTM_GETADDR, () => writeLinkAddressQuery(writer));
      break;
    case "routes":
      dump(RTM_GETROUTE, () => writeRouteQuery(writer, request.version, request.table));
      break;
    case "neighbours":
      dump(RTM_GETNEIGH, () => writeNeighbourQuery(writer));
      break;
    case "nextHops":
      dump(RTM_GETNEXTHOP, () => writeNextHopQuery(writer));
      break;
  }
  return writer.bytes();
}
