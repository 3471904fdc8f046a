import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Facts, isRecord } from "./facts.ts";
import { type ForeignSpeaker, daemon, factsWithout, runCommand } from "./foreign-speaker.ts";

const group = (name: string, asNumber: number) => `
 neighbor ${name} peer-group
 neighbor ${name} remote-as ${asNumber}
 neighbor ${name} passive
 neighbor ${name} capability extended-nexthop
 neighbor ${name} timers 60 240
`;

const config = `
hostname peer
ip prefix-list nothing deny any
ipv6 prefix-list nothing deny any
router bgp 64512
 bgp router-id 10.1.255.2
 no bgp ebgp-requires-policy
 no bgp network import-check
 bgp listen limit 5000
${group("INNER", 64512)}${group("OUTER", 65001)}
 neighbor OUTER ebgp-multihop 255
 bgp listen range 10.10.0.0/16 peer-group INNER
 bgp listen range 10.20.0.0/16 peer-group OUTER
 address-family ipv4 unicast
  neighbor INNER prefix-list nothing out
  neighbor OUTER prefix-list nothing out
 exit-address-family
 address-family ipv6 unicast
  neighbor INNER activate
  neighbor OUTER activate
  neighbor INNER prefix-list nothing out
  neighbor OUTER prefix-list nothing out
 exit-address-family
`;

/** bgpd alone, without zebra: it takes no route for reachable and shows all of them. */
export function makeFrr(folder: string): ForeignSpeaker {
  const path = join(folder, "bgpd.conf");
  const sockets = join(folder, "frr");
  const ask = (command: string) => runCommand("vtysh", ["--vty_socket", sockets, "-d", "bgpd", "-c", command]);
  return {
    name: "frr",
    address: "10.1.255.2",
    // It says of extended communities and unknown attributes only what it understands.
    hasFacts: factsWithout("extendedCommunities", "unknown"),
    takesPaths: true,
    hasPathIds: false,
    ...daemon({
      command: "/usr/lib/frr/bgpd",
      args: [
        "-Z",
        "-n",
        "-S",
        "-f",
        path,
        "-i",
        join(folder, "bgpd.pid"),
        "-l",
        "10.1.255.2",
        "-A",
        "127.0.0.1",
        "--vty_socket",
        sockets,
      ],
      config: { path, text: config },
      prepare: () => {
        mkdirSync(sockets, { recursive: true });
        execFileSync("chown", ["-R", "frr:frr", sockets, path]);
        execFileSync("chmod", ["755", folder]);
      },
      isReady: () => ask("show bgp ipv4 unicast json"),
    }),
    async table() {
      const byPeer = new Map<string, Map<string, Facts>>();
      for (const family of ["ipv4", "ipv6"]) addTable(byPeer, await ask(`show bgp ${family} unicast json detail`));
      return byPeer;
    },
  };
}

function addTable(byPeer: Map<string, Map<string, Facts>>, text: string): void {
  const answer: unknown = JSON.parse(text);
  const routes = isRecord(answer) && isRecord(answer["routes"]) ? answer["routes"] : {};
  for (const [prefix, paths] of Object.entries(routes)) {
    if (!Array.isArray(paths)) continue;
    for (const path of paths.filter(isRecord)) {
      const peer = isRecord(path["peer"]) ? String(path["peer"]["peerId"]) : undefined;
      if (peer === undefined) continue;
      const known = byPeer.get(peer) ?? new Map<string, Facts>();
      byPeer.set(peer, known);
      let key = prefix;
      for (let i = 1; known.has(key); i++) key = `${prefix}#${i}`;
      known.set(key, factsOf(path, peer.startsWith("10.10.")));
    }
  }
}

const wellKnown = new Map([
  ["internet", "0:0"],
  ["gracefulShutdown", "65535:0"],
  ["acceptOwn", "65535:1"],
  ["routeFilterTranslatedV4", "65535:2"],
  ["routeFilterV4", "65535:3"],
  ["routeFilterTranslatedV6", "65535:4"],
  ["routeFilterV6", "65535:5"],
  ["llgrStale", "65535:6"],
  ["noLlgr", "65535:7"],
  ["acceptOwnNexthop", "65535:8"],
  ["blackhole", "65535:666"],
  ["noExport", "65535:65281"],
  ["noAdvertise", "65535:65282"],
  ["localAs", "65535:65283"],
  ["noPeer", "65535:65284"],
]);

function factsOf(path: Readonly<Record<string, unknown>>, isInternal: boolean): Facts {
  const { origin, metric, locPrf, atomicAggregate, aggregatorAs, aggregatorId, originatorId } = path;
  const list = (name: string): string[] | undefined => {
    const value = path[name];
    return isRecord(value) && Array.isArray(value["list"]) ? value["list"].map(String) : undefined;
  };
  const communities = list("community")?.map((text) => wellKnown.get(text) ?? text);
  const large = list("largeCommunity");
  const clusters = list("clusterList");
  const hops = Array.isArray(path["nexthops"]) ? path["nexthops"].filter(isRecord) : [];
  return {
    origin: String(origin).toLowerCase(),
    asPath: isRecord(path["aspath"]) ? pathText(path["aspath"]) : "",
    ...(hops[0] === undefined ? {} : { nextHop: String(hops[0]["ip"]) }),
    ...(typeof metric === "number" ? { med: metric } : {}),
    ...(isInternal ? { localPref: typeof locPrf === "number" ? locPrf : 100 } : {}),
    ...(atomicAggregate === true ? { atomicAggregate: true } : {}),
    ...(aggregatorAs === undefined ? {} : { aggregator: `${String(aggregatorAs)}:${String(aggregatorId)}` }),
    ...(communities === undefined ? {} : { communities: communities.sort() }),
    ...(large === undefined ? {} : { largeCommunities: large.sort() }),
    ...(originatorId === undefined ? {} : { originatorId: String(originatorId) }),
    ...(clusters === undefined ? {} : { clusterList: clusters }),
  };
}

function pathText(path: Readonly<Record<string, unknown>>): string {
  const parts = Array.isArray(path["segments"]) ? path["segments"].filter(isRecord) : [];
  return parts
    .map(({ type, list }) => {
      const members = Array.isArray(list) ? list.map(Number) : [];
      const sorted = [...new Set(members)].sort((a, b) => a - b).join(",");
      if (type === "as-set") return `{${sorted}}`;
      if (type === "as-confed-set") return `[${sorted}]`;
      return type === "as-confed-sequence" ? `(${members.join(" ")})` : members.join(" ");
    })
    .join(" ");
}
