import { join } from "node:path";
import type { Facts, Routes } from "./facts.ts";
import { type ForeignSpeaker, daemon, everyFact, runCommand } from "./foreign-speaker.ts";

const config = `
router id 10.1.255.1;
protocol device {}
template bgp peer {
  local 10.1.255.1 as 64512; multihop; passive; strict bind yes; hold time 240; interpret communities off;
  ipv4 { import all; export none; extended next hop on; add paths rx; };
  ipv6 { import all; export none; add paths rx; };
}
protocol bgp inner from peer { neighbor range 10.10.0.0/16 as 64512; dynamic name "i"; }
protocol bgp outer from peer { neighbor range 10.20.0.0/16 as 65001; dynamic name "e"; }
`;

export function makeBird(folder: string): ForeignSpeaker {
  const socket = join(folder, "bird.ctl");
  const path = join(folder, "bird.conf");
  const ask = (...words: string[]) => runCommand("birdc", ["-s", socket, ...words]);
  return {
    name: "bird",
    address: "10.1.255.1",
    hasFacts: everyFact,
    takesPaths: true,
    hasPathIds: false,
    ...daemon({
      command: "bird",
      args: ["-f", "-c", path, "-s", socket, "-P", join(folder, "bird.pid")],
      config: { path, text: config },
      isReady: () => ask("show", "status"),
    }),
    table: async () => parseTable(await ask("show", "route", "all")),
  };
}

/** Routes begin with a prefix or, from the second path on, with blanks; their attributes follow, each in a line of its own. */
export function parseTable(text: string): ReadonlyMap<string, Routes> {
  const byPeer = new Map<string, Map<string, Facts>>();
  let prefix = "";
  let current: { peer: string; key: string; facts: Record<string, unknown> } | undefined;
  const finish = () => {
    if (current === undefined) return;
    const routes = byPeer.get(current.peer) ?? new Map<string, Facts>();
    byPeer.set(current.peer, routes);
    // Path identifiers are not shown: paths of one prefix are numbered as they come.
    let key = current.key;
    for (let i = 1; routes.has(key); i++) key = `${current.key}#${i}`;
    routes.set(key, current.facts);
    current = undefined;
  };
  for (const line of text.split("\n")) {
    const route = /^(\S+)?\s+\S+ \[\S+ \S+ from (\S+)\]/.exec(line);
    if (route !== null) {
      finish();
      prefix = route[1] ?? prefix;
      current = { peer: route[2] ?? "", key: prefix, facts: {} };
      const isInternal = current.peer.startsWith("10.10.");
      current.facts["isInternal"] = isInternal;
      continue;
    }
    const attribute = /^\tBGP\.(\S+)(?: \[(\w*)\])?: ?(.*)$/.exec(line);
    if (attribute !== null && current !== undefined) {
      // Those that are not transitive it keeps too, for itself.
      const isKept = attribute[2] === undefined || attribute[2].includes("t");
      if (isKept) addFact(current.facts, attribute[1] ?? "", attribute[3] ?? "");
    }
  }
  finish();
  for (const routes of byPeer.values()) {
    for (const facts of routes.values()) if ("isInternal" in facts) delete facts.isInternal;
  }
  return byPeer;
}

function addFact(facts: Record<string, unknown>, name: string, value: string): void {
  switch (name) {
    case "origin":
      facts["origin"] = value.toLowerCase();
      return;
    case "as_path":
      facts["asPath"] = pathText(value);
      return;
    case "next_hop":
      facts["nextHop"] = value.split(" ")[0];
      return;
    case "med":
      facts["med"] = Number(value);
      return;
    case "local_pref":
      // BIRD gives routes of external peers one too.
      if (facts["isInternal"] === true) facts["localPref"] = Number(value);
      return;
    case "atomic_aggr":
      facts["atomicAggregate"] = true;
      return;
    case "aggregator": {
      const [address = "", asNumber = ""] = value.split(" AS");
      facts["aggregator"] = `${asNumber}:${address}`;
      return;
    }
    case "community":
      facts["communities"] = triples(value)
        .map((parts) => parts.join(":"))
        .sort();
      return;
    case "large_community":
      facts["largeCommunities"] = triples(value)
        .map((parts) => parts.join(":"))
        .sort();
      return;
    case "ext_community":
      facts["extendedCommunities"] = triples(value)
        .map((parts) => parts.join(" "))
        .sort();
      return;
    case "originator_id":
      facts["originatorId"] = value;
      return;
    case "cluster_list":
      facts["clusterList"] = value.split(" ").filter((one) => one !== "");
      return;
    default: {
      const unknown = Array.isArray(facts["unknown"]) ? facts["unknown"].map(String) : [];
      facts["unknown"] = [...unknown, `${name}:${value.replaceAll(" ", "")}`].sort();
    }
  }
}

/** `(65000,1) (1, 2, 3)`. */
function triples(value: string): string[][] {
  return [...value.matchAll(/\(([^)]*)\)/g)].map((found) => (found[1] ?? "").split(/,\s*/));
}

/** BIRD: `1 2 {3 1} (4 5) ({7 6})`; ours: sets in order, without repeats, with commas, confederation sets in brackets. */
function pathText(value: string): string {
  const sorted = (members: string) =>
    [...new Set(members.trim().split(/\s+/).map(Number))].sort((a, b) => a - b).join(",");
  return value
    .replaceAll(/\(\{([^}]*)\}\)/g, (_, members: string) => `[${sorted(members)}]`)
    .replaceAll(/\{([^}]*)\}/g, (_, members: string) => `{${sorted(members)}}`)
    .trim();
}
