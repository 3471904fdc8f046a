import { DeltaTracker } from "../lib/index.ts";
import type { RouteChange } from "../netlink/index.ts";
import type { ObjectSort } from "./object-sort.ts";

/** Something left to do about one object. */
export type PendingChange = {
  readonly type: "put" | "delete";
  readonly key: string;
  readonly change: RouteChange;
  /** To be called when the kernel has done it. */
  done(): void;
};

/** All objects of one sort: what is wanted, and what the kernel has of ours. */
export class SyncedObjects<V> {
  readonly #sort: ObjectSort<V>;
  readonly #delta: DeltaTracker<string, V>;
  readonly #keysByLink = new Map<number, Set<string>>();

  constructor(sort: ObjectSort<V>) {
    this.#sort = sort;
    this.#delta = new DeltaTracker((wanted, present) => sort.isSame(wanted, present));
  }

  want(value: V): void {
    const normal = this.#sort.normalize(value);
    this.#delta.want(this.#sort.keyOf(normal), normal);
  }

  unwant(value: V): void {
    this.#delta.unwant(this.#sort.keyOf(this.#sort.normalize(value)));
  }

  /** Replaces all that is wanted. */
  wantAll(values: Iterable<V>): void {
    this.#delta.wantAll(Array.from(values, (value) => this.#entry(value)));
  }

  /** The kernel has this one now. */
  observe(value: V): void {
    this.#setPresent(...this.#entry(value));
  }

  /** The kernel has it no more. */
  observeGone(value: V): void {
    this.#setPresent(this.#entry(value)[0], undefined);
  }

  /** The kernel has these, and no others of ours. */
  observeAll(values: Iterable<V>): void {
    const entries = Array.from(values, (value) => this.#entry(value));
    this.#delta.observeAll(entries);
    this.#keysByLink.clear();
    for (const [key, value] of entries) this.#index(key, value);
  }

  /** Wanted, but not in the kernel. */
  isMissing(key: string): boolean {
    return this.#delta.wanted().has(key) && !this.#delta.present().has(key);
  }

  /** What the kernel has of ours. */
  present(): Iterable<V> {
    return this.#delta.present().values();
  }

  /** What the kernel has of ours on a link. */
  presentOnLink(linkIndex: number): V[] {
    const present = this.#delta.present();
    return [...(this.#keysByLink.get(linkIndex) ?? [])].flatMap((key) => present.get(key) ?? []);
  }

  pending(): PendingChange[] {
    return this.#delta.pending().map((change) => ({
      type: change.type,
      key: change.key,
      change:
        change.type === "put"
          ? this.#sort.put(change.value, change.present !== undefined)
          : this.#sort.remove(change.present),
      done: () => this.#setPresent(change.key, change.type === "put" ? change.value : undefined),
    }));
  }

  #entry(value: V): [string, V] {
    const normal = this.#sort.normalize(value);
    return [this.#sort.keyOf(normal), normal];
  }

  #setPresent(key: string, value: V | undefined): void {
    const before = this.#delta.present().get(key);
    if (before !== undefined) {
      for (const link of this.#sort.linksOf(before)) {
        const keys = this.#keysByLink.get(link);
        keys?.delete(key);
        if (keys?.size === 0) this.#keysByLink.delete(link);
      }
    }
    this.#delta.observe(key, value);
    if (value !== undefined) this.#index(key, value);
  }

  #index(key: string, value: V): void {
    for (const link of this.#sort.linksOf(value)) {
      const keys = this.#keysByLink.get(link);
      if (keys === undefined) this.#keysByLink.set(link, new Set([key]));
      else keys.add(key);
    }
  }
}
