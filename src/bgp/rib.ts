import type { IpAddress, Random } from "../lib/index.ts";
import type { Family, RibRow, RouteUpdate } from "./config.ts";
import { type CostOf, decide, rank } from "./decision.ts";
import type { NextHops } from "./next-hops.ts";
import { type Path, type Source, isSamePath, trackedNextHop } from "./path.ts";
import { PrefixIndex } from "./prefix-index.ts";
import { type PrefixKey, keyToCidr } from "./prefix-key.ts";
import { describeBest, describeDestination } from "./rib-rows.ts";

const noPaths: readonly Path[] = [];

/** One prefix with all its paths. Update groups note by `id` what they told of it. */
export class Destination {
  readonly key: PrefixKey;
  readonly id: number;
  paths: readonly Path[] = noPaths;
  best: Path | undefined;
  used: readonly Path[] = noPaths;
  isDirty = false;
  /** Those who still refer to it by its id. */
  pins = 0;

  constructor(key: PrefixKey, id: number) {
    this.key = key;
    this.id = id;
  }

  /** The source's path of that name. */
  pathOf(source: Source | undefined, pathId: number | undefined): Path | undefined {
    for (const path of this.paths) if (path.source === source && path.pathId === pathId) return path;
    return undefined;
  }
}

/** Destinations whose paths were looked at; the others may be among them, too. */
export type RibChanges = {
  readonly decided: readonly Destination[];
  readonly withNewBest: readonly Destination[];
  readonly withNewUse: readonly Destination[];
};

/** All paths of one family, and which of them are best. Prefixes that changed are decided once a turn. */
export class RibTable {
  readonly family: Family;
  readonly #destinations: PrefixIndex<Destination>;
  #dirty: Destination[] = [];
  #dirtyFrom = 0;
  #nextHops: NextHops | undefined;
  /** While they are tracked: what has a path by each. */
  readonly #byNextHop = new Map<IpAddress, Set<Destination>>();
  #chores: Iterator<void>[] = [];

  constructor(family: Family, random: Random) {
    this.family = family;
    this.#destinations = new PrefixIndex(random);
  }

  get size(): number {
    return this.#destinations.size;
  }

  /** There is something to decide, or work that may lead to that. */
  get isDirty(): boolean {
    return this.#dirty.length > this.#dirtyFrom || this.#chores.length > 0;
  }

  /** All ids are below. */
  get idLimit(): number {
    return this.#destinations.idLimit;
  }

  get costOf(): CostOf | undefined {
    return this.#nextHops?.costOf;
  }

  byId(id: number): Destination | undefined {
    return this.#destinations.byId(id);
  }

  byKey(key: PrefixKey): Destination | undefined {
    return this.#destinations.get(key);
  }

  /** The destination of the prefix, for a path that is about to be put there. */
  at(key: PrefixKey): Destination {
    return this.#destinations.get(key) ?? this.#destinations.add(key, (id) => new Destination(key, id));
  }

  /** Puts a path in the place of another one; undefined: there was none, or there is none any more. */
  replace(destination: Destination, old: Path | undefined, path: Path | undefined): void {
    const { paths } = destination;
    const others =
      old === undefined || paths.length === 1 ? (old === undefined ? paths : noPaths) : without(paths, old);
    if (path === undefined) destination.paths = others;
    else destination.paths = others.length === 0 ? path.alone : [...others, path];
    if (this.#nextHops !== undefined) {
      if (path !== undefined) this.#use(destination, path);
      if (old !== undefined) this.#release(destination, old);
    }
    this.#mark(destination);
  }

  /** What would take too long at once is done by and by, before decisions. Each of its steps is about one destination. */
  later(chore: Iterator<void>): void {
    this.#chores.push(chore);
  }

  markAll(): void {
    for (const destination of this.#destinations.values()) this.#mark(destination);
  }

  /** From now on paths count by the cost of their next hops; undefined: all are equally near. */
  trackNextHops(nextHops: NextHops | undefined): void {
    if (nextHops === this.#nextHops) return;
    for (const { paths } of this.#destinations.values()) {
      for (const path of paths) {
        const nextHop = trackedNextHop(path);
        if (nextHop !== undefined) this.#nextHops?.release(nextHop);
      }
    }
    this.#byNextHop.clear();
    this.#nextHops = nextHops;
    for (const destination of this.#destinations.values()) {
      for (const path of destination.paths) this.#use(destination, path);
    }
    this.markAll();
  }

  markNextHops(changed: ReadonlySet<IpAddress>): void {
    for (const nextHop of changed) {
      for (const destination of this.#byNextHop.get(nextHop) ?? []) this.#mark(destination);
    }
  }

  /**
   * Decides at most `limit` of the changed destinations, or half of that and does half of it of what waits. With `isDeferred` only our own routes are looked at: those of
   * peers are not all there yet (RFC 4724 section 4.1).
   */
  decide(limit: number, isDeferred: boolean): RibChanges {
    const left = limit - this.#work(Math.ceil(limit / 2));
    const end = Math.min(this.#dirtyFrom + left, this.#dirty.length);
    const decided = this.#dirty.slice(this.#dirtyFrom, end);
    this.#dirtyFrom = end;
    if (end === this.#dirty.length) {
      this.#dirty = [];
      this.#dirtyFrom = 0;
    }
    const withNewBest: Destination[] = [];
    const withNewUse: Destination[] = [];
    const costOf = this.#nextHops?.costOf;
    for (const destination of decided) {
      destination.isDirty = false;
      const { paths, best, used } = destination;
      const decision = decide(isDeferred ? paths.filter(isOwn) : paths, costOf);
      destination.best = decision?.best;
      destination.used = decision?.used ?? noPaths;
      if (!isSamePath(best, destination.best)) withNewBest.push(destination);
      if (!isSameUse(used, destination.used)) withNewUse.push(destination);
    }
    return { decided, withNewBest, withNewUse };
  }

  /** The best of its paths, in order. */
  rank(destination: Destination, count: number, isDeferred: boolean): readonly Path[] {
    const { paths } = destination;
    return rank(isDeferred ? paths.filter(isOwn) : paths, count, this.#nextHops?.costOf);
  }

  pin(destination: Destination): void {
    destination.pins++;
  }

  unpin(destination: Destination): void {
    destination.pins--;
    this.forgetEmpty(destination);
  }

  /** Gives its id away when there is nothing to be known of it any more. */
  forgetEmpty(destination: Destination): void {
    const { id, paths, pins, isDirty } = destination;
    if (paths.length > 0 || pins > 0 || isDirty || this.byId(id) !== destination) return;
    this.#destinations.delete(destination);
  }

  routeUpdate({ key, used }: Destination): RouteUpdate {
    return { prefix: keyToCidr(key, this.family), paths: used.flatMap(describeBest) };
  }

  /** The table for people, one row at a time. */
  *rows(): Generator<RibRow> {
    for (const destination of this.#destinations.values()) {
      if (destination.paths.length > 0) yield this.row(destination);
    }
  }

  row(destination: Destination): RibRow {
    return describeDestination(destination, this.family, this.#nextHops?.costOf);
  }

  /** At most so many steps; gives how many there were. */
  #work(limit: number): number {
    let count = 0;
    for (let [chore] = this.#chores; chore !== undefined && count < limit; [chore] = this.#chores) {
      while (count < limit && chore.next().done !== true) count++;
      if (count < limit) this.#chores.shift();
    }
    return count;
  }

  #mark(destination: Destination): void {
    if (destination.isDirty) return;
    destination.isDirty = true;
    this.#dirty.push(destination);
  }

  #use(destination: Destination, path: Path): void {
    const nextHop = trackedNextHop(path);
    if (nextHop === undefined || this.#nextHops?.use(nextHop) !== true) return;
    const users = this.#byNextHop.get(nextHop);
    if (users === undefined) this.#byNextHop.set(nextHop, new Set([destination]));
    else users.add(destination);
  }

  #release(destination: Destination, path: Path): void {
    const nextHop = trackedNextHop(path);
    if (nextHop === undefined) return;
    this.#nextHops?.release(nextHop);
    if (destination.paths.some((other) => trackedNextHop(other) === nextHop)) return;
    const users = this.#byNextHop.get(nextHop);
    users?.delete(destination);
    if (users?.size === 0) this.#byNextHop.delete(nextHop);
  }
}

function isOwn({ source }: Path): boolean {
  return source === undefined;
}

function without(paths: readonly Path[], old: Path): readonly Path[] {
  const others = paths.filter((one) => one !== old);
  const [only] = others;
  return only !== undefined && others.length === 1 ? only.alone : others;
}

function isSameUse(a: readonly Path[], b: readonly Path[]): boolean {
  return a === b || (a.length === b.length && a.every((path, i) => isSamePath(path, b[i])));
}
