import { type IpAddress, addressToBytes, compareAddresses } from "../lib/index.ts";
import type { AttributeSet } from "./attributes.ts";
import type { DecidingStep } from "./config.ts";

/** A peer as the decision process sees it. Its fields change with each session; its paths stay with it. */
export type Source = {
  readonly name: string;
  readonly address: IpAddress;
  isInternal: boolean;
  routerId: IpAddress;
};

/** One way to a destination. A new announcement makes a new path, but for the mark. */
export type Path = {
  /** Undefined for a route of our own. */
  readonly source: Source | undefined;
  readonly set: AttributeSet;
  readonly localPref: number;
  /** ORIGINATOR_ID or the peer's identifier, as a number (RFC 4456 section 9). */
  readonly identifier: number;
  /** Its session went down and may come back (RFC 4724). */
  isStale: boolean;
};

/** What an external route has, and an internal one that does not say. */
const defaultLocalPref = 100;

export function makePath(source: Source | undefined, set: AttributeSet): Path {
  const { localPref, originatorId } = set.attributes;
  const identifier = originatorId ?? source?.routerId;
  return {
    source,
    set,
    localPref: localPref ?? defaultLocalPref,
    identifier: identifier === undefined ? 0 : addressNumber(identifier),
    isStale: false,
  };
}

/** An IPv4 address as an unsigned number. */
export function addressNumber(address: IpAddress): number {
  return addressToBytes(address).reduce((value, octet) => value * 256 + octet, 0);
}

export type Decision = {
  readonly best: Path;
  /** Best first, then its equals with next hops of their own. Empty when the best is our own route. */
  readonly used: readonly Path[];
};

/** Notes at which step a path fell out. */
export type LossRecorder = (path: Path, step: DecidingStep) => void;

/**
 * RFC 4271 section 9.1.2 with RFC 4456 section 9. Undefined when there is no path. Paths that are still together
 * after the comparison of external and internal are used side by side; which is best among them only decides what
 * is told to others. Their AS_PATHs may differ in content, not in length.
 */
export function decide(paths: readonly Path[], record: LossRecorder = ignoreLoss): Decision | undefined {
  const only = paths[0];
  if (only === undefined) return undefined;
  if (paths.length === 1) return { best: only, used: only.source === undefined ? [] : paths };
  let equals = keepBest(paths, "localPref", (path) => -path.localPref, record);
  equals = keepBest(equals, "locallyOriginated", (path) => (path.source === undefined ? 0 : 1), record);
  equals = keepBest(equals, "asPathLength", (path) => path.set.asPathLength, record);
  equals = keepBest(equals, "origin", (path) => path.set.attributes.origin, record);
  equals = keepLowestMeds(equals, record);
  equals = keepBest(equals, "externalOverInternal", (path) => (path.source?.isInternal === true ? 1 : 0), record);
  const ordered = [...equals].sort(compareTies);
  const best = ordered[0] ?? only;
  for (const path of ordered.slice(1)) record(path, tieStep(best, path));
  return { best, used: best.source === undefined ? [] : distinctNextHops(ordered) };
}

function ignoreLoss(): void {
  // Only people ask why.
}

function keepBest(
  paths: readonly Path[],
  step: DecidingStep,
  cost: (path: Path) => number,
  record: LossRecorder,
): readonly Path[] {
  if (paths.length === 1) return paths;
  const least = Math.min(...paths.map(cost));
  return paths.filter((path) => {
    const isKept = cost(path) === least;
    if (!isKept) record(path, step);
    return isKept;
  });
}

/** MEDs of different neighbour ASes are not compared; a missing one counts as 0. */
function keepLowestMeds(paths: readonly Path[], record: LossRecorder): readonly Path[] {
  if (paths.length === 1) return paths;
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
  return compareAddresses(a.source.address, b.source.address);
}

function tieStep(best: Path, other: Path): DecidingStep {
  if (best.identifier !== other.identifier) return "routerId";
  return clusterListLength(best) === clusterListLength(other) ? "peerAddress" : "clusterListLength";
}

function distinctNextHops(paths: readonly Path[]): Path[] {
  const seen = new Set<IpAddress | undefined>();
  return paths.filter(({ set }) => {
    const { nextHop } = set.attributes;
    if (seen.has(nextHop)) return false;
    seen.add(nextHop);
    return true;
  });
}
