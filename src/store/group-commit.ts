import { TortieError } from "../lib/index.ts";

/** One write of a batch: applied inside the transaction; what it gives or refuses is told after the commit. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: TortieError };

type Waiting<W, T> = { readonly write: W; resolve(value: T): void; reject(error: unknown): void };

/** Blocks the loop for less than 10 ms on an ordinary disk. */
const batchLimit = 100;
/** Beyond this the disk does not keep up, and waiting longer would only hide it. */
const queueLimit = 20_000;

/**
 * Gathers the writes of one turn of the event loop, up to 100, into one transaction, so that they share one wait for the disk.
 * `commit` applies a batch and makes it durable, or throws and has changed nothing.
 */
export class GroupCommit<W, T> {
  readonly #commit: (writes: readonly W[]) => Outcome<T>[];
  #waiting: Waiting<W, T>[] = [];
  #isScheduled = false;

  constructor(commit: (writes: readonly W[]) => Outcome<T>[]) {
    this.#commit = commit;
  }

  write(write: W): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#waiting.length >= queueLimit) {
      reject(new TortieError("TT_STORE", "too many writes are waiting for the disk", { hint: "try again later" }));
    } else {
      this.#waiting.push({ write, resolve, reject });
      this.#schedule();
    }
    return promise;
  }

  /** Commits all that waits, now. */
  flush(): void {
    while (this.#waiting.length > 0) this.#commitBatch();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // After the sockets of this turn are read, before the loop waits for more.
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#waiting.length === 0) return;
      this.#commitBatch();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #commitBatch(): void {
    const batch = this.#waiting.slice(0, batchLimit);
    this.#waiting = this.#waiting.slice(batchLimit);
    try {
      const outcomes = this.#commit(batch.map(({ write }) => write));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[index];
        if (outcome?.ok === true) resolve(outcome.value);
        else reject(outcome?.error);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
