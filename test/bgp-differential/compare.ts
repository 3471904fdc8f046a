import type { Answer } from "./ask-speaker.ts";
import type { Case } from "./cases.ts";
import type { FactName, Facts, Routes } from "./facts.ts";
import type { ForeignSpeaker } from "./foreign-speaker.ts";

/** One point in which a speaker and we disagree about one message. */
export type Difference = {
  readonly speaker: string;
  readonly number: number;
  /** `session`, `route` or the name of a fact. */
  readonly about: "session" | "route" | FactName;
  readonly ours: string;
  readonly theirs: string;
  /** The route that it is about. */
  readonly key?: string;
};

/** What of a speaker decides about how its table is read. */
export type Listing = Pick<ForeignSpeaker, "name" | "hasFacts" | "hasPathIds">;

export function compare(speaker: Listing, one: Case, answer: Answer): Difference[] {
  const { number, verdict } = one;
  const differ = (about: Difference["about"], ours: string, theirs: string, key?: string): Difference => ({
    speaker: speaker.name,
    number,
    about,
    ours,
    theirs,
    ...(key === undefined ? {} : { key }),
  });
  const ours = verdict.result === "error" ? `ends ${verdict.notification ?? ""}` : "stays";
  if (answer.type !== "routes") {
    const theirs = answer.type === "ended" ? `ends ${answer.notification ?? "without a word"}` : answer.type;
    return theirs === ours ? [] : [differ("session", ours, theirs)];
  }
  if (verdict.result === "error") return [differ("session", ours, "stays")];
  return compareRoutes(speaker, one, answer.routes, differ);
}

function compareRoutes(
  speaker: Listing,
  { expected }: Case,
  routes: Routes,
  differ: (about: Difference["about"], ours: string, theirs: string, key?: string) => Difference,
): Difference[] {
  const differences: Difference[] = [];
  const pairs = speaker.hasPathIds ? pairByKey(expected, routes) : pairByPrefix(expected, routes, speaker);
  for (const [key, ours, theirs] of pairs) {
    if (ours === undefined || theirs === undefined) {
      const [own, other] = [ours, theirs].map((one) => (one === undefined ? "absent" : "present"));
      differences.push(differ("route", own ?? "", other ?? "", key));
      continue;
    }
    for (const name of speaker.hasFacts) {
      const [own, other] = [textOf(name, ours, speaker.name), textOf(name, theirs, "")];
      if (own !== other) differences.push(differ(name, own, other, key));
    }
  }
  return differences;
}

type Pair = readonly [key: string, ours: Facts | undefined, theirs: Facts | undefined];

function pairByKey(ours: Routes, theirs: Routes): Pair[] {
  return [...new Set([...ours.keys(), ...theirs.keys()])].map((key) => [key, ours.get(key), theirs.get(key)]);
}

/** Without path identifiers, the paths of a prefix are put side by side in the order of what they say. */
function pairByPrefix(ours: Routes, theirs: Routes, speaker: Listing): Pair[] {
  const group = (routes: Routes, own: boolean) => {
    const text = (facts: Facts) => sortedBy.map((name) => textOf(name, facts, own ? speaker.name : "")).join(";");
    const groups = Map.groupBy(routes, ([key]) => key.split("#")[0] ?? "");
    return new Map(
      [...groups].map(([prefix, list]): [string, Facts[]] => [
        prefix,
        list.map(([, facts]) => facts).sort((a, b) => (text(a) < text(b) ? -1 : 1)),
      ]),
    );
  };
  const [own, other] = [group(ours, true), group(theirs, false)];
  return [...new Set([...own.keys(), ...other.keys()])].flatMap((prefix): Pair[] => {
    const [a, b] = [own.get(prefix) ?? [], other.get(prefix) ?? []];
    // Of another number of paths it cannot be said which one is which.
    if (a.length !== b.length)
      return [[prefix, a.length > b.length ? a[0] : undefined, a.length > b.length ? undefined : b[0]]];
    return a.map((facts, at) => [prefix, facts, b[at]]);
  });
}

/** What tells the paths of a prefix apart best. */
const sortedBy: readonly FactName[] = [
  "origin",
  "med",
  "localPref",
  "communities",
  "originatorId",
  "aggregator",
  "asPath",
  "nextHop",
];

function textOf(name: FactName, facts: Facts, speaker: string): string {
  const value = facts[name];
  if (value === undefined) return "";
  if (name === "extendedCommunities" && speaker === "bird" && Array.isArray(value)) {
    return value
      .map((hex) => birdCommunity(String(hex)))
      .sort()
      .join(" | ");
  }
  return Array.isArray(value) ? value.join(" | ") : String(value);
}

/** As BIRD writes an extended community: the first octet says how the rest is cut, the second what it is for. */
function birdCommunity(hex: string): string {
  const view = new DataView(Uint8Array.fromHex(hex).buffer);
  const type = view.getUint16(0);
  const subtype = type & 0xf0ff;
  const kind = subtype === 2 ? "rt" : subtype === 3 ? "ro" : `unknown 0x${type.toString(16)}`;
  switch (view.getUint8(0) & 0xbf) {
    case 0:
      return `${kind} ${view.getUint16(2)} ${view.getUint32(4)}`;
    case 1:
      return `${kind} ${[2, 3, 4, 5].map((at) => view.getUint8(at)).join(".")} ${view.getUint16(6)}`;
    case 2:
      return `${kind} ${view.getUint32(2)} ${view.getUint16(6)}`;
    default:
      return `generic 0x${view.getUint32(0).toString(16)} 0x${view.getUint32(4).toString(16)}`;
  }
}
