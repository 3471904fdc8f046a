import { TortieError } from "../lib/index.ts";
import type { EtcdConnection } from "./etcd-connection.ts";
import { compactionKey } from "./etcd-keys.ts";
import { equal, modTarget } from "./etcd-schema.ts";
import type { LogLimits } from "./log-limits.ts";

/** A revision at which the book was written, and when. */
type Mark = { readonly revision: number; readonly atMs: number };
/** What is kept under the compaction key: the marks before the one that this writing is. */
type Book = { readonly atMs: number; readonly marks: readonly Mark[] };

/** More than an hour of minutes. */
const keepMarks = 200;

/**
 * Forgets old revisions. All servers share one book in etcd and write a mark into it in turns (a compare-and-swap decides who);
 * who has written the mark compacts to the newest one that the limits let go. Compaction is to marks only: etcd
 * before 3.6 forgets a deletion that was made at the very revision it is compacted to, and a mark is none.
 */
export async function compactEtcd(
  connection: EtcdConnection,
  limits: LogLimits,
  nowMs: number,
  /** Nothing is done when the last mark is younger. */
  intervalMs: number,
): Promise<void> {
  const { response } = await connection.call("range", { key: compactionKey }, { isRepeatable: true });
  const [present] = response.kvs;
  const book = parseBook(present?.value);
  // A mark from the future is of a clock that was wrong.
  if (present !== undefined && nowMs >= book.atMs && nowMs - book.atMs < intervalMs) return;
  const marks = present === undefined ? [] : [...book.marks, { revision: present.modRevision, atMs: book.atMs }];
  const { revision } = response.header;
  const target = marks.findLast(
    (mark) => mark.revision <= revision - limits.keepRevisions || mark.atMs < nowMs - limits.keepMs,
  );
  const kept = marks.filter((mark) => mark.revision >= (target?.revision ?? 0)).slice(-keepMarks);
  const compare = { key: compactionKey, result: equal, target: modTarget, modRevision: present?.modRevision ?? 0 };
  const value = JSON.stringify({ atMs: nowMs, marks: kept } satisfies Book);
  const written = await connection.call(
    "txn",
    { compare: [compare], success: [{ requestPut: { key: compactionKey, value } }], failure: [] },
    { isRepeatable: true },
  );
  if (!written.response.succeeded || target === undefined) return;
  try {
    await connection.call("compact", { revision: target.revision }, { isRepeatable: true });
  } catch (error) {
    // Compacted further already.
    if (!(error instanceof TortieError && error.code === "TT_API_GONE")) throw error;
  }
}

function parseBook(text: string | undefined): Book {
  return text === undefined ? { atMs: 0, marks: [] } : JSON.parse(text);
}
