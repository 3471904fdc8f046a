import type { CachedObject } from "./watch-cache.ts";

/** One change, with the line in which it goes over the wire to all who watch everything. */
export type JournalEntry = {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly revision: number;
  readonly object: CachedObject;
  /** What was there before; "unknown" when it happened before this program began. */
  readonly previous: CachedObject | undefined | "unknown";
  readonly line: Buffer;
};

/** A few seconds of a busy cluster, and minutes to hours of an ordinary one. */
const keepEntries = 8192;
const keepBytes = 16 << 20;
/** Removed entries are cut off in one go when there are this many of them. */
const cutSize = 1024;

/**
 * The latest changes of one kind, in order. A watcher is a place in it (`cursor`, counted from the first entry ever), so that a slow
 * one costs nothing but its place, and is told when the journal has moved past it.
 */
export class KindJournal {
  readonly #entries: JournalEntry[] = [];
  /** Cursor of `#entries[0]`. */
  #base = 0;
  /** Index in `#entries` of the oldest one that is kept. */
  #first = 0;
  #sizeBytes = 0;
  /** Changes up to this revision are not here any more. */
  #forgottenRevision = 0;

  append(entry: JournalEntry): void {
    this.#entries.push(entry);
    this.#sizeBytes += entry.line.length;
    while (this.#entries.length - this.#first > keepEntries || this.#sizeBytes > keepBytes) {
      const oldest = this.#entries[this.#first];
      // A single entry above the byte limit stays.
      if (oldest === undefined || oldest === entry) break;
      this.#first += 1;
      this.#sizeBytes -= oldest.line.length;
      this.#forgottenRevision = oldest.revision;
    }
    if (this.#first >= cutSize) {
      this.#entries.splice(0, this.#first);
      this.#base += this.#first;
      this.#first = 0;
    }
  }

  /** Forgets all: what happened up to this revision was not seen here, or not completely. */
  forget(revision: number): void {
    // One place is left out, so that who stood at the end is told too.
    this.#base = this.end + 1;
    this.#entries.length = 0;
    this.#first = 0;
    this.#sizeBytes = 0;
    this.#forgottenRevision = revision;
  }

  /** The place after all that is here. */
  get end(): number {
    return this.#base + this.#entries.length;
  }

  /** The place of the first change after a revision; undefined when such changes are forgotten. */
  cursorAfter(revision: number): number | undefined {
    if (revision < this.#forgottenRevision) return undefined;
    let low = this.#first;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.revision ?? 0) > revision) high = middle;
      else low = middle + 1;
    }
    return this.#base + low;
  }

  /** The entry at a place: undefined at the end, "forgotten" when it is not here any more. */
  at(cursor: number): JournalEntry | undefined | "forgotten" {
    if (cursor < this.#base + this.#first) return "forgotten";
    return this.#entries[cursor - this.#base];
  }
}
