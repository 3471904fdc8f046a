import { formatAsPath } from "./as-path.ts";
import type { BestPath, DecidingStep, Family, RibPath, RibRow, RouteUpdate } from "./config.ts";
import { type Decision, type Path, type Source, decide } from "./decision.ts";
import { type PrefixKey, keyToCidr } from "./prefix-key.ts";

type Destination = { paths: readonly Path[]; decision: Decision | undefined };

/** What changed for one prefix. */
export type RibChange = { readonly key: PrefixKey; readonly hasNewBest: boolean; readonly hasNewUse: boolean };

/** All paths of one family, and which of them are best. Prefixes that changed are decided once a turn. */
export class RibTable {
  readonly family: Family;
  readonly #destinations = new Map<PrefixKey, Destination>();
  readonly #dirty = new Set<PrefixKey>();

  constructor(family: Family) {
    this.family = family;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Replaces the source's path to the prefix. */
  put(key: PrefixKey, path: Path): void {
    const destination = this.#destinations.get(key);
    this.#dirty.add(key);
    if (destination === undefined) {
      this.#destinations.set(key, { paths: [path], decision: undefined });
      return;
    }
    const { paths } = destination;
    destination.paths = paths.length === 0 ? [path] : [...paths.filter(({ source }) => source !== path.source), path];
  }

  remove(key: PrefixKey, source: Source | undefined): void {
    const destination = this.#destinations.get(key);
    if (destination === undefined) return;
    destination.paths = destination.paths.filter((path) => path.source !== source);
    this.#dirty.add(key);
  }

  keys(): Iterable<PrefixKey> {
    return this.#destinations.keys();
  }

  best(key: PrefixKey): Path | undefined {
    return this.#destinations.get(key)?.decision?.best;
  }

  markAll(): void {
    for (const key of this.#destinations.keys()) this.#dirty.add(key);
  }

  /** With `isDeferred` only our own routes are looked at: those of peers are not all there yet (RFC 4724 section 4.1). */
  decide(isDeferred: boolean): RibChange[] {
    const changes: RibChange[] = [];
    for (const key of this.#dirty) {
      const destination = this.#destinations.get(key);
      if (destination === undefined) continue;
      const old = destination.decision;
      const { paths } = destination;
      const decision = decide(isDeferred ? paths.filter(({ source }) => source === undefined) : paths);
      destination.decision = decision;
      if (paths.length === 0) this.#destinations.delete(key);
      const hasNewBest = old?.best !== decision?.best;
      const hasNewUse = !isSameUse(old?.used ?? [], decision?.used ?? []);
      if (hasNewBest || hasNewUse) changes.push({ key, hasNewBest, hasNewUse });
    }
    this.#dirty.clear();
    return changes;
  }

  routeUpdate(key: PrefixKey): RouteUpdate {
    const used = this.#destinations.get(key)?.decision?.used ?? [];
    return { prefix: keyToCidr(key, this.family), paths: used.flatMap(describeBest) };
  }

  /** The whole table for people. */
  rows(): RibRow[] {
    const rows: RibRow[] = [];
    for (const [key, { paths, decision }] of this.#destinations) {
      const steps = new Map<Path, DecidingStep>();
      let decidedBy: DecidingStep = "onlyPath";
      decide(paths, (path, step) => {
        steps.set(path, step);
        decidedBy = step;
      });
      const rowPaths = paths.map((path): RibPath => {
        const lostAt = steps.get(path);
        const isBest = path === decision?.best;
        const isUsed = decision?.used.includes(path) === true;
        return { ...describe(path), isBest, isUsed, ...(lostAt === undefined ? {} : { lostAt }) };
      });
      rowPaths.sort((a, b) => Number(b.isBest) - Number(a.isBest) || Number(b.isUsed) - Number(a.isUsed));
      rows.push({ prefix: keyToCidr(key, this.family), decidedBy, paths: rowPaths });
    }
    return rows;
  }
}

function isSameUse(a: readonly Path[], b: readonly Path[]): boolean {
  return a.length === b.length && a.every((path, i) => path === b[i]);
}

function describeBest(path: Path): BestPath[] {
  const { nextHop } = path.set.attributes;
  if (path.source === undefined || nextHop === undefined) return [];
  const { isStale: _, ...shared } = describe(path);
  return [{ ...shared, nextHop, peer: path.source.address, peerName: path.source.name }];
}

function describe({ source, set, isStale }: Path): Omit<RibPath, "isBest" | "isUsed" | "lostAt"> {
  const { nextHop, linkLocalNextHop, localPref, med, asPath, communities } = set.attributes;
  return {
    ...(nextHop === undefined ? {} : { nextHop }),
    ...(linkLocalNextHop === undefined ? {} : { linkLocalNextHop }),
    ...(source === undefined ? {} : { peer: source.address, peerName: source.name }),
    isInternal: source?.isInternal ?? true,
    asPath: formatAsPath(asPath),
    ...(localPref === undefined ? {} : { localPref }),
    ...(med === undefined ? {} : { med }),
    communities,
    isStale,
  };
}
