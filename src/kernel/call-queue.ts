/** Requests and answers of one call are never mixed with another's: each begins when the one before is over, however it ended. */
export type CallQueue = <T>(call: () => Promise<T>) => Promise<T>;

export function makeCallQueue(): CallQueue {
  let last: Promise<unknown> = Promise.resolve();
  return (call) => {
    const result = last.then(call);
    last = result.catch(() => undefined);
    return result;
  };
}

/** Gives the first of so many sequence numbers in a row. */
export type SequenceNumbers = (count: number) => number;

/** Below 2^32, by going round; 0 is what the kernel's own messages have. */
export function makeSequenceNumbers(first = 1): SequenceNumbers {
  let next = first;
  return (count) => {
    if (next + count > 0xffffffff) next = 1;
    const taken = next;
    next += count;
    return taken;
  };
}
