import assert from "node:assert/strict";
import { test } from "node:test";
import { formatProblem } from "../lib/index.ts";
import { readProbe } from "./probe.ts";
import { readModel } from "./read-model.ts";

const v3 = "projectcalico.org/v3";
const workloads = [
  {
    namespace: "x",
    name: "a",
    labels: { app: "web" },
    ip: "10.1.0.1",
    ips: ["fd00::1"],
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  },
  { namespace: "x", name: "b", labels: { app: "db" }, ip: "10.1.0.2", serviceAccount: "robot" },
  { namespace: "y", name: "c", labels: {}, ip: "10.1.0.3", ips: ["fd00::3"] },
];
const base = { namespaces: { x: { team: "blue" }, y: { team: "red" } }, workloads };
const tcp80 = { protocol: "TCP", port: 80 };

function denied(model: object, ...probes: object[]): string[] {
  const read = readModel({ ...base, ...model });
  assert.ok(read.ok, JSON.stringify(read));
  const all = (probes.length === 0 ? [tcp80] : probes).map((probe) => {
    const result = readProbe(probe, "");
    assert.ok(result.ok);
    return result.value;
  });
  return read.value.denied(all).map(([at, from, to]) => `${at} ${from} ${to}`);
}

const policy = (kind: string, spec: object, metadata: object = {}) => ({
  apiVersion: v3,
  kind,
  metadata: { name: "p", ...metadata },
  spec,
});

test("without policies all may talk, but not those without profiles that allow", () => {
  assert.deepEqual(denied({}), []);
  assert.deepEqual(denied({ workloads: [...workloads.slice(0, 2), { ...workloads[2], profiles: ["missing"] }] }), [
    "0 x/a y/c",
    "0 x/b y/c",
    "0 y/c x/a",
    "0 y/c x/b",
  ]);
});

test("policies of both sorts are put into force, and staged ones are not", () => {
  const deny = policy("NetworkPolicy", { selector: "app == 'web'" }, { namespace: "x" });
  assert.deepEqual(denied({ policies: [deny] }), ["0 x/b x/a", "0 y/c x/a"]);
  assert.deepEqual(denied({ policies: [{ ...deny, kind: "StagedNetworkPolicy" }] }), []);
  const kubernetes = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "p", namespace: "x" },
    spec: {
      podSelector: { matchLabels: { app: "web" } },
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: "red" } } }], ports: [{ port: "http" }] }],
    },
  };
  assert.deepEqual(denied({ policies: [kubernetes] }, tcp80, { protocol: "TCP", port: 8080 }), [
    "0 x/b x/a",
    "0 y/c x/a",
    "1 x/b x/a",
  ]);
});

test("tiers come in their order; what a missing one captures is denied", () => {
  const tier = (name: string, spec: object) => policy("Tier", spec, { name });
  const pass = policy("GlobalNetworkPolicy", { tier: "early", ingress: [{ action: "Pass" }] }, { name: "pass" });
  const deny = policy("GlobalNetworkPolicy", { tier: "late", selector: "app == 'db'" }, { name: "deny" });
  const both = ["0 x/a x/b", "0 y/c x/b"];
  assert.deepEqual(denied({ policies: [pass, deny, tier("early", { order: 1 }), tier("late", {})] }), both);
  assert.deepEqual(denied({ policies: [pass, deny] }), both);
  assert.deepEqual(denied({ policies: [deny, tier("late", { defaultAction: "Pass" })] }), []);
});

test("service accounts and namespaces hand their labels on", () => {
  const rule = { action: "Deny", source: { serviceAccounts: { selector: "team == 'blue'" } } };
  const policies = [policy("GlobalNetworkPolicy", { ingress: [rule, { action: "Allow" }] })];
  assert.deepEqual(denied({ policies }), []);
  assert.deepEqual(denied({ policies, serviceAccounts: { "x/robot": { team: "blue" } } }), ["0 x/b x/a", "0 x/b y/c"]);
});

test("a packet goes between the first addresses of its version, or not at all", () => {
  const policies = [policy("GlobalNetworkPolicy", { selector: "all()" })];
  assert.equal(denied({ policies }).length, 6);
  assert.deepEqual(denied({ policies }, { ...tcp80, ipVersion: 6 }), ["0 x/a y/c", "0 y/c x/a"]);
  const ping = [
    policy("GlobalNetworkPolicy", { ingress: [{ action: "Allow", protocol: "ICMPv6", icmp: { type: 128 } }] }),
  ];
  assert.deepEqual(denied({ policies: ping }, { protocol: "ICMPv6", ipVersion: 6 }), []);
  assert.equal(denied({ policies: ping }, { protocol: "ICMPv6", ipVersion: 6, icmpType: 129 }).length, 2);
});

test("a verdict names the rule that had the last word", () => {
  const policies = [policy("NetworkPolicy", { ingress: [{ action: "Deny", protocol: "TCP" }] }, { namespace: "x" })];
  const model = readModel({ ...base, policies });
  const probe = readProbe(tcp80, "");
  assert.ok(model.ok && probe.ok);
  assert.deepEqual(model.value.judge("y/c", "x/a", probe.value), {
    isAllowed: false,
    reason: "NetworkPolicy/x/p ingress[0]",
  });
  assert.deepEqual(model.value.judge("x/a", "y/c", probe.value), { isAllowed: true, reason: "kns.y ingress[0]" });
});

test("what is wrong with a model is told with its place", () => {
  const linesOf = (model: object) => {
    const read = readModel({ ...base, ...model });
    return read.ok ? [] : read.problems.map(formatProblem);
  };
  assert.deepEqual(linesOf({ workloads: [{ namespace: "x", name: "a", ip: "x" }] }), [
    "model.workloads[0].ip: must be an address",
  ]);
  assert.deepEqual(linesOf({ workloads: [workloads[0], workloads[0]] }), [
    "model.workloads: two of them have the same name",
  ]);
  assert.match(
    linesOf({ policies: [policy("NetworkPolicy", { order: "1" })] })[0]!,
    /^model\.policies\[0\]\.spec\.order: /,
  );
  assert.match(linesOf({ policies: [policy("Node", {})] })[0]!, /^model\.policies\[0\]\.kind: /);
  for (const probe of [
    5,
    {},
    { protocol: "tcp", port: 1 },
    { protocol: "TCP" },
    { ...tcp80, ipVersion: 5 },
    { ...tcp80, sourcePort: -1 },
  ]) {
    assert.ok(!readProbe(probe, "probes[0]").ok);
  }
});
