import type { TcpOptions } from "../sys/index.ts";

/**
 * Of every socket that BGP is spoken over, listening ones too, since their first answer goes out before anybody knows who asks.
 * The greatest TTL: a peer that counts hops (RFC 5082) must see that there are none, and to all others it makes no difference.
 * The class is Internetwork Control, so that keepalives pass where the network is full. What waits unsent in the
 * kernel is bounded because there the octets are not shared: a copy for each of thousands of peers, some of which do not read.
 */
export const sessionSocket: TcpOptions = { ttl: 255, trafficClass: 0xc0, maxUnsentBytes: 1024 * 1024 };

/** The least TTL of packets that have crossed no more than so many routers (RFC 5082 section 3). */
export function minTtlWithin(hops: number): number {
  return 256 - hops;
}
