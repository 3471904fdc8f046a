import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../src/lib/index.ts";
import { runTable } from "../../src/nft/index.ts";
import { judge } from "./comparison.ts";
import { compile, decodeAll } from "./compile.ts";
import type { Json } from "./random-labels.ts";
import type { JudgedPacket } from "./rule-meaning.ts";
import { addressOf, here, versions, wayTo } from "./world.ts";

const apiVersion = "projectcalico.org/v3";
const allow = { action: "Allow" };
const deny = { action: "Deny" };
const pass = { action: "Pass" };
const everything = { ingress: [allow], egress: [allow], types: ["Ingress", "Egress"] };

function workload(digit: number, spec: Json = {}, labels: Json = {}): Json {
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { name: `w${digit}`, namespace: "blue", labels: { name: `w${digit}`, ...labels } },
    spec: {
      node: here,
      orchestrator: "k8s",
      interfaceName: digit === 3 ? "tap3" : `tt${digit}`,
      ipNetworks: versions.map((version) => addressOf(digit, version)),
      ...spec,
    },
  };
}

function object(kind: string, name: string, spec: Json, more: Json = {}): Json {
  return { apiVersion, kind, metadata: { name, ...more }, spec };
}

const policy = (name: string, spec: Json) => object("GlobalNetworkPolicy", name, { types: ["Ingress"], ...spec });
/** Opens every workload for what nobody else decides. */
const open = policy("zz-open", { namespaceSelector: "all()", ...everything });

/** TCP from one digit's address to another's, of IPv4, unless said otherwise. */
function packet(from: number, to: number, more: Partial<JudgedPacket> = {}, version: 4 | 6 = 4): JudgedPacket {
  const [source, destination] = [addressOf(from, version), addressOf(to, version)];
  const [input, output] = [wayTo(source), wayTo(destination)];
  return {
    source,
    destination,
    protocol: 6,
    ports: [40_000, 80],
    state: "new",
    isSourceReal: true,
    ...(input === undefined ? {} : { inputName: input }),
    ...(output === undefined ? {} : { outputName: output }),
    ...more,
  };
}

/** Both the meaning and the table have to say so. */
function expectAll(
  objects: readonly Json[],
  expectations: readonly (readonly [JudgedPacket, "accept" | "drop"])[],
): void {
  const resources = decodeAll(objects) ?? assert.fail("the resources are not valid");
  const packets = expectations.map(([one]) => one);
  const table = compile(resources);
  const judged = judge(resources, packets);
  for (const [at, [one, expected]] of expectations.entries()) {
    assert.equal(judged[at]?.verdict, expected, `meaning: ${JSON.stringify([one, judged[at]])}`);
    assert.equal(runTable(table, one).verdict, expected, `table: ${JSON.stringify(one)}`);
  }
}

const pair = [workload(1), workload(2)];

test("of two policies of one order the name decides, as a whole text", () => {
  const first = policy("web-x", { order: 1, ingress: [allow] });
  const second = policy("web", { order: 1, ingress: [deny] });
  expectAll([...pair, first, second], [[packet(6, 1), "accept"]]);
});

test("a negative order comes before none at all, and 0 between them", () => {
  const last = policy("a", { ingress: [allow] });
  const zero = policy("b", { order: 0, ingress: [deny] });
  const negative = policy("c", { order: -1, ingress: [allow] });
  expectAll([...pair, last, zero], [[packet(6, 1), "drop"]]);
  expectAll([...pair, last, zero, negative], [[packet(6, 1), "accept"]]);
});

test("a tier whose policies select others is skipped, whatever it does at its end", () => {
  const alpha = object("Tier", "alpha", { order: 1 });
  const other = policy("other", { tier: "alpha", selector: "name == 'w2'", ingress: [allow] });
  const passing = policy("passing", { ingress: [pass] });
  expectAll(
    [workload(1, { profiles: ["projectcalico-default-allow"] }), alpha, other, passing],
    [[packet(6, 1), "accept"]],
  );
});

test("a tier with staged policies alone lets on, and a tier that is missing denies", () => {
  const staged = object("StagedGlobalNetworkPolicy", "staged", { types: ["Ingress"], ingress: [deny], tier: "alpha" });
  expectAll([...pair, object("Tier", "alpha", { order: 1 }), staged, open], [[packet(6, 1), "accept"]]);
  const lost = policy("lost", { tier: "nowhere", ingress: [] });
  const passing = policy("passing", { ingress: [pass] });
  expectAll([workload(1, { profiles: ["projectcalico-default-allow"] }), lost, passing], [[packet(6, 1), "drop"]]);
});

test("a list of the other IP version rules a rule out, be it one of exceptions", () => {
  const nets = policy("nets", { ingress: [{ ...allow, source: { nets: ["10.0.0.0/8"] } }] });
  const notNets = policy("not-nets", { ingress: [{ ...allow, source: { notNets: ["192.0.2.0/24"] } }] });
  for (const one of [nets, notNets]) {
    expectAll(
      [...pair, one],
      [
        [packet(6, 1), "accept"],
        [packet(6, 1, {}, 6), "drop"],
      ],
    );
  }
});

test("notSelector alone stays within the namespace of its policy, and in a global policy means unknown addresses too", () => {
  const rule = { ...allow, source: { notSelector: "name == 'w2'" } };
  const spec = { types: ["Ingress"], selector: "name == 'w1'", ingress: [rule] };
  const sender = policy("sender", { types: ["Egress"], egress: [allow] });
  const third = { ...workload(3), metadata: { name: "w3", namespace: "red" } };
  const all = [...pair, third, sender];
  expectAll(
    [...all, object("NetworkPolicy", "p", spec, { namespace: "blue" })],
    [
      [packet(2, 1), "drop"],
      [packet(3, 1), "drop"],
      [packet(6, 1), "drop"],
    ],
  );
  expectAll(
    [...all, object("GlobalNetworkPolicy", "p", spec)],
    [
      [packet(2, 1), "drop"],
      [packet(3, 1), "accept"],
      [packet(6, 1), "accept"],
    ],
  );
});

test("all() means workloads and sets of namespaces, global() what is in none", () => {
  const globalSet = object("GlobalNetworkSet", "far", { nets: ["10.0.0.7/32"] });
  const host = object("HostEndpoint", "eth0", { node: "host-2", interfaceName: "eth0", expectedIPs: ["10.0.0.6"] });
  const rule = (namespaceSelector: string) =>
    policy("p", { selector: "name == 'w1'", ingress: [{ ...allow, source: { namespaceSelector } }] });
  const sender = policy("sender", { types: ["Egress"], egress: [allow] });
  expectAll(
    [...pair, globalSet, host, sender, rule("all()")],
    [
      [packet(2, 1), "accept"],
      [packet(6, 1), "drop"],
      [packet(7, 1), "drop"],
    ],
  );
  expectAll(
    [...pair, globalSet, host, sender, rule("global()")],
    [
      [packet(2, 1), "drop"],
      [packet(6, 1), "accept"],
      [packet(7, 1), "accept"],
    ],
  );
});

test("profiles are asked in their order; Pass leads to the next, and one that is missing says nothing", () => {
  const profile = (name: string, ingress: readonly Json[]) => object("Profile", name, { ingress });
  const all = [profile("yes", [allow]), profile("no", [deny]), profile("pass", [pass, deny])];
  const verdictOf = (profiles: readonly string[], verdict: "accept" | "drop") =>
    expectAll([workload(1, { profiles }), ...all], [[packet(6, 1), verdict]]);
  verdictOf(["yes", "no"], "accept");
  verdictOf(["no", "yes"], "drop");
  verdictOf(["missing", "pass", "yes"], "accept");
  verdictOf(["missing"], "drop");
});

test("failsafe ports stay open in the face of Deny, where it is about the host itself", () => {
  const outer = object("HostEndpoint", "outer", { node: here, interfaceName: "eth0" });
  const closed = policy("closed", { applyOnForward: true, ingress: [deny] });
  const ssh = { ports: [40_000, 22] } as const;
  expectAll(
    [...pair, open, outer, closed],
    [
      [packet(6, 8, ssh), "accept"],
      [packet(6, 8), "drop"],
      [packet(6, 1, ssh), "drop"],
    ],
  );
});

test("what passes through a host is asked about only by policies that ask for it", () => {
  const outer = object("HostEndpoint", "outer", { node: here, interfaceName: "eth0" });
  const normal = policy("normal", { selector: "!has(name)", ingress: [deny] });
  expectAll(
    [...pair, outer, open, normal],
    [
      [packet(6, 1), "accept"],
      [packet(6, 7), "accept"],
      [packet(6, 8), "drop"],
    ],
  );
});

test("both ends on one host have to allow", () => {
  const receiver = policy("receiver", {
    selector: "name == 'w1'",
    ingress: [{ ...allow, protocol: "TCP", destination: { ports: [80] } }],
  });
  const sender = policy("sender", {
    selector: "name == 'w2'",
    types: ["Egress"],
    egress: [{ ...allow, protocol: "TCP", destination: { ports: [80, 81] } }],
  });
  expectAll(
    [...pair, receiver, sender],
    [
      [packet(2, 1), "accept"],
      [packet(2, 1, { ports: [1, 81] }), "drop"],
      [packet(2, 1, { ports: [1, 82] }), "drop"],
    ],
  );
});

test("a workload finds its gateway although it may not send, and nobody answers for it", () => {
  const neighbour = { protocol: 58, icmp: { type: 135, code: 0 } };
  const closed = policy("closed", { types: ["Egress"], egress: [deny] });
  const { ports: _, ...plain } = packet(1, 8, neighbour, 6);
  expectAll(
    [...pair, closed],
    [
      [plain, "accept"],
      [{ ...plain, icmp: { type: 128, code: 0 } }, "drop"],
      [{ ...plain, icmp: { type: 134, code: 0 } }, "drop"],
    ],
  );
});

test("a forged source is dropped although everything is allowed", () => {
  expectAll(
    [...pair, open],
    [
      [packet(1, 2), "accept"],
      [packet(1, 2, { source: parseAddress("10.0.0.6")!, isSourceReal: false }), "drop"],
      [packet(1, 2, { source: parseAddress("10.0.0.6")!, isSourceReal: false, state: "established" }), "drop"],
    ],
  );
});

test("an endpoint that asks for other sources without leave is refused as a whole, however its interface is named", () => {
  const asking = { allowSpoofedSourcePrefixes: ["10.0.0.6/32"] };
  const leave = object("FelixConfiguration", "default", { workloadSourceSpoofing: "Any" });
  for (const digit of [1, 3]) {
    const other = digit === 1 ? 2 : 1;
    const all = [workload(digit, asking), workload(other), open];
    const forged = packet(digit, other, { source: parseAddress("10.0.0.6")!, isSourceReal: false });
    expectAll(all, [
      [packet(digit, other), "drop"],
      [packet(other, digit), "drop"],
      [packet(6, digit, { state: "established" }), "drop"],
      [packet(digit, 8), "drop"],
    ]);
    expectAll(
      [...all, leave],
      [
        [packet(digit, other), "accept"],
        [forged, "accept"],
      ],
    );
  }
});

test("a named port is that of each endpoint by itself: its number, its protocol, its address", () => {
  const tcp = workload(1, { ports: [{ name: "dns", protocol: "TCP", port: 80 }] });
  const udp = workload(2, {
    ports: [{ name: "dns", protocol: "UDP", port: 80 }],
    ipNetworks: ["10.0.0.2", "10.0.0.3"],
  });
  const rule = policy("dns", { ingress: [{ ...allow, destination: { ports: ["dns"] } }] });
  expectAll(
    [tcp, udp, rule],
    [
      [packet(6, 1), "accept"],
      [packet(6, 2), "drop"],
      [packet(6, 1, { protocol: 17 }), "drop"],
      [packet(6, 2, { protocol: 17 }), "accept"],
      [packet(6, 2, { protocol: 17, ports: [1, 53] }), "drop"],
    ],
  );
  const named = policy("dns", { ingress: [{ ...allow, protocol: "TCP", destination: { ports: ["dns"] } }] });
  expectAll([tcp, udp, named], [[packet(6, 2, { protocol: 17 }), "drop"]]);
});

test("a network set may be everything, and its prefixes may lie within each other", () => {
  const set = object(
    "GlobalNetworkSet",
    "all",
    { nets: ["0.0.0.0/0", "10.0.0.0/29", "10.0.0.6/32"] },
    { labels: { is: "all" } },
  );
  const rule = policy("p", { ingress: [{ ...allow, source: { selector: "is == 'all'" } }] });
  expectAll(
    [...pair, set, rule],
    [
      [packet(6, 1), "accept"],
      [packet(6, 1, {}, 6), "drop"],
    ],
  );
});

test("what a policy before address translation or tracking does not decide goes on; Deny is the end", () => {
  const outer = object("HostEndpoint", "outer", {
    node: here,
    interfaceName: "eth0",
    profiles: ["projectcalico-default-allow"],
  });
  const udp = { protocol: 17 };
  for (const place of ["preDNAT", "doNotTrack"]) {
    const early = policy("early", {
      [place]: true,
      applyOnForward: true,
      ingress: [
        { ...deny, protocol: "UDP" },
        { ...pass, protocol: "TCP" },
      ],
    });
    expectAll(
      [outer, early],
      [
        [packet(6, 8), "accept"],
        [packet(6, 8, udp), "drop"],
        [packet(6, 7, udp), "drop"],
      ],
    );
  }
});

test("the endpoint of all interfaces leaves workloads and the host with itself alone", () => {
  const rest = object("HostEndpoint", "rest", { node: here, interfaceName: "*" });
  const closed = policy("closed", { selector: "!has(name)", applyOnForward: true, preDNAT: true, ingress: [deny] });
  expectAll(
    [...pair, open, rest, closed],
    [
      [packet(1, 2), "accept"],
      [packet(8, 1), "accept"],
      [packet(8, 8, { inputName: "lo" }), "accept"],
      [packet(6, 1), "drop"],
      [packet(7, 8), "drop"],
    ],
  );
});

test("invalid packets are dropped before any policy, unless the settings say otherwise", () => {
  const outer = object("HostEndpoint", "outer", { node: here, interfaceName: "eth0" });
  const early = policy("early", { preDNAT: true, applyOnForward: true, ingress: [allow] });
  const unchecked = object("FelixConfiguration", "default", { disableConntrackInvalidCheck: true });
  const all = [...pair, open, outer, early];
  expectAll(all, [
    [packet(1, 2, { state: "invalid" }), "drop"],
    [packet(6, 7, { state: "invalid" }), "drop"],
  ]);
  expectAll(
    [...all, unchecked],
    [
      [packet(1, 2, { state: "invalid" }), "accept"],
      [packet(6, 7, { state: "invalid" }), "accept"],
    ],
  );
});

test("a log line names its rule, be it one of a profile", () => {
  const settings = object("FelixConfiguration", "default", { logPrefix: "%t %k %n" });
  const log = { action: "Log" };
  const profile = object("Profile", "own", { ingress: [pass, log, allow] });
  const other = object("Profile", "other", { ingress: [deny, log] });
  const listed = object("Profile", "listed", { ingress: [{ ...log, protocol: "UDP" }, log, allow] });
  const logging = policy("logging", { ingress: [log, pass, log] });
  const objects = [workload(1, { profiles: ["own", "listed", "other"] }), settings, profile, other, listed, logging];
  const expected = ["default GlobalNetworkPolicy logging ingress[0]: ", " Profile listed ingress[1]: "];
  const resources = decodeAll(objects) ?? assert.fail("the resources are not valid");
  assert.deepEqual(judge(resources, [packet(6, 1)])[0]?.logged, expected);
  assert.deepEqual(runTable(compile(resources), packet(6, 1)).logged, expected);
});
