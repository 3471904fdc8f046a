import { type PollHandle, libc } from "./libc.ts";

/**
 * Waits until a descriptor can be read or written; one waiter at a time. An error state of the socket counts
 * as ready: whoever waits then learns it from the call that he makes.
 */
export class FdWatcher implements Disposable {
  #handle: PollHandle | undefined;
  #isDisposed = false;
  #wake: (() => void) | undefined;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Ends also when the signal aborts or the watcher is disposed: look at the signal afterwards. */
  async wait(what: "readable" | "writable", signal?: AbortSignal): Promise<void> {
    if (this.#isDisposed || signal?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    this.#wake = wake;
    signal?.addEventListener("abort", wake, { once: true });
    this.#handle ??= libc().poll(this.#fd);
    this.#handle.start(what === "readable" ? { readable: true } : { writable: true }, wake);
    await promise;
    signal?.removeEventListener("abort", wake);
    this.#wake = undefined;
    if (!this.#isDisposed) this.#handle?.stop();
  }

  /** The descriptor itself stays open. */
  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#handle?.close();
    this.#wake?.();
  }
}
