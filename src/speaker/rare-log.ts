import type { LogFields, Logger } from "../lib/index.ts";

const intervalMs = 60_000;

/** Says what strangers can cause as often as they like: the first time at once, then once a minute how often it was. */
export class RareLog {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #saidByText = new Map<string, { nextMs: number; unsaid: number }>();

  constructor(log: Logger, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** `text` is one of few. */
  info(text: string, fields: LogFields): void {
    const nowMs = this.#now();
    const said = this.#saidByText.get(text) ?? { nextMs: -Infinity, unsaid: 0 };
    this.#saidByText.set(text, said);
    if (nowMs < said.nextMs) {
      said.unsaid++;
      return;
    }
    this.#log.info(text, said.unsaid === 0 ? fields : { ...fields, more: said.unsaid });
    said.nextMs = nowMs + intervalMs;
    said.unsaid = 0;
  }
}
