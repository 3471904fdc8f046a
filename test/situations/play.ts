import { type Probe, keyOfProbe } from "./expectation.ts";
import { Judge } from "./judged.ts";
import type { Network } from "./network.ts";
import type { Outcome } from "./prober.ts";
import type { Situation, Step } from "./situation.ts";

type Result = { readonly probes: number; readonly open: number; readonly wrong: readonly string[] };

/** Plays all steps of a situation for real. */
export async function play(situation: Situation, network: Network): Promise<Result> {
  let [probes, open] = [0, 0];
  const wrong: string[] = [];
  for (const [at, step] of situation.steps.entries()) {
    await network.apply(step.resources);
    const asked = step.expected.probes.map((probe) => {
      const isOpen = step.expected.isOpen(probe);
      return { ...probe, isOpen, isAwaited: isOpen || situation.denial === "refused" };
    });
    const outcomes = await network.probe(asked);
    probes += asked.length;
    open += outcomes.filter((outcome) => outcome === "open").length;
    for (const [number, probe] of asked.entries()) {
      const outcome = outcomes[number] ?? "silent";
      if (outcome !== (probe.isOpen ? "open" : situation.denial)) {
        wrong.push(`step ${at + 1}: ${describe(probe, probe.isOpen, outcome)}`);
      }
    }
  }
  return { probes, open, wrong };
}

/** Where the interpreter of the resources does not agree with what a step expects. */
export function findDoubts({ resources, expected }: Step): string[] {
  const judge = new Judge(resources);
  return expected.probes.flatMap((probe) => {
    const isOpen = judge.isOpen(probe);
    return isOpen === expected.isOpen(probe) ? [] : [describe(probe, !isOpen, isOpen ? "open" : "closed")];
  });
}

function describe(probe: Probe, isOpen: boolean, outcome: Outcome): string {
  return `${keyOfProbe(probe)} should be ${isOpen ? "open" : "closed"} and is ${outcome}`;
}
