import { setTimeout as sleep } from "node:timers/promises";

/** Looking costs a process with most routers: often at first, then ever more seldom. */
const firstPollMs = 50;
const lastPollMs = 400;

/** What was seen is not what was expected. */
export class Unmet extends Error {
  override readonly name = "Unmet";
}

/** What cannot be looked at yet, such as a daemon that does not answer, is waited for like all else. */
async function look<T>(probe: () => Promise<T>): Promise<{ value: T } | { trouble: string }> {
  try {
    return { value: await probe() };
  } catch (error) {
    return { trouble: error instanceof Error ? error.message : String(error) };
  }
}

function describe(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > 600 ? `${text.slice(0, 600)}...` : text;
}

/** Polls until it is as expected and gives it, or throws Unmet when `withinMs` have passed. */
export async function soon<T>(
  expected: string,
  probe: () => Promise<T>,
  isGood: (seen: T) => boolean,
  withinMs = 20_000,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (let pollMs = firstPollMs; ; pollMs = Math.min(lastPollMs, pollMs * 1.3)) {
    const seen = await look(probe);
    if ("value" in seen && isGood(seen.value)) return seen.value;
    if (performance.now() > end) {
      throw new Unmet(`expected ${expected}; seen ${describe("value" in seen ? seen.value : seen.trouble)}`);
    }
    await sleep(pollMs);
  }
}

/** Polls for `duringMs` and throws Unmet as soon as it is not as expected. */
export async function steadily<T>(
  expected: string,
  probe: () => Promise<T>,
  isGood: (seen: T) => boolean,
  duringMs: number,
): Promise<void> {
  const end = performance.now() + duringMs;
  do {
    const value = await probe();
    if (!isGood(value)) throw new Unmet(`expected ${expected}; seen ${describe(value)}`);
    await sleep(lastPollMs);
  } while (performance.now() < end);
}

/** Of a value that is there already. */
export function expect(expected: string, isGood: boolean, seen: unknown): void {
  if (!isGood) throw new Unmet(`expected ${expected}; seen ${describe(seen)}`);
}
