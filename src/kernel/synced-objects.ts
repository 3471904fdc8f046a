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
  /** By the next-hop objects that they name. */
  readonly #countByNextHop = new Map<number, number>();

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

  /** What is wanted under the key no longer is. */
  unwantKey(key: string): void {
    this.#delta.unwant(key);
  }

  /** Replaces all that is wanted. */
  wantAll(values: Iterable<V>): void {
    this.#delta.wantAll(
      Array.from(values, (value): [string, V] => {
        const normal = this.#sort.normalize(value);
        return [this.#sort.keyOf(normal), normal];
      }),
    );
  }

  /** The kernel has this one now. */
  observe(value: V): void {
    const normal = this.#sort.normalize(value);
    this.#setPresent(this.#sort.keyOf(normal), normal);
  }

  /** The kernel has it no more. */
  observeGone(value: V): void {
    this.#setPresent(this.#sort.keyOf(this.#sort.normalize(value)), undefined);
  }

  /** The kernel has these, and no others of ours. */
  observeAll(values: Iterable<V>): void {
    this.beginRead();
    for (const value of values) this.observe(value);
    this.endRead();
  }

  /** A dump begins, or begins anew: `observe` is called for what is in it, and what has not come until `endRead` is gone. */
  beginRead(): void {
    this.#delta.beginRead();
  }

  endRead(): void {
    for (const value of this.#delta.endRead()) this.#unindex(value.key, value.present);
  }

  /** Wanted, but not in the kernel. */
  isMissing(key: string): boolean {
    return this.#delta.wanted().has(key) && !this.#delta.present().has(key);
  }

  /** What the kernel has of ours on a link. */
  presentOnLink(linkIndex: number): V[] {
    const present = this.#delta.present();
    return [...(this.#keysByLink.get(linkIndex) ?? [])].flatMap((key) => present.get(key) ?? []);
  }

  /** Whether anything that the kernel has of ours names the next-hop object. */
  usesNextHop(id: number): boolean {
    return this.#countByNextHop.has(id);
  }

  pending(): PendingChange[] {
    const keys = this.dirtyKeys();
    return (["put", "delete"] as const).flatMap((type) => keys.flatMap((key) => this.changeOf(key, type) ?? []));
  }

  /** Keys of what may have to be done. */
  dirtyKeys(): string[] {
    return this.#delta.dirtyKeys();
  }

  /** What is to be done about the key by now, if that is a put, or a delete, as asked for. */
  changeOf(key: string, type: PendingChange["type"]): PendingChange | undefined {
    if (type === "put") {
      const put = this.#delta.changeOf(key, "put");
      if (put === undefined) return undefined;
      const change = this.#sort.put(put.value, put.present !== undefined);
      return { type, key, change, done: () => this.#setPresent(key, put.value) };
    }
    const deletion = this.#delta.changeOf(key, "delete");
    if (deletion === undefined) return undefined;
    return {
      type,
      key,
      change: this.#sort.remove(deletion.present),
      done: () => this.#setPresent(key, undefined),
    };
  }

  #setPresent(key: string, value: V | undefined): void {
    const before = this.#delta.present().get(key);
    if (before !== undefined) this.#unindex(key, before);
    this.#delta.observe(key, value);
    if (value !== undefined) this.#index(key, value);
  }

  #index(key: string, value: V): void {
    for (const link of this.#sort.linksOf(value)) {
      const keys = this.#keysByLink.get(link);
      if (keys === undefined) this.#keysByLink.set(link, new Set([key]));
      else keys.add(key);
    }
    for (const id of this.#sort.nextHopsOf(value))
      this.#countByNextHop.set(id, (this.#countByNextHop.get(id) ?? 0) + 1);
  }

  #unindex(key: string, value: V): void {
    for (const link of this.#sort.linksOf(value)) {
      const keys = this.#keysByLink.get(link);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysByLink.delete(link);
    }
    for (const id of this.#sort.nextHopsOf(value)) {
      const count = this.#countByNextHop.get(id) ?? 0;
      if (count > 1) this.#countByNextHop.set(id, count - 1);
      else this.#countByNextHop.delete(id);
    }
  }
}
