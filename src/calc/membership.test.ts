import assert from "node:assert/strict";
import { test } from "node:test";
import { type Resource, type Rule, keyOf } from "../resources/index.ts";
import { parseSelector, selectorUid } from "../selector/index.ts";
import { CalcGraph } from "./graph.ts";
import type { ActiveEntity, ActiveRule } from "./messages.ts";
import {
  endpoint,
  globalNetworkSet,
  globalPolicy,
  here,
  namespace,
  networkSet,
  policy,
  profile,
} from "./testing/make.ts";
import { Receiver } from "./testing/receiver.ts";

function receive(resources: readonly Resource[]): Receiver {
  const graph = new CalcGraph({ node: here });
  for (const resource of resources) graph.onResource(keyOf(resource), resource);
  graph.onSynced();
  const receiver = new Receiver();
  receiver.receiveAll(graph.flush());
  return receiver;
}

const subject = endpoint("subject", ["10.0.0.100"], { subject: "yes" });

/** The first ingress rule of a policy that applies to `subject`, beside other objects. */
function ruleOf(rule: Rule, others: readonly Resource[], isGlobal = false): { rule: ActiveRule; receiver: Receiver } {
  const spec = { selector: "has(subject)", ingress: [rule] };
  const receiver = receive([subject, isGlobal ? globalPolicy("p", spec) : policy("p", spec), ...others]);
  const [active] = [...receiver.policies.values()];
  return { rule: active!.ingress[0]!, receiver };
}

function membersOf(rule: Rule, others: readonly Resource[], isGlobal = false): string[] | undefined {
  const { rule: active, receiver } = ruleOf(rule, others, isGlobal);
  return receiver.membersOf(active.source.inSet ?? "");
}

const others = [
  namespace("shop", { stage: "live" }),
  namespace("lab", { stage: "test" }),
  endpoint("web", ["10.0.0.1", "fd00::1"], { role: "web" }),
  endpoint("far", ["10.0.1.1"], { role: "web" }, { node: "host-2" }),
  endpoint("probe", ["10.0.2.1"], { role: "web" }, { node: "host-2" }, "lab"),
  endpoint(
    "liar",
    ["10.0.2.9"],
    { "pcns.stage": "live", "projectcalico.org/namespace": "shop" },
    { profiles: [] },
    "lab",
  ),
  networkSet("offices", ["192.0.2.0/24"], { role: "web" }),
  networkSet("labs", ["198.51.100.0/24"], { role: "web" }, "lab"),
  globalNetworkSet("world", ["203.0.113.0/24"], { role: "web" }),
];

const cases: readonly {
  says: string;
  source: Rule["source"];
  isGlobal?: boolean;
  members: readonly string[] | undefined;
}[] = [
  {
    says: "a selector in a namespaced policy means its own namespace",
    source: { selector: "role == 'web'" },
    members: ["10.0.0.1/32", "10.0.1.1/32", "192.0.2.0/24", "fd00::1/128"],
  },
  {
    says: "a selector in a global policy means everything, host or workload, anywhere",
    source: { selector: "role == 'web'" },
    isGlobal: true,
    members: [
      "10.0.0.1/32",
      "10.0.1.1/32",
      "10.0.2.1/32",
      "192.0.2.0/24",
      "198.51.100.0/24",
      "203.0.113.0/24",
      "fd00::1/128",
    ],
  },
  {
    says: "a namespace selector looks at the labels of the namespace",
    source: { namespaceSelector: "stage == 'test'" },
    members: ["10.0.2.1/32", "198.51.100.0/24"],
  },
  {
    says: "nobody gets a namespace's labels by writing them on himself",
    source: { namespaceSelector: "stage == 'live'" },
    members: ["10.0.0.1/32", "10.0.0.100/32", "10.0.1.1/32", "192.0.2.0/24", "fd00::1/128"],
  },
  {
    says: "namespaceSelector all() means what is in some namespace",
    source: { namespaceSelector: "all()", selector: "role == 'web'" },
    members: ["10.0.0.1/32", "10.0.1.1/32", "10.0.2.1/32", "192.0.2.0/24", "198.51.100.0/24", "fd00::1/128"],
  },
  {
    says: "namespaceSelector global() means what is in none",
    source: { namespaceSelector: "global()" },
    members: ["203.0.113.0/24"],
  },
  {
    says: "notSelector alone in a namespaced policy means the rest of the namespace",
    source: { notSelector: "role == 'web'" },
    members: ["10.0.0.100/32"],
  },
  { says: "nets alone look at no object", source: { nets: [] }, members: undefined },
];

for (const { says, source, isGlobal, members } of cases) {
  test(says, () => {
    const rule: Rule = { action: "Allow", ...(source === undefined ? {} : { source }) };
    assert.deepEqual(membersOf(rule, others, isGlobal), members);
  });
}

test("notSelector alone in a global policy is a test on addresses", () => {
  const { rule, receiver } = ruleOf({ action: "Allow", source: { notSelector: "role == 'web'" } }, others, true);
  assert.equal(rule.source.inSet, undefined);
  assert.ok(receiver.membersOf(rule.source.notInSet!)?.includes("203.0.113.0/24"));
});

test("a set is named by the selector", () => {
  const { rule } = ruleOf({ action: "Allow", source: { selector: "role == 'web'" } }, others, true);
  const parsed = parseSelector("role=='web'");
  assert.ok(parsed.ok);
  assert.equal(rule.source.inSet, selectorUid(parsed.value));
});

test("a label that two profiles give is that of the first; an own label beats both", () => {
  const profiles = [
    profile("one", { labelsToApply: { tier: "one", role: "one" } }),
    profile("two", { labelsToApply: { tier: "two", role: "two", more: "two" } }),
  ];
  const labelled = endpoint("labelled", ["10.0.0.7"], { role: "own" }, { profiles: ["one", "two"] });
  const selector = "tier == 'one' && role == 'own' && more == 'two'";
  assert.deepEqual(membersOf({ action: "Allow", source: { selector } }, [labelled, ...profiles]), ["10.0.0.7/32"]);
});

test("named ports hold address, protocol and port of those the selector finds", () => {
  const ports = (protocol: "TCP" | "UDP", port: number) => [
    { name: "api", protocol, port },
    { protocol, port: 9, hostPort: 9 },
  ];
  const servers = [
    endpoint("a", ["10.0.0.1"], { role: "web" }, { ports: ports("TCP", 80) }),
    endpoint("b", ["10.0.0.2"], { role: "web" }, { ports: ports("UDP", 81), node: "host-2" }),
    endpoint("c", ["10.0.0.3"], { role: "db" }, { ports: ports("TCP", 82) }),
    networkSet("offices", ["192.0.2.0/24"], { role: "web" }),
  ];
  const portsOf = (rule: Rule): (string[] | undefined)[] => {
    const { rule: active, receiver } = ruleOf(rule, servers);
    const entity: ActiveEntity = active.destination;
    assert.equal(entity.inSet, undefined);
    return entity.ports!.inSets.map((id) => receiver.membersOf(id));
  };
  const destination = { selector: "role == 'web'", ports: ["api"] };
  assert.deepEqual(portsOf({ action: "Allow", destination }), [["10.0.0.1 6 80", "10.0.0.2 17 81"]]);
  assert.deepEqual(portsOf({ action: "Allow", protocol: 6, destination }), [["10.0.0.1 6 80"]]);
  assert.deepEqual(portsOf({ action: "Allow", protocol: "TCP", destination: { ports: ["api", "none"] } }), [
    ["10.0.0.1 6 80", "10.0.0.3 6 82"],
    [],
  ]);
});

test("policies of one order go by name, namespace and kind as one text", () => {
  const spec = { order: 5 };
  const receiver = receive([
    endpoint("web", ["10.0.0.1"]),
    policy("web", spec),
    policy("web-x", spec),
    policy("web.x", spec),
    policy("web0", spec),
    globalPolicy("web", spec),
    globalPolicy("first", { order: -1 }),
    globalPolicy("zero", { order: 0 }),
    globalPolicy("unordered", {}),
  ]);
  const [only] = [...receiver.endpoints.values()];
  assert.deepEqual(only!.tiers, [
    {
      name: "default",
      defaultAction: "Deny",
      ingress: [
        "GlobalNetworkPolicy//first",
        "GlobalNetworkPolicy//zero",
        "NetworkPolicy/shop/web-x",
        "NetworkPolicy/shop/web.x",
        "GlobalNetworkPolicy//web",
        "NetworkPolicy/shop/web",
        "NetworkPolicy/shop/web0",
        "GlobalNetworkPolicy//unordered",
      ],
      egress: [],
    },
  ]);
});

test("a policy whose tier is missing stays in force, behind the others, and its tier denies", () => {
  const receiver = receive([endpoint("web", ["10.0.0.1"]), policy("a", { tier: "gone" }), policy("b", {})]);
  const [only] = [...receiver.endpoints.values()];
  assert.deepEqual(
    only!.tiers.map(({ name, defaultAction }) => [name, defaultAction]),
    [
      ["default", "Deny"],
      ["gone", "Deny"],
    ],
  );
});

test("policies for untracked and not yet translated packets never reach workloads", () => {
  const receiver = receive([
    endpoint("web", ["10.0.0.1"]),
    globalPolicy("raw", { doNotTrack: true, applyOnForward: true }),
    globalPolicy("early", { preDNAT: true, applyOnForward: true }),
    globalPolicy("forward", { applyOnForward: true }),
  ]);
  assert.deepEqual([...receiver.policies.keys()], ["GlobalNetworkPolicy//forward"]);
});

test("only policies and profiles of endpoints on this host are told", () => {
  const receiver = receive([
    endpoint("web", ["10.0.0.1"], {}, { profiles: ["mine", "missing"] }),
    endpoint("far", ["10.0.1.1"], { role: "far" }, { node: "host-2", profiles: ["theirs"] }),
    policy("far", { selector: "role == 'far'" }),
    profile("mine", {}),
    profile("theirs", {}),
  ]);
  assert.deepEqual([...receiver.policies.keys()], []);
  assert.deepEqual([...receiver.profiles.keys()], ["mine"]);
});
