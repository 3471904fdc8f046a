import { CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, NFNL_SUBSYS_CTNETLINK, writeTuple } from "../../src/conntrack/flow.ts";
import { type IpAddress, NetlinkWriter, parseAddress } from "../../src/lib/index.ts";
import { openNetlink } from "../../src/sys/index.ts";

const IPCTNL_MSG_CT_NEW = 0;
const CTA_STATUS = 3;
const CTA_TIMEOUT = 7;
/** IPS_SEEN_REPLY, IPS_ASSURED, IPS_CONFIRMED: those that the kernel does not throw out to make room. */
const lastingStatus = 0b1110;
const lifetimeSeconds = 600;
/** NLM_F_REQUEST, NLM_F_CREATE, NLM_F_EXCL. */
const createFlags = 0x601;
const AF_INET = 2;
const udp = 17;
const connectionsPerSend = 500;
const portCount = 60_000;

/** Makes connections of these numbers known to the kernel in the namespace of this process, as if they had been seen. */
export function fillConntrack(from: number, to: number): void {
  using netfilter = openNetlink({ protocol: "netfilter" });
  const writer = new NetlinkWriter(1 << 17);
  for (let at = from; at < to; at++) {
    writeConnection(writer, at);
    if (at % connectionsPerSend !== connectionsPerSend - 1 && at !== to - 1) continue;
    netfilter.send(writer.bytes());
    writer.reset();
  }
}

function writeConnection(writer: NetlinkWriter, at: number): void {
  const [source, destination] = [peers[Math.floor(at / portCount)] ?? server, server];
  const ports = [1024 + (at % portCount), 53] as const;
  writer.message((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW, createFlags, at + 1, () => {
    writer.header([AF_INET, 0, 0, 0]);
    writeTuple(writer, CTA_TUPLE_ORIG, { source, destination, protocol: udp, ports });
    const [from, to] = ports;
    writeTuple(writer, CTA_TUPLE_REPLY, { source: destination, destination: source, protocol: udp, ports: [to, from] });
    writer.u32be(CTA_STATUS, lastingStatus);
    writer.u32be(CTA_TIMEOUT, lifetimeSeconds);
  });
}

const server = addressOf("198.51.100.1");
const peers = Array.from({ length: 250 }, (_, at) => addressOf(`203.0.113.${at + 1}`));

function addressOf(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}
