import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Action, Arena, type Around } from "./arena.ts";
import { Dice } from "./dice.ts";
import { faultOf, formatActions, replay, shrink } from "./replay.ts";
import { type Tally, Suspects, emptyTally } from "./suspects.ts";

export type CampaignOptions = {
  readonly seed: number;
  /** Messages in all. */
  readonly count: number;
  /** Messages that one speaker lives through; then it is looked over once more and a new one begins. */
  readonly perSpeaker: number;
  /** Messages between two looks at the healthy peers; the memory is looked at every other time. */
  readonly perCheck: number;
  readonly report: (line: string) => void;
};

export type CampaignResult = {
  readonly tally: Tally;
  readonly seconds: number;
  /** Of this process on all cores, garbage collection and compiler included. */
  readonly cpuSeconds: number;
  readonly messagesPerCpuSecond: number;
  readonly steps: number;
  /** Steps of more than 50 ms of CPU time, what the garbage collector used taken off. */
  readonly stalls: readonly Stall[];
  readonly longestStepMs: number;
  /** Steps that were long by garbage collection or by other processes alone. */
  readonly excused: Excused;
  readonly memory: MemoryTrend;
  /** None: undefined. */
  readonly failure: Failure | undefined;
};

/** Long steps that are not counted: for the collector's time, or since they only waited for the processor. */
type Excused = { readonly byCollector: number; readonly byOthers: number };

export type Stall = {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly collectorMs: number;
  readonly seed: number;
};

export type MemoryTrend = {
  readonly samples: readonly { readonly messages: number; readonly heapBytes: number; readonly rssBytes: number }[];
  /** Of the straight line through the last two thirds of the samples. */
  readonly bytesPerMillion: number;
  readonly isGrowing: boolean;
};

export type Failure = {
  readonly seed: number;
  readonly fault: string;
  readonly detail: string;
  /** As small as it could be made in some seconds; one line for `--replay`. */
  readonly input: string;
};

const stallMs = 50;

/** CPU time of steps, measured so that it costs next to nothing: only a step that took long on the clock is looked at. */
class StepWatch {
  readonly stalls: Stall[] = [];
  readonly #suspicious: { start: number; end: number; cpuMs: number; seed: number }[] = [];
  readonly #collections: { start: number; end: number }[] = [];
  readonly #observer: PerformanceObserver;
  #cpuAt = 0;
  #cpuReadAt = -Infinity;
  steps = 0;
  longestMs = 0;
  readonly excused = { byCollector: 0, byOthers: 0 };
  seed = 0;

  constructor() {
    this.#observer = new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) {
        this.#collections.push({ start: startTime, end: startTime + duration });
      }
    });
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  /** Runs one step. The reading of the CPU clock is at most 5 ms old when a step begins, which is added to no step's harm. */
  readonly around = <T>(run: () => T): T => {
    const start = performance.now();
    if (start - this.#cpuReadAt > 5) {
      this.#cpuAt = threadCpuMs();
      this.#cpuReadAt = start;
    }
    const result = run();
    const end = performance.now();
    this.steps++;
    if (end - start > stallMs) {
      const cpuMs = threadCpuMs() - this.#cpuAt;
      if (cpuMs > stallMs) this.#suspicious.push({ start, end, cpuMs, seed: this.seed });
      else this.excused.byOthers++;
    } else if (end - start > this.longestMs) this.longestMs = end - start;
    return result;
  };

  /** When the observer has had its turn: which of the long steps were the collector's. */
  settle(): void {
    for (const { start, end, cpuMs, seed } of this.#suspicious.splice(0)) {
      const inside = this.#collections.map((one) => Math.min(one.end, end) - Math.max(one.start, start));
      const collectorMs = inside.reduce((sum, ms) => sum + Math.max(0, ms), 0);
      if (cpuMs - collectorMs > stallMs) this.stalls.push({ cpuMs, wallMs: end - start, collectorMs, seed });
      else this.excused.byCollector++;
    }
    this.#collections.length = 0;
  }

  [Symbol.dispose](): void {
    this.#observer.disconnect();
  }
}

/** Runs the campaign; ends early at the first failure. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { seed, count, perSpeaker, perCheck, report } = options;
  const tally = emptyTally();
  const memory: MemoryTrend["samples"][number][] = [];
  const started = performance.now();
  const cpu = process.cpuUsage();
  const collect = openCollector();
  using watch = new StepWatch();
  let failure: Failure | undefined;
  let looks = 0;
  for (let part = 0; tally.messages < count && failure === undefined; part++) {
    const partSeed = seed + part;
    watch.seed = partSeed;
    const end = Math.min(count, tally.messages + perSpeaker);
    const round = new Round(partSeed, tally, watch.around, undefined);
    while (tally.messages < end && failure === undefined) {
      const error = round.run(Math.min(end, tally.messages + perCheck));
      await setImmediate();
      await setImmediate();
      watch.settle();
      if (error === undefined) {
        if (++looks % 2 !== 0) continue;
        collect();
        const { heapUsed, external, rss } = process.memoryUsage();
        memory.push({ messages: tally.messages, heapBytes: heapUsed + external, rssBytes: rss });
      } else {
        failure = explain(error, partSeed, perCheck, round.messages);
      }
    }
    report(progress(tally, watch, started, memory, partSeed));
  }
  const used = process.cpuUsage(cpu);
  const cpuSeconds = (used.user + used.system) / 1e6;
  return {
    tally,
    seconds: (performance.now() - started) / 1000,
    cpuSeconds,
    messagesPerCpuSecond: tally.messages / cpuSeconds,
    steps: watch.steps,
    stalls: watch.stalls,
    longestStepMs: watch.longestMs,
    excused: watch.excused,
    memory: trendOf(memory),
    failure,
  };
}

/** One speaker and its peers, driven by one seed. */
class Round {
  readonly #arena: Arena;
  readonly #suspects: Suspects;
  readonly #tally: Tally;
  readonly #startedAt: number;

  constructor(seed: number, tally: Tally, around: Around, log: Action[] | undefined) {
    this.#tally = tally;
    this.#startedAt = tally.messages;
    this.#arena = new Arena(seed, around);
    const act = (action: Action) => {
      log?.push(action);
      this.#arena.apply(action);
    };
    this.#suspects = new Suspects(new Dice(seed), this.#arena, tally, act);
  }

  get messages(): number {
    return this.#tally.messages - this.#startedAt;
  }

  /** Until that many messages are counted, and a look at everything; gives what went wrong. */
  run(until: number): unknown {
    try {
      while (this.#tally.messages < until) this.#suspects.move();
      this.#arena.turn();
      this.#arena.checkHealthy();
      this.#arena.checkRest();
      this.#suspects.forget();
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

/** Repeats the run with a record of it, and makes the record small. */
function explain(error: unknown, seed: number, perCheck: number, messages: number): Failure {
  const fault = faultOf(error);
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const log: Action[] = [];
  const tally = emptyTally();
  const round = new Round(seed, tally, (run) => run(), log);
  let again: unknown;
  for (let until = perCheck; again === undefined && until < messages + 2 * perCheck; until += perCheck) {
    const from = log.length;
    again = round.run(Math.min(until, Math.max(messages, 1)));
    // What came before a clean look is not needed, mostly.
    if (again === undefined) log.splice(0, from);
  }
  if (again === undefined) return { seed, fault, detail, input: "not repeatable" };
  const isBad = (fewer: readonly Action[]) => faultOf(replay(seed, fewer)) === fault;
  if (!isBad(log)) return { seed, fault, detail, input: `only by the whole run: --seed ${seed} --count ${messages}` };
  const small = shrink(log, isBad, performance.now() + 30_000);
  return { seed, fault, detail, input: formatActions(small) };
}

/**
 * The speaker's caches fill up and are emptied by half, so that memory goes up and down; what must not rise is the lowest
 * point. Compared are the middle and the last third of the run, since the first is warming up.
 */
function trendOf(samples: MemoryTrend["samples"]): MemoryTrend {
  const third = Math.floor(samples.length / 3);
  const late = samples.slice(third);
  const bytesPerMillion = slopeOf(late.map(({ messages, heapBytes }) => [messages / 1e6, heapBytes]));
  const floor = (part: MemoryTrend["samples"]) => Math.min(...part.map(({ heapBytes }) => heapBytes));
  const [before, after] = [floor(samples.slice(third, 2 * third)), floor(samples.slice(2 * third))];
  return { samples, bytesPerMillion, isGrowing: third > 3 && after > before * 1.1 + 8e6 };
}

function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  if (points.length < 2) return 0;
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const top = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const below = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return below === 0 ? 0 : top / below;
}

function progress(
  tally: Tally,
  watch: StepWatch,
  started: number,
  memory: MemoryTrend["samples"],
  seed: number,
): string {
  const seconds = (performance.now() - started) / 1000;
  const last = memory.at(-1);
  const megabytes = (bytes = 0) => (bytes / 1e6).toFixed(1);
  return (
    `${tally.messages} messages in ${seconds.toFixed(1)} s (${Math.round(tally.messages / seconds)}/s), ` +
    `${tally.sessions} sessions, longest step ${watch.longestMs.toFixed(1)} ms, ${watch.stalls.length} stalls, ` +
    `heap ${megabytes(last?.heapBytes)} MB, rss ${megabytes(last?.rssBytes)} MB, seed ${seed} done`
  );
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function openCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("there is no garbage collector to call");
  return () => {
    collect();
  };
}
