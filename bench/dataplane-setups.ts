import { gatewayAddress4, gatewayAddress6, gatewayMac } from "../src/dataplane/index.ts";
import { writeSysctl } from "../src/kernel/index.ts";
import {
  type HostNumber,
  type Pair,
  fabricAddress,
  fabricLink,
  ipBatch,
  run,
  workloadAddress,
  workloadLink,
  workloadMac,
} from "./dataplane-hosts.ts";
import { allowedPorts } from "./dataplane-traffic.ts";

const gateway = { mac: gatewayMac, ip4: gatewayAddress4, ip6: gatewayAddress6 } as const;
const both = [1, 2] as const;

/** Routers with static routes, and one rule that makes the kernel keep track of connections. */
export function makePlain(pair: Pair): void {
  for (const host of both) {
    const netns = pair.host(host);
    const other = host === 1 ? 2 : 1;
    const link = workloadLink(0);
    pair.attachByRoute(host, gateway);
    writeSysctl("net/ipv4/ip_forward", "1", { netns });
    writeSysctl("net/ipv6/conf/all/forwarding", "1", { netns });
    ipBatch(netns, [
      `link set ${link} addrgenmode none`,
      `link set ${link} up`,
      `address add ${gateway.ip4}/32 dev lo scope link`,
      `address add ${gateway.ip6}/64 dev ${link} nodad`,
      ...([4, 6] as const).flatMap((version) => [
        `neighbour replace ${workloadAddress(host, 0, version)} dev ${link} lladdr ${workloadMac(host, 0)} nud permanent`,
        `route add ${workloadAddress(host, 0, version)} dev ${link}`,
        `route add ${workloadAddress(other, 0, version)} via ${fabricAddress(other, version)}`,
      ]),
    ]);
    run(netns, "nft", ["-f", "-"], plainRule);
  }
}

const plainRule = `table inet plain {
  chain forward {
    type filter hook forward priority 0; policy accept;
    ct state established,related accept
  }
}`;

export const overlayLinks = { bridge: "br0", tunnel: "vxlan0" } as const;

/** Of the 1,500 octets of the fabric, without what a frame in a tunnel takes. */
const overlayMtu = 1450;

/** A bridge on every host, and a tunnel between them that floods and learns; frames across the bridge pass nftables. */
export function makeOverlay(pair: Pair): void {
  const { bridge, tunnel } = overlayLinks;
  for (const host of both) {
    const netns = pair.host(host);
    const tunnelEnd = `local ${fabricAddress(host, 4)} dev ${fabricLink}`;
    ipBatch(netns, [
      `link add ${bridge} mtu ${overlayMtu} type bridge mcast_snooping 0 nf_call_iptables 1 nf_call_ip6tables 1`,
      `link set ${bridge} addrgenmode none`,
      `link set ${bridge} up`,
      `link add ${tunnel} mtu ${overlayMtu} type vxlan id 7 dstport 4789 ${tunnelEnd}`,
      `link set ${tunnel} addrgenmode none`,
      `link set ${tunnel} master ${bridge}`,
      `link set ${tunnel} up`,
    ]);
    addRemote(pair, host, host === 1 ? 2 : 1);
    pair.attachByBridge(host, bridge, overlayMtu);
    run(netns, "nft", ["-f", "-"], overlayRules);
  }
}

/** As the policy of our hosts: what belongs to a connection, and new ones to the ports of the traffic. */
const overlayRules = `table inet overlay {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    ip saddr 10.0.0.0/8 meta l4proto { tcp, udp } th dport ${allowedPorts.replace(":", "-")} accept
    ip6 saddr fd00::/8 meta l4proto { tcp, udp } th dport ${allowedPorts.replace(":", "-")} accept
  }
}`;

/** Frames for everybody go to this host as well. */
function addRemote(pair: Pair, host: HostNumber, remote: number): void {
  const { tunnel } = overlayLinks;
  const remoteAddress = fabricAddress(remote, 4);
  run(pair.host(host), "bridge", ["fdb", "append", "00:00:00:00:00:00", "dev", tunnel, "dst", remoteAddress]);
}

/** From a pair of hosts to so many: those added take what is sent to them, and say nothing. */
export function growOverlay(pair: Pair, from: number, to: number): void {
  for (let remote = Math.max(from, 2) + 1; remote <= to; remote++) {
    const address = fabricAddress(remote, 4);
    ipBatch(pair.host(1), [`neighbour replace ${address} dev ${fabricLink} lladdr 02:00:00:00:ff:ff nud permanent`]);
    addRemote(pair, 1, remote);
  }
}

/** What the overlay has learned by flooding is forgotten too. */
export function forgetFlooded(pair: Pair): void {
  for (const host of both) {
    const listing = run(pair.host(host), "bridge", ["fdb", "show", "br", overlayLinks.bridge]);
    const learned = listing.split("\n").filter((line) => line !== "" && !/permanent|self|00:00:00:00:00:00/.test(line));
    for (const line of learned) {
      const [mac = "", , link = ""] = line.split(" ");
      run(pair.host(host), "bridge", ["fdb", "del", mac, "dev", link, "master"]);
    }
  }
}
