import type { Detour } from "./message-log.ts";
import type { Source } from "./path.ts";
import type { UpdateGroup } from "./update-group.ts";

/** Whom a member of an update group stands for. */
export interface GroupReader {
  readonly source: Source;
  /** Takes nothing at the moment. */
  readonly isBlocked: boolean;
  /** Marks of RFC 7313 around an answer to a refresh. */
  readonly canEnhancedRefresh: boolean;
  /** Whole messages, `count` of them, in octets that others share. */
  write(bytes: Uint8Array, count: number): void;
  /** It is so far behind that the group cannot keep what it would need. */
  giveUp(): void;
}

/** Another group that told the member before, and up to which of its versions. -1: nobody knows what. */
export type Base = {
  readonly group: UpdateGroup;
  readonly version: number;
  /** Up to where its prefixes have been looked at for some that this group does not tell. */
  sweptTo: number;
  isSwept: boolean;
};

/**
 * One peer in an update group. It reads the group's journal at its cursor, or walks the group's changes from the version
 * that it knows until it has caught up: when it is new, was too slow, wants everything again, or comes from another group.
 */
export class GroupMember {
  readonly reader: GroupReader;
  isReading = false;
  /** Place in the journal. */
  cursor = 0;
  /** Messages of the journal before the cursor. */
  messageCount = 0;
  /** All changes up to here are known to it. */
  version = 0;
  /** Of what was its own path then, it was told nothing up to here. */
  floor: number;
  detours: Detour[] = [];
  insertedBytes = 0;
  bases: Base[] = [];
  /** Version of this group when it began to tell what differs from them: what has changed since is told anew. */
  differsFrom: number | undefined;
  owesEndOfRib = true;
  refresh: "none" | "wanted" | "running" = "none";
  /** The answer that is running has begun with a mark. */
  isRefreshMarked = false;

  constructor(reader: GroupReader, version: number) {
    this.reader = reader;
    this.floor = version;
  }

  /** Withdrawals up to here need not be kept for it. */
  get neededFrom(): number {
    return this.isReading ? this.version : Math.max(this.version, this.floor);
  }

  /** It passes over a part of the journal: its own paths do not go back to it. */
  skip(from: number, to: number, messages: number): void {
    const last = this.detours.at(-1);
    if (last !== undefined && last.bytes === undefined && last.to === from) {
      last.to = to;
      last.skipped += messages;
      return;
    }
    this.detours.push({ from, to, skipped: messages, inserted: 0 });
  }

  /** At that place of the journal it alone is told something. */
  insert(at: number, bytes: Uint8Array, messages: number): void {
    this.detours.push({ from: at, to: at, skipped: 0, bytes, inserted: messages });
    this.insertedBytes += bytes.length;
  }

  /** From the version that it knows it walks on. */
  startWalk(version: number, floor: number): void {
    this.isReading = false;
    this.detours = [];
    this.insertedBytes = 0;
    this.version = version;
    this.floor = floor;
    this.differsFrom = undefined;
  }

  /** It has caught up. */
  startReading(cursor: number, messageCount: number, version: number): void {
    this.isReading = true;
    this.version = version;
    this.cursor = cursor;
    this.messageCount = messageCount;
    if (this.detours.length > 0) this.detours = [];
    this.insertedBytes = 0;
  }
}
