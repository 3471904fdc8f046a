import type { Sysctl } from "./wanted.ts";

/** Settings of the whole host, in the order in which they are to be written. A kernel without IPv6 does without its own. */
export const hostSysctls: readonly Sysctl[] = [
  // Every host is a router.
  { path: "net/ipv4/ip_forward", value: "1" },
  { path: "net/ipv6/conf/all/forwarding", value: "1", isOptional: true },
  // ECMP by ports too: by addresses alone all flows of a pair of hosts share one path.
  { path: "net/ipv4/fib_multipath_hash_policy", value: "1" },
  { path: "net/ipv6/fib_multipath_hash_policy", value: "1", isOptional: true },
  // A path whose carrier is gone is not used; otherwise it is until BGP withdraws it.
  { path: "net/ipv4/conf/all/ignore_routes_with_linkdown", value: "1" },
  { path: "net/ipv6/conf/all/ignore_routes_with_linkdown", value: "1", isOptional: true },
  // A change of one next-hop object then tells of itself only, not of each of the 100,000 routes that use it.
  { path: "net/ipv4/nexthop_compat_mode", value: "0", isOptional: true },
];

/** Settings of the host's end of a workload's link; to be written before it is up. */
export function linkSysctls(name: string): Sysctl[] {
  const ipv4 = `net/ipv4/conf/${name}`;
  const ipv6 = `net/ipv6/conf/${name}`;
  const settings: readonly Sysctl[] = [
    { path: `${ipv4}/forwarding`, value: "1" },
    // The table looks at every source, and knows of those that a workload may use beside its own: a second look would cost
    // every packet another search for the way back. ARP the table does not see: whoever asks with a source that is not behind
    // this link gets no answer, and no place in the table of neighbours.
    { path: `${ipv4}/rp_filter`, value: "0" },
    { path: `${ipv4}/arp_filter`, value: "1" },
    // A network namespace may have IPv6 off for new links; without it there is no neighbour discovery.
    { path: `${ipv6}/disable_ipv6`, value: "0", isOptional: true },
    { path: `${ipv6}/forwarding`, value: "1", isOptional: true },
    // No workload tells this host where its default route goes.
    { path: `${ipv6}/accept_ra`, value: "0", isOptional: true },
    // fe80::1 is on every workload's link: nobody is asked whether it is free, which would take a second or two.
    { path: `${ipv6}/accept_dad`, value: "0", isOptional: true },
  ];
  return settings.map((setting) => ({ ...setting, link: name }));
}
