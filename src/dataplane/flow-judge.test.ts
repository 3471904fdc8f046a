import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActiveRule, LocalEndpoint } from "../calc/index.ts";
import type { Flow } from "../conntrack/index.ts";
import { FlowJudge } from "./flow-judge.ts";
import { PolicyTable } from "./policy-table.ts";
import { address } from "./testing/cluster.ts";

const any: Pick<ActiveRule, "source" | "destination"> = { source: {}, destination: {} };
const [web4, web6] = [address("10.0.0.1"), address("fd00::1")];
const [other4, other6, host4] = [address("10.9.0.1"), address("fd09::1"), address("192.0.2.1")];

const web: LocalEndpoint = {
  id: "WorkloadEndpoint/shop/web",
  namespace: "shop",
  name: "web",
  interfaceName: "ttweb",
  addresses: [web4, web6],
  spoofable: [],
  tiers: [{ name: "default", defaultAction: "Deny", ingress: ["NetworkPolicy/shop/web"], egress: [] }],
  profileIds: ["open"],
};

function tableWith(ingress: readonly ActiveRule[]) {
  const policies = new PolicyTable();
  const open: ActiveRule[] = [{ action: "Allow", ...any }];
  policies.onCalc({ type: "profileUpdate", profile: { id: "open", tier: "", ingress: open, egress: open } });
  policies.onCalc({
    type: "policyUpdate",
    policy: { id: "NetworkPolicy/shop/web", tier: "default", ingress, egress: [] },
  });
  policies.setEndpoints([web]);
  return policies.table();
}

function flow(source = other4, destination = web4, port = 80, answeredFrom = destination): Flow {
  const original = { source, destination, protocol: 6, ports: [40_000, port] as const };
  return { id: 1, original, reply: { source: answeredFrom, destination: source, protocol: 6, ports: [port, 40_000] } };
}

const only80: ActiveRule = {
  action: "Allow",
  protocol: 6,
  source: {},
  destination: { ports: { ranges: [{ first: 80, last: 80 }], inSets: [] } },
};

test("a connection is forbidden when the rules of now would not let it begin, of both versions", () => {
  const judge = new FlowJudge(tableWith([only80]), [web], new Set([host4]));
  const table: readonly (readonly [Flow, boolean])[] = [
    [flow(other4, web4, 80), false],
    [flow(other4, web4, 81), true],
    [flow(other6, web6, 80), false],
    [flow(other6, web6, 81), true],
    // What the workload began itself is for its egress rules.
    [flow(web4, other4, 81), false],
    // A service that stands for the workload: the rules see the workload.
    [flow(other4, address("172.30.0.1"), 81, web4), true],
    // Of nobody here.
    [flow(other4, other4, 81), false],
    // The host reaches its workloads whatever the rules say.
    [flow(host4, web4, 81), false],
  ];
  for (const [connection, isForbidden] of table)
    assert.equal(judge.isForbidden(connection), isForbidden, JSON.stringify(connection));
});

test("when the policy opens again nothing is forbidden", () => {
  const judge = new FlowJudge(tableWith([{ action: "Allow", ...any }]), [web], new Set());
  assert.equal(judge.isForbidden(flow(other4, web4, 81)), false);
});
