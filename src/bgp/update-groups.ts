import type { Family, RibRow } from "./config.ts";
import type { ExportPolicy } from "./export.ts";
import type { GroupMember, GroupReader } from "./group-member.ts";
import type { GroupTurn } from "./group-writer.ts";
import type { PrefixKey } from "./prefix-key.ts";
import type { RibChanges, RibTable } from "./rib.ts";
import { describeAlone } from "./rib-rows.ts";
import { isSameValue } from "./same-value.ts";
import type { TurnLimits } from "./turn-limits.ts";
import { UpdateGroup } from "./update-group.ts";

/** A peer's place in the group of its policy. */
export type Membership = { readonly group: UpdateGroup; readonly member: GroupMember };

/** All update groups: one for each policy that some peer has. */
export class UpdateGroups {
  readonly #tables: Readonly<Record<Family, RibTable>>;
  readonly #isDeferred: (family: Family) => boolean;
  readonly #limits: TurnLimits;
  readonly #groups = new Map<string, UpdateGroup>();
  /** Left by all members, of whom some are still on their way into their new groups. */
  readonly #retired = new Set<UpdateGroup>();
  readonly #keys = new Map<UpdateGroup, { readonly key: string; readonly slot: number }>();
  readonly #freeSlots: number[] = [];
  /** Most peers have the policy of the one before. */
  readonly #lastFound = new Map<Family, UpdateGroup>();
  #groupCount = 0;

  constructor(tables: Readonly<Record<Family, RibTable>>, isDeferred: (family: Family) => boolean, limits: TurnLimits) {
    this.#tables = tables;
    this.#isDeferred = isDeferred;
    this.#limits = limits;
  }

  join(policy: ExportPolicy, reader: GroupReader): Membership {
    const group = this.#groupOf(policy);
    return { group, member: group.join(reader) };
  }

  leave({ group, member }: Membership): void {
    group.writer.remove(member);
    this.#retireUnused(group);
    this.#disposeUnused();
  }

  /** The same membership when the policy is the same. */
  move(membership: Membership, policy: ExportPolicy): Membership {
    const { group, member } = membership;
    const next = this.#groupOf(policy);
    if (next === group) return membership;
    next.writer.takeOver(member, group);
    this.#retireUnused(group);
    return { group: next, member };
  }

  /** Destinations to decide in one turn. */
  get decisionLimit(): number {
    return Math.ceil(this.#limits.decided / (1 + this.#groups.size / 8));
  }

  apply(family: Family, changes: RibChanges): void {
    for (const group of this.#groups.values()) if (group.policy.family === family) group.apply(changes);
  }

  /** New groups look at the table. */
  fill(): void {
    let left = this.#limits.filled;
    for (const group of this.#groups.values()) {
      if (left <= 0) return;
      left -= group.fill(left);
    }
  }

  /** Gives all peers what there is for them. True when there is more for another turn. */
  serve(nowMs: number, mayEndRib: (family: Family) => boolean): boolean {
    const { walked, step, lagBytes, totalLagBytes, graves } = this.#limits;
    let hasMore = false;
    let left = walked;
    const bounds = { step, graves, lagBytes: Math.min(lagBytes, totalLagBytes / Math.max(1, this.#groups.size)) };
    for (const group of this.#groups.values()) {
      const turn: GroupTurn = { ...bounds, nowMs, mayEndRib: mayEndRib(group.policy.family), work: left };
      if (group.writer.serve(turn)) hasMore = true;
      left = turn.work;
    }
    if (left <= 0) this.#rotate();
    this.#disposeUnused();
    return hasMore;
  }

  /** Prefixes that do not fit into a message beside their attributes, by group, since the last call. */
  *takeUnfit(): Generator<{ readonly family: Family; readonly keys: readonly PrefixKey[]; readonly peers: number }> {
    for (const group of this.#groups.values()) {
      const keys = group.takeUnfit();
      if (keys.length > 0) yield { family: group.policy.family, keys, peers: group.writer.memberCount };
    }
  }

  /** Octets in all journals. */
  get journalBytes(): number {
    let sum = 0;
    for (const group of this.#groups.values()) sum += group.writer.journalBytes;
    return sum;
  }

  /** Another group comes first in the next turn. */
  #rotate(): void {
    for (const [key, group] of this.#groups) {
      this.#groups.delete(key);
      this.#groups.set(key, group);
      return;
    }
  }

  #groupOf(policy: ExportPolicy): UpdateGroup {
    const last = this.#lastFound.get(policy.family);
    if (last !== undefined && this.#isInUse(last) && isSameValue(last.policy, policy)) return last;
    const group = this.#findOrMake(policy);
    this.#lastFound.set(policy.family, group);
    return group;
  }

  #findOrMake(policy: ExportPolicy): UpdateGroup {
    const key = JSON.stringify(policy);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const slot = this.#freeSlots.pop() ?? this.#keys.size;
    const { family } = policy;
    const id = ++this.#groupCount;
    const group = new UpdateGroup(policy, id, slot, this.#tables[family], () => this.#isDeferred(family));
    this.#groups.set(key, group);
    this.#keys.set(group, { key, slot });
    return group;
  }

  #isInUse(group: UpdateGroup): boolean {
    const key = this.#keys.get(group)?.key;
    return key !== undefined && this.#groups.get(key) === group;
  }

  #retireUnused(group: UpdateGroup): void {
    const key = this.#keys.get(group)?.key;
    if (group.writer.memberCount > 0 || key === undefined || !this.#isInUse(group)) return;
    this.#groups.delete(key);
    this.#retired.add(group);
  }

  #disposeUnused(): void {
    for (const group of this.#retired) {
      if (!group.writer.isUnused) continue;
      group.dispose();
      this.#retired.delete(group);
      const slot = this.#keys.get(group)?.slot;
      this.#keys.delete(group);
      if (slot !== undefined) this.#freeSlots.push(slot);
    }
  }
}

/** What a peer has been told, or is about to be, a row a path. */
export function* describeTold({ group, member }: Membership): Generator<RibRow> {
  const { family, maxPaths } = group.policy;
  for (const { key, pathId, told } of group.items()) {
    if (told === undefined || told.path.source === member.reader.source) continue;
    const attributes = group.exporter.attributesOf(key, told.path);
    if (attributes === undefined) continue;
    const more = maxPaths === undefined ? {} : { pathId };
    yield describeAlone(key, family, told.path, attributes, more);
  }
}
