import { assert } from "../lib/index.ts";
import { ChangeLog, type Logged } from "./change-log.ts";
import { type ExportPolicy, Exporter, type Told, isSameEncoding, isSameTold } from "./export.ts";
import { GroupMember, type GroupReader } from "./group-member.ts";
import { GroupWriter } from "./group-writer.ts";
import { ListMap } from "./list-map.ts";
import type { Path, Source } from "./path.ts";
import type { PrefixKey } from "./prefix-key.ts";
import type { Destination, RibChanges, RibTable } from "./rib.ts";
import type { Nlri, UpdateFormat } from "./update-writer.ts";

/** What a group was told last of one prefix, or of one of its paths (RFC 7911). */
export class Item implements Nlri, Logged {
  readonly destination: Destination;
  readonly pathId: number;
  told: Told | undefined;
  slot = -1;
  /** Whose path was told last. */
  source: Source | undefined;
  /** Up to this version others' paths may have been told to that source. */
  othersUntil = 0;
  /** The next one of the prefix. */
  next: Item | undefined;

  constructor(destination: Destination, pathId: number, next: Item | undefined) {
    this.destination = destination;
    this.pathId = pathId;
    this.told = undefined;
    this.source = undefined;
    this.next = next;
  }

  get key(): PrefixKey {
    return this.destination.key;
  }
}

/** What changed for a group in one turn. */
export type Batch = {
  readonly announced: ListMap<Told, Item>;
  /** By the source whose path it was. */
  readonly withdrawn: ListMap<Source | undefined, Item>;
  /** Paths that took the place of another source's. */
  readonly moved: { readonly item: Item; readonly before: Told; readonly told: Told }[];
};

/**
 * Peers of one export policy. What they are told is worked out, encoded and kept once for all: every prefix has one item,
 * which says what was told last, and its place in the order of changes. A peer that has caught up with version V of the
 * changes knows exactly the items as they were at V, less its own paths; so nothing is kept per peer and prefix.
 */
export class UpdateGroup {
  /** Never that of another group. */
  readonly id: number;
  readonly policy: ExportPolicy;
  readonly exporter: Exporter;
  readonly changes = new ChangeLog<Item>();
  readonly #table: RibTable;
  readonly #isDeferred: () => boolean;
  readonly #writer: GroupWriter;
  readonly #items: (Item | undefined)[] = [];
  /** Withdrawals in order, for those who have not heard of them yet. */
  #graves: { readonly item: Item; readonly version: number }[] = [];
  readonly #toldBySource = new Map<Source | undefined, number>();
  #toldCount = 0;
  /** Destinations with ids from here on have not been looked at. */
  #filledTo = 0;
  #unfit: PrefixKey[] = [];

  constructor(policy: ExportPolicy, id: number, slot: number, table: RibTable, isDeferred: () => boolean) {
    this.id = id;
    this.policy = policy;
    this.exporter = new Exporter(policy, id, slot);
    this.#table = table;
    this.#isDeferred = isDeferred;
    this.#writer = new GroupWriter(this);
  }

  get format(): UpdateFormat {
    return this.exporter.format;
  }

  get isFilled(): boolean {
    return this.#filledTo === Infinity;
  }

  get writer(): GroupWriter {
    return this.#writer;
  }

  /** Prefixes that a peer of that source has been told, or is about to be. */
  toldCountFor(source: Source): number {
    return this.#toldCount - (this.#toldBySource.get(source) ?? 0);
  }

  /** Withdrawals that are kept for those who have not heard of them. */
  get graveCount(): number {
    return this.#graves.length;
  }

  get toldCount(): number {
    return this.#toldCount;
  }

  find(destination: Destination, pathId: number): Item | undefined {
    let item = this.#items[destination.id];
    while (item !== undefined && item.pathId !== pathId) item = item.next;
    return item;
  }

  *items(): Generator<Item> {
    for (const first of this.#items) for (let item = first; item !== undefined; item = item.next) yield item;
  }

  join(reader: GroupReader): GroupMember {
    const member = new GroupMember(reader, this.changes.version);
    this.#writer.add(member);
    return member;
  }

  /** Looks at the destinations that changed and puts what the peers must hear into the journal. */
  apply({ decided, withNewBest }: RibChanges): void {
    const batch: Batch = { announced: new ListMap(), withdrawn: new ListMap(), moved: [] };
    // With several paths a prefix, what is not best counts, too.
    const destinations = this.policy.maxPaths === undefined ? withNewBest : decided;
    for (const destination of destinations) {
      if (destination.id < this.#filledTo) this.#look(destination, batch);
    }
    this.#writer.append(batch);
  }

  /** A new group looks at the whole table, a part a turn. Gives how many destinations it has looked at. */
  fill(limit: number): number {
    if (this.isFilled) return 0;
    const batch: Batch = { announced: new ListMap(), withdrawn: new ListMap(), moved: [] };
    const from = this.#filledTo;
    const to = Math.min(from + limit, this.#table.idLimit);
    for (let id = from; id < to; id++) {
      const destination = this.#table.byId(id);
      if (destination !== undefined) this.#look(destination, batch);
    }
    this.#filledTo = to === this.#table.idLimit ? Infinity : to;
    this.#writer.append(batch);
    return to - from;
  }

  /** Prefixes for which no message had room, since the last call. */
  takeUnfit(): PrefixKey[] {
    const unfit = this.#unfit;
    if (unfit.length > 0) this.#unfit = [];
    return unfit;
  }

  /** Forgets withdrawals that everybody has heard of up to that version. */
  bury(version: number): void {
    let buried = 0;
    for (const { item, version: death } of this.#graves) {
      if (death > version) break;
      buried++;
      if (item.told === undefined && this.changes.versionOf(item) === death) this.#forget(item);
    }
    if (buried > 0) this.#graves = buried === this.#graves.length ? [] : this.#graves.slice(buried);
  }

  /** Nobody needs what it knows. */
  dispose(): void {
    for (const item of this.items()) this.#table.unpin(item.destination);
    this.#items.length = 0;
  }

  #look(destination: Destination, batch: Batch): void {
    if (this.policy.maxPaths === undefined) {
      const item = this.#items[destination.id];
      const told = this.#tell(destination, destination.best);
      if (!isSameTold(item?.told, told)) this.#change(item ?? this.#add(destination, 0), told, batch);
      return;
    }
    const paths = this.#table.rank(destination, this.policy.maxPaths, this.#isDeferred());
    for (let item = this.#items[destination.id]; item !== undefined; item = item.next) {
      const { pathId } = item;
      if (item.told !== undefined && !paths.some(({ exportId }) => exportId === pathId)) {
        this.#change(item, undefined, batch);
      }
    }
    for (const path of paths) {
      const item = this.find(destination, path.exportId);
      const told = this.#tell(destination, path);
      if (!isSameTold(item?.told, told)) this.#change(item ?? this.#add(destination, path.exportId), told, batch);
    }
  }

  #tell({ key }: Destination, path: Path | undefined): Told | undefined {
    const told = path === undefined ? undefined : this.exporter.tell(key, path);
    if (told === undefined || this.exporter.fits(key, told)) return told;
    this.#unfit.push(key);
    return undefined;
  }

  #change(item: Item, told: Told | undefined, { announced, withdrawn, moved }: Batch): void {
    const before = item.told;
    const isFirst = item.slot === -1;
    if (before !== undefined) this.#writer.outdate(this.changes.versionOf(item));
    item.told = told;
    this.changes.touch(item);
    if (before !== undefined) this.#count(before, -1);
    if (told === undefined) {
      assert(before !== undefined, "only what was told is withdrawn");
      this.#graves.push({ item, version: this.changes.version });
      withdrawn.add(before.path.source, item);
      return;
    }
    this.#count(told, 1);
    const { source } = told.path;
    if (!isFirst && item.source !== source) item.othersUntil = this.changes.version;
    item.source = source;
    const isMoved = before !== undefined && before.path.source !== source;
    if (isMoved) moved.push({ item, before, told });
    if (!isMoved || !isSameEncoding(before.encoded, told.encoded)) announced.add(told, item);
  }

  #count({ path }: Told, change: 1 | -1): void {
    this.#toldCount += change;
    const count = (this.#toldBySource.get(path.source) ?? 0) + change;
    if (count === 0) this.#toldBySource.delete(path.source);
    else this.#toldBySource.set(path.source, count);
  }

  #add(destination: Destination, pathId: number): Item {
    const item = new Item(destination, pathId, this.#items[destination.id]);
    this.#items[destination.id] = item;
    this.#table.pin(destination);
    return item;
  }

  #forget(item: Item): void {
    const { destination } = item;
    this.changes.remove(item);
    const first = this.#items[destination.id];
    if (first === item) {
      this.#items[destination.id] = item.next;
    } else {
      let before = first;
      while (before !== undefined && before.next !== item) before = before.next;
      if (before !== undefined) before.next = item.next;
    }
    this.#table.unpin(destination);
  }
}
