import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { formatTable } from "../src/lib/index.ts";
import { type Bench, type BenchRun, median } from "./bench.ts";
import { type DeviceName, deviceNames, devices, missing, startDevice } from "./reflector-devices.ts";
import { type Judged, formatFigure, judgeRatios } from "./reflector-figures.ts";
import { type LoadPrograms, type LoadResult, buildLoad, runLoad } from "./reflector-load.ts";
import {
  type Case,
  type Claim,
  type Figure,
  type Plan,
  type SceneName,
  caseName,
  claims,
  figures,
  formatWith,
  hasTargets,
  loadOptions,
  makePlan,
  turnsOf,
} from "./reflector-plan.ts";

/** What one device did in one scene, by rounds: undefined where it was not run or failed. */
type Results = Map<`${SceneName} ${DeviceName}`, (LoadResult | undefined)[]>;

/** One line of the comparison. */
type Line = {
  readonly what: string;
  readonly figure: Figure;
  readonly ours: number;
  readonly other?: { readonly name: string; readonly value: number; readonly judged: Judged };
  readonly target: string;
  readonly verdict: string;
};

/** Our reflector and others in turns under one load, and the same messages without any routing table. */
export const reflectorBench: Bench = {
  about:
    "route reflection beside FRR, BIRD, GoBGP and a relay [--quick|--full] [--rounds 3] [--case 1000x100,200x50/128] [--only tortie,frr]",
  needsNamespace: true,
  async run(_report, output) {
    using folder = makeFolder();
    const ready = prepare(output.args, folder.path);
    if (ready === undefined) return;
    const { wish, plan, programs } = ready;
    spawnSync("ip", ["link", "set", "lo", "up"]);
    const skipped = wish.devices.flatMap((name) => {
      const reason = missing(devices[name]);
      return reason === undefined ? [] : [{ name, reason }];
    });
    const wanted = wish.devices.filter((name) => !skipped.some((one) => one.name === name));
    let failures = 0;
    const total = plan.cases.reduce((sum, one) => sum + turnsOf(plan, one, wanted).length, 0);
    const progress = new Progress(total);
    for (const one of plan.cases) {
      const results: Results = new Map();
      failures += await runCase({ plan, one, wanted, programs, folder: folder.path, results, progress, output });
      print(one, results, output);
    }
    for (const { name, reason } of skipped) {
      const comparisons = plan.cases.filter((one) => Object.values(one.scenes).some((scene) => name in scene)).length;
      if (output.isJson) console.log(JSON.stringify({ skipped: name, reason, cases: comparisons }));
      else console.log(`skipped: ${name} in ${comparisons} of ${plan.cases.length} cases, ${reason}`);
    }
    if (failures > 0) {
      console.error(`${failures} runs of ours failed or were wrong`);
      process.exitCode = 1;
    }
  },
};

function prepare(args: readonly string[], folder: string) {
  try {
    const wish = readArguments(args);
    return { wish, plan: makePlan(wish), programs: buildLoad(folder) };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
    return undefined;
  }
}

function readArguments(args: readonly string[]) {
  const valueOf = (name: string) => {
    const at = args.indexOf(name);
    return at === -1 ? [] : (args[at + 1] ?? "").split(",").filter((word) => word !== "");
  };
  const only = valueOf("--only");
  const unknown = only.filter((name) => !deviceNames.some((known) => known === name));
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(",")}: known are ${deviceNames.join(", ")}`);
  const mode = args.includes("--quick") ? "quick" : args.includes("--full") ? "full" : "usual";
  const [roundsText] = valueOf("--rounds");
  const rounds = Number(roundsText);
  if (roundsText !== undefined && !(Number.isInteger(rounds) && rounds > 0)) throw new Error(`--rounds ${roundsText}`);
  return {
    mode,
    ...(roundsText === undefined ? {} : { rounds }),
    sizes: valueOf("--case"),
    devices: deviceNames.filter((name) => only.length === 0 || only.includes(name)),
  } as const;
}

type CaseRun = {
  readonly plan: Plan;
  readonly one: Case;
  readonly wanted: readonly DeviceName[];
  readonly programs: LoadPrograms;
  readonly folder: string;
  readonly results: Results;
  readonly progress: Progress;
  readonly output: BenchRun;
};

/** In turns, each device once a round; how many runs of ours were not as they should be. */
async function runCase({ plan, one, wanted, programs, folder, results, progress, output }: CaseRun): Promise<number> {
  let failures = 0;
  const hasFailed = new Set<string>();
  for (const { scene, device: name, round } of turnsOf(plan, one, wanted)) {
    const place = progress.next();
    const key = `${scene} ${name}` as const;
    if (hasFailed.has(key)) continue;
    const result = await measure(name, folder, programs, loadOptions(plan, one, scene));
    if (output.isJson) console.log(JSON.stringify({ case: caseName(one), scene, device: name, round, ...result }));
    console.error(
      `${place} ${caseName(one)}, round ${round + 1} of ${plan.rounds}, ${scene}, ${name}: ${sayResult(result)}`,
    );
    const isWell = "end" in result && result.end.isDone;
    if (!isWell) hasFailed.add(key);
    if (name === "tortie" && !(isWell && isRight(result))) failures += 1;
    const list = results.get(key) ?? [];
    list[round] = "end" in result ? result : undefined;
    results.set(key, list);
  }
  return failures;
}

/** How far the bench has come, as `[12 of 180, 3 min]`. */
class Progress {
  readonly #startedMs = performance.now();
  readonly #total: number;
  #count = 0;

  constructor(total: number) {
    this.#total = total;
  }

  next(): string {
    this.#count++;
    return `[${this.#count} of ${this.#total}, ${Math.floor((performance.now() - this.#startedMs) / 60_000)} min]`;
  }
}

async function measure(
  name: DeviceName,
  folder: string,
  programs: LoadPrograms,
  options: Parameters<typeof runLoad>[2],
): Promise<LoadResult | { readonly failure: string }> {
  try {
    await using device = await startDevice(devices[name], folder, programs.relay);
    return await runLoad(programs.load, device, options);
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

function isRight(result: LoadResult): boolean {
  return result.end.wrong === 0 && result.end.lost === 0 && figures.echoes.of(result) === 0;
}

function sayResult(result: Awaited<ReturnType<typeof measure>>): string {
  if ("failure" in result) return `failed: ${result.failure}`;
  const { phases, end } = result;
  const done = phases.map(({ phase, isDone, seconds }) => `${phase} ${isDone ? formatFigure(seconds) : "NOT DONE"}`);
  const wrong = Object.entries(end.kinds).filter(([, count]) => count > 0);
  const remarks = [
    ...wrong.map(([kind, count]) => `${count} wrong ${kind}`),
    ...(end.wrong > 0 ? [`the first: ${end.firstWrong}`] : []),
    ...(end.lost > 0 ? [`${end.lost} sessions lost (${end.lastWords})`] : []),
    ...(end.undone > 0 ? [`${end.undone} clients without the right table`] : []),
  ];
  return [...done, ...remarks].join(", ");
}

function valuesOf(results: Results, scene: SceneName, device: DeviceName, figure: Figure): (number | undefined)[] {
  return (results.get(`${scene} ${device}`) ?? []).map((result) => result && figure.of(result));
}

const isNumber = (value: number | undefined): value is number => value !== undefined;

function compare(claim: Claim, one: Case, results: Results): Line[] {
  if (!claim.cases(one)) return [];
  const { figure, against } = claim;
  const isJudged = claim.most === 0 || hasTargets(one);
  const { target, most } = isJudged ? claim : { target: "", most: undefined };
  return claim.scenes.flatMap((scene) => {
    const ours = valuesOf(results, scene, "tortie", figure);
    const own = ours.filter(isNumber);
    if (own.length === 0) return [];
    const what = claim.scenes.length > 2 ? `${claim.what}, ${scene}` : claim.what;
    // Of a count that may not happen at all, the worst round; of times, the middle one.
    const value = most === 0 ? Math.max(...own) : median(own);
    if (against === undefined) {
      const verdict = most === undefined ? "" : value <= most ? "met" : "missed";
      return [{ what, figure, ours: value, target, verdict }];
    }
    const others = otherValues(claim, scene, results);
    const known = others.filter(isNumber);
    if (known.length === 0) return [];
    const alone = known.length === 1 ? known[0] : undefined;
    const ratios = ours
      .map((value, round) => (value === undefined ? undefined : value / (others[round] ?? alone ?? Number.NaN)))
      .filter((ratio) => isNumber(ratio) && Number.isFinite(ratio)) as number[];
    const judged = judgeRatios(ratios, most ?? 1);
    const name = "device" in against ? against.device : against.scene;
    const other = { name, value: median(known), judged };
    return [{ what, figure, ours: value, other, target, verdict: most === undefined ? "" : judged.verdict }];
  });
}

/** A device that ran once in another scene of the same feed is compared as well. */
function otherValues({ against, figure }: Claim, scene: SceneName, results: Results): (number | undefined)[] {
  if (against === undefined) return [];
  if ("scene" in against) return valuesOf(results, against.scene, "tortie", figure);
  const same = valuesOf(results, scene, against.device, figure);
  return same.length > 0 ? same : valuesOf(results, "feed", against.device, figure);
}

function print(one: Case, results: Results, { isJson }: BenchRun): void {
  const lines = claims.flatMap((claim) => compare(claim, one, results));
  if (isJson) {
    for (const { figure, ...line } of lines) {
      console.log(JSON.stringify({ case: caseName(one), unit: figure.unit, ...line }));
    }
    return;
  }
  const shown = Object.values(figures);
  const rows = [...results].map(([key, list]) => [
    key,
    `${list.filter((result) => result?.end.isDone).length}/${Object.keys(list).length}`,
    ...shown.map((figure: Figure) => {
      const values = list.map((result) => result && figure.of(result)).filter(isNumber);
      return values.length === 0 ? "" : formatFigure(median(values));
    }),
  ]);
  const headings = shown.map(({ heading, unit }) => (unit === "" ? heading : `${heading} ${unit}`).toUpperCase());
  console.log(`${caseName(one)}: medians`);
  console.log(formatTable(["SCENE AND DEVICE", "RUNS", ...headings], rows));
  console.log();
  if (lines.length === 0) return;
  console.log(formatTable(["WHAT", "OURS", "BESIDE", "", "RATIO", "95 %", "TARGET", "VERDICT"], lines.map(formatLine)));
  console.log();
}

function formatLine({ what, figure, ours, other, target, verdict }: Line): string[] {
  const beside =
    other === undefined
      ? ["", "", "", ""]
      : [
          other.name,
          formatWith(figure, other.value),
          formatFigure(other.judged.middle),
          other.judged.low < other.judged.high
            ? `${formatFigure(other.judged.low)}-${formatFigure(other.judged.high)}`
            : "",
        ];
  return [what, formatWith(figure, ours), ...beside, target, verdict];
}

function makeFolder() {
  const path = mkdtempSync(join(tmpdir(), "tortie-bench-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
