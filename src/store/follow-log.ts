import type { Bell } from "./bell.ts";
import type { StoreEvent, WatchBatch } from "./store.ts";

/** The part of a backend that a watch reads. */
export type RevisionLog = {
  readonly isClosed: boolean;
  /**
   * Up to `limit` events of the prefix after a revision, and the revision up to which that is all there was.
   * TT_API_GONE when the log does not reach back that far.
   */
  readLog(prefix: string, afterRevision: number, limit: number): { events: StoreEvent[]; throughRevision: number };
  /** Rung after every commit and at the end. */
  readonly bell: Bell;
};

const batchSize = 500;

/**
 * A watch is nothing but a place in the log: however slow its reader is, it holds one batch in memory, and it
 * delays nobody. One that falls behind what the log keeps is told so.
 */
export async function* followLog(
  log: RevisionLog,
  prefix: string,
  afterRevision: number,
  signal: AbortSignal,
): AsyncGenerator<WatchBatch, void, void> {
  let cursor = afterRevision;
  while (!signal.aborted && !log.isClosed) {
    const { events, throughRevision } = log.readLog(prefix, cursor, batchSize);
    cursor = throughRevision;
    // Nothing can be committed between reading and waiting: both are in this turn.
    if (events.length === 0) await log.bell.wait(signal);
    else yield { events, revision: cursor };
  }
}
