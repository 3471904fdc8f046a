import { type Family, allFamilies } from "./config.ts";
import type { TimerSetter } from "./retention.ts";

/** Between the beginnings of two answers: each may be the whole table. */
const leastIntervalMs = 1000;
/** Until it is seen again whether an answer that takes longer is through. */
const lookAgainMs = 250;

export type RefreshHooks = {
  /** An answer is still on its way. */
  isAnswering(family: Family): boolean;
  answer(family: Family): void;
};

/** Answers what one session asks for anew (RFC 2918): at once, but a peer that asks again and again gets one answer to all that. */
export class RefreshLimit {
  readonly #timers: TimerSetter;
  readonly #hooks: RefreshHooks;
  readonly #notBeforeMs = new Map<Family, number>();
  readonly #waiting = new Set<Family>();

  constructor(timers: TimerSetter, hooks: RefreshHooks) {
    this.#timers = timers;
    this.#hooks = hooks;
  }

  asked(family: Family, nowMs: number): void {
    if (!this.#waiting.has(family)) this.#answer(family, nowMs);
  }

  /** Whether the timer is one of these. */
  timer(timer: string, nowMs: number): boolean {
    const family = allFamilies.find((one) => nameOf(one) === timer);
    if (family === undefined) return false;
    if (this.#waiting.delete(family)) this.#answer(family, nowMs);
    return true;
  }

  /** The session has ended. */
  clear(): void {
    for (const family of this.#waiting) this.#timers.clear(nameOf(family));
    this.#waiting.clear();
    this.#notBeforeMs.clear();
  }

  #answer(family: Family, nowMs: number): void {
    const notBeforeMs = this.#notBeforeMs.get(family) ?? nowMs;
    if (nowMs < notBeforeMs || this.#hooks.isAnswering(family)) {
      this.#waiting.add(family);
      this.#timers.set(nameOf(family), Math.max(notBeforeMs, nowMs + lookAgainMs));
      return;
    }
    this.#notBeforeMs.set(family, nowMs + leastIntervalMs);
    this.#hooks.answer(family);
  }
}

function nameOf(family: Family): string {
  return `answer ${family}`;
}
