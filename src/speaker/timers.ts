type Timer = { readonly name: string; atMs: number; place: number };

/** The longest that a timeout of the event loop may take. */
const maxTimeoutMs = 2 ** 31 - 1;

/**
 * Named timers of the core, thousands of them: a heap with the earliest on top, and one timeout of the event loop, for that
 * one alone. What is due is taken, not called, so that its owner can read first what the peers have sent.
 */
export class Timers {
  readonly #now: () => number;
  readonly #onDue: () => void;
  readonly #timerByName = new Map<string, Timer>();
  readonly #heap: Timer[] = [];
  #timeout: NodeJS.Timeout | undefined;
  #timeoutAtMs = Infinity;

  /** `onDue`: something may be due; `takeDue` is to be called until there is no more. */
  constructor(now: () => number, onDue: () => void) {
    this.#now = now;
    this.#onDue = onDue;
  }

  /** A timer of that name is moved. */
  set(name: string, atMs: number): void {
    const known = this.#timerByName.get(name);
    const timer = known ?? { name, atMs, place: this.#heap.length };
    if (known === undefined) {
      this.#timerByName.set(name, timer);
      this.#heap.push(timer);
    }
    timer.atMs = atMs;
    this.#settle(timer);
    if (atMs < this.#timeoutAtMs) this.#arm();
  }

  clear(name: string): void {
    const timer = this.#timerByName.get(name);
    if (timer !== undefined) this.#remove(timer);
  }

  clearAll(): void {
    this.#timerByName.clear();
    this.#heap.length = 0;
    clearTimeout(this.#timeout);
    this.#timeoutAtMs = Infinity;
  }

  /** The name of the earliest timer that is due; it is gone then. */
  takeDue(): string | undefined {
    const [first] = this.#heap;
    if (first !== undefined && first.atMs <= this.#now()) {
      this.#remove(first);
      return first.name;
    }
    if (first !== undefined && first.atMs < this.#timeoutAtMs) this.#arm();
    return undefined;
  }

  #arm(): void {
    clearTimeout(this.#timeout);
    const [first] = this.#heap;
    if (first === undefined) return;
    this.#timeoutAtMs = first.atMs;
    const delayMs = Math.min(maxTimeoutMs, Math.max(0, Math.ceil(first.atMs - this.#now())));
    this.#timeout = setTimeout(() => {
      this.#timeoutAtMs = Infinity;
      this.#onDue();
    }, delayMs);
  }

  #remove(timer: Timer): void {
    this.#timerByName.delete(timer.name);
    const last = this.#heap.pop();
    if (last === undefined || last === timer) return;
    last.place = timer.place;
    this.#heap[last.place] = last;
    this.#settle(last);
  }

  /** Moves a timer up or down until those above it are earlier and those below are later. */
  #settle(timer: Timer): void {
    while (this.#swapIfEarlier(timer, this.#heap[(timer.place - 1) >> 1]));
    for (;;) {
      const left = this.#heap[2 * timer.place + 1];
      const right = this.#heap[2 * timer.place + 2];
      const child = right !== undefined && left !== undefined && right.atMs < left.atMs ? right : left;
      if (child === undefined || !this.#swapIfEarlier(child, timer)) return;
    }
  }

  /** Puts `lower`, which stands below `upper`, in its place if it is earlier. */
  #swapIfEarlier(lower: Timer, upper: Timer | undefined): boolean {
    if (upper === undefined || lower.atMs >= upper.atMs) return false;
    const place = lower.place;
    lower.place = upper.place;
    upper.place = place;
    this.#heap[lower.place] = lower;
    this.#heap[upper.place] = upper;
    return true;
  }
}
