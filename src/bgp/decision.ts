import { type IpAddress, compareBytes } from "../lib/index.ts";
import type { DecidingStep } from "./config.ts";
import { type Path, trackedNextHop } from "./path.ts";

export type Decision = {
  readonly best: Path;
  /** Best first, then its equals with next hops of their own. Empty when the best is our own route. */
  readonly used: readonly Path[];
};

/** Notes at which step a path fell out. */
export type LossRecorder = (path: Path, step: DecidingStep) => void;

/** What it costs to get to a next hop; undefined when there is no way. */
export type CostOf = (nextHop: IpAddress) => number | undefined;

const nothingUsed: readonly Path[] = [];

/**
 * RFC 4271 section 9.1.2 with RFC 4456 section 9 and RFC 9494 section 4.3. Undefined when there is no candidate. Paths that
 * are still together after the comparison of the ways to their next hops are used side by side; which is best among
 * them only decides what is told to others. Their AS_PATHs may differ in content, not in length.
 */
export function decide(
  paths: readonly Path[],
  costOf?: CostOf,
  record: LossRecorder = ignoreLoss,
): Decision | undefined {
  const candidates = costOf === undefined ? paths : keepReachable(paths, costOf, record);
  const only = candidates[0];
  if (only === undefined) return undefined;
  if (candidates.length === 1) return { best: only, used: only.source === undefined ? nothingUsed : only.alone };
  let equals = keepBest(candidates, "staleness", (path) => (path.isLast ? 1 : 0), record);
  equals = keepBest(equals, "localPref", (path) => -path.localPref, record);
  equals = keepBest(equals, "locallyOriginated", (path) => (path.source === undefined ? 0 : 1), record);
  equals = keepBest(equals, "asPathLength", (path) => path.set.asPathLength, record);
  equals = keepBest(equals, "origin", (path) => path.set.attributes.origin, record);
  equals = keepLowestMeds(equals, record);
  equals = keepBest(equals, "externalOverInternal", (path) => (path.source?.isInternal === true ? 1 : 0), record);
  if (costOf !== undefined) equals = keepBest(equals, "igpCost", (path) => costTo(path, costOf), record);
  const ordered = equals.length === 1 ? equals : [...equals].sort(compareTies);
  const best = ordered[0] ?? only;
  for (const path of ordered) if (path !== best) record(path, tieStep(best, path));
  return { best, used: best.source === undefined ? nothingUsed : distinctNextHops(ordered) };
}

/** The best paths in order, at most `count`: what is best when those before are taken away. */
export function rank(paths: readonly Path[], count: number, costOf?: CostOf): readonly Path[] {
  if (paths.length === 1 && costOf === undefined) return paths;
  const ranked: Path[] = [];
  let rest = paths;
  while (ranked.length < count) {
    const best = decide(rest, costOf)?.best;
    if (best === undefined) break;
    ranked.push(best);
    rest = rest.filter((path) => path !== best);
  }
  return ranked;
}

function ignoreLoss(): void {
  // Only people ask why.
}

function keepReachable(paths: readonly Path[], costOf: CostOf, record: LossRecorder): readonly Path[] {
  let isAll = true;
  for (const path of paths) {
    if (costTo(path, costOf) !== Infinity) continue;
    isAll = false;
    record(path, "reachability");
  }
  return isAll ? paths : paths.filter((path) => costTo(path, costOf) !== Infinity);
}

/** Our own routes have no next hop to get to. */
function costTo(path: Path, costOf: CostOf): number {
  const nextHop = trackedNextHop(path);
  return nextHop === undefined ? 0 : (costOf(nextHop) ?? Infinity);
}

function keepBest(
  paths: readonly Path[],
  step: DecidingStep,
  cost: (path: Path) => number,
  record: LossRecorder,
): readonly Path[] {
  if (paths.length === 1) return paths;
  let least = Infinity;
  let isEven = true;
  for (const path of paths) {
    const own = cost(path);
    if (own !== least && least !== Infinity) isEven = false;
    if (own < least) least = own;
  }
  if (isEven) return paths;
  return paths.filter((path) => {
    const isKept = cost(path) === least;
    if (!isKept) record(path, step);
    return isKept;
  });
}

/** MEDs of different neighbour ASes are not compared; a missing one counts as 0. */
function keepLowestMeds(paths: readonly Path[], record: LossRecorder): readonly Path[] {
  const first = paths[0]?.set.attributes.med ?? 0;
  if (paths.every(({ set }) => (set.attributes.med ?? 0) === first)) return paths;
  const leastByAs = new Map<number | undefined, number>();
  for (const { set } of paths) {
    const med = set.attributes.med ?? 0;
    leastByAs.set(set.neighbourAs, Math.min(med, leastByAs.get(set.neighbourAs) ?? med));
  }
  return paths.filter((path) => {
    const isKept = (path.set.attributes.med ?? 0) === leastByAs.get(path.set.neighbourAs);
    if (!isKept) record(path, "med");
    return isKept;
  });
}

function clusterListLength(path: Path): number {
  return path.set.attributes.clusterList.length;
}

function compareTies(a: Path, b: Path): number {
  if (a.identifier !== b.identifier) return a.identifier - b.identifier;
  const byLength = clusterListLength(a) - clusterListLength(b);
  if (byLength !== 0 || a.source === undefined || b.source === undefined) return byLength;
  // Several paths of one peer, or of two sessions to one address: any order, so that there is one.
  return compareBytes(a.source.octets, b.source.octets) || (a.pathId ?? 0) - (b.pathId ?? 0) || a.exportId - b.exportId;
}

function tieStep(best: Path, other: Path): DecidingStep {
  if (best.identifier !== other.identifier) return "routerId";
  return clusterListLength(best) === clusterListLength(other) ? "peerAddress" : "clusterListLength";
}

function distinctNextHops(paths: readonly Path[]): readonly Path[] {
  const only = paths[0];
  if (only !== undefined && paths.length === 1) return only.alone;
  const seen = new Set<string | undefined>();
  return paths.filter((path) => {
    // Neighbours on different links may have the same link-local address.
    const link = path.source?.linkName;
    const nextHop = link === undefined ? path.set.attributes.nextHop : `${trackedNextHop(path)}%${link}`;
    if (seen.has(nextHop)) return false;
    seen.add(nextHop);
    return true;
  });
}
