import { type DeviceName, deviceNames } from "./reflector-devices.ts";
import { formatFigure, quantile } from "./reflector-figures.ts";
import type { LoadOptions, LoadResult, Phase } from "./reflector-load.ts";

/**
 * `feed`: all announce, a tenth withdraws. `events`: what happens to a network afterwards, one thing after the other.
 * `stuck` and `listening` are alike but for the tenth of the clients that reads nothing in the former.
 */
export type SceneName = "feed" | "events" | "stuck" | "listening";

/** How often each of them is run: `all` rounds, or once. */
export type Case = {
  readonly clients: number;
  readonly prefixes: number;
  readonly family: 4 | 6;
  readonly length: number;
  readonly scenes: Readonly<Partial<Record<SceneName, Partial<Record<DeviceName, "all" | "once">>>>>;
};

export type Plan = { readonly rounds: number; readonly probes: number; readonly cases: readonly Case[] };

export function caseName({ clients, prefixes, length }: Case): string {
  return `${clients}x${prefixes}/${length}`;
}

const fast = { tortie: "all", "relay-node": "all", relay: "all", frr0: "all" } as const;
/** Judged with 1,000 clients only. */
const withFrr = { ...fast, frr: "all" } as const;
const everybody = { ...withFrr, bird: "all", gobgp: "all" } as const;
const onceEach = { frr: "once", bird: "once" } as const;
const ours = { tortie: "all" } as const;

function size(clients: number, prefixes: number, length: number, scenes: Case["scenes"]): Case {
  return { clients, prefixes, length, family: length > 32 ? 6 : 4, scenes };
}

/** The slow ones once: some take minutes. What FRR as it comes is asked for, its `feed` says as well as its `events`. */
const cases: readonly Case[] = [
  size(200, 50, 32, { feed: { ...fast, ...onceEach, gobgp: "once" } }),
  size(200, 50, 128, { feed: { ...fast, ...onceEach } }),
  size(1000, 2, 26, { feed: { ...withFrr, bird: "once", gobgp: "once" } }),
  size(1000, 2, 122, { feed: { ...withFrr, bird: "once" } }),
  size(1000, 100, 32, { events: fast, feed: { frr: "all", bird: "once" }, stuck: ours, listening: ours }),
  size(1000, 100, 128, { feed: withFrr }),
  size(2000, 50, 32, { feed: { ...fast, ...onceEach } }),
  size(2000, 50, 128, { feed: fast }),
  size(1000, 200, 32, { feed: { tortie: "once" } }),
];

/** The targets are for these sizes; of others the figures alone are told, and whether all was right. */
export function hasTargets(one: Case): boolean {
  return cases.some((known) => caseName(known) === caseName(one));
}

/** Small enough for a run that only proves that all of it works. */
const quickCases: readonly Case[] = [
  size(60, 20, 32, { events: everybody }),
  size(60, 20, 128, { feed: everybody }),
  size(20, 2000, 32, { stuck: ours, listening: ours }),
];

export type Wish = {
  readonly mode: "quick" | "usual" | "full";
  /** In place of the mode's. */
  readonly rounds?: number;
  readonly sizes: readonly string[];
};

/** Sizes as `1000x100`, `1000x2/26` or `200x50/128`; one that is not among ours is run like the others. */
export function makePlan({ mode, sizes, rounds = { quick: 1, usual: 5, full: 13 }[mode] }: Wish): Plan {
  const probes = { quick: 10, usual: 100, full: 100 }[mode];
  const all = mode === "quick" ? quickCases : cases;
  if (sizes.length === 0) return { rounds, probes, cases: all };
  const wanted = sizes.flatMap((text) => {
    const [, clients, prefixes, length] = /^(\d+)x(\d+)(?:\/(\d+))?$/.exec(text) ?? [];
    if (clients === undefined || prefixes === undefined)
      throw new Error(`a size is CLIENTSxPREFIXES[/LENGTH]: ${text}`);
    const known = all.filter((one) => caseName(one) === text || caseName(one).startsWith(`${text}/`));
    if (known.length > 0) return known;
    const lengths = length === undefined ? [32, 128] : [Number(length)];
    return lengths.map((length) => size(Number(clients), Number(prefixes), length, { feed: withFrr }));
  });
  return { rounds, probes, cases: wanted };
}

export type Turn = { readonly scene: SceneName; readonly device: DeviceName; readonly round: number };

/** Who is measured in the case, in order: each device once a round. */
export function turnsOf({ rounds }: Plan, { scenes }: Case, wanted: readonly DeviceName[]): readonly Turn[] {
  const parts = Object.entries(scenes) as [SceneName, Partial<Record<DeviceName, "all" | "once">>][];
  return Array.from({ length: rounds }, (_, round) =>
    parts.flatMap(([scene, runs]) =>
      wanted
        .filter((device) => runs[device] === "all" || (runs[device] === "once" && round === 0))
        .map((device): Turn => ({ scene, device, round })),
    ),
  ).flat();
}

function tenth(clients: number): number {
  return Math.max(1, Math.floor(clients / 10));
}

export function loadOptions(plan: Plan, one: Case, scene: SceneName): LoadOptions {
  const some = tenth(one.clients);
  const churn = `churn=${some}x20@50`;
  const phases: Record<SceneName, readonly string[]> = {
    feed: ["establish", "announce", `withdraw=${some}`, `return=${some}`],
    events: [
      "establish",
      "announce",
      `probe=${plan.probes}`,
      "late",
      "refresh=10",
      `withdraw=${some}`,
      `return=${some}`,
      `churn=${some}x10@100`,
    ],
    stuck: ["establish", "deaf", "announce", churn, "hear"],
    listening: ["establish", "announce", churn],
  };
  const { clients, prefixes, family, length } = one;
  const stuck = scene === "stuck" || scene === "listening" ? some : 0;
  return { clients, prefixes, family, length, stuck, timeoutSeconds: 300, phases: phases[scene] };
}

/** One number of a run; undefined when it did not come so far. */
export type Figure = {
  readonly heading: string;
  readonly unit: string;
  of(result: LoadResult): number | undefined;
};

function ofPhase(name: string, of: (phase: Phase) => number | undefined): Figure["of"] {
  return ({ phases }) => {
    const phase = phases.find((phase) => phase.phase === name && phase.isDone);
    return phase === undefined ? undefined : of(phase);
  };
}

const probed = (share: number) =>
  ofPhase("probe", ({ samples }) => (samples.length === 0 ? undefined : quantile(samples, share) * 1e3));
const seconds = (name: string): Figure => ({ heading: name, unit: "s", of: ofPhase(name, (phase) => phase.seconds) });

export const figures = {
  converge: { ...seconds("announce"), heading: "converge" },
  readers: { heading: "readers", unit: "s", of: ofPhase("announce", ({ readers }) => readers) },
  cpu: { heading: "cpu", unit: "s", of: ofPhase("announce", ({ cpu }) => cpu) },
  waited: { heading: "waited", unit: "s", of: ofPhase("announce", ({ waited }) => waited) },
  updates: { heading: "updates", unit: "", of: ofPhase("announce", ({ updates }) => updates) },
  probe50: { heading: "event p50", unit: "ms", of: probed(0.5) },
  probe99: { heading: "event p99", unit: "ms", of: probed(0.99) },
  late: seconds("late"),
  refresh: seconds("refresh"),
  withdraw: seconds("withdraw"),
  churn: seconds("churn"),
  churnCpu: { heading: "churn cpu", unit: "s", of: ofPhase("churn", ({ cpu }) => cpu) },
  hear: seconds("hear"),
  establish: seconds("establish"),
  peak: {
    heading: "peak",
    unit: "MB",
    of: ({ phases }) => (phases.length === 0 ? undefined : Math.max(...phases.map(({ peakKb }) => peakKb)) / 1024),
  },
  wrong: { heading: "wrong", unit: "", of: ({ end }) => end.wrong },
  echoes: { heading: "echoes", unit: "", of: ({ phases }) => phases.reduce((sum, { echoes }) => sum + echoes, 0) },
  lost: { heading: "lost", unit: "", of: ({ end }) => end.lost },
} as const satisfies Record<string, Figure>;

/** One target: our figure against that of another device or scene, or against a number. */
export type Claim = {
  readonly what: string;
  readonly figure: Figure;
  readonly cases: (one: Case) => boolean;
  /** In the scene where it is measured, or in any of these. */
  readonly scenes: readonly SceneName[];
  readonly against?: { readonly device: DeviceName } | { readonly scene: SceneName };
  /** Ours divided by the other's is at most this, or ours itself. Absent: told, not judged. */
  readonly most?: number;
  readonly target: string;
};

const anyCase = () => true;
const isBig = ({ clients, prefixes }: Case) => clients * prefixes === 100_000 && clients === 1000;
const isThousand = ({ clients }: Case) => clients === 1000;
const feeds = ["feed", "events"] as const;
const every = ["feed", "events", "stuck", "listening"] as const;

function beside(
  what: string,
  figure: Figure,
  cases: Claim["cases"],
  most: Partial<Record<DeviceName, number>>,
): Claim[] {
  return deviceNames
    .filter((device) => device !== "tortie")
    .map((device) => {
      const limit = most[device];
      const judged = limit === undefined ? { target: "" } : { most: limit, target: `<= ${limit} x ${device}` };
      return { what, figure, cases, scenes: feeds, against: { device }, ...judged };
    });
}

function absolute(what: string, figure: Figure, cases: Claim["cases"], most: number, target: string): Claim {
  return { what, figure, cases, scenes: feeds, most, target };
}

export const claims: readonly Claim[] = [
  ...beside("full convergence", figures.converge, anyCase, { frr0: 1, bird: 0.2, gobgp: 0.01, "relay-node": 2 }),
  ...beside("processor time of it", figures.cpu, isBig, { frr: 1 }),
  { ...absolute("processor time of it", figures.cpu, isBig, 1.5, "<= 1.5 x frr"), against: { device: "frr" } },
  ...beside("one event, p50", figures.probe50, isThousand, { "relay-node": 1.5 }),
  absolute("one event, p50", figures.probe50, isThousand, 20, "< 20 ms"),
  ...beside("one event, p99", figures.probe99, isThousand, { "relay-node": 1.5 }),
  ...beside("late joiner", figures.late, isThousand, {}),
  absolute("late joiner", figures.late, isThousand, 0.3, "< 0.3 s"),
  ...beside("withdraw by a tenth", figures.withdraw, isThousand, { frr: 1 }),
  ...beside("route refresh of ten", figures.refresh, isThousand, {}),
  ...beside("settled after churn", figures.churn, isThousand, {}),
  ...beside("peak memory", figures.peak, isBig, { frr: 1 }),
  absolute("peak memory", figures.peak, ({ clients, prefixes }) => clients * prefixes >= 200_000, 1024, "< 1 GiB"),
  {
    what: "a tenth not reading: the others",
    figure: figures.readers,
    cases: anyCase,
    scenes: ["stuck"],
    against: { scene: "listening" },
    most: 1.1,
    target: "< 1.1 x all reading",
  },
  {
    what: "a tenth not reading: peak memory",
    figure: figures.peak,
    cases: anyCase,
    scenes: ["stuck"],
    against: { scene: "listening" },
    most: 1.5,
    target: "bounded: <= 1.5 x all reading",
  },
  { what: "stuck ones drained", figure: figures.hear, cases: anyCase, scenes: ["stuck"], target: "" },
  { what: "wrong attributes", figure: figures.wrong, cases: anyCase, scenes: every, most: 0, target: "0" },
  { what: "echoes to the originator", figure: figures.echoes, cases: anyCase, scenes: every, most: 0, target: "0" },
  { what: "sessions lost", figure: figures.lost, cases: anyCase, scenes: every, most: 0, target: "0" },
];

/** A figure with its unit. */
export function formatWith({ unit }: Figure, value: number): string {
  return `${formatFigure(value)}${unit === "" ? "" : ` ${unit}`}`;
}
