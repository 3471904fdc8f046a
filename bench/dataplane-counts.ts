import { type IpVersion, parseAddress } from "../src/lib/index.ts";
import { type Packet, type Table, TableRunner } from "../src/nft/index.ts";
import {
  type HostNumber,
  type LinkCount,
  type Pair,
  fabricLink,
  insideLink,
  sentOver,
  workloadAddress,
  workloadLink,
} from "./dataplane-hosts.ts";
import { forgetFlooded } from "./dataplane-setups.ts";
import { type TrafficPair, countingPort, firstPort } from "./dataplane-traffic.ts";

const tcp = 6;

export type HopState = "new" | "established";

/**
 * How many rules a packet of the client to the server meets on this host, matching or not: a marker that always matches is put
 * before each of them.
 */
export function rulesMet(table: Table, host: HostNumber, state: HopState, version: IpVersion): number {
  const chains = table.chains.map((chain) => ({
    ...chain,
    rules: chain.rules.flatMap(({ expressions }) => [{ expressions: [], comment: "met" }, { expressions }]),
  }));
  const { verdict, matched } = new TableRunner({ ...table, chains }).run(packet(host, state, version));
  if (verdict !== "accept") throw new Error(`host ${host} lets no packet of the traffic through (${state})`);
  return matched.length;
}

function packet(host: HostNumber, state: HopState, version: IpVersion): Packet {
  const [source, destination] = [1, 2].map((number) => parseAddress(workloadAddress(number, 0, version)));
  if (source === undefined || destination === undefined) throw new Error("the workloads have addresses");
  const way = host === 1 ? [workloadLink(0), fabricLink] : [fabricLink, workloadLink(0)];
  const [inputName = "", outputName = ""] = way;
  return {
    source,
    destination,
    protocol: tcp,
    ports: [40_000, firstPort],
    state,
    inputName,
    outputName,
    isSourceReal: true,
  };
}

/** Frames that the client's host sends when it asks a server whose hardware address nobody knows, beside the question itself. */
export function floodedFrames(pair: Pair, traffic: TrafficPair, version: IpVersion): number {
  const server = workloadAddress(2, 0, version);
  // Hosts know each other.
  traffic.exchange(server, countingPort, 1);
  let fewest = Number.POSITIVE_INFINITY;
  // Now and then a host looks after a neighbour: the quietest of some attempts counts.
  for (let attempt = 0; attempt < 3; attempt++) {
    if (pair.name === "overlay") forgetFlooded(pair);
    pair.forgetNeighbours();
    const before = sentOver(pair.host(1), fabricLink);
    if (traffic.exchange(server, countingPort, 1) !== 1) continue;
    fewest = Math.min(fewest, sentOver(pair.host(1), fabricLink).frames - before.frames - 1);
  }
  return fewest;
}

const datagrams = 50;

/** Octets that a packet has on the fabric beyond those that it has on the workload's link. */
export function overheadOctets(pair: Pair, traffic: TrafficPair, version: IpVersion): number {
  const server = workloadAddress(2, 0, version);
  for (let attempt = 0; attempt < 10; attempt++) {
    const look = () => ({
      inside: sentOver(pair.workload(1), insideLink),
      outside: sentOver(pair.host(1), fabricLink),
    });
    const before = look();
    traffic.exchange(server, countingPort, datagrams);
    const after = look();
    const [inside, outside] = [difference(before.inside, after.inside), difference(before.outside, after.outside)];
    // Others than those of the traffic: once more.
    if (inside.frames !== datagrams || outside.frames !== datagrams) continue;
    return (outside.octets - inside.octets) / datagrams;
  }
  return Number.NaN;
}

function difference(before: LinkCount, after: LinkCount): LinkCount {
  return { frames: after.frames - before.frames, octets: after.octets - before.octets };
}
