/** What one line of a result says. Times are milliseconds unless `unit` says otherwise; less is better. */
export type Row = {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  /** Whoever does the same work today, and the same work without any logic of ours. */
  readonly peer?: { readonly name: string; readonly value: number };
  readonly floor?: { readonly name: string; readonly value: number };
  /** As in the project's targets; empty when there is none. */
  readonly target: string;
};

export type Bench = {
  readonly about: string;
  /** Whether it must run in a network namespace of its own. */
  readonly needsNamespace: boolean;
  /** Node's own, and the environment: as bin/tortie starts the program that is measured. */
  readonly start?: { readonly flags: readonly string[]; readonly env: Readonly<Record<string, string>> };
  /** A bench of more than one peer prints tables of its own. */
  run(report: (row: Row) => void, output: BenchRun): Promise<void>;
};

export type BenchRun = {
  /** What stands behind the bench's name. */
  readonly args: readonly string[];
  /** One object a line, instead of tables. */
  readonly isJson: boolean;
};

export const rounds = 5;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Each contestant once a round, in turns, so that a machine that grows slower is so for all; gives the medians. */
export async function inTurns<K extends string>(
  contestants: Readonly<Record<K, () => Promise<number>>>,
): Promise<Record<K, number>> {
  const names = Object.keys(contestants) as K[];
  const times = new Map<K, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) times.get(name)?.push(await contestants[name]());
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name) ?? [])])) as Record<K, number>;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
