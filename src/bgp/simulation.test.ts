import assert from "node:assert/strict";
import { test } from "node:test";
import type { Shape } from "./testing/reflected-network.ts";
import { type Scenario, ScenarioRun, tightLimits } from "./testing/scenario.ts";

/** With `npm run soak -- bgp-simulation` many more. */
const seeds = Number(process.env["TORTIE_SIMULATION_SEEDS"] ?? 4);
const firstSeed = Number(process.env["TORTIE_SIMULATION_FIRST_SEED"] ?? 1);

const small: Shape = { tops: 2, pods: 3, leavesPerPod: 4, externals: 3, routesPerLeaf: 3, hasAddPath: false };

function run(scenario: Scenario): string {
  const one = new ScenarioRun(scenario);
  try {
    one.run();
  } catch (error) {
    throw new Error(`seed ${scenario.seed}: ${one.faults.join("; ")}`, { cause: error });
  }
  return one.simulation.trace();
}

for (let i = 0; i < seeds; i++) {
  const seed = firstSeed + i;
  const hasAddPath = seed % 3 === 0;
  const scenario: Scenario = {
    seed,
    shape: hasAddPath ? { ...small, leavesPerPod: 2, hasAddPath } : small,
    faults: 40,
    faultMs: 120_000,
    ...(seed % 2 === 0 ? { limits: tightLimits } : {}),
  };
  test(`a tormented network comes to what a full mesh would give, ${hasAddPath ? "with all paths told" : "by best paths alone"}, seed ${seed}`, () => {
    run(scenario);
  });
}

test("whoever restarts gracefully, and however it went down, costs nobody a route", () => {
  const one = new ScenarioRun({ seed: 5, shape: small, faults: 0, faultMs: 0 });
  one.run();
  const { simulation } = one;
  const losses = () => simulation.all.reduce((sum, { lossCount }) => sum + lossCount, 0);
  const before = losses();
  for (const name of ["top0", "middle1", "leaf3", "external0"]) {
    const speaker = simulation.speakers.get(name)!;
    for (const goDown of [
      () => simulation.stop(speaker, "restart"),
      () => simulation.crash(speaker, false),
      () => simulation.crash(speaker, true),
    ]) {
      goDown();
      simulation.run(4000);
      simulation.start(speaker, true);
      simulation.run(80_000);
      assert.equal(losses(), before, `${name} restarts: prefixes lost somewhere`);
    }
  }
  one.check("after all restarts");
});

test("the same seed gives the same run, octet by octet, and another seed another one", () => {
  const scenario = { seed: 77, shape: { ...small, leavesPerPod: 2 }, faults: 20, faultMs: 60_000 };
  const trace = run(scenario);
  assert.equal(run(scenario), trace);
  assert.notEqual(run({ ...scenario, seed: 78 }), trace);
});

test("200 hosts under two levels of reflectors come to what a full mesh would give, and do so again after faults", () => {
  const shape: Shape = { tops: 3, pods: 8, leavesPerPod: 22, externals: 5, routesPerLeaf: 1, hasAddPath: false };
  run({ seed: 200, shape, faults: 40, faultMs: 60_000, maxTurnMs: 150, startMs: 500 });
});
