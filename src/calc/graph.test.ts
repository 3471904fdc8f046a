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

test("tiers stand in their order, missing ones last, and tell what becomes of what nobody decided", () => {
  const tiersIn = (name: string) => {
    const pair = new Pair();
    for (const resource of states[name]!) pair.graph.onResource(keyOf(resource), resource);
    pair.graph.onSynced();
    pair.flush();
    const [endpoint] = pair.receiver.endpoints.values();
    return endpoint?.tiers.map(({ name, defaultAction }) => `${name} ${defaultAction}`);
  };
  assert.deepEqual(tiersIn("tiers in order"), ["early Pass", "default Deny", "late Deny", "missing Deny"]);
  assert.deepEqual(tiersIn("the tiers are missing"), ["default Deny", "early Deny", "late Deny"]);
  assert.deepEqual(tiersIn("the tiers have other orders"), ["late Deny", "early Deny"]);
});

test("policies of Kubernetes stand beside ours under their own keys, and a bad rule of an administrator denies", () => {
  const pair = new Pair();
  for (const resource of states["policies of Kubernetes"]!) pair.graph.onResource(keyOf(resource), resource);
  pair.graph.onSynced();
  pair.flush();
  const [endpoint] = pair.receiver.endpoints.values();
  assert.deepEqual(
    endpoint?.tiers.map(({ name, ingress }) => [name, ingress]),
    [
      ["kube-admin", ["KubernetesClusterNetworkPolicy//deny"]],
      ["default", ["KubernetesNetworkPolicy/shop/allow-web", "NetworkPolicy/shop/allow-web"]],
    ],
  );
  const deny = pair.receiver.policies.get("KubernetesClusterNetworkPolicy//deny");
  assert.deepEqual(deny?.ingress, [{ action: "Deny", source: {}, destination: {} }]);
  const allow = pair.receiver.policies.get("KubernetesNetworkPolicy/shop/allow-web");
  assert.deepEqual(pair.receiver.membersOf(allow?.ingress[0]?.source.inSet ?? ""), ["10.0.0.3/32"]);
});

test("a rule about a service allows nothing, and denies whatever else it says", () => {
  const pair = new Pair();
  for (const resource of states["a service account and a host"]!) pair.graph.onResource(keyOf(resource), resource);
  pair.graph.onSynced();
  pair.flush();
  const rules = pair.receiver.policies.get("GlobalNetworkPolicy//accounts")?.ingress ?? [];
  assert.deepEqual(pair.receiver.membersOf(rules[0]?.source.inSet ?? ""), ["192.0.2.1/32"]);
  assert.deepEqual(rules.slice(1), [
    { action: "Allow", source: { nets: [] }, destination: {} },
    { action: "Deny", source: {}, destination: {} },
  ]);
});

test("the policies of a host interface have their say in the places they ask for", () => {
  const pair = new Pair();
  for (const resource of states["an interface of the host"]!) pair.graph.onResource(keyOf(resource), resource);
  pair.graph.onSynced();
  pair.flush();
  assert.deepEqual([...pair.receiver.hostEndpoints.keys()].sort(), ["HostEndpoint//outer", "HostEndpoint//rest"]);
  const outer = pair.receiver.hostEndpoints.get("HostEndpoint//outer");
  const tier = (defaultAction: string, ingress: readonly string[], egress: readonly string[] = []) => [
    { name: "default", defaultAction, ingress: ingress.map(global), egress: egress.map(global) },
  ];
  const global = (name: string) => `GlobalNetworkPolicy//${name}`;
  assert.deepEqual(outer?.normal, tier("Deny", ["through", "ssh"], ["ssh"]));
  assert.deepEqual(outer?.forward, tier("Deny", ["through", "early", "flood"]));
  assert.deepEqual(outer?.untracked, tier("Pass", ["flood"]));
  assert.deepEqual(outer?.preDnat, tier("Pass", ["early"]));
  assert.deepEqual(outer?.profileIds, ["live"]);
  assert.deepEqual(pair.receiver.hostEndpoints.get("HostEndpoint//rest")?.normal, []);
  const [endpoint] = pair.receiver.endpoints.values();
  assert.deepEqual(endpoint?.tiers, [], "none of them reaches the workload");
});

test("objects of kinds of no concern change nothing", () => {
  const pair = new Pair();
  pair.graph.onSynced();
  pair.flush();
  pair.graph.onResource("IPAMHandle//handle", undefined);
  assert.deepEqual(pair.graph.flush(), []);
});
