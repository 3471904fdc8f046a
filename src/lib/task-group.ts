/**
 * Background work that belongs together: when one task fails all are told to stop, and whoever
 * waits for the group is given the failure. Disposing stops the rest and waits for them.
 */
export class TaskGroup implements AsyncDisposable {
  readonly #controller = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  readonly signal: AbortSignal;

  constructor(parent?: AbortSignal) {
    this.signal = parent === undefined ? this.#controller.signal : AbortSignal.any([parent, this.#controller.signal]);
  }

  start(task: (signal: AbortSignal) => Promise<void>): void {
    const running = task(this.signal)
      .catch((error: unknown) => {
        if (!this.signal.aborted) this.#failure ??= { error };
        this.#controller.abort(error);
      })
      .finally(() => this.#tasks.delete(running));
    this.#tasks.add(running);
  }

  /** Ends when every task has ended; rejects with the first failure. */
  async wait(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort(new Error("the task group was disposed"));
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}
