import assert from "node:assert/strict";
import { test } from "node:test";
import type { Resource } from "../resources/index.ts";
import { CalcGraph } from "../calc/index.ts";
import type { LinkAddress } from "../netlink/index.ts";
import { type Packet, type Table, runTable } from "../nft/index.ts";
import { type HostEndpointSpec, type PolicySpec, keyOf } from "../resources/index.ts";
import { HostDataplane } from "./host-dataplane.ts";
import { address, cidr, here } from "./testing/cluster.ts";

const apiVersion = "projectcalico.org/v3";

function hostEndpoint(spec: Partial<HostEndpointSpec>, name = "outer"): Resource {
  return { apiVersion, kind: "HostEndpoint", metadata: { name }, spec: { node: here, ...spec } };
}

type Places = { readonly applyOnForward?: boolean; readonly doNotTrack?: boolean; readonly preDNAT?: boolean };

function policy(name: string, spec: Partial<PolicySpec> & Places): Resource {
  const types = [
    ...(spec.ingress === undefined ? [] : (["Ingress"] as const)),
    ...(spec.egress === undefined ? [] : (["Egress"] as const)),
  ];
  return {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name },
    spec: { tier: "default", namespaceSelector: "global()", types, ...spec },
  };
}

function tableOf(resources: readonly Resource[], addresses: readonly LinkAddress[] = []): Table {
  const graph = new CalcGraph({ node: here });
  for (const resource of resources) graph.onResource(keyOf(resource), resource);
  graph.onSynced();
  const dataplane = new HostDataplane();
  for (const message of graph.flush()) dataplane.onCalc(message);
  const link = { mac: "", mtu: 1500, isUp: true, isRunning: true, group: 0 };
  dataplane.onLinks([
    { index: 1, name: "lo", ...link },
    { index: 2, name: "eth0", ...link },
    { index: 3, name: "eth1", ...link },
  ]);
  dataplane.onAddresses(addresses);
  return dataplane.wanted().table;
}

const toHost: Packet = {
  source: address("198.51.100.7"),
  destination: address("192.0.2.1"),
  protocol: 6,
  ports: [4000, 80],
  state: "new",
  inputName: "eth0",
  isSourceReal: true,
};

const { inputName: _, ...withoutInput } = toHost;
const fromHost: Packet = { ...withoutInput, outputName: "eth0" };
const through: Packet = { ...toHost, outputName: "eth1" };
const udp68: Packet = { ...toHost, protocol: 17, ports: [67, 68] };

function verdicts(table: Table, packets: readonly Packet[]): string {
  return packets.map((packet) => (runTable(table, packet).verdict === "accept" ? "+" : "-")).join("");
}

const allowWeb = {
  action: "Allow",
  protocol: "TCP",
  destination: { ports: [80] },
} as const;
const denyAll = { action: "Deny" } as const;

test("an interface without policies and profiles is closed for the host but for failsafe ports, and open for what passes through", () => {
  const table = tableOf([hostEndpoint({ interfaceName: "eth0" })]);
  const ssh: Packet = { ...toHost, ports: [4000, 22] };
  assert.equal(verdicts(table, [toHost, fromHost, ssh, udp68, through]), "--+++");
  assert.equal(
    verdicts(table, [
      { ...fromHost, protocol: 17, ports: [4000, 53] },
      { ...toHost, state: "established" },
    ]),
    "++",
  );
  // Other interfaces, and the host with itself.
  assert.equal(
    verdicts(table, [
      { ...toHost, inputName: "eth1" },
      { ...toHost, inputName: "lo" },
    ]),
    "++",
  );
});

test("neighbours and routers of IPv6 are heard whatever the policies say", () => {
  const table = tableOf([hostEndpoint({ interfaceName: "eth0" })]);
  const icmp = (type: number): Packet => ({
    source: address("fe80::7"),
    destination: address("ff02::1"),
    protocol: 58,
    icmp: { type, code: 0 },
    state: "new",
    inputName: "eth0",
    isSourceReal: true,
  });
  assert.equal(verdicts(table, [icmp(135), icmp(136), icmp(134), icmp(128)]), "+++-");
});

test("policies open the host in the direction they speak of, and profiles what they leave", () => {
  const table = tableOf([
    hostEndpoint({ interfaceName: "eth0", profiles: ["projectcalico-default-allow"] }),
    policy("web", { ingress: [allowWeb] }),
  ]);
  assert.equal(verdicts(table, [toHost, { ...toHost, ports: [4000, 81] }, fromHost]), "+-+");
});

test("the endpoint of all other interfaces yields to one that has the interface by name or by address", () => {
  const rest = hostEndpoint({ interfaceName: "*" }, "a-rest");
  const named = hostEndpoint({ interfaceName: "eth0", profiles: ["projectcalico-default-allow"] }, "named");
  const byAddress = hostEndpoint(
    { expectedIPs: [address("192.0.2.9")], profiles: ["projectcalico-default-allow"] },
    "z",
  );
  const onEth1: Packet = { ...toHost, inputName: "eth1" };
  assert.equal(verdicts(tableOf([rest, named]), [toHost, onEth1, { ...toHost, inputName: "eth9" }]), "+--");
  const addresses: LinkAddress[] = [{ linkIndex: 3, address: address("192.0.2.9"), length: 24, scope: "global" }];
  assert.equal(verdicts(tableOf([rest, byAddress], addresses), [toHost, onEth1]), "-+");
  assert.equal(verdicts(tableOf([rest, byAddress]), [toHost, onEth1]), "--");
});

test("nothing is asked about what the host exchanges with itself, not by an endpoint that names its loopback either", () => {
  const untracked = policy("untracked", {
    doNotTrack: true,
    applyOnForward: true,
    ingress: [denyAll],
    egress: [denyAll],
  });
  const addresses: LinkAddress[] = [{ linkIndex: 1, address: address("192.0.2.9"), length: 32, scope: "global" }];
  for (const spec of [{ interfaceName: "lo" }, { expectedIPs: [address("192.0.2.9")] }]) {
    const table = tableOf([hostEndpoint(spec), untracked], addresses);
    const ways = [
      { ...toHost, inputName: "lo" },
      { ...fromHost, outputName: "lo" },
    ];
    assert.equal(verdicts(table, ways), "++");
  }
});

test("what passes through is asked only of policies that ask for it, on the way in and on the way out", () => {
  const eth0 = hostEndpoint({ interfaceName: "eth0" });
  const eth1 = hostEndpoint({ interfaceName: "eth1" }, "inner");
  assert.equal(verdicts(tableOf([eth0, policy("normal", { ingress: [denyAll] })]), [through]), "+");
  const forward = policy("forward", { applyOnForward: true, ingress: [allowWeb] });
  assert.equal(verdicts(tableOf([eth0, forward]), [through, { ...through, ports: [4000, 81] }]), "+-");
  const out = policy("out", { applyOnForward: true, egress: [allowWeb] });
  assert.equal(verdicts(tableOf([eth1, out]), [through, { ...through, ports: [4000, 81] }]), "+-");
});

test("what is allowed before tracking is not asked about again; what is denied there is gone; the rest goes on", () => {
  const eth0 = hostEndpoint({ interfaceName: "eth0" });
  const untracked = policy("untracked", {
    doNotTrack: true,
    applyOnForward: true,
    ingress: [allowWeb, { action: "Deny", source: { nets: [cidr("198.51.100.0/24")] } }],
  });
  const table = tableOf([
    eth0,
    untracked,
    policy("normal", { order: 5, ingress: [{ ...allowWeb, destination: { ports: [443] } }] }),
  ]);
  const other = address("203.0.113.7");
  const https: Packet = { ...toHost, ports: [4000, 443] };
  assert.equal(verdicts(table, [toHost, https, { ...https, source: other }, { ...toHost, ports: [4000, 22] }]), "+-++");
});

test("policies before address translation can only refuse for what comes behind", () => {
  const eth0 = hostEndpoint({ interfaceName: "eth0", profiles: ["projectcalico-default-allow"] });
  const early = policy("early", {
    preDNAT: true,
    applyOnForward: true,
    ingress: [allowWeb, { action: "Deny", protocol: "TCP", destination: { ports: ["1:1000"] } }],
  });
  const table = tableOf([eth0, early]);
  const ports = (port: number): Packet => ({ ...toHost, ports: [4000, port] });
  assert.equal(verdicts(table, [toHost, ports(81), ports(2000), ports(22)]), "+-++");
});
