import assert from "node:assert/strict";
import { type Random, seededRandom } from "../../lib/index.ts";
import type { RibPath } from "../config.ts";
import type { TurnLimits } from "../turn-limits.ts";
import { FullMesh, type MeshPath } from "./full-mesh.ts";
import { ReflectedNetwork, type Shape, ownAs, restartTimeSeconds } from "./reflected-network.ts";
import { type SimulatedSpeaker, Simulation } from "./simulation.ts";

export type Scenario = {
  readonly seed: number;
  readonly shape: Shape;
  /** Things that go wrong, or change, within `faultMs`. */
  readonly faults: number;
  readonly faultMs: number;
  readonly limits?: Partial<TurnLimits>;
  /** How long a turn of the event loop takes at most; 2 when absent. */
  readonly maxTurnMs?: number;
  /** All begin within; 3,000 when absent. */
  readonly startMs?: number;
};

/** So small that all ways of serving a peer are gone. */
export const tightLimits: Partial<TurnLimits> = {
  decided: 50,
  filled: 40,
  walked: 30,
  step: 10,
  lagBytes: 300,
  totalLagBytes: 3000,
  graves: 10_000,
};

/** The longest that something of before may last: routes kept for a peer, then the slowest way back to a session. */
const settleMs = (restartTimeSeconds + 90) * 1000;
const restMs = 40_000;

/** One run: a network comes up, is tormented, and is left alone. */
export class ScenarioRun {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly network: ReflectedNetwork;
  readonly simulation: Simulation;
  readonly faults: string[] = [];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = seededRandom(scenario.seed ^ 0x5eed);
    this.network = new ReflectedNetwork(scenario.shape, this.#random);
    const plans = this.network.members.map(({ plan }) => plan);
    const { seed, limits = {}, maxTurnMs = 2 } = scenario;
    this.simulation = new Simulation(seed, plans, { limits, maxTurnMs });
  }

  /** Throws when the network does not come to what a full mesh would give. */
  run(): void {
    const { simulation } = this;
    const { startMs = 3000 } = this.#scenario;
    for (const speaker of simulation.all) {
      simulation.events.schedule(this.#random() * startMs, () => simulation.start(speaker, false));
    }
    simulation.run(settleMs);
    this.check("after the start");
    const { faults, faultMs } = this.#scenario;
    if (faults === 0) return;
    const beginMs = simulation.events.nowMs;
    for (let i = 0; i < faults; i++) {
      const atMs = beginMs + this.#random() * faultMs;
      simulation.events.schedule(atMs, () => this.#fault(beginMs + faultMs));
    }
    simulation.run(faultMs + 1000);
    this.#mend();
    simulation.run(settleMs);
    this.check("after all faults");
    const before = simulation.routeOutputCount;
    simulation.run(restMs);
    assert.equal(simulation.routeOutputCount, before, "routes still change when nothing happens");
  }

  /** What each host uses against what it would use in a full mesh. */
  check(when: string): void {
    const { simulation, network } = this;
    const routesOf = (name: string) => simulation.speakers.get(name)?.routes ?? [];
    const tables = new FullMesh(network.members, routesOf, ownAs).tables();
    for (const speaker of simulation.all) {
      const expected = tables.get(speaker.name) ?? new Map<string, readonly MeshPath[]>();
      const note = `${when}, ${speaker.name}`;
      this.#checkTable(speaker, expected, note);
      if (speaker.isForwarding) checkKernel(speaker, expected, note);
      for (const { name, state, lastError } of speaker.core.status(simulation.events.nowMs)) {
        assert.equal(state, "established", `${note}: the session with ${name}: ${lastError}`);
      }
    }
    for (const [a, b] of network.links) {
      const [one, other] = [simulation.speakers.get(a), simulation.speakers.get(b)];
      if (one === undefined || other === undefined) continue;
      assert.equal(simulation.connectionCount(one, other), 1, `${when}: connections between ${a} and ${b}`);
    }
  }

  #checkTable(speaker: SimulatedSpeaker, expected: ReadonlyMap<string, readonly MeshPath[]>, note: string): void {
    const seen = new Set<string>();
    for (const { prefix, paths } of speaker.core.routes()) {
      const want = expected.get(prefix);
      const [best] = paths;
      const what = `${note}, ${prefix}`;
      assert.ok(want !== undefined && best?.isBest === true, `${what}: a route too many: ${JSON.stringify(paths)}`);
      seen.add(prefix);
      assert.ok(!paths.some(({ isStale }) => isStale), `${what}: a stale path`);
      if (want.length === 0) {
        assert.equal(best.peer, undefined, `${what}: its own route is not the best`);
        continue;
      }
      assert.deepEqual(comparable(best), want[0], what);
      if (this.#scenario.shape.hasAddPath) {
        const hops = (all: readonly { readonly nextHop?: unknown }[]) =>
          all.map(({ nextHop }) => String(nextHop)).sort();
        assert.deepEqual(hops(paths.filter(({ isUsed }) => isUsed)), hops(want), `${what}: the paths side by side`);
      }
    }
    const missing = [...expected.keys()].filter((prefix) => !seen.has(prefix));
    assert.deepEqual(missing, [], `${note}: missing prefixes`);
  }

  #fault(endMs: number): void {
    const { simulation } = this;
    const random = this.#random;
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] ?? assert.fail();
    const later = (mostMs: number, run: () => void) => {
      const atMs = Math.min(endMs, simulation.events.nowMs + random() * mostMs);
      simulation.events.schedule(atMs, run);
    };
    const [a, b] = pick(this.network.links).map((name) => simulation.speakers.get(name) ?? assert.fail());
    assert.ok(a !== undefined && b !== undefined);
    const one = pick(simulation.all);
    const kind = Math.floor(random() * 10);
    const note = (text: string) => this.faults.push(`${simulation.events.nowMs.toFixed(0)} ms: ${text}`);
    switch (kind) {
      case 0:
        note(`the connection of ${a.name} and ${b.name} is reset`);
        simulation.reset(a, b);
        return;
      case 1:
        note(`nothing passes between ${a.name} and ${b.name}`);
        simulation.cut(a, b);
        later(60_000, () => simulation.heal(a, b));
        return;
      case 2:
        note(`${a.name} does not read what ${b.name} sends`);
        simulation.setStuck(a, b, true);
        later(40_000, () => simulation.setStuck(a, b, false));
        return;
      case 3:
      case 4: {
        if (!one.isUp) return;
        const isSilent = random() < 0.4;
        const isRestart = random() < 0.5;
        note(
          `${one.name} crashes${isSilent ? " silently" : ""}, to come back ${isRestart ? "with" : "without"} its routes`,
        );
        simulation.crash(one, isSilent);
        later(random() < 0.5 ? 5000 : 90_000, () => !one.isUp && simulation.start(one, isRestart));
        return;
      }
      case 5: {
        if (!one.isUp) return;
        const reason = random() < 0.5 ? "restart" : "shutDown";
        note(`${one.name} is stopped to ${reason}`);
        simulation.stop(one, reason);
        later(20_000, () => !one.isUp && simulation.start(one, reason === "restart"));
        return;
      }
      case 6:
      case 7:
        note(`${one.name} has other routes`);
        simulation.originate(one, this.network.routesOf(one.name));
        return;
      case 8:
        note(`${a.name} asks ${b.name} for all its routes`);
        simulation.input(a, { type: "refresh", peer: b.name });
        return;
      default:
        if (random() < 0.5) {
          note(`BFD says to ${a.name} that ${b.name} is gone`);
          simulation.input(a, { type: "bfd", peer: b.name, isUp: false });
          later(5000, () => simulation.input(a, { type: "bfd", peer: b.name, isUp: true }));
          return;
        }
        note("the network is slow");
        simulation.chance.maxDelayMs = 2000;
        later(20_000, () => {
          simulation.chance.maxDelayMs = 20;
        });
    }
  }

  #mend(): void {
    const { simulation } = this;
    simulation.chance.maxDelayMs = 20;
    for (const [a, b] of this.network.links) {
      const [one, other] = [simulation.speakers.get(a), simulation.speakers.get(b)];
      if (one === undefined || other === undefined) continue;
      simulation.heal(one, other);
      simulation.setStuck(one, other, false);
      simulation.setStuck(other, one, false);
      simulation.input(one, { type: "bfd", peer: b, isUp: true });
    }
    for (const speaker of simulation.all) if (!speaker.isUp) simulation.start(speaker, this.#random() < 0.5);
  }
}

function checkKernel(
  speaker: SimulatedSpeaker,
  expected: ReadonlyMap<string, readonly MeshPath[]>,
  note: string,
): void {
  const wanted = [...expected].filter(([, paths]) => paths.length > 0);
  assert.equal(speaker.kernel.size, wanted.length, `${note}: routes in the kernel`);
  for (const [prefix, [best]] of wanted) {
    assert.equal(speaker.kernel.get(prefix)?.paths[0]?.nextHop, best?.nextHop, `${note}, ${prefix}: in the kernel`);
  }
}

function comparable({ nextHop, asPath, localPref, med, communities, isInternal }: RibPath): unknown {
  return { nextHop, asPath, localPref, med, communities, isInternal };
}
