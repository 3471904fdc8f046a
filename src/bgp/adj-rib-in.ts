import type { AttributeSet } from "./attributes.ts";
import type { Family } from "./config.ts";
import type { Importer } from "./import.ts";
import { type Epoch, Path, type PathIdSource, PathIds, type Source } from "./path.ts";
import { type PathKey, type PrefixKey, makePathKey, prefixOfPathKey } from "./prefix-key.ts";
import type { Destination, RibTable } from "./rib.ts";

/**
 * Paths of one prefix that one peer may have in the table. They are looked through one by one, so that a peer with a new
 * identifier for each would keep us from everything else.
 */
const maxPathsOfPrefix = 1024;
/** Of as many paths one may have begun an epoch of its own before it is looked which epochs still have any. */
const pathsOfEpoch = 16;

/**
 * What one peer has told about one family, before policy: also what was refused, so that a new policy needs nobody's
 * help. What is accepted stands in the table and nowhere else; here is only noted where.
 */
export class AdjRibIn {
  readonly #source: Source;
  readonly #table: RibTable;
  readonly #pathIds: PathIds;
  /** All that have a path of the peer. Some may stand here twice, or have none any more. */
  #destinations: Destination[] = [];
  readonly #refused = new Map<PathKey, Path>();
  #importer: Importer | undefined;
  /** Those that paths are of; the last one is that of what comes now. */
  #epochs: Epoch[] = [freshEpoch()];
  #isEpochUsed = false;
  #epochsKept = 16;
  #last: Path | undefined;
  #acceptedCount = 0;
  #staleCount = 0;

  constructor(source: Source, table: RibTable, ids: PathIdSource) {
    this.#source = source;
    this.#table = table;
    this.#pathIds = new PathIds(ids);
  }

  get size(): number {
    return this.#acceptedCount + this.#refused.size;
  }

  get refusedCount(): number {
    return this.#refused.size;
  }

  get hasStale(): boolean {
    return this.#staleCount > 0;
  }

  get importer(): Importer | undefined {
    return this.#importer;
  }

  /** What is judged from now on is judged by this; what is here stays as it was judged. */
  set importer(importer: Importer) {
    this.#importer = importer;
    this.#last = undefined;
  }

  /** Gives why something was refused, each reason once. */
  put(keys: readonly PrefixKey[], raw: AttributeSet, pathIds: readonly number[] | undefined): ReadonlySet<string> {
    let refusals = noRefusals;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key === undefined) continue;
      const path = this.#judge(key, raw, pathIds?.[i]);
      const refusal = path.refusal ?? this.#accept(key, path);
      if (refusal === undefined) continue;
      if (!refusals.has(refusal)) refusals = new Set(refusals).add(refusal);
      this.#refuse(key, path.refusal === undefined ? new Path({ ...path, refusal }) : path);
    }
    return refusals;
  }

  remove(keys: readonly PrefixKey[], pathIds: readonly number[] | undefined): void {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key === undefined) continue;
      const pathId = pathIds?.[i];
      const destination = this.#table.byKey(key);
      const path = destination?.pathOf(this.#source, pathId);
      if (destination !== undefined && path?.epoch.isGone === false) this.#drop(destination, path);
      else if (this.#refused.size > 0) this.#dropRefused(makePathKey(key, pathId));
    }
    this.#tidy();
  }

  /**
   * The session is gone and may come back. What was still marked from the time before goes (RFC 4724 section 4.2), unless
   * it `isKept` as a last resort.
   */
  markStale(isKept: boolean): void {
    if (!isKept) this.sweepStale();
    for (const epoch of this.#epochs) epoch.isStale = true;
    this.#staleCount = this.size;
    this.#begin();
  }

  sweepStale(): void {
    if (this.#staleCount > 0) this.#sweep(({ isStale }) => isStale);
  }

  /** The peer begins to tell everything again (RFC 7313). */
  markDue(): void {
    // Those in front are due already if it begins again without an end.
    for (let i = this.#epochs.length - 1; this.#epochs[i]?.isDue === false; i--) {
      const epoch = this.#epochs[i];
      if (epoch !== undefined) epoch.isDue = true;
    }
    this.#begin();
  }

  sweepDue(): void {
    if (this.#epochs.some(({ isDue }) => isDue)) this.#sweep(({ isDue }) => isDue);
  }

  /**
   * Puts other paths in the place of stale ones; undefined takes them away. `change` is asked once for each path, of which
   * many prefixes may be.
   */
  changeStale(change: (path: Path) => Path | undefined): void {
    const changed = new Map<Path, Path | undefined>();
    const changeOnce = (path: Path) => {
      if (!changed.has(path)) changed.set(path, change(path));
      return changed.get(path);
    };
    for (const [destination, path] of this.#accepted(this.#destinations)) {
      if (!path.epoch.isStale) continue;
      const next = changeOnce(path);
      if (next === undefined) this.#drop(destination, path);
      else if (next !== path) this.#table.replace(destination, path, next);
    }
    for (const [entry, path] of this.#refused) {
      if (!path.epoch.isStale) continue;
      const next = changeOnce(path);
      if (next === undefined) this.#dropRefused(entry);
      else this.#refused.set(entry, next);
    }
  }

  /**
   * Judges everything again, as when the policy is another one; the table does it when it has the time. With `isRenewed`
   * every path is another one afterwards, since something about the peer itself has changed.
   */
  judgeAgain(isRenewed: boolean): void {
    this.#last = undefined;
    this.#table.later(this.#judgeAll(isRenewed));
  }

  clear(): void {
    for (const epoch of this.#epochs) epoch.isGone = true;
    if (this.#acceptedCount > 0) this.#table.later(this.#dropGone(this.#destinations));
    this.#destinations = [];
    this.#refused.clear();
    this.#acceptedCount = 0;
    this.#staleCount = 0;
    this.#epochs = [freshEpoch()];
    this.#isEpochUsed = false;
    this.#last = undefined;
    this.#pathIds.keep(new Set());
  }

  *entries(): Generator<readonly [PrefixKey, Path]> {
    const seen = new Set<Destination>();
    for (const destination of this.#destinations) {
      if (seen.has(destination)) continue;
      seen.add(destination);
      for (const path of destination.paths) if (this.#isOwn(path)) yield [destination.key, path];
    }
    for (const [entry, path] of this.#refused) yield [prefixOfPathKey(entry, path.pathId !== undefined), path];
  }

  /** Some may come twice, but then as they are by then. */
  *#accepted(destinations: readonly Destination[]): Generator<readonly [Destination, Path]> {
    for (let i = 0, count = destinations.length; i < count; i++) {
      const destination = destinations[i];
      if (destination === undefined) continue;
      for (const path of destination.paths) if (this.#isOwn(path)) yield [destination, path];
    }
  }

  #isOwn({ source, epoch }: Path): boolean {
    return source === this.#source && !epoch.isGone;
  }

  *#judgeAll(isRenewed: boolean): Generator<void> {
    const renewed = new Map<Path, Path[]>();
    for (const [entry, path] of this.#refused) {
      yield;
      if (this.#refused.get(entry) !== path) continue;
      const key = prefixOfPathKey(entry, path.pathId !== undefined);
      const next = this.#renew(key, path, isRenewed, renewed);
      if (next.refusal !== undefined) this.#refused.set(entry, next);
      // One too many stays as it is.
      else this.#accept(key, next);
    }
    for (const [destination, path] of this.#accepted(this.#destinations)) {
      yield;
      // Meanwhile it may have gone, or become another one, which was judged when it came.
      if (path.epoch.isGone || destination.pathOf(this.#source, path.pathId) !== path) continue;
      const next = this.#renew(destination.key, path, isRenewed, renewed);
      if (next.refusal !== undefined) this.#refuse(destination.key, next);
      else if (next !== path) this.#table.replace(destination, path, next);
    }
    this.#tidy();
  }

  /** Takes the paths of epochs that are gone from the table. */
  *#dropGone(destinations: readonly Destination[]): Generator<void> {
    for (let i = 0, count = destinations.length; i < count; i++) {
      yield;
      const destination = destinations[i];
      for (const path of destination?.paths ?? noPaths) {
        const isGone = path.source === this.#source && path.epoch.isGone;
        if (isGone && destination !== undefined) this.#table.replace(destination, path, undefined);
      }
    }
    this.#tidy();
  }

  /** Paths are shared by the prefixes of an UPDATE, and by those of the next ones as long as they say the same. */
  #judge(key: PrefixKey, raw: AttributeSet, pathId: number | undefined): Path {
    const last = this.#last;
    const isSame = last !== undefined && last.raw === raw && last.pathId === pathId;
    if (isSame && this.#importer?.looksAtPrefix !== true) return last;
    const epoch = this.#epochs.at(-1) ?? freshEpoch();
    const path = this.#makePath(key, raw, pathId, epoch);
    if (isSame && path.set === last.set && path.refusal === last.refusal) return last;
    this.#last = path;
    this.#isEpochUsed = true;
    return path;
  }

  #makePath(key: PrefixKey, raw: AttributeSet, pathId: number | undefined, epoch: Epoch): Path {
    const judgement = this.#importer?.judge(key, raw);
    return new Path({
      source: this.#source,
      raw,
      set: judgement?.set ?? raw,
      refusal: judgement?.refusal,
      pathId,
      exportId: this.#pathIds.exportIdOf(pathId),
      epoch,
    });
  }

  /** The path as it is judged now: the same one when that makes no difference. */
  #renew(key: PrefixKey, path: Path, isRenewed: boolean, renewed: Map<Path, Path[]>): Path {
    const { set = path.raw, refusal } = this.#importer?.judge(key, path.raw) ?? path;
    if (!isRenewed && set === path.set && refusal === path.refusal) return path;
    const known = renewed.get(path) ?? [];
    const same = known.find((one) => one.set === set && one.refusal === refusal);
    if (same !== undefined) return same;
    const fresh = this.#makePath(key, path.raw, path.pathId, path.epoch);
    renewed.set(path, [...known, fresh]);
    return fresh;
  }

  /** Gives why not. */
  #accept(key: PrefixKey, path: Path): string | undefined {
    if (!isUnicast(key, this.#table.family)) return notUnicast;
    const destination = this.#table.at(key);
    const old = destination.pathOf(this.#source, path.pathId);
    if (old === path) return undefined;
    if (old === undefined || old.epoch.isGone) {
      const isNamed = path.pathId !== undefined;
      if (isNamed && old === undefined && this.#isCrowded(destination)) return tooManyPaths;
      if (this.#refused.size > 0) this.#dropRefused(makePathKey(key, path.pathId));
      if (!isNamed || !destination.paths.some((one) => this.#isOwn(one))) this.#destinations.push(destination);
    } else {
      this.#count(old.epoch, -1);
    }
    this.#count(path.epoch, 1);
    this.#table.replace(destination, old, path);
    return undefined;
  }

  #isCrowded({ paths }: Destination): boolean {
    if (paths.length < maxPathsOfPrefix) return false;
    let count = 0;
    for (const path of paths) if (this.#isOwn(path)) count++;
    return count >= maxPathsOfPrefix;
  }

  #refuse(key: PrefixKey, path: Path): void {
    const entry = makePathKey(key, path.pathId);
    const destination = this.#table.byKey(key);
    const accepted = destination?.pathOf(this.#source, path.pathId);
    if (destination !== undefined && accepted?.epoch.isGone === false) this.#drop(destination, accepted);
    else this.#dropRefused(entry);
    if (path.epoch.isStale) this.#staleCount++;
    this.#refused.set(entry, path);
  }

  #drop(destination: Destination, path: Path): void {
    this.#count(path.epoch, -1);
    this.#table.replace(destination, path, undefined);
  }

  #count(epoch: Epoch, change: number): void {
    this.#acceptedCount += change;
    epoch.acceptedCount += change;
    if (epoch.isStale) this.#staleCount += change;
  }

  #dropRefused(entry: PathKey): void {
    const path = this.#refused.get(entry);
    if (path === undefined) return;
    if (path.epoch.isStale) this.#staleCount--;
    this.#refused.delete(entry);
  }

  #sweep(isSwept: (epoch: Epoch) => boolean): void {
    for (const [entry, path] of this.#refused) if (isSwept(path.epoch)) this.#dropRefused(entry);
    const before = this.#acceptedCount;
    for (const epoch of this.#epochs.filter(isSwept)) {
      this.#count(epoch, -epoch.acceptedCount);
      epoch.isGone = true;
    }
    this.#epochs = this.#epochs.filter(({ isGone }) => !isGone);
    if (this.#acceptedCount < before) this.#table.later(this.#dropGone(this.#destinations));
  }

  /** A new epoch, unless nothing was told in the one before. */
  #begin(): void {
    this.#last = undefined;
    const current = this.#epochs.at(-1);
    if (current !== undefined && !this.#isEpochUsed) {
      current.isStale = false;
      current.isDue = false;
      return;
    }
    if (this.#epochs.length > this.#epochsKept) {
      const used = new Set<Epoch>();
      for (const [, { epoch }] of this.entries()) used.add(epoch);
      this.#epochs = this.#epochs.filter((epoch) => used.has(epoch));
      this.#epochsKept = 2 * this.#epochs.length + Math.ceil(this.size / pathsOfEpoch) + 16;
    }
    this.#epochs.push(freshEpoch());
    this.#isEpochUsed = false;
  }

  /** What is noted of paths that are gone is forgotten when there is as much of it as of those that are there. */
  #tidy(): void {
    if (this.#destinations.length > 2 * this.#acceptedCount + 64) {
      const isHere = ({ paths }: Destination) => paths.some((path) => this.#isOwn(path));
      this.#destinations = [...new Set(this.#destinations.filter(isHere))];
    }
    // A peer may use ever new identifiers.
    if (this.#pathIds.size <= 2 * this.size + 1024) return;
    const used = new Set<number>();
    for (const [, { pathId }] of this.entries()) if (pathId !== undefined) used.add(pathId);
    this.#pathIds.keep(used);
  }
}

const notUnicast = "a multicast or link-local prefix";
const tooManyPaths = `more than ${maxPathsOfPrefix} paths of one prefix`;

const noRefusals: ReadonlySet<string> = new Set();

const noPaths: readonly Path[] = [];

/** RFC 4271 section 6.3: 224.0.0.0/4 and ff00::/8 are no destinations of routes, and what lies in fe80::/10 is on every link. */
function isUnicast(key: PrefixKey, family: Family): boolean {
  const first = key.charCodeAt(1);
  if (family === "ipv4-unicast") return (first & 0xf0) !== 0xe0;
  return first !== 0xff && !(first === 0xfe && (key.charCodeAt(2) & 0xc0) === 0x80);
}

function freshEpoch(): Epoch {
  return { isStale: false, isDue: false, isGone: false, acceptedCount: 0 };
}
