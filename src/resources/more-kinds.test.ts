import assert from "node:assert/strict";
import { test } from "node:test";
import { checkUpdate, decodeResource, definitionOf } from "./kinds.ts";
import { secretText } from "./secret.ts";
import {
  assertAccepted,
  assertInvalid,
  assertRefused,
  decoded,
  objectOf,
  problemsOf,
  repeat,
} from "./testing/decode-cases.ts";

const rule = { action: "Deny" };

test("a tier has an order and an action, and the built-in ones have theirs", () => {
  assert.deepEqual(decoded("Tier", null).spec, { order: 1000000, defaultAction: "Deny" });
  assert.deepEqual(decoded("Tier", { order: -0.5, defaultAction: "Pass" }).spec.order, -0.5);
  assertRefused("Tier", [
    [{ defaultAction: "" }, "defaultAction"],
    [{ defaultAction: "Allow" }, "defaultAction"],
    [{ order: "1" }, "order"],
  ]);
  const named = (name: string, spec: object = {}) => objectOf("Tier", spec, { name });
  const builtIn: [string, number, string][] = [
    ["default", 1000000, "Deny"],
    ["kube-admin", 1000, "Pass"],
    ["kube-baseline", 10000000, "Pass"],
  ];
  for (const [name, order, defaultAction] of builtIn) {
    assert.ok(decodeResource(named(name, { order, defaultAction })).ok);
    problemsOf(named(name, { order: order + 1, defaultAction }));
    problemsOf(named(name, { order, defaultAction: defaultAction === "Deny" ? "Pass" : "Deny" }));
  }
  assert.ok(decodeResource(named("default")).ok);
  assert.equal(problemsOf(named("kube-admin")).length, 2);
  assert.ok(decodeResource(named("a".repeat(63))).ok);
  problemsOf(named("a".repeat(64)));
  problemsOf(named("a.b"));
});

test("a staged policy is as the enforced one, with an action", () => {
  for (const kind of ["StagedNetworkPolicy", "StagedGlobalNetworkPolicy"] as const) {
    const policy = decoded(kind, { egress: [rule], tier: "net" });
    assert.deepEqual(policy.spec, { tier: "net", types: ["Egress"], egress: [rule], stagedAction: "Set" });
    assert.deepEqual(policy.metadata.labels, { "projectcalico.org/tier": "net" });
    assertAccepted(kind, [
      { stagedAction: "Learn", order: 1 },
      { stagedAction: "Ignore", selector: "has(a)" },
    ]);
    assert.deepEqual(decoded(kind, { stagedAction: "Delete", tier: "net", ingress: [], types: [] }).spec, {
      tier: "net",
      stagedAction: "Delete",
    });
    assertRefused(kind, [
      [{ stagedAction: "set" }, "stagedAction"],
      [{ stagedAction: "Delete", order: 0 }, "order"],
      [{ stagedAction: "Delete", types: ["Ingress"] }, "types"],
      [{ stagedAction: "Delete", ingress: [rule] }, "ingress"],
      [{ stagedAction: "Delete", selector: "has(a)" }, "selector"],
      [{ selector: "a" }, "selector"],
    ]);
  }
  assertRefused("StagedGlobalNetworkPolicy", [[{ doNotTrack: true }, "doNotTrack"]]);
});

test("a staged Kubernetes policy has the types that Kubernetes would give it", () => {
  const spec = (rest: object) => decoded("StagedKubernetesNetworkPolicy", rest).spec;
  assert.deepEqual(spec({}), { policyTypes: ["Ingress"], stagedAction: "Set" });
  assert.deepEqual(spec({ egress: [{}] }).policyTypes, ["Ingress", "Egress"]);
  assert.deepEqual(spec({ stagedAction: "Delete", podSelector: {} }), { podSelector: {}, stagedAction: "Delete" });
  assertRefused("StagedKubernetesNetworkPolicy", [
    [{ stagedAction: "Delete", podSelector: { matchLabels: { a: "b" } } }, "podSelector"],
    [{ policyTypes: ["Ingress", "Ingress"] }, "policyTypes[1]"],
    [{ podSelector: { matchExpressions: [{ key: "a", operator: "In" }] } }, "podSelector.matchExpressions[0].values"],
  ]);
});

test("a Kubernetes policy is read with rules that nothing can be made of, but cannot be written so", () => {
  const definition = definitionOf("KubernetesNetworkPolicy");
  const bad: object[] = [
    { ports: [{ port: 70000 }] },
    { ports: [{ port: "a b" }] },
    { ports: [{ port: 80, endPort: 79 }] },
    { ports: [{ port: "http", endPort: 90 }] },
    { ports: [{ protocol: "ICMP" }] },
    { from: [{ ipBlock: { cidr: "10.0.0.1" } }] },
    { from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["x"] } }] },
  ];
  const good = [
    {},
    { from: [{ ipBlock: { cidr: "10.0.0.1/8" } }], ports: [{ port: 1, endPort: 2 }, { port: "http" }] },
  ];
  for (const [rules, count] of [
    [bad, 1],
    [good, 0],
  ] as const) {
    for (const item of rules) {
      const policy = decoded("KubernetesNetworkPolicy", { podSelector: {}, ingress: [item] });
      assert.equal(definition.admit(policy, undefined).length, count, JSON.stringify(item));
    }
  }
});

test("a host endpoint names an interface or addresses", () => {
  assertAccepted("HostEndpoint", [
    { node: "a", interfaceName: "*" },
    { node: "a", expectedIPs: ["192.0.2.1", "FD00::1"], profiles: ["b", "a"] },
    { node: "a", interfaceName: "eth0", ports: [{ name: "ssh", protocol: "TCP", port: 22 }] },
  ]);
  assertRefused("HostEndpoint", [
    [{ interfaceName: "eth0" }, "node"],
    [{ node: "a" }, ""],
    [{ node: "a", interfaceName: "sixteen-letters-" }, "interfaceName"],
    [{ node: "a", expectedIPs: ["192.0.2.1/32"] }, "expectedIPs[0]"],
    [{ node: "a", expectedIPs: ["192.0.2.1", "192.0.2.1"] }, "expectedIPs[1]"],
    [{ node: "a", interfaceName: "e", profiles: ["a", "a"] }, "profiles[1]"],
    [{ node: "a", interfaceName: "e", ports: [{ name: "x", protocol: "ICMP", port: 1 }] }, "ports[0].protocol"],
    [{ node: "a", interfaceName: "e", ports: [{ protocol: "TCP", port: 1 }] }, "ports[0].name"],
    [{ node: "a", interfaceName: "e", ports: [{ name: "x", protocol: "TCP", port: 0 }] }, "ports[0].port"],
  ]);
});

test("reservations, cluster information and node status keep to their forms", () => {
  assert.deepEqual(decoded("IPReservation", { reservedCIDRs: ["10.0.0.1", "10.0.0.9/29"] }).spec.reservedCIDRs, [
    "10.0.0.1/32",
    "10.0.0.8/29",
  ]);
  assertRefused("IPReservation", [[{ reservedCIDRs: ["10.0.0.1", "10.0.0.1"] }, "reservedCIDRs[1]"]]);
  assert.equal(decoded("ClusterInformation", { datastoreReady: false }).spec.datastoreReady, false);
  problemsOf(objectOf("ClusterInformation", {}, { name: "other" }));
  const status = { node: "a", classes: ["BGP"], updatePeriodSeconds: 0 };
  assertAccepted("CalicoNodeStatus", [status, { ...status, updatePeriodSeconds: 86400 }]);
  assertRefused("CalicoNodeStatus", [
    [{ ...status, updatePeriodSeconds: 86401 }, "updatePeriodSeconds"],
    [{ ...status, updatePeriodSeconds: null }, "updatePeriodSeconds"],
    [{ ...status, classes: [] }, "classes"],
    [{ ...status, classes: ["BGP", "BGP"] }, "classes[1]"],
    [{ ...status, classes: ["Bgp"] }, "classes[0]"],
    [{ ...status, node: "" }, "node"],
  ]);
});

test("a filter's rule needs an action, and conditions that go together", () => {
  const filter = (item: object, list = "exportV4") => ({ [list]: [{ action: "Accept", ...item }] });
  assertAccepted("BGPFilter", [
    {},
    filter({}),
    filter({ cidr: "10.0.0.0/8", matchOperator: "In", prefixLength: { min: 0, max: 32 } }),
    filter({ cidr: "10.0.0.0/8", matchOperator: "In", prefixLength: { min: 30, max: 2 } }),
    filter({ cidr: "fd00::/8", matchOperator: "NotIn", prefixLength: { max: 128 } }, "importV6"),
    filter({ source: "RemotePeers", interface: "*", peerType: "iBGP", communities: { values: ["1:2:3"] } }),
    filter({ asPathPrefix: [1, "1.1"], priority: 2147483646 }),
    filter({ operations: repeat(10, () => ({ addCommunity: { value: "1:1" } })) }),
    filter({ operations: [{ prependASPath: { prefix: repeat(10, () => 1) } }, { setPriority: { value: 1 } }] }),
  ]);
  assertRefused("BGPFilter", [
    [{ importV4: [{}] }, "importV4[0].action"],
    [filter({ action: "accept" }), "exportV4[0].action"],
    [filter({ cidr: "10.0.0.0/8" }), "exportV4[0].matchOperator"],
    [filter({ matchOperator: "In" }), "exportV4[0].cidr"],
    [filter({ cidr: "fd00::/8", matchOperator: "In" }), "exportV4[0].cidr"],
    [filter({ cidr: "10.0.0.1/8", matchOperator: "In" }), "exportV4[0].cidr"],
    [filter({ prefixLength: { min: 1 } }), "exportV4[0].prefixLength"],
    [filter({ cidr: "10.0.0.0/8", matchOperator: "In", prefixLength: { max: 33 } }), "exportV4[0].prefixLength.max"],
    [filter({ priority: 0 }), "exportV4[0].priority"],
    [filter({ priority: 2147483647 }), "exportV4[0].priority"],
    [filter({ interface: "a/b" }), "exportV4[0].interface"],
    [filter({ communities: { values: [] } }), "exportV4[0].communities.values"],
    [filter({ communities: { values: ["1:1", "1:2"] } }), "exportV4[0].communities.values"],
    [filter({ operations: repeat(11, () => ({ addCommunity: { value: "1:1" } })) }), "exportV4[0].operations"],
    [filter({ operations: [{}] }), "exportV4[0].operations[0]"],
    [filter({ action: "Reject", operations: [{ setPriority: { value: 1 } }] }), "exportV4[0].operations"],
    [
      filter({ operations: [{ prependASPath: { prefix: repeat(11, () => 1) } }] }),
      "exportV4[0].operations[0].prependASPath.prefix",
    ],
    [filter({ operations: [{ setPriority: { value: 0 } }] }), "exportV4[0].operations[0].setPriority.value"],
  ]);
});

test("what is written into a secret as text is kept in base64, and no message quotes it", () => {
  const make = (rest: object) => ({ apiVersion: "v1", kind: "Secret", metadata: { name: "x" }, ...rest });
  const read = decodeResource(make({ data: { a: "YQ==" }, stringData: { b: "hé", a: "c" } }));
  assert.ok(read.ok && read.value.kind === "Secret");
  assert.deepEqual(read.value.data, { a: "Yw==", b: "aMOp" });
  assert.deepEqual(
    [read.value.type, secretText(read.value, "b"), secretText(read.value, "c")],
    ["Opaque", "hé", undefined],
  );
  for (const rest of [
    { data: { a: "top secret" } },
    { data: { a: "YQ" } },
    { data: { "a b": "YQ==" } },
    { stringData: { a: 5 } },
    { data: { a: "A".repeat(1400000) } },
    { data: { ["a".repeat(254)]: "" } },
  ]) {
    for (const line of problemsOf(make(rest))) assert.doesNotMatch(line, /top secret/);
  }
  const fixed = decodeResource(make({ immutable: true, data: { a: "YQ==" } }));
  assert.ok(fixed.ok && checkUpdate(fixed.value, fixed.value).ok);
  assert.ok(!checkUpdate(fixed.value, read.value).ok);
});

test("settings of agents are judged by Calico's rules, those without effect too", () => {
  assertAccepted("FelixConfiguration", [
    {},
    { logSeverityScreen: "dEbUg", chainInsertMode: "", bpfLogLevel: "OFF", defaultEndpointToHostAction: "accept" },
    { nftablesMode: "Auto", awsSrcDstCheck: "Enable", serviceLoopPrevention: "", bpfAttachType: "Netkit" },
    { natOutgoingAddress: "192.0.2.1", deviceRouteSourceAddressIPv6: "fd00::1", externalNodesList: ["10.0.0.1/8"] },
    { iptablesNATOutgoingInterfaceFilter: "eth+", bpfForceTrackPacketsFromIfaces: ["a", "b+"] },
    { mtuIfacePattern: "^((en|wl|ww|sl|ib)[copsvx].*|(eth|wlan|wwan).*)", logDebugFilenameRegex: "(?i)a" },
    { featureDetectOverride: "a=true,b=false,,c=", featureGates: "x=y", interfacePrefix: "tap,cali" },
    { ipv4NormalRoutePriority: 1, nftablesMarkMask: 4294967295, goGCThreshold: -1, logActionRateLimitBurst: 0 },
    { logPrefix: "a %t:/_-", openstackRegion: "a".repeat(46), logActionRateLimit: "9999/day" },
    { kubeNodePortRanges: ["1:2", 3, 4, 5, 6, 7, 8], healthTimeoutOverrides: [{ name: "a b", timeout: "0" }] },
    { bpfConntrackTimeouts: { tcpSynSent: "Auto", udpTimeout: "1s" }, bpfLogFilters: { eth0: "tcp" } },
    { routeTableRange: { min: 1, max: 250 } },
    {
      routeTableRanges: [
        { min: 1, max: 65534 },
        { min: 4294967295, max: 4294967295 },
      ],
    },
    { failsafeInboundHostPorts: [], failsafeOutboundHostPorts: [{ protocol: "SCTP", port: 1, net: "10.0.0.0/8" }] },
  ]);
  assert.deepEqual(decoded("FelixConfiguration", { failsafeInboundHostPorts: [] }).spec.failsafeInboundHostPorts, []);
  const wrong: Record<string, unknown[]> = {
    logSeverityFile: ["Loud", 1],
    nftablesMode: ["auto", ""],
    workloadSourceSpoofing: ["any"],
    natOutgoingAddress: ["fd00::1", "192.0.2.0/24"],
    externalNodesList: [["fd00::1"], "10.0.0.1"],
    iptablesNATOutgoingInterfaceFilter: ["eth*", "a".repeat(16)],
    wireguardInterfaceName: ["a".repeat(16)],
    mtuIfacePattern: ["(", "[", "a**", "(?=a)", "\\1"],
    featureDetectOverride: ["a", "a=yes", "=true"],
    ipv4NormalRoutePriority: [0, 2147483647],
    nftablesMarkMask: [-1, 4294967296, "0xff"],
    debugPort: [65536],
    wireguardListeningPort: [0, 65536],
    wireguardRoutingRulePriority: [0, 32766],
    goMaxProcs: [-2],
    bpfMapSizeConntrackCleanupQueue: [0],
    bpfMaglevMaxServices: [0, 3001],
    logActionRateLimitBurst: [10000],
    logActionRateLimit: ["0/second", "10000/day", "1/week"],
    logPrefix: ["a!"],
    openstackRegion: ["a".repeat(47), "A"],
    kubeNodePortRanges: [["http"], ["1:2", 3, 4, 5, 6, 7, 8, 9]],
    healthTimeoutOverrides: [[{ name: "a" }], [{ name: "a", timeout: "-1s" }], [{ name: "a/b", timeout: "1s" }]],
    routeRefreshInterval: ["90", 90, ""],
    bpfConntrackTimeouts: [{ udpTimeout: "auto" }],
    routeTableRange: [{ min: 0, max: 1 }, { min: 2, max: 1 }, { min: 1, max: 251 }, { min: 1 }],
    routeTableRanges: [
      [{ min: 1, max: 65536 }],
      [
        { min: 1, max: 40000 },
        { min: 1, max: 40000 },
      ],
    ],
    failsafeInboundHostPorts: [[{ protocol: "tcp", port: 1 }], [{ protocol: "TCP" }], [{ port: 1 }]],
    interfacePrefix: ["a b", "a".repeat(16)],
    prometheusMetricsHost: ["a".repeat(65)],
    bpfEnabled: ["true"],
  };
  for (const [member, values] of Object.entries(wrong)) {
    assertInvalid(
      "FelixConfiguration",
      values.map((value) => ({ [member]: value })),
    );
  }
  assertInvalid("FelixConfiguration", [
    { routeTableRange: { min: 1, max: 2 }, routeTableRanges: [{ min: 1, max: 2 }] },
  ]);
  const selected = (name: string) => objectOf("FelixConfiguration", { nodeSelector: "has(a)" }, { name });
  assert.ok(decodeResource(selected("edge")).ok);
  for (const name of ["default", "node.a"]) problemsOf(selected(name));
});

test("only some kinds have defaults that are stored, and those are filled in whatever else is wrong", () => {
  const fill = (kind: Parameters<typeof definitionOf>[0], spec: object | undefined, metadata: object = {}) =>
    definitionOf(kind).applyDefaults?.({ spec, metadata });
  assert.deepEqual(fill("NetworkPolicy", { egress: [5] }, { labels: { a: "b" } }), {
    spec: { egress: [5], types: ["Egress"] },
    metadata: { labels: { a: "b", "projectcalico.org/tier": "default" } },
  });
  assert.deepEqual(fill("Tier", undefined), { spec: { order: 1000000, defaultAction: "Deny" }, metadata: {} });
  assert.deepEqual(fill("Tier", { order: 0, defaultAction: "" })?.["spec"], { order: 0, defaultAction: "" });
  assert.deepEqual(fill("IPPool", { cidr: "fd00::/64", namespaceSelector: "has(a)" })?.["spec"], {
    cidr: "fd00::/64",
    namespaceSelector: "has(a)",
    blockSize: 122,
    ipipMode: "Never",
    vxlanMode: "Never",
    nodeSelector: "all()",
    allowedUses: ["Workload"],
    assignmentMode: "Automatic",
  });
  for (const kind of ["FelixConfiguration", "BGPPeer", "Profile", "HostEndpoint"] as const) {
    assert.equal(fill(kind, {}), undefined);
  }
});
