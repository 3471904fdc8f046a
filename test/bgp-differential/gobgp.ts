import { join } from "node:path";
import { type Facts, isRecord } from "./facts.ts";
import { type ForeignSpeaker, daemon, factsWithout, runCommand } from "./foreign-speaker.ts";

const family = (name: string) => `
  [[peer-groups.afi-safis]]
    [peer-groups.afi-safis.config]
      afi-safi-name = "${name}"
    [peer-groups.afi-safis.add-paths.config]
      receive = true
`;

const group = (name: string, asNumber: number, range: string) => `
[[peer-groups]]
  [peer-groups.config]
    peer-group-name = "${name}"
    peer-as = ${asNumber}
  [peer-groups.timers.config]
    hold-time = 240
  [peer-groups.transport.config]
    passive-mode = true
  [peer-groups.ebgp-multihop.config]
    enabled = true
    multihop-ttl = 255
${family("ipv4-unicast")}${family("ipv6-unicast")}
[[dynamic-neighbors]]
  [dynamic-neighbors.config]
    prefix = "${range}"
    peer-group = "${name}"
`;

const config = `
[global.config]
  as = 64512
  router-id = "10.1.255.3"
  local-address-list = ["10.1.255.3"]
[global.apply-policy.config]
  default-export-policy = "reject-route"
${group("inner", 64512, "10.10.0.0/16")}${group("outer", 65001, "10.20.0.0/16")}
`;

export function makeGobgp(folder: string): ForeignSpeaker {
  const path = join(folder, "gobgp.toml");
  const ask = (...words: string[]) => runCommand("gobgp", [...words, "-j"]);
  return {
    name: "gobgp",
    address: "10.1.255.3",
    hasFacts: factsWithout("extendedCommunities"),
    takesPaths: false,
    hasPathIds: true,
    ...daemon({
      command: "gobgpd",
      args: ["-f", path, "-l", "panic"],
      config: { path, text: config },
      isReady: () => ask("global", "rib"),
    }),
    async table() {
      const byPeer = new Map<string, Map<string, Facts>>();
      for (const name of ["ipv4", "ipv6"]) addTable(byPeer, await ask("global", "rib", "-a", name));
      return byPeer;
    },
  };
}

function addTable(byPeer: Map<string, Map<string, Facts>>, text: string): void {
  const answer: unknown = JSON.parse(text === "" ? "{}" : text);
  if (!isRecord(answer)) return;
  for (const [key, paths] of Object.entries(answer)) {
    if (!Array.isArray(paths)) continue;
    for (const path of paths.filter(isRecord)) {
      const peer = String(path["neighbor-ip"]);
      const known = byPeer.get(peer) ?? new Map<string, Facts>();
      byPeer.set(peer, known);
      const nlri = isRecord(path["nlri"]) ? path["nlri"] : {};
      const prefix = String(nlri["prefix"] ?? key);
      const id = path["id"] ?? nlri["id"];
      known.set(
        id === undefined ? prefix : `${prefix}#${String(id)}`,
        factsOf(path["attrs"], peer.startsWith("10.10.")),
      );
    }
  }
}

const origins = ["igp", "egp", "incomplete"];

function factsOf(value: unknown, isInternal: boolean): Facts {
  const facts: Record<string, unknown> = isInternal ? { localPref: 100 } : {};
  const unknown: string[] = [];
  for (const attribute of Array.isArray(value) ? value.filter(isRecord) : []) {
    const list = (name: string) => (Array.isArray(attribute[name]) ? attribute[name].map(String) : []);
    switch (attribute["type"]) {
      case 1:
        facts["origin"] = origins[Number(attribute["value"])];
        break;
      case 2:
        facts["asPath"] = pathText(attribute["as_paths"]);
        break;
      case 3:
      case 14:
        facts["nextHop"] = attribute["nexthop"];
        break;
      case 4:
        facts["med"] = Number(attribute["metric"]);
        break;
      case 5:
        facts["localPref"] = Number(attribute["value"]);
        break;
      case 6:
        facts["atomicAggregate"] = true;
        break;
      case 7:
        facts["aggregator"] = `${String(attribute["as"])}:${String(attribute["address"])}`;
        break;
      case 8:
        facts["communities"] = list("communities")
          .map(Number)
          .map((one) => `${one >>> 16}:${one & 0xffff}`)
          .sort();
        break;
      case 9:
        facts["originatorId"] = attribute["value"];
        break;
      case 10:
        facts["clusterList"] = list("value");
        break;
      case 32:
        facts["largeCommunities"] = largeIn(attribute["value"]).sort();
        break;
      default:
        if ("flags" in attribute) {
          unknown.push(
            `${Number(attribute["type"]).toString(16).padStart(2, "0")}:${Buffer.from(String(attribute["value"] ?? ""), "base64").toString("hex")}`,
          );
        }
    }
  }
  return {
    ...facts,
    ...(unknown.length > 0 ? { unknown: unknown.sort() } : {}),
  };
}

function largeIn(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isRecord).map((one) => [one["ASN"], one["LocalData1"], one["LocalData2"]].map(String).join(":"));
}

function pathText(value: unknown): string {
  const parts = Array.isArray(value) ? value.filter(isRecord) : [];
  return parts
    .map(({ segment_type: type, asns }) => {
      const members = Array.isArray(asns) ? asns.map(Number) : [];
      const sorted = [...new Set(members)].sort((a, b) => a - b).join(",");
      if (type === 1) return `{${sorted}}`;
      if (type === 4) return `[${sorted}]`;
      return type === 3 ? `(${members.join(" ")})` : members.join(" ");
    })
    .filter((text) => text !== "")
    .join(" ");
}
