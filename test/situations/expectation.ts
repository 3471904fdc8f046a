import { type ActorName, actors, hosts, namespaces, pods, strangers } from "./cast.ts";

export type Service = {
  readonly protocol: "tcp" | "udp" | "sctp" | "ping";
  /** 0 for pings. */
  readonly port: number;
};

/** One try of one actor to reach another. */
export type Probe = Service & { readonly from: ActorName; readonly to: ActorName; readonly version: 4 | 6 };

/** What gets through, of all probes of a step. */
export type Expectation = { readonly probes: readonly Probe[]; readonly isOpen: (probe: Probe) => boolean };

/**
 * Exactly one of the two; all the rest is the other. Lines `FROM -> TO : SERVICES FAMILY`, ended by line ends or semicolons.
 * FROM and TO are names of actors and of groups (`shop lab ops pods outs hosts all`), separated by blanks; a name behind a
 * minus is taken out again. SERVICES (`tcp`, `tcp/80`, `ping`) and FAMILY (`v4`, `v6`) may be left out: all.
 */
export type ExpectationText = { readonly open: string } | { readonly closed: string };

const groups: Readonly<Record<string, readonly ActorName[]>> = {
  shop: ["web", "api", "db"],
  lab: ["bench", "sink"],
  ops: ["mon"],
  pods,
  outs: strangers,
  hosts,
  all: actors,
};

export function readServices(text: string): Service[] {
  return words(text).map(readService);
}

function readService(word: string): Service {
  const [protocol, port = "0"] = word.split("/");
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp" && protocol !== "ping") {
    throw new Error(`${word} is not a service`);
  }
  return { protocol, port: Number(port) };
}

/** Every actor tries every service of every other one, over both IP versions. Strangers leave each other alone. */
export function allProbes(taking: readonly ActorName[], services: readonly Service[]): Probe[] {
  const pairs = taking.flatMap((from) => taking.map((to) => ({ from, to })));
  const versions = [4, 6] as const;
  return pairs
    .filter(({ from, to }) => from !== to && !(isStranger(from) && isStranger(to)))
    .flatMap((pair) => services.flatMap((service) => versions.map((version) => ({ ...pair, ...service, version }))));
}

function isStranger(name: ActorName): boolean {
  return strangers.some((stranger) => stranger === name);
}

export function readExpectation(
  text: ExpectationText,
  taking: readonly ActorName[],
  services: readonly Service[],
): Expectation {
  const isOpenList = "open" in text;
  const lines = (isOpenList ? text.open : text.closed).split(/[\n;]/).filter((line) => line.trim() !== "");
  const listed = new Set(lines.flatMap((line) => readLine(line, taking, services)));
  return {
    probes: allProbes(taking, services),
    isOpen: (probe) => listed.has(keyOfProbe(probe)) === isOpenList,
  };
}

export function keyOfProbe({ from, to, protocol, port, version }: Probe): string {
  return `${from} -> ${to} ${protocol}/${port} v${version}`;
}

function readLine(line: string, taking: readonly ActorName[], services: readonly Service[]): string[] {
  const [, from, to, rest = ""] = /^([^>:]+)->([^>:]+)(?::(.*))?$/.exec(line.trim()) ?? [];
  if (from === undefined || to === undefined) throw new Error(`"${line}" does not say who reaches whom`);
  const marks = words(rest);
  const family = marks.find((mark) => mark === "v4" || mark === "v6");
  const wanted = marks.filter((mark) => mark !== family);
  const isMeant = ({ protocol, port }: Service) =>
    wanted.length === 0 || wanted.some((mark) => mark === protocol || mark === `${protocol}/${port}`);
  for (const mark of wanted) {
    if (!services.some(({ protocol, port }) => mark === protocol || mark === `${protocol}/${port}`)) {
      throw new Error(`"${line}": nobody tries ${mark}`);
    }
  }
  const [senders, receivers] = [readActors(from), readActors(to)];
  return allProbes(taking, services)
    .filter((probe) => senders.has(probe.from) && receivers.has(probe.to) && isMeant(probe))
    .filter(({ version }) => family === undefined || family === `v${version}`)
    .map(keyOfProbe);
}

function readActors(text: string): ReadonlySet<ActorName> {
  const chosen = new Set<ActorName>();
  for (const word of words(text)) {
    for (const name of readName(word.replace(/^-/, ""))) {
      if (word.startsWith("-")) chosen.delete(name);
      else chosen.add(name);
    }
  }
  return chosen;
}

function readName(word: string): readonly ActorName[] {
  const name = actors.find((actor) => actor === word);
  const found = name === undefined ? groups[word] : [name];
  if (found === undefined) throw new Error(`${word} is nobody; there are ${[...actors, ...namespaces].join(", ")}`);
  return found;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
