import { type IpAddress, type IpVersion, NetlinkWriter, addressVersion } from "../lib/index.ts";
import {
  CTA_ID,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_REPLY,
  type Flow,
  NFNL_SUBSYS_CTNETLINK,
  writeTuple,
  writeTupleAddresses,
} from "./flow.ts";

/** Connections of one IP version; with `source` those whose packets of that direction come from there. */
export type FlowFilter =
  | { readonly version: IpVersion }
  | { readonly direction: "original" | "reply"; readonly source: IpAddress };

const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const CTA_FILTER = 25;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_REPLY_FLAGS = 2;
/** CTA_FILTER_F_CTA_IP_SRC of nf_conntrack_netlink.c: of the tuple only the source is compared. */
const sourceFlag = 1;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
const AF_INET = 2;
const AF_INET6 = 10;

/**
 * Asks for the connections of the filter. More may come, to be sorted out with `isOfFilter`: kernels before 5.8 know no
 * filters, and of IPv6 the source is not asked for, since there the kernel (6.18, too) gives all but those that match.
 */
export function encodeFlowDump(filter: FlowFilter, sequence: number): Uint8Array {
  const writer = new NetlinkWriter(128);
  const type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
  writer.message(type, NLM_F_REQUEST | NLM_F_DUMP, sequence, () => {
    if ("version" in filter) return writeHeader(writer, filter.version);
    const { direction, source } = filter;
    const isOriginal = direction === "original";
    const version = addressVersion(source);
    writeHeader(writer, version);
    if (version === 6) return;
    writer.nest(isOriginal ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY, () => writeTupleAddresses(writer, { source }));
    writer.nest(CTA_FILTER, () => {
      writer.u32(CTA_FILTER_ORIG_FLAGS, isOriginal ? sourceFlag : 0);
      writer.u32(CTA_FILTER_REPLY_FLAGS, isOriginal ? 0 : sourceFlag);
    });
  });
  return writer.bytes();
}

export function isOfFilter(flow: Flow, filter: FlowFilter): boolean {
  if ("version" in filter) return addressVersion(flow.original.source) === filter.version;
  return flow[filter.direction].source === filter.source;
}

/** One message for each, in their order, numbered from `firstSequence`; each is answered. */
export function encodeFlowDeletions(flows: readonly Flow[], firstSequence: number): Uint8Array {
  const writer = new NetlinkWriter(128 * Math.max(flows.length, 1));
  const type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE;
  for (const [index, { id, original }] of flows.entries()) {
    writer.message(type, NLM_F_REQUEST | NLM_F_ACK, firstSequence + index, () => {
      writeHeader(writer, addressVersion(original.source));
      writeTuple(writer, CTA_TUPLE_ORIG, original);
      writer.u32be(CTA_ID, id);
    });
  }
  return writer.bytes();
}

/** struct nfgenmsg. */
function writeHeader(writer: NetlinkWriter, version: IpVersion): void {
  writer.header([version === 4 ? AF_INET : AF_INET6, 0, 0, 0]);
}
