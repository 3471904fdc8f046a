import type { BestPath } from "../bgp/index.ts";
import { addressVersion } from "../lib/index.ts";
import type { NextHop } from "../netlink/index.ts";
import { isOwnNextHop } from "./ownership.ts";
import { type ResolvedHop, hopKey, sortHops } from "./resolved-hop.ts";
import { routeProtocols } from "./route-protocols.ts";

/** Ours start here, so that people know them at sight; any id that somebody has is left to him. */
const firstId = 122_000_001;
/** Fewer routes than these are moved one by one, which leaves fewer objects behind. */
const fewestToFollow = 16;

/** The neighbours that lead to one set of BGP next hops, at present. */
export type Way<U> = {
  /** The BGP next hops. */
  readonly key: string;
  /** Some paths by them. */
  readonly paths: readonly BestPath[];
  /** Ordered, without repeats. */
  hops: readonly ResolvedHop[];
  /** Equal for ways with the same hops. */
  content: string;
  /** Of the kernel, not of BGP: never looked up anew. */
  readonly isFixed: boolean;
  readonly objects: Set<WayObject<U>>;
};

/** A next-hop object that routes name; `none` stands for the lack of one. */
export type WayObject<U> = {
  readonly id: number;
  /** The kernel cannot turn one into the other. A group may have one member. */
  readonly kind: "none" | "single" | "group";
  way: Way<U>;
  readonly users: U[];
  /** How many of the users are about to leave, by where to. */
  readonly leaving: Map<Way<U>, number>;
  members: readonly Member[];
};

/** What routes are to this file. */
export type WayUser<U> = {
  object: WayObject<U> | undefined;
  /** Where it is in the list of the object's users. */
  at: number;
  /** Where it is about to go. */
  target: Way<U> | undefined;
};

type Resolve = (paths: readonly BestPath[]) => readonly ResolvedHop[];

/** A next-hop object that only groups name: it keeps its meaning for life. */
type Member = { readonly id: number; readonly hop: ResolvedHop; readonly key: string; uses: number };

/**
 * The next-hop objects of BGP's routes: one for each set of BGP next hops, so that a new way to them is one change. When all
 * routes of an object go to another set together, as when a peer is lost, the object goes with them and the routes stay.
 * Of several objects of one set each has its routes.
 */
export class WayObjects<U extends WayUser<U>> {
  readonly #onMoved: (user: U) => void;
  readonly #ways = new Map<string, Way<U>>();
  readonly #objectById = new Map<number, WayObject<U>>();
  readonly #memberByKey = new Map<string, Member>();
  readonly #memberById = new Map<number, Member>();
  /** Objects that some users are about to leave. */
  readonly #left = new Set<WayObject<U>>();
  /** Ways that may have lost their last object. */
  readonly #idle = new Set<Way<U>>();
  /** Ids of objects that came, changed or went since the last `takeChanges`. */
  #changed = new Set<number>();
  /** Ids in the kernel when it was last looked at. */
  #present: ReadonlySet<number> = new Set();
  #presentById: ReadonlyMap<number, NextHop> = new Map();
  /** Of objects in the kernel that nothing uses yet, by content. */
  readonly #spare = new Map<string, number>();
  #next = firstId;

  /** `onMoved`: the user has another object than before. */
  constructor(onMoved: (user: U) => void) {
    this.#onMoved = onMoved;
  }

  /** All next-hop objects of the kernel. What an agent before left there is used again when it fits. */
  observe(dump: readonly NextHop[]): void {
    this.#present = new Set(dump.map(({ id }) => id));
    this.#presentById = new Map(dump.filter(isOwnNextHop).map((nextHop) => [nextHop.id, nextHop]));
    this.#spare.clear();
    const grouped = new Set([...this.#presentById.values()].flatMap(({ group }) => group?.map(({ id }) => id) ?? []));
    for (const nextHop of [...this.#presentById.values()].sort((a, b) => b.id - a.id)) {
      const hops = this.#hopsOf(nextHop);
      const isTaken = this.#objectById.has(nextHop.id) || this.#memberById.has(nextHop.id);
      if (hops === undefined || isTaken) continue;
      if (grouped.has(nextHop.id)) this.#knowMember(nextHop.id, hops);
      else this.#spare.set(spareKey(nextHop.group === undefined ? "single" : "group", hops), nextHop.id);
    }
  }

  /** The way over these BGP next hops. */
  way(key: string, paths: readonly BestPath[], resolve: Resolve): Way<U> {
    let way = this.#ways.get(key);
    if (way === undefined) {
      const hops = resolve(paths);
      way = { key, paths, hops, content: contentOf(hops), isFixed: false, objects: new Set() };
      this.#ways.set(key, way);
      this.#idle.add(way);
    }
    return way;
  }

  /** Gives the user the object with that id as the kernel has it; false: there is none of ours. */
  adopt(user: U, id: number): boolean {
    let object = this.#objectById.get(id);
    if (object === undefined) {
      const nextHop = this.#presentById.get(id);
      const hops = nextHop === undefined ? undefined : this.#hopsOf(nextHop);
      if (nextHop === undefined || hops === undefined || this.#memberById.has(id)) return false;
      const content = contentOf(hops);
      const way: Way<U> = { key: `kernel ${id}`, paths: [], hops, content, isFixed: true, objects: new Set() };
      object = this.#make(way, nextHop.group === undefined ? "single" : "group", id);
    }
    this.#join(user, object);
    return true;
  }

  /** The user is to go that way from the next `decide` and `follow` on. */
  plan(user: U, way: Way<U>): void {
    this.#unplan(user);
    const { object } = user;
    if (object?.way === way) return;
    // What the kernel has already says the same: it is what the way's routes shall name.
    if (object !== undefined && object.way.isFixed && object.way.content === way.content && fits(object, way)) {
      this.#hand(object, way);
      return;
    }
    user.target = way;
    if (object === undefined) return;
    object.leaving.set(way, (object.leaving.get(way) ?? 0) + 1);
    this.#left.add(object);
  }

  /** The user needs no way any more. */
  leave(user: U): void {
    this.#unplan(user);
    const { object } = user;
    if (object === undefined) return;
    user.object = undefined;
    const last = object.users.pop();
    if (last !== undefined && last !== user) {
      object.users[user.at] = last;
      last.at = user.at;
    }
    if (object.users.length === 0) this.#drop(object);
  }

  /** Objects that all users leave for one other way go with them. */
  decide(): void {
    for (const object of this.#left) {
      const [first] = object.leaving;
      object.leaving.clear();
      if (first === undefined) continue;
      const [way, count] = first;
      if (count === object.users.length && count >= fewestToFollow && fits(object, way)) this.#hand(object, way);
    }
    this.#left.clear();
  }

  /** Behind `decide`: the user goes where it was planned to, unless its object has gone there. */
  follow(user: U): void {
    const { target } = user;
    if (target === undefined) return;
    user.target = undefined;
    if (user.object?.way !== target) this.#move(user, target);
  }

  /** Looks up all ways anew. */
  refresh(resolve: Resolve): void {
    for (const way of this.#ways.values()) {
      const hops = resolve(way.paths);
      const content = contentOf(hops);
      if (content === way.content) continue;
      way.hops = hops;
      way.content = content;
      for (const object of way.objects) {
        if (fits(object, way)) this.#fill(object);
        // The list is another one as soon as they leave.
        else for (const user of object.users.slice()) this.#move(user, way);
      }
    }
  }

  /** What came or changed, and the ids of what is gone, since the last call. */
  takeChanges(): { readonly put: readonly NextHop[]; readonly gone: readonly number[] } {
    for (const way of this.#idle) {
      if (way.objects.size === 0 && this.#ways.get(way.key) === way) this.#ways.delete(way.key);
    }
    this.#idle.clear();
    const put: NextHop[] = [];
    const gone: number[] = [];
    for (const id of this.#changed) {
      const nextHop = this.#nextHop(id);
      if (nextHop === undefined) gone.push(id);
      else put.push(nextHop);
    }
    this.#changed = new Set();
    return { put, gone };
  }

  /** All of them; single ones first. */
  nextHops(): NextHop[] {
    const ids = [...this.#objectById.keys(), ...this.#memberById.keys()].sort((a, b) => a - b);
    const all = ids.flatMap((id) => this.#nextHop(id) ?? []);
    return [...all.filter(({ group }) => group === undefined), ...all.filter(({ group }) => group !== undefined)];
  }

  #nextHop(id: number): NextHop | undefined {
    const member = this.#memberById.get(id);
    if (member !== undefined) return member.uses === 0 ? undefined : single(id, member.hop);
    const object = this.#objectById.get(id);
    if (object?.kind === "group") {
      const group = object.members.map((one) => ({ id: one.id, weight: 1 })).sort((a, b) => a.id - b.id);
      return { id, protocol: routeProtocols.bgp, group };
    }
    const [hop] = object?.way.hops ?? [];
    return hop === undefined || object?.kind !== "single" ? undefined : single(id, hop);
  }

  #unplan(user: U): void {
    const { object, target } = user;
    user.target = undefined;
    if (object === undefined || target === undefined) return;
    const count = object.leaving.get(target) ?? 0;
    if (count > 1) object.leaving.set(target, count - 1);
    else object.leaving.delete(target);
  }

  #move(user: U, way: Way<U>): void {
    // Joined before the other is left: what is used by both stays all the time.
    const { object: before, target } = user;
    const object = [...way.objects].find((one) => one !== before && fits(one, way)) ?? this.#make(way);
    this.leave(user);
    this.#join(user, object);
    if (target !== undefined) this.plan(user, target);
    this.#onMoved(user);
  }

  #join(user: U, object: WayObject<U>): void {
    user.object = object;
    user.at = object.users.push(user) - 1;
  }

  #make(way: Way<U>, kind = kindFor(way), id = this.#takeId(kind, way.hops)): WayObject<U> {
    const object: WayObject<U> = { id, kind, way, users: [], leaving: new Map(), members: [] };
    way.objects.add(object);
    if (!way.isFixed) this.#ways.set(way.key, way);
    if (kind !== "none") this.#objectById.set(id, object);
    this.#fill(object);
    return object;
  }

  /** The object says what its way does now. */
  #fill(object: WayObject<U>): void {
    if (object.kind === "none") return;
    const before = object.members;
    object.members = object.kind === "group" ? object.way.hops.map((hop) => this.#useMember(hop)) : [];
    for (const member of before) this.#releaseMember(member);
    this.#changed.add(object.id);
  }

  #hand(object: WayObject<U>, way: Way<U>): void {
    const before = object.way;
    before.objects.delete(object);
    this.#idle.add(before);
    object.way = way;
    way.objects.add(object);
    if (before.content !== way.content) this.#fill(object);
  }

  #drop(object: WayObject<U>): void {
    object.way.objects.delete(object);
    this.#idle.add(object.way);
    this.#left.delete(object);
    if (object.kind === "none") return;
    this.#objectById.delete(object.id);
    this.#changed.add(object.id);
    for (const member of object.members) this.#releaseMember(member);
  }

  #useMember(hop: ResolvedHop): Member {
    const key = hopKey(hop);
    const member = this.#memberByKey.get(key) ?? this.#addMember(this.#takeId("member", [hop]), hop);
    if (member.uses++ === 0) this.#changed.add(member.id);
    return member;
  }

  #releaseMember(member: Member): void {
    if (--member.uses > 0) return;
    this.#memberByKey.delete(member.key);
    this.#memberById.delete(member.id);
    this.#changed.add(member.id);
  }

  #addMember(id: number, hop: ResolvedHop): Member {
    const member = { id, hop, key: hopKey(hop), uses: 0 };
    this.#memberByKey.set(member.key, member);
    this.#memberById.set(id, member);
    return member;
  }

  #knowMember(id: number, hops: readonly ResolvedHop[]): void {
    const [hop] = hops;
    if (hop !== undefined && !this.#memberByKey.has(hopKey(hop))) this.#spare.set(spareKey("member", [hop]), id);
  }

  #takeId(kind: "none" | "single" | "group" | "member", hops: readonly ResolvedHop[]): number {
    if (kind === "none") return 0;
    const key = spareKey(kind, hops);
    const spare = this.#spare.get(key);
    if (spare !== undefined) {
      this.#spare.delete(key);
      return spare;
    }
    // Never one that was given before: its object may not be deleted yet.
    while (this.#present.has(this.#next)) this.#next++;
    return this.#next++;
  }

  /** Of an object of ours in the kernel; undefined when it is none that we would make. */
  #hopsOf({ group, linkIndex, gateway }: NextHop): ResolvedHop[] | undefined {
    if (group === undefined) {
      return linkIndex === undefined || gateway === undefined ? undefined : [{ linkIndex, gateway }];
    }
    const hops: ResolvedHop[] = [];
    for (const { id } of group) {
      const { linkIndex: link, gateway: address, group: inner } = this.#presentById.get(id) ?? {};
      if (link === undefined || address === undefined || inner !== undefined) return undefined;
      hops.push({ linkIndex: link, gateway: address });
    }
    return sortHops(hops);
  }
}

function contentOf(hops: readonly ResolvedHop[]): string {
  return hops.map(hopKey).join("|");
}

function spareKey(kind: "single" | "group" | "member", hops: readonly ResolvedHop[]): string {
  return `${kind} ${contentOf(hops)}`;
}

function kindFor(way: { readonly hops: readonly ResolvedHop[] }): "none" | "single" | "group" {
  if (way.hops.length === 0) return "none";
  return way.hops.length === 1 ? "single" : "group";
}

function fits(
  { kind }: { readonly kind: "none" | "single" | "group" },
  { hops }: { readonly hops: readonly ResolvedHop[] },
): boolean {
  if (kind === "none") return hops.length === 0;
  return kind === "single" ? hops.length === 1 : hops.length > 0;
}

function single(id: number, { linkIndex, gateway }: ResolvedHop): NextHop {
  return { id, protocol: routeProtocols.bgp, version: addressVersion(gateway), linkIndex, gateway };
}
