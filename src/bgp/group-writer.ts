import { type Told, isSameEncoding } from "./export.ts";
import type { GroupMember } from "./group-member.ts";
import { ListMap } from "./list-map.ts";
import { MessageLog } from "./message-log.ts";
import { writeRouteRefresh } from "./message.ts";
import type { Source } from "./path.ts";
import { StepCache } from "./step-cache.ts";
import { type Step, estimateBytes } from "./table-step.ts";
import type { TurnLimits } from "./turn-limits.ts";
import type { Batch, Item, UpdateGroup } from "./update-group.ts";
import { writeAnnouncements, writeEndOfRib, writeWithdrawals } from "./update-writer.ts";

/** Bounds and news of one turn, for all groups. */
export type GroupTurn = {
  readonly nowMs: number;
  /** The group may say that it has told everything. */
  readonly mayEndRib: boolean;
  /** Changes that may still be encoded for those who walk. */
  work: number;
} & Pick<TurnLimits, "step" | "lagBytes" | "graves">;

/**
 * The members of one group and what they are given: the journal in common for those who have caught up, walks for the
 * others.
 */
export class GroupWriter {
  readonly #group: UpdateGroup;
  readonly #journal = new MessageLog();
  readonly #readers = new Set<GroupMember>();
  readonly #walkers = new Set<GroupMember>();
  readonly #bySource = new Map<Source, GroupMember>();
  /** Members of other groups who were in this one, by the version that they know. */
  readonly #former = new Map<GroupMember, number>();
  readonly #steps: StepCache;
  #isRefreshWaiting = false;
  /** Somebody is behind, or something has happened since the last turn. */
  #isBusy = true;
  readonly #endOfRib: readonly Uint8Array[];

  constructor(group: UpdateGroup) {
    this.#group = group;
    this.#steps = new StepCache(group);
    const log = new MessageLog(1);
    writeEndOfRib(log, group.format);
    this.#endOfRib = log.read(0);
  }

  get memberCount(): number {
    return this.#readers.size + this.#walkers.size;
  }

  /** Nobody is a member, and nobody who was one needs it any more. */
  get isUnused(): boolean {
    return this.memberCount === 0 && this.#former.size === 0;
  }

  /** Memory of what waits to be read. */
  get journalBytes(): number {
    return this.#journal.sizeBytes;
  }

  add(member: GroupMember): void {
    this.#isBusy = true;
    this.#walkers.add(member);
    this.#bySource.set(member.reader.source, member);
  }

  remove(member: GroupMember): void {
    this.#isBusy = true;
    this.#readers.delete(member);
    this.#walkers.delete(member);
    this.#bySource.delete(member.reader.source);
    for (const { group } of member.bases) group.writer.#former.delete(member);
    member.bases = [];
  }

  /** Takes over a member of another group: it is told only what differs. */
  takeOver(member: GroupMember, former: UpdateGroup): void {
    const known = member.refresh === "running" ? member.neededFrom : member.version;
    const { bases } = member;
    former.writer.#readers.delete(member);
    former.writer.#walkers.delete(member);
    former.writer.#bySource.delete(member.reader.source);
    // In the middle of such a walk nobody knows what it was told.
    const version = bases.length === 0 ? known : -1;
    member.bases = [
      ...bases
        .filter(({ group }) => group !== this.#group)
        .map((base) => ({ ...base, version: -1, sweptTo: 0, isSwept: false })),
      { group: former, version, sweptTo: 0, isSwept: false },
    ];
    for (const { group, version: needed } of member.bases) group.writer.#former.set(member, Math.max(needed, 0));
    // One that comes back in the middle of its way to the other group still knows what this one told it then.
    const floor = this.#former.get(member) ?? this.#group.changes.version;
    this.#former.delete(member);
    if (member.refresh === "running") member.refresh = "wanted";
    member.startWalk(0, floor);
    this.add(member);
  }

  /** Something that was told at that version is not so any more. */
  outdate(version: number): void {
    this.#steps.outdate(version);
  }

  /** The member asks for everything again. When it has caught up it gets it. */
  refresh(member: GroupMember): void {
    this.#isBusy = true;
    member.refresh = "wanted";
  }

  /** What changed goes to the end of the journal, if there is anybody who reads it. */
  append({ announced, withdrawn, moved }: Batch): void {
    if (announced.size === 0 && withdrawn.size === 0 && moved.length === 0) return;
    this.#isBusy = true;
    if (this.#readers.size === 0) return;
    const { format } = this.#group;
    this.#journal.expect(estimateBytes(announced, withdrawn));
    // Those who are no readers have nothing to pass over: their paths need not stand apart.
    const byReader = new ListMap<GroupMember | undefined, Item>();
    for (const [source, items] of withdrawn) {
      const reader = this.#readerOf(source);
      for (const item of items) byReader.add(reader, item);
    }
    for (const [reader, items] of byReader) {
      this.#write(reader, () => writeWithdrawals(this.#journal, items, format));
    }
    for (const [told, items] of announced) {
      const reader = this.#readerOf(told.path.source);
      this.#write(reader, () => writeAnnouncements(this.#journal, items, told.encoded, format));
    }
    if (moved.length > 0) this.#appendMoved(moved);
  }

  /** Gives all who take something what there is. True when there is more for another turn. */
  serve(turn: GroupTurn): boolean {
    if (!this.#isBusy) return !this.#group.isFilled;
    this.#isBusy = false;
    this.#isRefreshWaiting = false;
    for (const member of this.#readers) this.#serveReader(member, turn);
    const hasMore = this.#serveWalkers(turn) || !this.#group.isFilled;
    if (this.#walkers.size > 0) this.#isBusy = true;
    this.#steps.endTurn(this.memberCount, this.#walkers.size, turn.nowMs);
    this.#tidy(turn.graves);
    return hasMore || this.#isRefreshWaiting;
  }

  #readerOf(source: Source | undefined): GroupMember | undefined {
    const member = source === undefined ? undefined : this.#bySource.get(source);
    return member?.isReading === true ? member : undefined;
  }

  /** Into the journal, where that member passes over it. */
  #write(own: GroupMember | undefined, write: () => void): void {
    const from = this.#journal.end;
    const before = this.#journal.messageCount;
    write();
    own?.skip(from, this.#journal.end, this.#journal.messageCount - before);
  }

  /**
   * Paths of another source than before: the new source must forget what it knows, and where the octets are the same, so that
   * nobody else needs to hear anything, the old source hears of the prefix for the first time.
   */
  #appendMoved(moved: Batch["moved"]): void {
    const withdrawn = new ListMap<GroupMember, Item>();
    const announced = new Map<GroupMember, ListMap<Told, Item>>();
    for (const { item, before, told } of moved) {
      const newSource = this.#readerOf(told.path.source);
      if (newSource !== undefined) withdrawn.add(newSource, item);
      const oldSource = this.#readerOf(before.path.source);
      if (oldSource === undefined || !isSameEncoding(before.encoded, told.encoded)) continue;
      const lists = announced.get(oldSource) ?? new ListMap<Told, Item>();
      announced.set(oldSource, lists);
      lists.add(told, item);
    }
    const { format } = this.#group;
    for (const [member, items] of withdrawn) {
      this.#insert(member, (log) => writeWithdrawals(log, items, format));
    }
    for (const [member, lists] of announced) {
      this.#insert(member, (log) => {
        for (const [told, items] of lists) writeAnnouncements(log, items, told.encoded, format);
      });
    }
  }

  #insert(member: GroupMember, write: (log: MessageLog) => void): void {
    const log = new MessageLog(1);
    write(log);
    let count = log.messageCount;
    for (const bytes of log.read(0)) {
      member.insert(this.#journal.end, bytes, count);
      count = 0;
    }
  }

  #serveReader(member: GroupMember, turn: GroupTurn): void {
    const { reader, detours } = member;
    const journal = this.#journal;
    if (reader.isBlocked) {
      this.#isBusy = true;
      if (journal.end - member.cursor + member.insertedBytes > turn.lagBytes) {
        member.startWalk(member.version, member.version);
        this.#readers.delete(member);
        this.#walkers.add(member);
      }
      return;
    }
    if (member.cursor < journal.end || detours.length > 0) {
      let count = journal.messageCount - member.messageCount;
      for (const { skipped, inserted } of detours) count += inserted - skipped;
      send(member, journal.readWith(member.cursor, detours), count);
    }
    member.startReading(journal.end, journal.messageCount, this.#group.changes.version);
    if (!member.owesEndOfRib && member.refresh === "none") return;
    this.#settle(member, turn);
    if (member.owesEndOfRib || member.refresh !== "none") this.#isBusy = true;
  }

  /** One step each, and another one: those who are at one place go on together. True when some had to stop. */
  #serveWalkers(turn: GroupTurn): boolean {
    let hasStopped = false;
    let walking = Array.from(this.#walkers).filter(({ reader }) => !reader.isBlocked);
    while (walking.length > 0) {
      const going: GroupMember[] = [];
      for (const member of walking) {
        if (!this.#takeStep(member, turn)) {
          hasStopped = true;
          continue;
        }
        if (member.isReading) continue;
        going.push(member);
        // In the next turn those come first who had to stop before.
        this.#walkers.delete(member);
        this.#walkers.add(member);
      }
      walking = going;
    }
    return hasStopped;
  }

  /** False when there is no time left in this turn. */
  #takeStep(member: GroupMember, turn: GroupTurn): boolean {
    const isTaken = member.bases.length > 0 ? this.#walkFromBases(member, turn) : this.#walk(member, turn);
    if (!isTaken || !member.isReading) return isTaken;
    this.#settle(member, turn);
    if (member.owesEndOfRib || member.refresh !== "none") this.#isBusy = true;
    return true;
  }

  /** What a member that has caught up is owed besides. */
  #settle(member: GroupMember, turn: GroupTurn): void {
    const { reader } = member;
    const { family } = this.#group.policy;
    if (member.refresh === "running") {
      member.refresh = "none";
      if (member.isRefreshMarked) reader.write(writeRouteRefresh(family, "end"), 1);
    }
    if (member.owesEndOfRib && turn.mayEndRib && this.#group.isFilled) {
      member.owesEndOfRib = false;
      send(member, this.#endOfRib, 1);
    }
    if (member.refresh === "wanted" && this.#group.isFilled) this.#beginRefresh(member, turn);
  }

  /**
   * The whole table again. The first step is taken at once: what has changed before the next one is told in later steps,
   * which is true of withdrawals only if nothing has changed before the first.
   */
  #beginRefresh(member: GroupMember, turn: GroupTurn): void {
    if (turn.work <= 0) {
      this.#isRefreshWaiting = true;
      return;
    }
    member.refresh = "running";
    const { reader } = member;
    // RFC 7313 section 4: no marks before the End-of-RIB, without which the peer would pass over them.
    member.isRefreshMarked = reader.canEnhancedRefresh && !member.owesEndOfRib;
    if (member.isRefreshMarked) reader.write(writeRouteRefresh(this.#group.policy.family, "begin"), 1);
    member.startWalk(0, this.#group.changes.version);
    this.#readers.delete(member);
    this.#walkers.add(member);
    this.#walk(member, turn);
    if (member.isReading) this.#settle(member, turn);
  }

  #catchUp(member: GroupMember): void {
    member.startReading(this.#journal.end, this.#journal.messageCount, this.#group.changes.version);
    this.#walkers.delete(member);
    this.#readers.add(member);
  }

  /** One step. False when the turn is over for this member. */
  #walk(member: GroupMember, turn: GroupTurn): boolean {
    if (member.version === this.#group.changes.version) {
      this.#catchUp(member);
      return true;
    }
    const step = this.#steps.next(member.version, turn);
    if (step !== undefined) this.#hand(member, step, true);
    return step !== undefined;
  }

  /** One step of a member that was told something by other groups. */
  #walkFromBases(member: GroupMember, turn: GroupTurn): boolean {
    const group = this.#group;
    if (!group.isFilled) return false;
    member.differsFrom ??= group.changes.version;
    const base = member.bases.find(({ isSwept }) => !isSwept);
    if (base !== undefined) {
      const step = this.#steps.leftovers(base, turn);
      if (step === undefined) return false;
      this.#hand(member, step, false);
      base.sweptTo = step.to;
      base.isSwept = step.to === base.group.changes.version;
      return true;
    }
    if (member.version === group.changes.version) {
      for (const { group: former } of member.bases) former.writer.#former.delete(member);
      member.bases = [];
      this.#catchUp(member);
      return true;
    }
    const step = this.#steps.differences(member.version, member.bases, member.differsFrom, turn);
    if (step !== undefined) this.#hand(member, step, true);
    return step !== undefined;
  }

  #hand(member: GroupMember, step: Step, isOfGroup: boolean): void {
    const { source } = member.reader;
    const own = step.ownParts.get(source);
    let count = step.log.messageCount;
    for (const { skipped } of own?.detours ?? []) count -= skipped;
    send(member, step.log.readWith(0, own?.detours ?? []), count);
    // Another path than its own may have been told to it before.
    const hasBases = member.bases.length > 0;
    const doubtful = own?.items.filter((item) => hasBases || item.othersUntil > member.floor) ?? [];
    if (doubtful.length > 0) {
      const log = new MessageLog(1);
      writeWithdrawals(log, doubtful, this.#group.format);
      send(member, log.read(0), log.messageCount);
    }
    if (isOfGroup) member.version = step.to;
  }

  /** What everybody has read is forgotten. */
  #tidy(maxGraves: number): void {
    let cursor = this.#journal.end;
    let version = this.#group.changes.version;
    for (const member of this.#readers) {
      if (member.cursor < cursor) cursor = member.cursor;
      if (member.version < version) version = member.version;
    }
    for (const member of this.#walkers) version = Math.min(version, member.neededFrom);
    for (const needed of this.#former.values()) version = Math.min(version, needed);
    this.#journal.trim(cursor);
    this.#journal.rest();
    this.#group.bury(version);
    if (this.#group.graveCount > maxGraves + this.#group.toldCount) this.#giveUp();
  }

  /** Those for whom so much is kept that it must end. */
  #giveUp(): void {
    for (const member of [...this.#readers, ...this.#walkers, ...this.#former.keys()]) {
      if (member.reader.isBlocked) member.reader.giveUp();
    }
  }
}

function send({ reader }: GroupMember, views: readonly Uint8Array[], count: number): void {
  let left = count;
  for (const bytes of views) {
    reader.write(bytes, left);
    left = 0;
  }
}
