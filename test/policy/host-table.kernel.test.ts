import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { CalcGraph } from "../../src/calc/index.ts";
import { HostDataplane } from "../../src/dataplane/index.ts";
import { openNftSocket } from "../../src/kernel/index.ts";
import { requireOwnNamespace } from "../../src/kernel/testing/own-namespace.ts";
import { diffTables } from "../../src/nft/index.ts";
import { decodeResource, keyOf } from "../../src/resources/index.ts";

requireOwnNamespace();

const apiVersion = "projectcalico.org/v3";

/** Something for every chain there is. */
const objects: readonly object[] = [
  {
    kind: "FelixConfiguration",
    metadata: { name: "default" },
    spec: {
      workloadSourceSpoofing: "Any",
      logActionRateLimit: "10/minute",
      nftablesFilterDenyAction: "Reject",
      failsafeInboundHostPorts: [{ protocol: "TCP", port: 22, net: "192.0.2.0/24" }],
    },
  },
  { kind: "IPPool", metadata: { name: "four" }, spec: { cidr: "10.9.0.0/16", natOutgoing: true } },
  { kind: "IPPool", metadata: { name: "six" }, spec: { cidr: "fd00:9::/64", natOutgoing: true } },
  {
    kind: "WorkloadEndpoint",
    metadata: { name: "host--1-tortie-web-eth0", namespace: "default", labels: { role: "web" } },
    spec: {
      node: "host-1",
      orchestrator: "tortie",
      workload: "web",
      endpoint: "eth0",
      interfaceName: "ttweb",
      ipNetworks: ["10.9.0.1", "fd00:9::1"],
      allowSpoofedSourcePrefixes: ["198.51.100.0/24", "2001:db8::/64"],
      profiles: ["projectcalico-default-allow"],
    },
  },
  { kind: "HostEndpoint", metadata: { name: "outer" }, spec: { node: "host-1", interfaceName: "eth0" } },
  { kind: "HostEndpoint", metadata: { name: "rest" }, spec: { node: "host-1", interfaceName: "*" } },
  ...["doNotTrack", "preDNAT", "applyOnForward"].map((place) => ({
    kind: "GlobalNetworkPolicy",
    metadata: { name: place.toLowerCase() },
    spec: {
      applyOnForward: true,
      [place]: true,
      types: ["Ingress"],
      ingress: [{ action: "Log" }, { action: "Allow", protocol: "TCP", destination: { ports: [80, "8000:8010"] } }],
    },
  })),
];

test("the kernel takes the whole table of a host and gives back the same values; what is no more needed goes", async () => {
  const graph = new CalcGraph({ node: "host-1" });
  const dataplane = new HostDataplane();
  const resources = objects.map((object) => {
    const decoded = decodeResource({ apiVersion, ...object });
    return decoded.ok ? decoded.value : assert.fail(JSON.stringify(decoded.problems));
  });
  const wanted = () => {
    for (const message of graph.flush()) dataplane.onCalc(message);
    return dataplane.wanted().table;
  };
  for (const resource of resources) graph.onResource(keyOf(resource), resource);
  graph.onSynced();
  using socket = openNftSocket();
  const whole = wanted();
  await socket.apply(diffTables(undefined, whole));
  assert.deepEqual(diffTables(await socket.dumpTable(whole.name), whole), []);
  const listing = execFileSync("nft", ["list", "ruleset"], { encoding: "utf8" });
  for (const words of [
    "masquerade fully-random",
    "notrack",
    "limit rate 10/minute",
    "hook postrouting priority srcnat",
    'log prefix "tortie GlobalNetworkPolicy//applyonforward ingress[0]: "',
    'comment "failsafe port"',
  ])
    assert.ok(listing.includes(words), `${words} in\n${listing}`);

  for (const resource of resources) graph.onResource(keyOf(resource), undefined);
  const bare = wanted();
  await socket.apply(diffTables(await socket.dumpTable(whole.name), bare));
  assert.deepEqual(diffTables(await socket.dumpTable(bare.name), bare), []);
  assert.doesNotMatch(execFileSync("nft", ["list", "ruleset"], { encoding: "utf8" }), /masquerade|host-/);
});
