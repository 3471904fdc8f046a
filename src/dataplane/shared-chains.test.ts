import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActivePolicy, LocalEndpoint } from "../calc/index.ts";
import { type NftChange, diffTables } from "../nft/index.ts";
import { PolicyTable } from "./policy-table.ts";
import { address } from "./testing/cluster.ts";

const [first, second] = ["GlobalNetworkPolicy//first", "GlobalNetworkPolicy//second"] as const;

function policy(id: string): ActivePolicy {
  const rule = { action: "Allow", source: {}, destination: {} } as const;
  return { id, tier: "default", ingress: [rule], egress: [] };
}

function endpoint(name: string, ingress: readonly string[]): LocalEndpoint {
  return {
    id: `WorkloadEndpoint/shop/${name}`,
    namespace: "shop",
    name,
    interfaceName: `tt${name}`,
    addresses: [address("10.0.0.1")],
    spoofable: [],
    tiers: [{ name: "default", defaultAction: "Deny", ingress, egress: [] }],
    profileIds: [],
  };
}

function endpoints(policies: Readonly<Record<string, readonly string[]>>): LocalEndpoint[] {
  return Object.entries(policies).map(([name, ids]) => endpoint(name, ids));
}

function tableWith(...active: LocalEndpoint[]): PolicyTable {
  const table = new PolicyTable();
  table.onCalc({ type: "policyUpdate", policy: policy(first) });
  table.setEndpoints(active);
  return table;
}

/** The chains that got other rules, or were made. */
function touched(changes: readonly NftChange[]): string[] {
  return [...new Set(changes.flatMap((change) => (change.type === "addRule" ? [change.chain] : [])))].sort();
}

test("a policy that comes for endpoints that are alike changes one chain, and none of theirs", () => {
  const table = tableWith(...endpoints({ a: [first], b: [first], c: [first], other: [] }));
  const before = table.table();
  table.onCalc({ type: "policyUpdate", policy: policy(second) });
  table.setEndpoints(endpoints({ a: [first, second], b: [first, second], c: [first, second], other: [] }));
  const changed = touched(diffTables(before, table.table()));
  assert.deepEqual(changed, ["global-in/second", "shared-to/tta"]);
});

test("an endpoint that others are like gets two short chains of its own", () => {
  const table = tableWith(...endpoints({ a: [first] }));
  const before = table.table();
  table.setEndpoints(endpoints({ a: [first], b: [first] }));
  const changes = diffTables(before, table.table());
  assert.deepEqual(touched(changes), ["from/ttb", "to/ttb"]);
  assert.equal(changes.filter(({ type }) => type === "addRule").length, 4);
});

test("when the first of those that are alike leaves, the next one gives the name, and the first has a chain to itself", () => {
  const table = tableWith(...endpoints({ a: [first], b: [first], c: [first] }));
  const before = table.table();
  table.setEndpoints(endpoints({ a: [], b: [first], c: [first] }));
  const changed = touched(diffTables(before, table.table()));
  assert.deepEqual(changed, ["shared-to/tta", "shared-to/ttb", "to/ttb", "to/ttc"]);
});

test("endpoints that are alike in one direction share the chain of that direction alone", () => {
  const both = endpoint("b", [first]);
  const egress = both.tiers.map((tier) => ({ ...tier, egress: [first] }));
  const { chains } = tableWith(endpoint("a", [first]), { ...both, tiers: egress }).table();
  const shared = chains.map(({ name }) => name).filter((name) => name.startsWith("shared-"));
  assert.deepEqual(shared, ["shared-to/tta", "shared-from/tta", "shared-from/ttb"]);
});
