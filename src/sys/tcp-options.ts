import { type IpAddress, type IpVersion } from "../lib/index.ts";
import { checkCall } from "./errno.ts";
import { libc } from "./libc.ts";
import { AF_INET, AF_INET6, socketAddress } from "./socket-address.ts";
import { SOCK_FLAGS, SOCK_STREAM, bindToDevice, setOption } from "./socket-options.ts";

const IPPROTO_IP = 0;
const IPPROTO_TCP = 6;
const IPPROTO_IPV6 = 41;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_MINTTL = 21;
const IPV6_UNICAST_HOPS = 16;
const IPV6_TCLASS = 67;
const IPV6_MINHOPCOUNT = 73;
const TCP_NODELAY = 1;
const TCP_NOTSENT_LOWAT = 25;

/** What a TCP socket may be told before its first packet. */
export type TcpOptions = {
  /** 1 to 255, of the packets sent. */
  readonly ttl?: number;
  /** Packets that come with less are dropped by the kernel (RFC 5082). */
  readonly minTtl?: number;
  /** The octet of the IP header that tells how urgent the packets are (RFC 2474). */
  readonly trafficClass?: number;
  /** No more than about so many octets wait in the kernel for being sent; nothing more is taken then. */
  readonly maxUnsentBytes?: number;
  /** Name of the only interface to use; needed for link-local addresses. */
  readonly linkName?: string;
};

/** A stream socket that never waits, neither for its peer nor to fill a packet. */
export function openTcp(version: IpVersion, options: TcpOptions, what: string): number {
  const family = version === 4 ? AF_INET : AF_INET6;
  const fd = checkCall(libc().socket(family, SOCK_STREAM | SOCK_FLAGS, 0), what);
  try {
    setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1, what);
    const { ttl, minTtl, trafficClass, maxUnsentBytes, linkName } = options;
    if (ttl !== undefined) setIpOption(fd, version, IP_TTL, IPV6_UNICAST_HOPS, ttl, what);
    if (trafficClass !== undefined) setIpOption(fd, version, IP_TOS, IPV6_TCLASS, trafficClass, what);
    if (minTtl !== undefined) setMinTtl(fd, version, minTtl, what);
    if (maxUnsentBytes !== undefined) setOption(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, maxUnsentBytes, what);
    if (linkName !== undefined) bindToDevice(fd, linkName);
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

export function setMinTtl(fd: number, version: IpVersion, minTtl: number, what: string): void {
  setIpOption(fd, version, IP_MINTTL, IPV6_MINHOPCOUNT, minTtl, what);
}

function setIpOption(fd: number, version: IpVersion, name4: number, name6: number, value: number, what: string): void {
  if (version === 4) setOption(fd, IPPROTO_IP, name4, value, what);
  else setOption(fd, IPPROTO_IPV6, name6, value, what);
}

export function bindTcp(fd: number, address: IpAddress, port: number, what: string): void {
  const bytes = socketAddress(address, port);
  checkCall(libc().bind(fd, bytes, bytes.length), what);
}
