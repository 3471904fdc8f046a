import type { RouteChange } from "../netlink/index.ts";
import type { ObjectSort } from "./object-sort.ts";

/** One key: what is wanted there, and what the kernel has of ours. For others to read only. */
export type SyncedEntry<V> = {
  readonly key: string;
  wanted: V | undefined;
  present: V | undefined;
  /** In the list of what may have to be done. */
  isListed: boolean;
  /** Number of the reading in which it was met last. */
  reading: number;
};

/** Something left to do about one object. */
export type PendingChange<V> = {
  readonly entry: SyncedEntry<V>;
  /** What the kernel has when it has done it. */
  readonly outcome: V | undefined;
  readonly change: RouteChange;
};

/** All objects of one sort: what is wanted, and what the kernel has of ours. */
export class SyncedObjects<V> {
  readonly #sort: ObjectSort<V>;
  readonly #entries = new Map<string, SyncedEntry<V>>();
  /** All entries that differ, and some that no longer do. */
  #listed: SyncedEntry<V>[] = [];
  #reading = 0;
  readonly #entriesByLink = new Map<number, Set<SyncedEntry<V>>>();
  /** By the next-hop objects that they name. */
  readonly #countByNextHop = new Map<number, number>();

  constructor(sort: ObjectSort<V>) {
    this.#sort = sort;
  }

  want(value: V): void {
    const normal = this.#sort.normalize(value);
    const entry = this.#entry(this.#sort.keyOf(normal));
    entry.wanted = normal;
    this.#compare(entry);
  }

  unwant(value: V): void {
    this.unwantKey(this.#sort.keyOf(this.#sort.normalize(value)));
  }

  /** What is wanted under the key no longer is. */
  unwantKey(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.wanted = undefined;
    this.#compare(entry);
  }

  /** Replaces all that is wanted. */
  wantAll(values: Iterable<V>): void {
    const old = new Set<string>();
    for (const { key, wanted } of this.#entries.values()) if (wanted !== undefined) old.add(key);
    for (const value of values) {
      old.delete(this.#sort.keyOf(this.#sort.normalize(value)));
      this.want(value);
    }
    for (const key of old) this.unwantKey(key);
  }

  /** The kernel has this one now. */
  observe(value: V): void {
    const normal = this.#sort.normalize(value);
    this.#setPresent(this.#entry(this.#sort.keyOf(normal)), normal);
  }

  /** The kernel has it no more. */
  observeGone(value: V): void {
    const entry = this.#entries.get(this.#sort.keyOf(this.#sort.normalize(value)));
    if (entry !== undefined) this.#setPresent(entry, undefined);
  }

  /** The kernel has these, and no others of ours. */
  observeAll(values: Iterable<V>): void {
    this.beginRead();
    for (const value of values) this.observe(value);
    this.endRead();
  }

  /** A dump begins, or begins anew: `observe` is called for what is in it, and what has not come until `endRead` is gone. */
  beginRead(): void {
    this.#reading++;
  }

  endRead(): void {
    for (const entry of this.#entries.values()) {
      if (entry.present !== undefined && entry.reading !== this.#reading) this.#setPresent(entry, undefined);
    }
  }

  /** Wanted, but not in the kernel. */
  isMissing(key: string): boolean {
    const entry = this.#entries.get(key);
    return entry?.wanted !== undefined && entry.present === undefined;
  }

  /** What the kernel has of ours on a link. */
  presentOnLink(linkIndex: number): V[] {
    return [...(this.#entriesByLink.get(linkIndex) ?? [])].flatMap(({ present }) => present ?? []);
  }

  /** Whether anything that the kernel has of ours names the next-hop object. */
  usesNextHop(id: number): boolean {
    return this.#countByNextHop.has(id);
  }

  pending(): PendingChange<V>[] {
    const entries = this.dirty();
    return (["put", "delete"] as const).flatMap((type) => entries.flatMap((entry) => this.changeOf(entry, type) ?? []));
  }

  /** What may have to be done, in the order in which it came up. */
  dirty(): readonly SyncedEntry<V>[] {
    this.#listed = this.#listed.filter((entry) => {
      entry.isListed = !this.#isSettled(entry);
      return entry.isListed;
    });
    return [...this.#listed];
  }

  /** What is to be done about it by now, if that is a put, or a delete, as asked for. */
  changeOf(entry: SyncedEntry<V>, type: "put" | "delete"): PendingChange<V> | undefined {
    const { wanted, present } = entry;
    if ((type === "put") !== (wanted !== undefined) || this.#isSettled(entry)) return undefined;
    if (wanted !== undefined) {
      return { entry, outcome: wanted, change: this.#sort.put(wanted, present !== undefined) };
    }
    return present && { entry, outcome: undefined, change: this.#sort.remove(present) };
  }

  /** The kernel has done it. */
  done({ entry, outcome }: PendingChange<V>): void {
    // Nobody wanted it or knew of it any more meanwhile, and it was let go.
    const isHeld = entry.wanted !== undefined || entry.present !== undefined;
    this.#setPresent(isHeld ? entry : this.#entry(entry.key), outcome);
  }

  #entry(key: string): SyncedEntry<V> {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { key, wanted: undefined, present: undefined, isListed: false, reading: 0 };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #setPresent(entry: SyncedEntry<V>, value: V | undefined): void {
    const { present: before } = entry;
    if (before !== value) {
      if (before !== undefined) this.#unindex(entry, before);
      if (value !== undefined) this.#index(entry, value);
    }
    entry.present = value;
    entry.reading = this.#reading;
    this.#compare(entry);
  }

  /** Lists what differs; lets go of what is neither wanted nor there. */
  #compare(entry: SyncedEntry<V>): void {
    const { wanted, present } = entry;
    if (this.#isSettled(entry)) {
      if (wanted === undefined || present === undefined) this.#entries.delete(entry.key);
      // One of the two is enough to hold on to, unless only the kernel's tells of links.
      else if (this.#sort.linksOf(present).length === 0) entry.present = wanted;
    } else if (!entry.isListed) {
      entry.isListed = true;
      this.#listed.push(entry);
    }
  }

  #isSettled({ wanted, present }: SyncedEntry<V>): boolean {
    if (wanted === present) return true;
    return wanted !== undefined && present !== undefined && this.#sort.isSame(wanted, present);
  }

  #index(entry: SyncedEntry<V>, value: V): void {
    for (const link of this.#sort.linksOf(value)) {
      const entries = this.#entriesByLink.get(link);
      if (entries === undefined) this.#entriesByLink.set(link, new Set([entry]));
      else entries.add(entry);
    }
    for (const id of this.#sort.nextHopsOf(value))
      this.#countByNextHop.set(id, (this.#countByNextHop.get(id) ?? 0) + 1);
  }

  #unindex(entry: SyncedEntry<V>, value: V): void {
    for (const link of this.#sort.linksOf(value)) {
      const entries = this.#entriesByLink.get(link);
      entries?.delete(entry);
      if (entries?.size === 0) this.#entriesByLink.delete(link);
    }
    for (const id of this.#sort.nextHopsOf(value)) {
      const count = this.#countByNextHop.get(id) ?? 0;
      if (count > 1) this.#countByNextHop.set(id, count - 1);
      else this.#countByNextHop.delete(id);
    }
  }
}
