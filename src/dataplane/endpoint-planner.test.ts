import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LocalEndpoint } from "../calc/index.ts";
import type { Link } from "../netlink/index.ts";
import { EndpointChooser } from "./endpoint-chooser.ts";
import { type EndpointPlan, EndpointPlanner } from "./endpoint-plan.ts";
import { address } from "./testing/cluster.ts";

const interfaces = ["tt1", "tt2", "tt3"] as const;
const addresses = ["10.0.0.1", "10.0.0.2", "fd00::1"] as const;

const endpoint = fc
  .record({
    name: fc.constantFrom("a", "b", "c", "d"),
    interfaceName: fc.constantFrom(...interfaces),
    addresses: fc.subarray([...addresses]),
    mac: fc.constantFrom("02:00:00:00:00:01", "02:00:00:00:00:02", undefined),
    profileIds: fc.subarray(["p"]),
  })
  .map(
    ({ name, mac, ...rest }): LocalEndpoint => ({
      id: `WorkloadEndpoint/shop/${name}`,
      namespace: "shop",
      name,
      ...rest,
      ...(mac === undefined ? {} : { mac }),
      addresses: rest.addresses.map(address),
      spoofable: [],
      tiers: [],
    }),
  );

const link = fc
  .record({ index: fc.integer({ min: 2, max: 5 }), name: fc.constantFrom(...interfaces, "eth0"), isUp: fc.nat(4) })
  .map(
    (one): Link => ({
      ...one,
      isUp: one.isUp > 0,
      mac: "ee:ee:ee:ee:ee:ee",
      mtu: 1500,
      isRunning: one.isUp > 0,
      group: 0,
    }),
  );

const manySteps = { minLength: 20, maxLength: 60 };
const step = fc.oneof(
  { weight: 3, arbitrary: endpoint.map((one) => ({ type: "put" as const, endpoint: one })) },
  fc.constantFrom("a", "b", "c", "d").map((name) => ({ type: "delete" as const, id: `WorkloadEndpoint/shop/${name}` })),
  { weight: 3, arbitrary: link.map((one) => ({ type: "link" as const, link: one })) },
  fc.integer({ min: 1, max: 5 }).map((index) => ({ type: "noLink" as const, index })),
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...interfaces), fc.constantFrom("a", "b", "c", "d", undefined))
      .map(([name, owner]) => ({ type: "rules" as const, name, owner })),
  },
  { weight: 4, arbitrary: fc.constant({ type: "allRules" as const }) },
  fc.constant({ type: "noRules" as const }),
  fc.constant({ type: "plan" as const }),
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** As the kernel would hold them: whose rules an interface has. */
class World {
  readonly chooser = new EndpointChooser(true);
  readonly planner = new EndpointPlanner();
  readonly #owners = new Map<string, string>();
  #links = new Map<number, Link>();
  #linkList: readonly Link[] = [];
  #touched = new Set<string>();
  #isAllTouched = false;

  step(one: Step): void {
    if (one.type === "put") this.chooser.put(one.endpoint);
    else if (one.type === "delete") this.chooser.delete(one.id);
    else if (one.type === "link") this.#setLinks(this.#links.set(one.link.index, one.link));
    else if (one.type === "noLink") {
      this.#links.delete(one.index);
      this.#setLinks(this.#links);
    } else if (one.type === "rules") {
      this.#touched.add(one.name);
      if (one.owner === undefined) this.#owners.delete(one.name);
      else this.#owners.set(one.name, one.owner);
    } else if (one.type === "allRules") {
      for (const { interfaceName, name } of this.chooser.choice().active) {
        this.#touched.add(interfaceName);
        this.#owners.set(interfaceName, name);
      }
    } else if (one.type === "noRules") {
      this.#isAllTouched = true;
      this.#owners.clear();
    } else this.plan();
  }

  plan(planner = this.planner): EndpointPlan {
    const isFresh = planner !== this.planner;
    const plan = planner.plan({
      choice: this.chooser.choice(),
      links: this.#linkList,
      canSpoof: true,
      isInForce: ({ interfaceName, name }) => this.#owners.get(interfaceName) === name,
      touched: isFresh || this.#isAllTouched ? "all" : this.#touched,
    });
    if (!isFresh) {
      this.#touched = new Set();
      this.#isAllTouched = false;
    }
    return plan;
  }

  #setLinks(links: Map<number, Link>): void {
    this.#links = links;
    this.#linkList = [...links.values()];
  }
}

test("whatever came and went before, the plan is that of the present endpoints, links and rules", () => {
  fc.assert(
    fc.property(fc.array(step, manySteps), (steps) => {
      const world = new World();
      for (const one of steps) {
        world.step(one);
        if (one.type === "plan") assert.deepEqual(world.plan(), world.plan(new EndpointPlanner()));
      }
      const plan = world.plan();
      assert.deepEqual(plan, world.plan(new EndpointPlanner()));
      const again = world.plan();
      for (const key of ["links", "sysctls", "addresses", "neighbours", "routes"] as const)
        assert.equal(again[key], plan[key]);
    }),
    { numRuns: 1000 },
  );
});

test("an endpoint that only gets other rules leaves all lists as they are", () => {
  fc.assert(
    fc.property(fc.array(step, manySteps), endpoint, (steps, one) => {
      const world = new World();
      for (const step of [...steps, { type: "put" as const, endpoint: one }]) world.step(step);
      const before = world.plan();
      world.step({ type: "put", endpoint: { ...one, profileIds: ["other"] } });
      const after = world.plan();
      assert.deepEqual(after, world.plan(new EndpointPlanner()));
      for (const key of ["links", "sysctls", "addresses", "neighbours", "routes"] as const)
        assert.equal(after[key], before[key]);
    }),
    { numRuns: 300 },
  );
});
