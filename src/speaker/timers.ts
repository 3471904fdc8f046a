/** Named timers of the core on the event loop's clock. */
export class Timers {
  readonly #now: () => number;
  readonly #fire: (timer: string) => void;
  readonly #timeouts = new Map<string, NodeJS.Timeout>();

  constructor(now: () => number, fire: (timer: string) => void) {
    this.#now = now;
    this.#fire = fire;
  }

  set(timer: string, atMs: number): void {
    this.clear(timer);
    const timeout = setTimeout(
      () => {
        // Timers come before sockets in the event loop: after long work a keepalive may wait unread while its hold
        // timer is due. Read first, expire then.
        setImmediate(() => {
          if (this.#timeouts.get(timer) !== timeout) return;
          this.#timeouts.delete(timer);
          this.#fire(timer);
        });
      },
      Math.max(0, atMs - this.#now()),
    );
    this.#timeouts.set(timer, timeout);
  }

  clear(timer: string): void {
    clearTimeout(this.#timeouts.get(timer));
    this.#timeouts.delete(timer);
  }

  clearAll(): void {
    for (const timer of this.#timeouts.keys()) this.clear(timer);
  }
}
