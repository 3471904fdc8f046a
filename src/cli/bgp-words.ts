import type { DecidingStep, LargeCommunity, PeerStatus, PeerType, RibPath, RibRow } from "../bgp/index.ts";

export const peerTypes: Readonly<Record<PeerType, string>> = {
  nodeMesh: "node-to-node mesh",
  nodePeer: "node specific",
  globalPeer: "global",
  workload: "local workload",
  dynamic: "dynamic",
};

/** What is compared at a step, as a noun. */
export const stepNames: Readonly<Record<DecidingStep, string>> = {
  onlyPath: "only path",
  reachability: "reachability",
  staleness: "staleness",
  localPref: "local preference",
  locallyOriginated: "own route",
  asPathLength: "AS path length",
  origin: "origin",
  med: "MED",
  externalOverInternal: "external over internal",
  igpCost: "cost of the next hop",
  routerId: "router id",
  clusterListLength: "cluster list length",
  peerAddress: "peer address",
};

const wins: Readonly<Record<DecidingStep, string>> = {
  onlyPath: "it is the only path",
  reachability: "it is the only path with a next hop that can be reached",
  staleness: "it is the only path that is not kept as a last resort",
  localPref: "its local preference is the highest",
  locallyOriginated: "it is a route of our own, which goes before all that is learned",
  asPathLength: "its AS path is the shortest",
  origin: "its origin is the best; IGP goes before EGP, EGP before incomplete",
  med: "its MED is the lowest of the paths from its neighbouring AS",
  externalOverInternal: "it comes from another AS, the rest from our own",
  igpCost: "the way to its next hop is the cheapest",
  routerId: "all before is equal, and its originator has the lowest router id",
  clusterListLength: "all before is equal, and it passed the fewest clusters",
  peerAddress: "all before is equal, and its peer has the lowest address",
};

/** What a path without LOCAL_PREF counts as. */
const usualLocalPref = 100;

/** Why the best path of the row is the best, as one sentence. */
export function explainWin(row: RibRow): string {
  return `best: ${wins[row.decidedBy]}`;
}

/** Why this path is not the best one, as one sentence. */
export function explainLoss(row: RibRow, path: RibPath): string {
  const best = row.paths.find(({ isBest }) => isBest);
  if (path.refusal !== undefined) return `refused: ${path.refusal}`;
  const reason = path.lostAt === undefined ? "" : lossAt(path.lostAt, path, best, row);
  if (!path.isUsed) return reason === "" ? "not used" : `lost at ${stepName(path.lostAt)}: ${reason}`;
  return `used beside the best path, as its equal up to the ${stepName(path.lostAt)}: ${reason}`;
}

function stepName(step: DecidingStep | undefined): string {
  return stepNames[step ?? "onlyPath"];
}

function lossAt(step: DecidingStep, path: RibPath, best: RibPath | undefined, row: RibRow): string {
  switch (step) {
    case "onlyPath":
      return "";
    case "reachability":
      return `there is no way to ${path.nextHop ?? "its next hop"}`;
    case "staleness":
      return "it is kept as a last resort while its origin is away, and loses to every other";
    case "localPref":
      return `${localPrefOf(path)} is lower than ${localPrefOf(best)}`;
    case "locallyOriginated":
      return "the best path is a route of our own";
    case "asPathLength":
      return `${countOf(path.asPath.length, "AS", "ASes")} against ${best?.asPath.length ?? 0}`;
    case "origin":
      return `${originOf(path)} comes after ${originOf(best)}`;
    case "med":
      return `${medOf(path)} is higher than ${lowestMed(row, path)}, which another path from ${neighbourOf(path)} has`;
    case "externalOverInternal":
      return "it comes from our own AS, the best path from another";
    case "igpCost":
      return `the way to ${path.nextHop ?? "its next hop"} costs ${path.igpCost ?? "more"}, that of the best path ${best?.igpCost ?? "less"}`;
    case "routerId":
      return `${identifierOf(path)} is higher than ${identifierOf(best)}`;
    case "clusterListLength":
      return `it passed ${countOf(path.clusterList?.length ?? 0, "cluster", "clusters")}, the best path ${best?.clusterList?.length ?? 0}`;
    case "peerAddress":
      return `${path.peer ?? "its peer"} is higher than ${best?.peer ?? "the best path's"}`;
  }
}

function localPrefOf(path: RibPath | undefined): string {
  return path?.localPref === undefined ? `${usualLocalPref} (which one without counts as)` : String(path.localPref);
}

function originOf(path: RibPath | undefined): string {
  return path?.origin === undefined ? "its origin" : originNames[path.origin];
}

const originNames = { igp: "IGP", egp: "EGP", incomplete: "incomplete" } as const;

function medOf(path: RibPath): string {
  return path.med === undefined ? "0 (which one without counts as)" : String(path.med);
}

function lowestMed(row: RibRow, path: RibPath): number {
  const rivals = row.paths.filter(({ asPath }) => asPath[0] === path.asPath[0]);
  return Math.min(...rivals.map(({ med = 0 }) => med));
}

function neighbourOf({ asPath }: RibPath): string {
  return asPath[0] === undefined ? "our own AS" : `AS ${asPath[0]}`;
}

function identifierOf(path: RibPath | undefined): string {
  return path?.originatorId ?? (path?.peerName === undefined ? "that of the other" : `that of ${path.peerName}`);
}

function countOf(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The attributes of a path that are there. */
export function describeAttributes(path: RibPath): string {
  const { localPref, med, communities, largeCommunities = [], origin, originatorId, clusterList = [] } = path;
  return [
    `AS path ${path.asPath.length === 0 ? "empty" : path.asPath.join(" ")}`,
    ...(localPref === undefined ? [] : [`local preference ${localPref}`]),
    ...(med === undefined ? [] : [`MED ${med}`]),
    ...(origin === undefined ? [] : [`origin ${originNames[origin]}`]),
    ...(communities.length === 0 ? [] : [`communities ${communities.map(formatCommunity).join(" ")}`]),
    ...(largeCommunities.length === 0 ? [] : [`large communities ${largeCommunities.map(formatLarge).join(" ")}`]),
    ...(originatorId === undefined ? [] : [`originator ${originatorId}`]),
    ...(clusterList.length === 0 ? [] : [`clusters ${clusterList.join(" ")}`]),
    ...(path.pathId === undefined ? [] : [`path id ${path.pathId}`]),
    ...(path.isStale ? ["stale: its peer is away, or has not told it again yet"] : []),
  ].join(", ");
}

const wellKnown = new Map<number, string>([
  [0xffff0000, "graceful-shutdown"],
  [0xffff0006, "llgr-stale"],
  [0xffff0007, "no-llgr"],
  [0xffff029a, "blackhole"],
  [0xffffff01, "no-export"],
  [0xffffff02, "no-advertise"],
  [0xffffff03, "no-export-subconfed"],
  [0xffffff04, "no-peer"],
]);

/** `64512:100`, or the name of one that an RFC gives a meaning. */
export function formatCommunity(community: number): string {
  return wellKnown.get(community) ?? `${community >>> 16}:${community & 0xffff}`;
}

function formatLarge(community: LargeCommunity): string {
  return community.join(":");
}

/** Why the last session ended and what to do about it; empty while there is nothing to tell. */
export function describeLastError(peer: PeerStatus): string {
  if (peer.lastError === "") return "";
  const step = nextStep(peer);
  return step === "" ? peer.lastError : `${peer.lastError}; ${step}`;
}

/** What a person can do; nothing when the session stands, or when it was meant to end. */
function nextStep(peer: PeerStatus): string {
  const { state, lastNotification, address, port, type } = peer;
  if (state === "established" || peer.isWithheld === true) return "";
  if (lastNotification !== undefined) {
    const { code, subcode } = lastNotification;
    return stepByNotification.get(`${code}/${subcode}`) ?? stepByNotification.get(`${code}`) ?? "";
  }
  if (type === "dynamic") return "it has to connect to us again";
  return `see that it is up, listens at ${address} port ${port}, and has us as its peer`;
}

/** By code, or by code and subcode, of RFC 4271 and 4486. */
const stepByNotification: ReadonlyMap<string, string> = new Map([
  ["1", "one end or something between does not speak BGP cleanly: capture the session and report it"],
  ["2", "compare what both ends offer: version, families, capabilities"],
  ["2/2", "compare the AS numbers that both ends have of each other"],
  ["2/3", "give each speaker a router id of its own"],
  ["2/6", "set a hold time of 3 seconds or more, or 0, on both ends"],
  ["3", "the end that sent the UPDATE has a fault: its log and ours name the attribute"],
  ["4", "look for loss or a stall between the ends: ping it, look at its load"],
  ["5", "it comes back by itself; if it does not, capture the session and report it"],
  ["6/1", "see why it tells so many prefixes, or raise its limit"],
  ["6/2", "somebody shut it down; it waits for that end"],
  ["6/3", "add us as a peer at that end again"],
  ["6/5", "the other end does not expect us: compare addresses, AS numbers and its limit of peers"],
  ["6/8", "that end is out of memory or sessions"],
  ["6/10", "look at the link: BFD lost the other end"],
  ["8", "the other end does not read: look at its load"],
]);
