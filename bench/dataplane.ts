import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type IpVersion, formatTable } from "../src/lib/index.ts";
import { type Bench, type BenchRun, median } from "./bench.ts";
import { type HopState, floodedFrames, overheadOctets, rulesMet } from "./dataplane-counts.ts";
import {
  type Measure,
  type SetupName,
  claims,
  formatRate,
  judgeAtLeast,
  measures,
  setupNames,
} from "./dataplane-figures.ts";
import { type HostNumber, Pair, fabricLink, workloadAddress } from "./dataplane-hosts.ts";
import { growOverlay, makeOverlay, makePlain } from "./dataplane-setups.ts";
import { type HostTables, makeTortie } from "./dataplane-tortie.ts";
import {
  TrafficPair,
  type TrafficResult,
  buildTraffic,
  countingPort,
  deniedPort,
  operationsPerSecond,
  setOffload,
} from "./dataplane-traffic.ts";

const versions = [4, 6] as const;
/** How many hosts there are when floods are counted. */
const hostCounts = [2, 8, 32] as const;

type Setup = { readonly pair: Pair; readonly traffic: TrafficPair };
/** A kernel may lack what the overlay needs. */
type Setups = Readonly<Record<Exclude<SetupName, "overlay">, Setup>> & { readonly overlay?: Setup };
/** Operations per second, by rounds. */
type Rates = Map<`${SetupName} ${string}`, number[]>;

type Wish = { readonly rounds: number; readonly seconds: number; readonly measures: readonly Measure[] };

/** Forwarding under our rules, beside routing without any and beside an overlay with the same. */
export const dataplaneBench: Bench = {
  about:
    "forwarding with 1,000 policies and workloads beside plain routing and a bridge with VXLAN [--quick] [--rounds 13] [--seconds 0.25] [--only ask,packets]",
  needsNamespace: true,
  async run(_report, output) {
    const wish = readArguments(output.args);
    if (wish === undefined) return;
    using folder = makeFolder();
    using stack = new DisposableStack();
    const program = buildTraffic(folder.path);
    const make = async (name: SetupName): Promise<Setup> => {
      const pair = stack.use(new Pair(folder.path, name));
      return { pair, traffic: stack.use(await TrafficPair.start(program, pair.workload(1), pair.workload(2))) };
    };
    const setups: Setups = {
      plain: await make("plain"),
      "tortie-10": await make("tortie-10"),
      "tortie-1000": await make("tortie-1000"),
      ...withOverlay(await make("overlay"), output),
    };
    makePlain(setups.plain.pair);
    const tables = {
      ten: await makeTortie(setups["tortie-10"].pair, { workloads: 10, hosts: 2 }),
      thousand: await makeTortie(setups["tortie-1000"].pair, { workloads: 1000, hosts: Math.max(...hostCounts) }),
    };
    prove(setups);
    const rates: Rates = new Map();
    for (let round = 0; round < wish.rounds; round++) playRound(program, setups, rates, wish, round, output);
    printRates(rates, wish, output);
    const failures = printCounts(setups, tables, output);
    for (const failure of failures) console.error(failure);
    if (failures.length > 0) process.exitCode = 1;
  },
};

function withOverlay(overlay: Setup, { isJson }: BenchRun): { readonly overlay?: Setup } {
  try {
    makeOverlay(overlay.pair);
    return { overlay };
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    console.log(isJson ? JSON.stringify({ skipped: "overlay", reason }) : `skipped: overlay, ${reason}`);
    return {};
  }
}

function presentIn(setups: Setups): (readonly [SetupName, Setup])[] {
  return setupNames.flatMap((name) => {
    const setup = setups[name];
    return setup === undefined ? [] : [[name, setup] as const];
  });
}

function readArguments(args: readonly string[]): Wish | undefined {
  const isQuick = args.includes("--quick");
  const numberOf = (name: string, otherwise: number) => {
    const at = args.indexOf(name);
    return at === -1 ? otherwise : Number(args[at + 1]);
  };
  const rounds = numberOf("--rounds", isQuick ? 1 : 13);
  const seconds = numberOf("--seconds", isQuick ? 0.05 : 0.25);
  const only = args.includes("--only") ? (args[args.indexOf("--only") + 1] ?? "").split(",") : [];
  const wished = measures.filter(({ traffic }) => only.length === 0 || only.includes(traffic));
  if (Number.isInteger(rounds) && rounds > 0 && seconds > 0 && wished.length > 0)
    return { rounds, seconds, measures: wished };
  console.error("--rounds takes a whole number, --seconds how long a kind of traffic lasts, --only some of");
  console.error([...new Set(measures.map(({ traffic }) => traffic))].join(","));
  process.exitCode = 2;
  return undefined;
}

function makeFolder() {
  const path = mkdtempSync(join(tmpdir(), "tortie-bench-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Everything gets through, and what no policy allows does so only where there is none. */
function prove(setups: Setups): void {
  for (const [name, { traffic }] of presentIn(setups)) {
    for (const version of versions) {
      const server = workloadAddress(2, 0, version);
      // New links take the kernel a while, of which it tells nobody.
      let attempts = 60;
      while (traffic.exchange(server, countingPort, 1, 500) === 0)
        if (--attempts === 0) throw new Error(`${name}: IPv${version} does not get through`);
      const denied = traffic.exchange(server, deniedPort, 1, 300);
      if ((denied === 0) !== (name !== "plain"))
        throw new Error(`${name}: IPv${version} ${denied === 0 ? "is" : "is not"} filtered`);
    }
  }
}

/** Each set-up twice for every kind of traffic, there and back: a machine that grows slower does so for all. */
function playRound(
  program: string,
  setups: Setups,
  rates: Rates,
  { seconds, measures: wished }: Wish,
  round: number,
  { isJson }: BenchRun,
): void {
  for (const measure of wished) {
    const present = presentIn(setups);
    const results = new Map<SetupName, TrafficResult[]>(present.map(([name]) => [name, []]));
    setFabric(program, setups, !measure.isWireSized);
    for (const [name, { traffic }] of [...present, ...present.toReversed()]) {
      results.get(name)?.push(traffic.run(measure.traffic, workloadAddress(2, 0, measure.version), seconds));
    }
    for (const [name, halves] of results) {
      const whole = halves.reduce(add);
      const perSecond = operationsPerSecond(measure.traffic, whole);
      const list = rates.get(`${name} ${measure.name}`) ?? [];
      rates.set(`${name} ${measure.name}`, list);
      list.push(perSecond);
      if (isJson) console.log(JSON.stringify({ round, setup: name, measure: measure.name, perSecond, ...whole }));
    }
  }
  setFabric(program, setups, true);
  console.error(`round ${round + 1} is done`);
}

function add(a: TrafficResult, b: TrafficResult): TrafficResult {
  return {
    operations: a.operations + b.operations,
    seconds: a.seconds + b.seconds,
    clientCpu: a.clientCpu + b.clientCpu,
    serverCpu: a.serverCpu + b.serverCpu,
  };
}

function setFabric(program: string, setups: Setups, isOffloading: boolean): void {
  for (const [, { pair }] of presentIn(setups))
    for (const host of [1, 2] as const) setOffload(program, pair.host(host), fabricLink, isOffloading);
}

function printRates(rates: Rates, { measures: wished }: Wish, { isJson }: BenchRun): void {
  const valuesOf = (setup: SetupName, measure: Measure) => rates.get(`${setup} ${measure.name}`) ?? [];
  const known = claims.filter(({ other }) => wished.some((measure) => valuesOf(other, measure).length > 0));
  const lines = known.flatMap(({ other, least }) =>
    wished.map((measure) => {
      const [ours, theirs] = [valuesOf("tortie-1000", measure), valuesOf(other, measure)];
      const target = measure.isWireSized ? undefined : least[measure.traffic];
      const ratios = ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
      const judged = judgeAtLeast(ratios, target ?? 1);
      return { measure, other, ours: median(ours), theirs: median(theirs), judged, target };
    }),
  );
  if (isJson) {
    for (const { measure, judged, target, ...line } of lines) {
      const { verdict, ...ratio } = judged;
      const verdictOf = target === undefined ? {} : { target, verdict };
      console.log(JSON.stringify({ what: measure.name, ...line, ratio, ...verdictOf }));
    }
    return;
  }
  const rows = lines.map(({ measure, other, ours, theirs, judged, target }) => [
    measure.name,
    formatRate(measure, ours),
    other,
    formatRate(measure, theirs),
    judged.middle.toFixed(3),
    `${judged.low.toFixed(3)}-${judged.high.toFixed(3)}`,
    target === undefined ? "" : `>= ${target}`,
    target === undefined ? "" : judged.verdict,
  ]);
  console.log(formatTable(["TRAFFIC", "TORTIE-1000", "BESIDE", "", "RATIO", "95 %", "TARGET", "VERDICT"], rows));
  console.log();
}

type TablesBySize = { readonly ten: HostTables; readonly thousand: HostTables };

type Count = { readonly what: string; readonly ours: number; readonly beside: string; readonly theirs?: number };

function besideOverlay({ overlay }: Setups, count: (setup: Setup) => number): Pick<Count, "beside" | "theirs"> {
  return { beside: "overlay", ...(overlay === undefined ? {} : { theirs: count(overlay) }) };
}

/** Numbers that no machine is too slow for; gives what is not as it should be. */
function printCounts(setups: Setups, tables: TablesBySize, { isJson }: BenchRun): string[] {
  const hops = countHops(tables);
  const floods = countFloods(setups);
  const overheads = versions.map((version): Count => {
    const octets = ({ pair, traffic }: Setup) => overheadOctets(pair, traffic, version);
    const what = `octets on the fabric beyond the packet's own, IPv${version}`;
    return { what, ours: octets(setups["tortie-1000"]), ...besideOverlay(setups, octets) };
  });
  const all = [...hops, ...floods, ...overheads];
  if (isJson) for (const count of all) console.log(JSON.stringify(count));
  else {
    const rows = all.map(({ what, ours, beside, theirs }) => [what, String(ours), beside, String(theirs ?? "-")]);
    console.log(formatTable(["COUNT", "TORTIE-1000", "BESIDE", ""], rows));
  }
  return [
    ...hops.filter(({ ours, theirs }) => ours !== theirs).map(({ what }) => `${what}: grows with what does not matter`),
    ...[...floods, ...overheads].filter(({ ours }) => ours !== 0).map(({ what }) => `${what}: is not 0`),
  ];
}

function countHops({ ten, thousand }: TablesBySize): Count[] {
  const cases = ([1, 2] as const).flatMap((host) =>
    (["new", "established"] as const).flatMap((state) => versions.map((version) => ({ host, state, version }))),
  );
  return cases.map(({ host, state, version }: { host: HostNumber; state: HopState; version: IpVersion }) => ({
    what: `rules that a packet meets, ${host === 1 ? "client" : "server"}'s host, ${state}, IPv${version}`,
    ours: rulesMet(thousand[host], host, state, version),
    beside: "tortie-10",
    theirs: rulesMet(ten[host], host, state, version),
  }));
}

/** Our hosts know as many all the time; the overlay is grown. */
function countFloods(setups: Setups): Count[] {
  const counts: Count[] = [];
  let before = 2;
  for (const hosts of hostCounts) {
    if (setups.overlay !== undefined) growOverlay(setups.overlay.pair, before, hosts);
    before = hosts;
    for (const version of versions) {
      const flooded = ({ pair, traffic }: Setup) => floodedFrames(pair, traffic, version);
      const what = `frames flooded for one unknown neighbour, IPv${version}, ${hosts} hosts`;
      counts.push({ what, ours: flooded(setups["tortie-1000"]), ...besideOverlay(setups, flooded) });
    }
  }
  return counts;
}
