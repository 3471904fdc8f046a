import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Resource, keyOf } from "../resources/index.ts";
import { CalcGraph } from "./graph.ts";
import { here } from "./testing/make.ts";
import { Receiver } from "./testing/receiver.ts";
import { states } from "./testing/states.ts";

type Change = readonly [key: string, resource: Resource | undefined];

/** A graph and whoever listens to it. */
class Pair {
  readonly graph = new CalcGraph({ node: here });
  readonly receiver = new Receiver();

  flush(): void {
    this.receiver.receiveAll(this.graph.flush());
  }
}

function changesBetween(from: readonly Resource[], to: readonly Resource[]): Change[] {
  const next = new Map(to.map((resource) => [keyOf(resource), resource]));
  const gone = from.map(keyOf).filter((key) => !next.has(key));
  return [...gone.map((key): Change => [key, undefined]), ...next];
}

function fromScratch(resources: readonly Resource[]): unknown {
  const pair = new Pair();
  for (const resource of resources) pair.graph.onResource(keyOf(resource), resource);
  pair.graph.onSynced();
  pair.flush();
  return pair.receiver.state();
}

/** Ways to go from one state to the next. */
const expanders: Readonly<Record<string, (pair: Pair, changes: readonly Change[]) => void>> = {
  "all at once": (pair, changes) => {
    for (const [key, resource] of changes) pair.graph.onResource(key, resource);
  },
  "in reverse": (pair, changes) => {
    for (const [key, resource] of changes.toReversed()) pair.graph.onResource(key, resource);
  },
  "one by one": (pair, changes) => {
    for (const [key, resource] of changes) {
      pair.graph.onResource(key, resource);
      pair.flush();
    }
  },
  "one by one in reverse": (pair, changes) => {
    for (const [key, resource] of changes.toReversed()) {
      pair.graph.onResource(key, resource);
      pair.flush();
    }
  },
  "with each object deleted and put again": (pair, changes) => {
    for (const [key, resource] of changes) {
      pair.graph.onResource(key, resource);
      pair.flush();
      pair.graph.onResource(key, undefined);
      pair.flush();
      pair.graph.onResource(key, resource);
    }
  },
  "with deletions of what was never there in between": (pair, changes) => {
    for (const [key, resource] of changes) {
      for (const stranger of [
        "WorkloadEndpoint/shop/none",
        "NetworkPolicy/shop/none",
        "Namespace//none",
        "Profile//none",
      ]) {
        pair.graph.onResource(stranger, undefined);
      }
      pair.graph.onResource(key, resource);
      pair.flush();
      pair.flush();
    }
  },
  "with every change told twice": (pair, changes) => {
    for (const [key, resource] of [...changes, ...changes]) pair.graph.onResource(key, resource);
  },
};

for (const [way, expand] of Object.entries(expanders)) {
  test(`going from any state to any other ${way} ends where a fresh start does`, () => {
    const names = Object.keys(states);
    const wanted = new Map(names.map((name) => [name, fromScratch(states[name]!)]));
    for (const from of names) {
      const pair = new Pair();
      pair.graph.onSynced();
      let present: readonly Resource[] = [];
      for (const name of names.flatMap((to) => [from, to, "empty"])) {
        expand(pair, changesBetween(present, states[name]!));
        pair.flush();
        present = states[name]!;
        assert.deepEqual(pair.receiver.state(), wanted.get(name), `${from} to ${name}`);
        assert.deepEqual(pair.graph.flush(), [], "what was told is not told again");
      }
    }
  });
}

test("any sequence of changes and flushes ends where a fresh start does", () => {
  const pool = Object.values(states).flat();
  const step = fc.record({ at: fc.nat({ max: pool.length - 1 }), isGone: fc.boolean(), isFlush: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pair = new Pair();
      pair.graph.onSynced();
      const present = new Map<string, Resource>();
      for (const { at, isGone, isFlush } of steps) {
        const resource = pool[at]!;
        const key = keyOf(resource);
        if (isGone) present.delete(key);
        else present.set(key, resource);
        pair.graph.onResource(key, isGone ? undefined : resource);
        if (isFlush) pair.flush();
      }
      pair.flush();
      assert.deepEqual(pair.receiver.state(), fromScratch([...present.values()]));
    }),
    { numRuns: 300 },
  );
});

test("nothing is told before the first sync", () => {
  const pair = new Pair();
  for (const resource of states["a policy with subject and peers"]!) pair.graph.onResource(keyOf(resource), resource);
  assert.deepEqual(pair.graph.flush(), []);
  pair.graph.onSynced();
  assert.notDeepEqual(pair.graph.flush(), []);
});

test("objects of kinds of no concern change nothing", () => {
  const pair = new Pair();
  pair.graph.onSynced();
  pair.flush();
  pair.graph.onResource("IPAMHandle//handle", undefined);
  assert.deepEqual(pair.graph.flush(), []);
});
