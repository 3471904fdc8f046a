import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ActivePolicy, CalcMessage, LocalEndpoint } from "../calc/index.ts";
import { type Table, diffTables } from "../nft/index.ts";
import { PolicyTable } from "./policy-table.ts";
import { RulesInForce } from "./rules-in-force.ts";
import { address, cidr } from "./testing/cluster.ts";
import { listTable } from "./testing/list-table.ts";

const setIds = ["s:a", "s:b"];
const policyIds = ["GlobalNetworkPolicy//p", "GlobalNetworkPolicy//q"];
const nets = ["10.0.0.1/32", "10.0.0.2/32", "10.0.1.0/24", "fd00::1/128", "fd00:1::/64"].map(cidr);

/** All that is told, by now: enough to start anew. */
type Facts = {
  readonly members: ReadonlyMap<string, ReadonlySet<(typeof nets)[number]>>;
  readonly policies: ReadonlyMap<string, ActivePolicy>;
  readonly endpoints: readonly LocalEndpoint[];
  readonly refused: readonly string[];
};

function policy(id: string, isAllowed: boolean): ActivePolicy {
  const rule = { action: isAllowed ? "Allow" : "Deny", source: { inSet: "s:a" }, destination: {} } as const;
  return { id, tier: "default", ingress: [rule], egress: isAllowed ? [] : [rule] };
}

function endpoint(name: string, ids: readonly string[], isSpoofing: boolean): LocalEndpoint {
  return {
    id: `WorkloadEndpoint/shop/${name}`,
    namespace: "shop",
    name,
    interfaceName: `tt${name.slice(0, 1)}`,
    addresses: [address("10.0.0.1")],
    spoofable: isSpoofing ? [cidr("10.9.0.0/16")] : [],
    tiers: ids.length === 0 ? [] : [{ name: "default", defaultAction: "Deny", ingress: ids, egress: ids }],
    profileIds: [],
  };
}

const step = fc.oneof(
  fc.record({ type: fc.constant("set" as const), id: fc.constantFrom(...setIds), nets: fc.subarray(nets) }),
  fc.record({
    type: fc.constant("members" as const),
    id: fc.constantFrom(...setIds),
    added: fc.subarray(nets),
    removed: fc.subarray(nets),
  }),
  fc.record({ type: fc.constant("policy" as const), id: fc.constantFrom(...policyIds), isAllowed: fc.boolean() }),
  fc.record({ type: fc.constant("policyGone" as const), id: fc.constantFrom(...policyIds) }),
  fc.record({
    type: fc.constant("endpoints" as const),
    names: fc.subarray(["a1", "b1", "c1", "d1"]),
    ids: fc.subarray(policyIds),
    isSpoofing: fc.boolean(),
    refused: fc.subarray(["tty", "ttz"]),
  }),
  fc.constant({ type: "look" as const }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(table: PolicyTable, facts: Facts, one: Step): Facts {
  const tell = (message: CalcMessage) => table.onCalc(message);
  switch (one.type) {
    case "set":
      tell({ type: "setUpdate", id: one.id, members: { type: "nets", nets: one.nets } });
      return { ...facts, members: new Map([...facts.members, [one.id, new Set(one.nets)]]) };
    case "members": {
      const before = facts.members.get(one.id) ?? new Set();
      const added = one.added.filter((net) => !before.has(net));
      const removed = one.removed.filter((net) => before.has(net));
      const change = { added: { type: "nets", nets: added }, removed: { type: "nets", nets: removed } } as const;
      tell({ type: "setChange", id: one.id, ...change });
      const after = before.difference(new Set(removed)).union(new Set(added));
      return { ...facts, members: new Map([...facts.members, [one.id, after]]) };
    }
    case "policy": {
      const told = policy(one.id, one.isAllowed);
      tell({ type: "policyUpdate", policy: told });
      return { ...facts, policies: new Map([...facts.policies, [one.id, told]]) };
    }
    case "policyGone":
      tell({ type: "policyRemove", id: one.id });
      return { ...facts, policies: new Map([...facts.policies].filter(([id]) => id !== one.id)) };
    case "endpoints": {
      const kept = new Map(facts.endpoints.map((known) => [known.name, known]));
      const endpoints = one.names.map((name) => {
        const known = kept.get(name);
        // Most endpoints stay as they are, as the same objects.
        return known !== undefined && !one.isSpoofing ? known : endpoint(name, one.ids, one.isSpoofing);
      });
      table.setEndpoints(endpoints, one.refused);
      return { ...facts, endpoints, refused: one.refused };
    }
    case "look":
      table.table();
      return facts;
  }
}

function fromScratch({ members, policies, endpoints, refused }: Facts): Table {
  const table = new PolicyTable();
  for (const [id, set] of members) table.onCalc({ type: "setUpdate", id, members: { type: "nets", nets: [...set] } });
  for (const told of policies.values()) table.onCalc({ type: "policyUpdate", policy: told });
  table.setEndpoints(endpoints, refused);
  return table.table();
}

/** Chains in the order of their names. */
function list(table: Table): string {
  return listTable({ ...table, chains: table.chains.toSorted((a, b) => (a.name < b.name ? -1 : 1)) });
}

test("whatever came before, the table is the one that is made of what holds by now, and the kernel is led to it", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const table = new PolicyTable();
      const inForce = new RulesInForce();
      let facts: Facts = { members: new Map(), policies: new Map(), endpoints: [], refused: [] };
      for (const id of setIds) facts = take(table, facts, { type: "set", id, nets: [] });
      let present = table.table();
      for (const one of steps) {
        facts = take(table, facts, one);
        if (one.type !== "look") continue;
        const wanted = table.table();
        // The same as between copies, which have no object in common.
        const told = diffTables(present, wanted).length;
        assert.equal(told, diffTables(structuredClone(present), structuredClone(wanted)).length);
        inForce.update(wanted);
        present = wanted;
      }
      const wanted = table.table();
      assert.equal(list(wanted), list(fromScratch(facts)));
      inForce.update(wanted);
      const fresh = new RulesInForce();
      fresh.update(structuredClone(wanted));
      const known = [...facts.endpoints, endpoint("x1", [], false), endpoint("a2", [], false)];
      for (const one of known) assert.equal(inForce.has(one), fresh.has(one));
    }),
    { numRuns: 150 },
  );
});
