import { mkdirSync } from "node:fs";
import { type Family, allFamilies } from "../../src/bgp/index.ts";
import { Bench } from "./bench.ts";
import type { Feature } from "./feature.ts";
import { run, scratch } from "./network.ts";
import { type RouterName, routerNames } from "./routers/index.ts";

export type Outcome = "ok" | "FAILED" | "unsupported by the peer" | "not run";

export type Result = {
  readonly feature: string;
  readonly router: RouterName;
  readonly family: Family;
  readonly outcome: Outcome;
  /** Why, when it is not `ok`. */
  readonly detail: string;
  readonly seconds: number;
};

export type RunOptions = {
  readonly features: readonly Feature[];
  readonly routers: readonly RouterName[];
  /** Why a router cannot be run here. */
  readonly absent: ReadonlyMap<RouterName, string>;
  /** Scenarios at a time: they mostly wait. */
  readonly jobs: number;
  /** As each scenario ends. */
  readonly onResults: (results: readonly Result[], logs: string) => void;
};

/** Longer than any scenario takes, waits that fail included. */
const scenarioMs = 90_000;

export async function runAll(options: RunOptions): Promise<Result[]> {
  const { features, routers, jobs, onResults } = options;
  mkdirSync(scratch, { recursive: true });
  const waiting = features.flatMap((feature) => routers.map((router) => ({ feature, router })));
  const results: Result[] = [];
  let started = 0;
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      started += 1;
      const { ended, logs } = await runOne(next.feature, next.router, `i${started}`, options.absent.get(next.router));
      results.push(...ended);
      onResults(ended, logs);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return results;
}

async function runOne(
  feature: Feature,
  router: RouterName,
  id: string,
  absent: string | undefined,
): Promise<{ ended: Result[]; logs: string }> {
  const families = feature.families ?? allFamilies;
  const started = performance.now();
  const resultOf = (family: Family, outcome: Outcome, detail: string): Result => ({
    feature: feature.name,
    router,
    family,
    outcome,
    detail,
    seconds: Math.round((performance.now() - started) / 10) / 100,
  });
  const whole = (outcome: Outcome, detail: string) => ({
    ended: families.map((family) => resultOf(family, outcome, detail)),
    logs: "",
  });
  const reason = feature.unsupported?.[router];
  if (reason !== undefined) return whole("unsupported by the peer", reason);
  if (absent !== undefined) return whole("not run", absent);
  await using bench = new Bench(id, router, families);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`it did not end in ${scenarioMs / 1000} s`)), scenarioMs);
  try {
    await Promise.race([feature.run(bench), late]);
  } catch (error) {
    bench.failRest(error);
  } finally {
    clearTimeout(timer);
  }
  const ended = families.map((family) => {
    const failure = bench.failures.get(family);
    return resultOf(family, failure === undefined ? "ok" : "FAILED", failure ?? "");
  });
  return { ended, logs: bench.failures.size > 0 ? bench.logs() : "" };
}

const versionCommands: Readonly<Record<RouterName, readonly [command: string, ...args: string[]]>> = {
  bird: ["bird", "--version"],
  frr: ["/usr/lib/frr/bgpd", "--version"],
  gobgp: ["gobgpd", "--version"],
  exabgp: ["exabgp", "--version"],
};

/** Of the routers that are installed. */
export async function readVersions(): Promise<Map<RouterName, string>> {
  const versions = new Map<RouterName, string>();
  for (const name of routerNames) {
    const [command, ...args] = versionCommands[name];
    const { stdout, stderr, status } = await run(command, args);
    const version = /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0];
    if (status === 0 && version !== undefined) versions.set(name, version);
  }
  return versions;
}
