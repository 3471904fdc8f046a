import { formatAsPath } from "./as-path.ts";
import type { PathAttributes } from "./attributes.ts";
import type { BestPath, DecidingStep, Family, RibPath, RibRow } from "./config.ts";
import { type CostOf, decide } from "./decision.ts";
import { type Path, type Source, trackedNextHop } from "./path.ts";
import { type PrefixKey, keyToCidr } from "./prefix-key.ts";
import type { Destination } from "./rib.ts";

/** The path as our owner is told it; nothing when there is nothing to forward to. Made once, shared by all its prefixes. */
export function describeBest(path: Path): readonly BestPath[] {
  path.shown ??= makeBest(path);
  return path.shown;
}

function makeBest({ source, set }: Path): BestPath[] {
  const { nextHop, linkLocalNextHop, localPref, med, asPath, communities } = set.attributes;
  if (source === undefined || nextHop === undefined) return [];
  return [
    {
      nextHop,
      ...(linkLocalNextHop === undefined ? {} : { linkLocalNextHop }),
      peer: source.address,
      peerName: source.name,
      ...linkOf(source),
      isInternal: source.isInternal,
      asPath: formatAsPath(asPath),
      ...(localPref === undefined ? {} : { localPref }),
      ...(med === undefined ? {} : { med }),
      communities,
    },
  ];
}

/** A prefix with all its paths, the best one first, and why the others lost. */
export function describeDestination(destination: Destination, family: Family, costOf: CostOf | undefined): RibRow {
  const { key, paths, best, used } = destination;
  const steps = new Map<Path, DecidingStep>();
  let decidedBy: DecidingStep = "onlyPath";
  decide(paths, costOf, (path, step) => {
    steps.set(path, step);
    decidedBy = step;
  });
  const rows = paths.map((path): RibPath => {
    const lostAt = steps.get(path);
    const nextHop = trackedNextHop(path);
    const igpCost = nextHop === undefined ? undefined : costOf?.(nextHop);
    return {
      ...describePath(path, path.set.attributes),
      ...(igpCost === undefined ? {} : { igpCost }),
      isBest: path === best,
      isUsed: used.includes(path),
      ...(lostAt === undefined || path === best ? {} : { lostAt }),
    };
  });
  rows.sort((a, b) => Number(b.isBest) - Number(a.isBest) || Number(b.isUsed) - Number(a.isUsed));
  return { prefix: keyToCidr(key, family), decidedBy, paths: rows };
}

/** One path alone, as a peer told it or was told it. */
export function describeAlone(
  key: PrefixKey,
  family: Family,
  path: Path,
  attributes: PathAttributes,
  more: Partial<RibPath>,
): RibRow {
  const row: RibPath = { ...describePath(path, attributes), isBest: false, isUsed: false, ...more };
  return { prefix: keyToCidr(key, family), decidedBy: "onlyPath", paths: [row] };
}

function linkOf({ linkName }: Source): { readonly linkName?: string } {
  return linkName === undefined ? {} : { linkName };
}

const origins = ["igp", "egp", "incomplete"] as const;

type Described = Omit<RibPath, "isBest" | "isUsed" | "lostAt">;

function describePath({ source, epoch, pathId, refusal }: Path, attributes: PathAttributes): Described {
  const { nextHop, linkLocalNextHop, localPref, med, asPath, communities, largeCommunities } = attributes;
  const { originatorId, clusterList } = attributes;
  return {
    ...(nextHop === undefined ? {} : { nextHop }),
    ...(linkLocalNextHop === undefined ? {} : { linkLocalNextHop }),
    ...(source === undefined ? {} : { peer: source.address, peerName: source.name, ...linkOf(source) }),
    isInternal: source?.isInternal ?? true,
    asPath: formatAsPath(asPath),
    origin: origins[attributes.origin] ?? "incomplete",
    ...(localPref === undefined ? {} : { localPref }),
    ...(med === undefined ? {} : { med }),
    communities,
    ...(largeCommunities.length === 0 ? {} : { largeCommunities }),
    ...(originatorId === undefined ? {} : { originatorId }),
    ...(clusterList.length === 0 ? {} : { clusterList }),
    ...(pathId === undefined ? {} : { pathId }),
    ...(refusal === undefined ? {} : { refusal }),
    isStale: epoch.isStale,
  };
}
