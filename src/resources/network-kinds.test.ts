import assert from "node:assert/strict";
import { test } from "node:test";
import { readPeerAddress } from "./bgp-peer.ts";
import { checkCreate, checkUpdate } from "./kinds.ts";
import type { Resource } from "./resource.ts";
import {
  assertAccepted,
  assertInvalid,
  assertRefused,
  assertUnsupported,
  decoded,
  objectOf,
  problemsOf,
  repeat,
} from "./testing/decode-cases.ts";

test("a pool has its defaults filled in, by family and reach", () => {
  const v4 = decoded("IPPool", { cidr: "10.0.0.0/16" }).spec;
  assert.deepEqual(v4, {
    cidr: "10.0.0.0/16",
    blockSize: 26,
    ipipMode: "Never",
    vxlanMode: "Never",
    nodeSelector: "all()",
    allowedUses: ["Workload", "Tunnel"],
    assignmentMode: "Automatic",
  });
  const v6 = decoded("IPPool", {
    cidr: "FD00::/48",
    blockSize: 0,
    namespaceSelector: "has(a)",
    nodeSelector: "",
    ipipMode: "",
  }).spec;
  assert.equal(v6.cidr, "fd00::/48");
  assert.equal(v6.blockSize, 122);
  assert.deepEqual(v6.allowedUses, ["Workload"]);
});

test("a pool's prefix and block size keep to their limits", () => {
  const pool = (cidr: string, rest: object = {}) => ({ cidr, ...rest });
  assertAccepted("IPPool", [
    pool("10.0.0.0/26"),
    pool("10.0.0.0/20", { blockSize: 20 }),
    pool("10.0.0.1", { blockSize: 32 }),
    pool("10.0.0.0/27", { disabled: true }),
    pool("fd00::/116", { blockSize: 116 }),
    pool("fd00::1", { blockSize: 128 }),
    pool("0.0.0.0/2"),
  ]);
  assertRefused("IPPool", [
    [null, "cidr"],
    [{ cidr: "" }, "cidr"],
    [pool("10.0.0.1/16"), "cidr"],
    [pool("10.0.0.0/27"), "cidr"],
    [pool("10.0.0.1"), "cidr"],
    [pool("169.254.0.0/16"), "cidr"],
    [pool("169.254.1.0/24"), "cidr"],
    [pool("168.0.0.0/7"), "cidr"],
    [pool("0.0.0.0/0"), "cidr"],
    [pool("fe80::/64"), "cidr"],
    [pool("febf::/16"), "cidr"],
    [pool("10.0.0.0/16", { blockSize: 19 }), "blockSize"],
    [pool("10.0.0.0/16", { blockSize: 33 }), "blockSize"],
    [pool("10.0.0.0/16", { blockSize: 122, disabled: true }), "blockSize"],
    [pool("fd00::/48", { blockSize: 115 }), "blockSize"],
    [pool("fd00::/48", { blockSize: 129 }), "blockSize"],
    [pool("10.0.0.0/16", { blockSize: "26" }), "blockSize"],
  ]);
});

test("a pool's uses, selectors and modes keep to their rules", () => {
  const pool = (rest: object) => ({ cidr: "10.0.0.0/16", ...rest });
  assertAccepted("IPPool", [
    pool({
      natOutgoing: false,
      ipipMode: "Never",
      vxlanMode: "Never",
      disableBGPExport: true,
      assignmentMode: "Manual",
    }),
    pool({ allowedUses: ["LoadBalancer"], nodeSelector: " all( ) " }),
    pool({ namespaceSelector: "has(a)", allowedUses: ["Workload"] }),
  ]);
  assertRefused("IPPool", [
    [pool({ vxlanMode: "never" }), "vxlanMode"],
    [pool({ assignmentMode: "" }), "assignmentMode"],
    [pool({ nodeSelector: "global()" }), "nodeSelector"],
    [pool({ namespaceSelector: "global()" }), "namespaceSelector"],
    [pool({ namespaceSelector: "has(a)", allowedUses: ["Workload", "Tunnel"] }), "allowedUses"],
    [pool({ allowedUses: ["Workload", "Workload"] }), "allowedUses[1]"],
    [pool({ allowedUses: ["Other"] }), "allowedUses[0]"],
    [pool({ allowedUses: ["LoadBalancer", "Workload"] }), "allowedUses"],
    [pool({ allowedUses: ["LoadBalancer"], disableBGPExport: true }), "disableBGPExport"],
    [pool({ allowedUses: ["LoadBalancer"], nodeSelector: "has(a)" }), "nodeSelector"],
  ]);
});

test("a pool with translation or encapsulation is unsupported where it would be valid", () => {
  const pool = (rest: object) => ({ cidr: "10.0.0.0/16", ...rest });
  assertUnsupported("IPPool", [
    [pool({ ipipMode: "Always" }), "ipipMode"],
    [pool({ vxlanMode: "CrossSubnet", natOutgoing: true }), "vxlanMode"],
    [{ cidr: "fd00::/64", vxlanMode: "Always" }, "vxlanMode"],
  ]);
  assertInvalid("IPPool", [
    pool({ ipipMode: "Always", vxlanMode: "Always" }),
    { cidr: "fd00::/64", ipipMode: "Always" },
    pool({ ipipMode: "always" }),
    pool({ natOutgoing: "true" }),
    pool({ natOutgoing: true, blockSize: 33 }),
    pool({ vxlanMode: "Always", allowedUses: ["LoadBalancer"] }),
  ]);
});

test("IPAM settings keep to their limits, and to each other when they are written", () => {
  assertAccepted("IPAMConfiguration", [
    {},
    { maxBlocksPerHost: 1000000, ipCooldownSeconds: 1200, strictAffinity: true },
    { autoAllocateBlocks: false },
  ]);
  assertRefused("IPAMConfiguration", [
    [{ maxBlocksPerHost: 1000001 }, "maxBlocksPerHost"],
    [{ maxBlocksPerHost: -1 }, "maxBlocksPerHost"],
    [{ ipCooldownSeconds: 1201 }, "ipCooldownSeconds"],
    [{ kubeVirtVMAddressPersistence: "Yes" }, "kubeVirtVMAddressPersistence"],
  ]);
  const admits = (spec: object) => checkCreate(decoded("IPAMConfiguration", spec)).ok;
  assert.ok(admits({}));
  assert.ok(admits({ strictAffinity: true, autoAllocateBlocks: false, maxBlocksPerHost: 5 }));
  assert.ok(!admits({ autoAllocateBlocks: false }));
  assert.ok(!admits({ maxBlocksPerHost: 5 }));
});

test("blocks, affinities and handles are whole", () => {
  const block = { cidr: "10.0.0.0/30", allocations: [0, null, null, null], unallocated: [2, 3], attributes: [{}] };
  assertAccepted("IPAMBlock", [
    block,
    { ...block, affinity: "host:a", sequenceNumber: Number.MAX_SAFE_INTEGER, deleted: false },
    { cidr: "10.0.0.0/20", allocations: repeat(4096, () => null) },
    { cidr: "fd00::1/128", allocations: [null], unallocated: [0] },
  ]);
  assertRefused("IPAMBlock", [
    [{}, "cidr", "allocations"],
    [{ ...block, allocations: [0] }, "allocations"],
    [{ ...block, allocations: [1, null, null, null] }, "allocations[0]"],
    [{ ...block, allocations: [-1, null, null, null] }, "allocations[0]"],
    [{ ...block, unallocated: [0] }, "unallocated[0]"],
    [{ ...block, unallocated: [4] }, "unallocated[0]"],
    [{ ...block, unallocated: [2, 2] }, "unallocated"],
    [{ ...block, affinity: "a" }, "affinity"],
    [{ ...block, sequenceNumber: 2 ** 60 }, "sequenceNumber"],
    [{ ...block, deleted: true }, "deleted"],
    [{ cidr: "10.0.0.0/19", allocations: [] }, "cidr"],
  ]);
  assert.deepEqual(decoded("BlockAffinity", { node: "a", cidr: "10.0.0.0/26" }).spec, {
    state: "confirmed",
    node: "a",
    type: "host",
    cidr: "10.0.0.0/26",
  });
  assertRefused("BlockAffinity", [
    [{ node: "a", cidr: "10.0.0.0/26", state: "lost" }, "state"],
    [{ node: "a", cidr: "10.0.0.0/26", deleted: true }, "deleted"],
    [{ cidr: "10.0.0.0/26" }, "node"],
    [{ node: "a", cidr: "10.0.0.1/26" }, "cidr"],
  ]);
  assertAccepted("IPAMHandle", [{ handleID: "a" }, { handleID: "a", block: { "10.0.0.0/26": 3, "fd00::/122": 0 } }]);
  assertRefused("IPAMHandle", [
    [{ block: {} }, "handleID"],
    [{ handleID: "a", block: { x: 1 } }, "block.x"],
    [{ handleID: "a", block: { "10.0.0.0/26": "1" } }, 'block["10.0.0.0/26"]'],
  ]);
});

test("BGP settings for all nodes belong in the object called default", () => {
  assertAccepted("BGPConfiguration", [
    {},
    {
      asNumber: "65000",
      nodeToNodeMeshEnabled: false,
      listenPort: 65535,
      logSeverityScreen: "wArning",
      bindMode: "None",
    },
    { asNumber: 0, listenPort: 0, communities: [], programClusterRoutes: "EnabledNoEncapOnly" },
  ]);
  assertRefused("BGPConfiguration", [
    [{ asNumber: 4294967296 }, "asNumber"],
    [{ listenPort: 65536 }, "listenPort"],
    [{ nodeToNodeMeshEnabled: "yes" }, "nodeToNodeMeshEnabled"],
    [{ logSeverityScreen: "Loud" }, "logSeverityScreen"],
    [{ bindMode: "" }, "bindMode"],
    [{ serviceClusterIPs: [{ cidr: "10.0.0.1/8" }] }, "serviceClusterIPs[0].cidr"],
    [{ nodeToNodeMeshEnabled: false, nodeMeshMaxRestartTime: "1s" }, "nodeMeshMaxRestartTime"],
    [{ nodeToNodeMeshEnabled: false, nodeMeshPassword: {} }, "nodeMeshPassword"],
    [{ nodeMeshPassword: { secretKeyRef: { name: "a" } } }, "nodeMeshPassword.secretKeyRef.key"],
    [{ nodeMeshMaxRestartTime: "" }, "nodeMeshMaxRestartTime"],
    [{ ignoredInterfaces: ["*"] }, "ignoredInterfaces[0]"],
    [{ ignoredInterfaces: ["a*", "a*"] }, "ignoredInterfaces[1]"],
    [{ localWorkloadPeeringIPV4: "fd00::1" }, "localWorkloadPeeringIPV4"],
    [{ programClusterRoutes: "enabled" }, "programClusterRoutes"],
    [{ ipv4NormalRoutePriority: 0 }, "ipv4NormalRoutePriority"],
    [{ ipv6NormalRoutePriority: 2147483647 }, "ipv6NormalRoutePriority"],
    [{ serviceLoadBalancerAggregation: "" }, "serviceLoadBalancerAggregation"],
  ]);
  assertAccepted("BGPConfiguration", [
    { bindMode: "NodeIP", nodeMeshPassword: { secretKeyRef: { name: "a", key: "b" } }, nodeMeshMaxRestartTime: "2m" },
    { serviceClusterIPs: [{ cidr: "10.0.0.0/8" }, { cidr: "10.0.0.1" }], serviceLoadBalancerAggregation: "Disabled" },
    { ignoredInterfaces: ["eth*", "*0"], localWorkloadPeeringIPV6: "fd00::1", ipv4NormalRoutePriority: 2147483646 },
  ]);
  decoded("BGPConfiguration", { listenPort: 1179, bindMode: "NodeIP" }, { name: "node.a" });
  for (const spec of [
    { asNumber: 1 },
    { nodeToNodeMeshEnabled: false },
    { nodeToNodeMeshEnabled: true },
    { serviceExternalIPs: [{ cidr: "10.0.0.0/8" }] },
    { nodeMeshPassword: {} },
    { nodeMeshMaxRestartTime: "1s" },
    { programClusterRoutes: "Enabled" },
  ]) {
    assert.match(
      problemsOf(objectOf("BGPConfiguration", spec, { name: "node.a" }))[0]!,
      /belongs in the BGPConfiguration called default/,
    );
  }
});

test("communities are values, or names that are given one", () => {
  const adverts = (communities: unknown, cidr = "10.0.0.0/8") => ({ prefixAdvertisements: [{ cidr, communities }] });
  const named = (count: number) => repeat(count, (at) => ({ name: `c${at}`, value: `1:${at}` }));
  assertAccepted("BGPConfiguration", [
    adverts(["65535:65535", "4294967295:0:1"]),
    { communities: [{ name: "a.b", value: "1:1" }], ...adverts(["a.b"]) },
    { communities: named(500), ...adverts(["c499"]) },
    adverts(repeat(50, (at) => `1:${at}`)),
    { prefixAdvertisements: repeat(500, (at) => ({ cidr: `10.${at % 250}.0.0/16`, communities: ["1:1"] })) },
  ]);
  assertRefused("BGPConfiguration", [
    [{ communities: [{ name: "a", value: "1:1" }] }, "communities"],
    [{ communities: [{ name: "a", value: "1:65536" }], ...adverts(["1:1"]) }, "communities[0].value"],
    [{ communities: [{ name: "a", value: "1:2:3:4" }], ...adverts(["1:1"]) }, "communities[0].value"],
    [adverts(["65536:1"]), "prefixAdvertisements[0].communities[0]"],
    [adverts(["b"]), "prefixAdvertisements[0].communities[0]"],
    [adverts([]), "prefixAdvertisements[0].communities"],
    [adverts(["1:1"], ""), "prefixAdvertisements[0].cidr"],
    [adverts(["1:1"], "10.0.0.1/8"), "prefixAdvertisements[0].cidr"],
    [adverts(repeat(51, (at) => `1:${at}`)), "prefixAdvertisements[0].communities"],
    [{ communities: named(501), ...adverts(["1:1"]) }, "communities"],
  ]);
});

test("a peer's address may have a port, and brackets only with one", () => {
  const cases: [string, string | undefined, number?][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["192.0.2.1:1", "192.0.2.1", 1],
    ["192.0.2.1:65535", "192.0.2.1", 65535],
    ["2001:DB8::1", "2001:db8::1"],
    ["[2001:db8::1]:179", "2001:db8::1", 179],
    ["2001:db8::1:179", "2001:db8::1:179"],
    ["192.0.2.1:0", undefined],
    ["192.0.2.1:65536", undefined],
    ["192.0.2.1:", undefined],
    ["[192.0.2.1]:179", undefined],
    ["[2001:db8::1]", undefined],
    ["[2001:db8::1]:0", undefined],
    ["fe80::1%eth0", undefined],
    ["192.0.2.0/24", undefined],
    ["router", undefined],
  ];
  for (const [text, address, port] of cases) {
    const expected = address === undefined ? undefined : port === undefined ? { address } : { address, port };
    assert.deepEqual(readPeerAddress(text), expected, text);
    if (address === undefined) assertRefused("BGPPeer", [[{ peerIP: text }, "peerIP"]]);
    else assert.deepEqual(readPeerAddress(decoded("BGPPeer", { peerIP: text }).spec.peerIP!), expected);
  }
});

test("a peer may leave out everything, and some members exclude or need others", () => {
  assertAccepted("BGPPeer", [
    null,
    { node: "", nodeSelector: "", asNumber: "0", peerIP: "", sourceAddress: "" },
    { peerIP: "192.0.2.1", asNumber: "1.1", node: "a", sourceAddress: "None" },
    {
      nextHopMode: "Auto",
      reversePeering: "Auto",
      keepOriginalNextHop: false,
      numAllowedLocalASNumbers: 0,
      filters: [],
    },
  ]);
  assertRefused("BGPPeer", [
    [{ node: "a", nodeSelector: "all()" }, "node"],
    [{ nodeSelector: "a" }, "nodeSelector"],
    [{ asNumber: "1.1.1" }, "asNumber"],
    [{ sourceAddress: "Other" }, "sourceAddress"],
    [{ nextHopMode: "" }, "nextHopMode"],
    [{ reversePeering: "" }, "reversePeering"],
    [{ password: { secretKeyRef: { name: "a" } } }, "password.secretKeyRef.key"],
    [{ filters: ["A"] }, "filters[0]"],
    [{ peerIP: "192.0.2.1", peerSelector: "all()" }, "peerIP"],
    [{ peerSelector: "all()", asNumber: 1 }, "asNumber"],
    [{ localWorkloadSelector: "all()" }, "asNumber"],
    [{ localWorkloadSelector: "all()", asNumber: 1, peerIP: "192.0.2.1" }, "peerIP"],
    [{ keepOriginalNextHop: true, nextHopMode: "Auto" }, "keepOriginalNextHop"],
    [{ ttlSecurity: 256 }, "ttlSecurity"],
    [{ ttlSecurity: -1 }, "ttlSecurity"],
    [{ numAllowedLocalASNumbers: 2147483648 }, "numAllowedLocalASNumbers"],
    [{ reachableBy: "192.0.2.9" }, "reachableBy"],
    [{ reachableBy: "192.0.2.9", peerIP: "fd00::1" }, "reachableBy"],
    ...["1", "s", "", "1x", "1.2.3s", "1 s", "3000000h", 5].map((time): [object, string] => [
      { keepaliveTime: time },
      "keepaliveTime",
    ]),
  ]);
  assertAccepted("BGPPeer", [
    { peerSelector: "has(reflector)", nodeSelector: "all()", filters: ["b", "a", "b"], password: {} },
    { localWorkloadSelector: "has(bgp)", asNumber: 65001, localASNumber: 0, ttlSecurity: 255 },
    { peerIP: "192.0.2.1", reachableBy: "192.0.2.9", keepOriginalNextHop: true, reversePeering: "Manual" },
    { nextHopMode: "Keep", numAllowedLocalASNumbers: 2147483647, maxRestartTime: "1h0.5m", keepaliveTime: "90s" },
    ...["0", "3m20s", ".5s", "1.s", "100ms", "-1s"].map((maxRestartTime) => ({ maxRestartTime })),
  ]);
});

test("an update keeps the name and what the kind holds fixed", () => {
  const pool = (spec: object, metadata?: Record<string, unknown>) =>
    decoded("IPPool", { cidr: "10.0.0.0/16", ...spec }, metadata);
  const old = pool({}, { uid: "u" });
  const paths = (next: Resource, before: Resource = old) => {
    const result = checkUpdate(before, next);
    return result.ok ? [] : result.problems.map(({ path }) => path);
  };
  assert.deepEqual(paths(pool({ disabled: true })), []);
  assert.deepEqual(paths(pool({ blockSize: 26 }, { uid: "u" })), []);
  assert.deepEqual(paths(pool({ cidr: "10.0.0.0/15", blockSize: 27 })), ["spec.cidr", "spec.blockSize"]);
  assert.deepEqual(paths(pool({}, { name: "y" })), ["metadata.name"]);
  assert.deepEqual(paths(pool({}, { uid: "v" })), ["metadata.uid"]);
  assert.deepEqual(paths(decoded("Node", {})), ["metadata.name"]);
  assert.deepEqual(paths(pool({}), pool({ allowedUses: ["LoadBalancer"] })), ["spec.allowedUses"]);
  const block = (cidr: string) => decoded("IPAMBlock", { cidr, allocations: [null] });
  assert.deepEqual(paths(block("10.0.0.1/32"), block("10.0.0.2/32")), ["spec.cidr"]);
});
