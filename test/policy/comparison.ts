import { type Outcome, type Table, TableRunner } from "../../src/nft/index.ts";
import type { Resource } from "../../src/resources/index.ts";
import { decodeAll } from "./compile.ts";
import { Dice } from "./dice.ts";
import { findHints } from "./packet-hints.ts";
import { focusOf, randomCluster } from "./random-cluster.ts";
import type { Json } from "./random-labels.ts";
import { randomPacket } from "./random-packet.ts";
import type { JudgedPacket } from "./rule-meaning.ts";
import { type Judgement, Semantics } from "./semantics.ts";
import { addressesByInterface, here } from "./world.ts";

/** A cluster and packets to ask it about; the same seed makes the same. */
export type Case = {
  readonly seed: number;
  readonly objects: readonly Json[];
  readonly resources: readonly Resource[];
  readonly packets: readonly JudgedPacket[];
};

export function makeCase(seed: number, packetCount: number): Case {
  const objects = randomCluster(seed);
  const resources = decodeAll(objects);
  if (resources === undefined) throw new Error(`the random cluster of seed ${seed} is not valid`);
  const dice = new Dice(seed ^ 0x5bd1e995);
  const focus = focusOf(seed);
  const hints = findHints(objects);
  const packets = Array.from({ length: packetCount }, () => randomPacket(dice, focus, hints));
  return { seed, objects, resources, packets };
}

/** Those packets of a case that were decided in different ways, as evenly as there are some. */
export function makeVariedCase(seed: number, packetCount: number): JudgedCase {
  const made = makeCase(seed, packetCount * 5);
  const expected = judge(made.resources, made.packets);
  const kept = pickVaried(expected, packetCount);
  return { ...made, packets: kept.map((at) => made.packets[at]!), expected: kept.map((at) => expected[at]!) };
}

/** Places of judgements that came about in different ways, as evenly as there are some. */
export function pickVaried(judgements: readonly Judgement[], count: number): number[] {
  const byWay = Map.groupBy(judgements.keys(), (at) => judgements[at]!.reasons.join());
  const wanted = Math.min(count, judgements.length);
  const chosen: number[] = [];
  for (let round = 0; chosen.length < wanted; round++) {
    for (const group of byWay.values()) chosen.push(...group.slice(round, round + 1));
  }
  return chosen.slice(0, wanted);
}

export type JudgedCase = Case & { readonly expected: readonly Judgement[] };

export function judge(resources: readonly Resource[], packets: readonly JudgedPacket[]): Judgement[] {
  const semantics = new Semantics(resources, { node: here, addressesByInterface });
  return packets.map((packet) => semantics.judge(packet));
}

export type Disagreement = {
  readonly packet: JudgedPacket;
  readonly expected: Judgement;
  readonly outcome: Outcome;
};

/** The first packet that the table treats otherwise than it should. */
export function findDisagreement(
  table: Table,
  packets: readonly JudgedPacket[],
  expected: readonly Judgement[],
): Disagreement | undefined {
  const runner = new TableRunner(table);
  for (const [at, packet] of packets.entries()) {
    const outcome = runner.run(packet);
    const wanted = expected[at]!;
    if (outcome.verdict === wanted.verdict && isSameList(outcome.logged, wanted.logged)) continue;
    return { packet, expected: wanted, outcome };
  }
  return undefined;
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, at) => text === b[at]);
}
