import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCreate } from "./kinds.ts";
import { assertAccepted, assertRefused, decoded, objectOf, problemsOf } from "./testing/decode-cases.ts";
import { workloadEndpointName, workloadInterfaceName } from "./endpoint-names.ts";

test("a node tells its addresses with their subnets", () => {
  const { spec } = decoded("Node", {
    bgp: { asNumber: "64512.1", ipv4Address: "192.0.2.7/24", ipv6Address: "2001:DB8::7/64" },
    addresses: [{ address: "192.0.2.7", type: "InternalIP" }, { address: "2001:db8::/64" }],
  });
  assert.deepEqual(spec.bgp, {
    asNumber: 64512 * 65536 + 1,
    ipv4Address: "192.0.2.7/24",
    ipv6Address: "2001:db8::7/64",
  });
  assert.deepEqual(spec.addresses, [{ address: "192.0.2.7/32", type: "InternalIP" }, { address: "2001:db8::/64" }]);
  assert.equal(decoded("Node", { bgp: { ipv4Address: "192.0.2.7" } }).spec.bgp?.ipv4Address, "192.0.2.7/32");
});

test("a node's members keep their form, overlay ones too", () => {
  assertAccepted("Node", [
    {},
    { bgp: { routeReflectorClusterID: "1.0.0.1" } },
    { bgp: { asNumber: 4294967295 } },
    {
      ipv4VXLANTunnelAddr: "10.0.0.1",
      ipv6VXLANTunnelAddr: "fd00::1",
      vxlanTunnelMACAddr: "66-AA-bb-00-11-22",
      wireguard: {},
    },
    { interfaces: [{ name: "eth0", addresses: ["192.0.2.7"] }], orchRefs: [{ nodeName: "x", orchestrator: "k8s" }] },
  ]);
  assertRefused("Node", [
    [{ bgp: {} }, "bgp"],
    [{ bgp: { ipv4Address: "" } }, "bgp"],
    [{ bgp: { ipv4Address: "fd00::1" } }, "bgp.ipv4Address"],
    [{ bgp: { ipv6Address: "192.0.2.1/24" } }, "bgp.ipv6Address"],
    [{ bgp: { ipv4Address: "192.0.2.1/33" } }, "bgp.ipv4Address"],
    [{ bgp: { asNumber: 4294967296 } }, "bgp.asNumber"],
    [{ bgp: { asNumber: "1.65536" } }, "bgp.asNumber"],
    [{ bgp: { asNumber: -1 } }, "bgp.asNumber"],
    [{ bgp: { asNumber: "AS1" } }, "bgp.asNumber"],
    [{ bgp: { routeReflectorClusterID: "5" } }, "bgp.routeReflectorClusterID"],
    [{ addresses: [{ address: "192.0.2.7/24" }] }, "addresses[0].address"],
    [{ addresses: [{ type: "InternalIP" }] }, "addresses[0].address"],
    [{ addresses: [{ address: "192.0.2.7", type: "Other" }] }, "addresses[0].type"],
    [{ ipv4VXLANTunnelAddr: "fd00::1" }, "ipv4VXLANTunnelAddr"],
    [{ vxlanTunnelMACAddrV6: "66:aa:bb:00:11" }, "vxlanTunnelMACAddrV6"],
    [{ wireguard: { interfaceIPv6Address: "10.0.0.1" } }, "wireguard.interfaceIPv6Address"],
  ]);
});

test("AS number 0 of a node counts as none", () => {
  assert.deepEqual(decoded("Node", { bgp: { asNumber: 0 } }).spec, {});
  assert.deepEqual(decoded("Node", { bgp: { asNumber: "0.0", ipv4Address: "192.0.2.1/24" } }).spec, {
    bgp: { ipv4Address: "192.0.2.1/24" },
  });
});

const endpoint = { interfaceName: "tt0" };

test("a workload endpoint needs an interface name and little else", () => {
  const { spec } = decoded("WorkloadEndpoint", {
    interfaceName: "tt0123456789a",
    ipNetworks: ["10.0.0.1", "10.0.0.2/32", "FD00::1", "::ffff:10.0.0.3/128"],
    mac: "EE-EE-EE-EE-EE-EE",
    ports: [
      { name: "http", protocol: "6", port: 80, hostIP: "10.0.0.1" },
      { protocol: "UDP", port: 1, hostPort: 2 },
    ],
  });
  assert.deepEqual(spec.ipNetworks, ["10.0.0.1/32", "10.0.0.2/32", "fd00::1/128", "10.0.0.3/32"]);
  assert.equal(spec.mac, "ee:ee:ee:ee:ee:ee");
  assert.deepEqual(spec.ports?.[0], { name: "http", protocol: 6, port: 80, hostIP: "10.0.0.1/32" });
  assertAccepted("WorkloadEndpoint", [
    endpoint,
    { interfaceName: "*" },
    {
      interfaceName: "A_b-c.5678901234".slice(0, 15),
      containerID: "Ab-9",
      profiles: ["b", "a", "b"],
      ipv4Gateway: "169.254.1.1",
    },
    { ...endpoint, ipNATs: [], qosControls: {}, allowSpoofedSourcePrefixes: null },
  ]);
  assertRefused("WorkloadEndpoint", [
    [{}, "interfaceName"],
    [null, "interfaceName"],
    [{ interfaceName: "" }, "interfaceName"],
    [{ interfaceName: "sixteen-letters-" }, "interfaceName"],
    [{ interfaceName: "a/b" }, "interfaceName"],
    [{ interfaceName: ".." }, "interfaceName"],
    [{ ...endpoint, ipNetworks: ["10.0.0.0/31"] }, "ipNetworks[0]"],
    [{ ...endpoint, ipNetworks: ["fd00::1/127"] }, "ipNetworks[0]"],
    [{ ...endpoint, ipNetworks: ["x"] }, "ipNetworks[0]"],
    [{ ...endpoint, ipv4Gateway: "fe80::1" }, "ipv4Gateway"],
    [{ ...endpoint, ipv6Gateway: "fe80::1%eth0" }, "ipv6Gateway"],
    [{ ...endpoint, mac: "ee:ee:ee:ee:ee" }, "mac"],
    [{ ...endpoint, mac: "ee:ee:ee:ee:ee:ee:ee:ee" }, "mac"],
    [{ ...endpoint, containerID: "-a" }, "containerID"],
    [{ ...endpoint, node: "A" }, "node"],
    [{ ...endpoint, profiles: ["a b"] }, "profiles[0]"],
    [{ ...endpoint, ports: [{ name: "x", protocol: "ICMP", port: 1 }] }, "ports[0].protocol"],
    [{ ...endpoint, ports: [{ name: "x", protocol: "TCP" }] }, "ports[0].port"],
    [{ ...endpoint, ports: [{ name: "x", protocol: "TCP", port: 65536 }] }, "ports[0].port"],
    [{ ...endpoint, ports: [{ name: "X", protocol: "TCP", port: 1 }] }, "ports[0].name"],
    [{ ...endpoint, ports: [{ name: "x", port: 1 }] }, "ports[0].protocol"],
    [{ ...endpoint, ports: [{ protocol: "TCP", port: 1 }] }, "ports[0]"],
    [{ ...endpoint, ipNATs: [{ internalIP: "10.0.0.1" }] }, "ipNATs[0].externalIP"],
    [{ ...endpoint, ipNATs: [{ internalIP: "10.0.0.1", externalIP: "192.0.2.1" }] }, "ipNATs[0].internalIP"],
    [
      { ...endpoint, ipNetworks: ["10.0.0.1"], ipNATs: [{ internalIP: "10.0.0.1", externalIP: "fd00::1" }] },
      "ipNATs[0].externalIP",
    ],
    [{ ...endpoint, allowSpoofedSourcePrefixes: ["x"] }, "allowSpoofedSourcePrefixes[0]"],
  ]);
});

test("an endpoint may have outside addresses, other sources and limits on its traffic", () => {
  const { spec } = decoded("WorkloadEndpoint", {
    ...endpoint,
    ipNetworks: ["10.0.0.1/32"],
    ipNATs: [{ internalIP: "10.0.0.1", externalIP: "192.0.2.1" }],
    allowSpoofedSourcePrefixes: ["198.51.100.7/24", "2001:DB8::1"],
    qosControls: { ingressBandwidth: 1000, egressMaxConnections: 0, dscp: " af41 " },
  });
  assert.deepEqual(spec.allowSpoofedSourcePrefixes, ["198.51.100.0/24", "2001:db8::1/128"]);
  assert.deepEqual(spec.qosControls, { ingressBandwidth: 1000, dscp: "AF41" });
  const limits: [string, number, number][] = [
    ["Bandwidth", 1000, 1e15],
    ["Burst", 1000, 34359738360],
    ["Peakrate", 1010, 1.01e15],
    ["Minburst", 1000, 1e8],
    ["PacketRate", 1, 10000],
    ["PacketBurst", 1, 10000],
    ["MaxConnections", 1, 4294967295],
  ];
  const controls = (member: string, value: unknown) => ({ ...endpoint, qosControls: { [member]: value } });
  for (const direction of ["ingress", "egress"]) {
    for (const [name, min, max] of limits) {
      const member = direction + name;
      assertAccepted("WorkloadEndpoint", [controls(member, min), controls(member, max)]);
      for (const value of [max + 1, min === 1 ? -1 : min - 1, "1000", 1000.5]) {
        assertRefused("WorkloadEndpoint", [[controls(member, value), `qosControls.${member}`]]);
      }
    }
  }
  assertAccepted(
    "WorkloadEndpoint",
    [0, 63, "63", "df", "EF", "cs0", "CS6", "AF11"].map((v) => controls("dscp", v)),
  );
  for (const dscp of [64, -1, "64", "CS7", "AF44", "AF14", "", {}]) {
    assertRefused("WorkloadEndpoint", [[controls("dscp", dscp), "qosControls.dscp"]]);
  }
});

test("the name of an endpoint is made of its parts, with dashes doubled", () => {
  assert.equal(workloadEndpointName("host-1", "tortie", "web--2", "eth0"), "host--1-tortie-web----2-eth0");
  const parts = { ...endpoint, node: "host-1", endpoint: "eth0" };
  const nameOf = (spec: object) => decoded("WorkloadEndpoint", spec, { name: null }).metadata.name;
  assert.equal(nameOf({ ...parts, orchestrator: "tortie", workload: "web" }), "host--1-tortie-web-eth0");
  assert.equal(nameOf({ ...parts, orchestrator: "k8s", pod: "a.b", workload: "c" }), "host--1-k8s-a.b-eth0");
  assert.equal(nameOf({ ...parts, orchestrator: "cni", containerID: "12ab" }), "host--1-cni-12ab-eth0");
  assert.equal(nameOf({ ...parts, orchestrator: "libnetwork" }), "host--1-libnetwork-libnetwork-eth0");
  for (const workload of ["", "-a", "a-", 5]) {
    problemsOf(objectOf("WorkloadEndpoint", { ...parts, orchestrator: "tortie", workload }, { name: "" }));
  }
  assert.match(
    problemsOf(objectOf("WorkloadEndpoint", { ...parts, orchestrator: "k8s" }, { name: "" }))[0]!,
    /^metadata.name: is missing/,
  );
});

test("an endpoint under another name than its own is not admitted", () => {
  const spec = { ...endpoint, node: "n", endpoint: "eth0", orchestrator: "tortie", workload: "w" };
  assert.ok(checkCreate(decoded("WorkloadEndpoint", spec, { name: "n-tortie-w-eth0" })).ok);
  assert.ok(!checkCreate(decoded("WorkloadEndpoint", spec, { name: "other" })).ok);
  assert.ok(!checkCreate(decoded("WorkloadEndpoint", endpoint, { name: "other" })).ok);
});

test("interface names of workloads are short, stable and told apart by namespace", () => {
  assert.match(workloadInterfaceName("shop", "web"), /^tt[0-9a-f]{11}$/);
  assert.equal(workloadInterfaceName("shop", "web"), "tt97375646b1d");
  assert.notEqual(workloadInterfaceName("shop", "web"), workloadInterfaceName("bank", "web"));
});

test("a network set masks its nets and leaves the system's label alone", () => {
  for (const kind of ["NetworkSet", "GlobalNetworkSet"] as const) {
    const { spec } = decoded(kind, { nets: ["10.1.2.3/8", "192.0.2.1", "FD00::1/64", "10.0.0.0/8"] });
    assert.deepEqual(spec.nets, ["10.0.0.0/8", "192.0.2.1/32", "fd00::/64"]);
    assertAccepted(kind, [{}, { nets: [] }, { nets: ["0.0.0.0/0", "::/0"] }]);
    assertRefused(kind, [
      [{ nets: ["x"] }, "nets[0]"],
      [{ nets: ["192.0.2.1", "192.0.2.1"] }, "nets[1]"],
    ]);
    const labels = { "projectcalico.org/namespace": "x" };
    assert.match(
      problemsOf(objectOf(kind, {}, { labels }))[0]!,
      /^metadata\.labels\["projectcalico\.org\/namespace"\]: /,
    );
  }
});
