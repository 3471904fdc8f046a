import assert from "node:assert/strict";
import { test } from "node:test";
import { type BGPPeerSpec, type Resource, keyOf } from "../resources/index.ts";
import { CalcGraph } from "./graph.ts";
import type { BgpWanted, SessionWanted } from "./messages.ts";
import { address, bgpConfiguration, bgpFilter, bgpPeer, endpoint, here, node, pool, secret } from "./testing/make.ts";

function bgpOf(resources: readonly Resource[], nodeName = here): BgpWanted {
  const graph = new CalcGraph({ node: nodeName });
  for (const resource of resources) graph.onResource(keyOf(resource), resource);
  graph.onSynced();
  const message = graph.flush().find(({ type }) => type === "bgpUpdate");
  assert.ok(message?.type === "bgpUpdate");
  return message;
}

/** `Mesh_192_0_2_2 -> 192.0.2.2:179 AS 64512 [4]`, with `waits` for a passive one and `from any` without a local address. */
function describe(session: SessionWanted): string {
  const families = session.families.map((family) => family[3]).join("");
  const isWaiting = session.isPassive ? " waits" : "";
  const source = session.localAddress === undefined ? " from any" : "";
  return `${session.name} -> ${session.address} ${session.port} AS ${session.asNumber} [${families}]${isWaiting}${source}`;
}

function sessionsOf(resources: readonly Resource[], nodeName?: string): string[] {
  return bgpOf(resources, nodeName).sessions.map(describe);
}

const dual1 = node("host-1", { ipv4Address: "192.0.2.1/24", ipv6Address: "2001:db8::1/64" });
const dual2 = node("host-2", { ipv4Address: "192.0.2.2/24", ipv6Address: "2001:db8::2/64" });
const four1 = node("host-1", { ipv4Address: "192.0.2.1/24" });
const four2 = node("host-2", { ipv4Address: "192.0.2.2/24" });
const four3 = node("host-3", { ipv4Address: "192.0.2.3/24" });
const six2 = node("host-2", { ipv6Address: "2001:db8::2/64" });
const noMesh = bgpConfiguration("default", { nodeToNodeMeshEnabled: false });

const cases: readonly {
  readonly says: string;
  readonly resources: readonly Resource[];
  readonly sessions: readonly string[];
}[] = [
  {
    says: "two nodes with both versions have a session for each, and the one with the lesser address waits",
    resources: [dual1, dual2],
    sessions: [
      "Mesh_192_0_2_2 -> 192.0.2.2 179 AS 64512 [4] waits",
      "Mesh_2001_db8__2 -> 2001:db8::2 179 AS 64512 [6] waits",
    ],
  },
  {
    says: "where two nodes have one version in common that session carries both families",
    resources: [dual1, four2],
    sessions: ["Mesh_192_0_2_2 -> 192.0.2.2 179 AS 64512 [46] waits"],
  },
  { says: "two nodes without a common version have no session", resources: [four1, six2], sessions: [] },
  { says: "a node without itself has no sessions", resources: [dual2], sessions: [] },
  {
    says: "the mesh takes the other node's own AS number and port",
    resources: [
      four1,
      node("host-2", { ipv4Address: "192.0.2.2/24", asNumber: 65001 }),
      bgpConfiguration("node.host-2", { listenPort: 1179 }),
      bgpConfiguration("default", { asNumber: 65000 }),
    ],
    sessions: ["Mesh_192_0_2_2 -> 192.0.2.2 1179 AS 65001 [46] waits"],
  },
  {
    says: "route reflectors stay out of the mesh",
    resources: [
      four1,
      four2,
      node("host-3", { ipv4Address: "192.0.2.3/24", routeReflectorClusterID: address("1.0.0.1") }),
    ],
    sessions: ["Mesh_192_0_2_2 -> 192.0.2.2 179 AS 64512 [46] waits"],
  },
  { says: "the mesh can be off", resources: [four1, four2, noMesh], sessions: [] },
  {
    says: "an outside router gets the family of its address, and never a passive end",
    resources: [dual1, noMesh, bgpPeer("tor", { peerIP: "192.0.2.254", asNumber: 65000 })],
    sessions: ["Global_192_0_2_254 -> 192.0.2.254 179 AS 65000 [4]"],
  },
  {
    says: "a written port is in the name",
    resources: [dual1, bgpPeer("tor", { node: "host-1", peerIP: "[2001:db8::fe]:1179", asNumber: 65000 })],
    sessions: ["Node_2001_db8__fe_port_1179 -> 2001:db8::fe 1179 AS 65000 [6]"],
  },
  {
    says: "without an AS number an outside router is no peer",
    resources: [dual1, bgpPeer("tor", { peerIP: "192.0.2.254" })],
    sessions: [],
  },
  {
    says: "without an address of the peer's version there is no session",
    resources: [four1, bgpPeer("tor", { peerIP: "2001:db8::fe", asNumber: 65000 })],
    sessions: [],
  },
  {
    says: "a BGPPeer of another node is none of ours",
    resources: [four1, bgpPeer("tor", { node: "host-7", peerIP: "192.0.2.254", asNumber: 65000 })],
    sessions: [],
  },
  {
    says: "a node selector chooses by the labels of the node",
    resources: [
      node("host-1", { ipv4Address: "192.0.2.1/24" }, { rack: "r1" }),
      bgpPeer("tor-1", { nodeSelector: "rack == 'r1'", peerIP: "192.0.2.254", asNumber: 65000 }),
      bgpPeer("tor-2", { nodeSelector: "rack == 'r2'", peerIP: "192.0.2.253", asNumber: 65000 }),
    ],
    sessions: ["Node_192_0_2_254 -> 192.0.2.254 179 AS 65000 [4]"],
  },
  {
    says: "the kernel may choose the source address",
    resources: [four1, bgpPeer("tor", { peerIP: "192.0.2.254", asNumber: 65000, sourceAddress: "None" })],
    sessions: ["Global_192_0_2_254 -> 192.0.2.254 179 AS 65000 [4] from any"],
  },
  {
    says: "of BGPPeers for one address the global one wins, then the name decides",
    resources: [
      four1,
      bgpPeer("a", { node: "host-1", peerIP: "192.0.2.254", asNumber: 65001 }),
      bgpPeer("z", { peerIP: "192.0.2.254", asNumber: 65002 }),
      bgpPeer("y", { peerIP: "192.0.2.254", asNumber: 65003 }),
    ],
    sessions: ["Global_192_0_2_254 -> 192.0.2.254 179 AS 65003 [4]"],
  },
  {
    says: "one address at two ports is two sessions",
    resources: [
      four1,
      bgpPeer("a", { peerIP: "192.0.2.254", asNumber: 65001 }),
      bgpPeer("b", { peerIP: "192.0.2.254:1179", asNumber: 65001 }),
    ],
    sessions: [
      "Global_192_0_2_254 -> 192.0.2.254 179 AS 65001 [4]",
      "Global_192_0_2_254_port_1179 -> 192.0.2.254 1179 AS 65001 [4]",
    ],
  },
  {
    says: "a BGPPeer takes the place of the mesh, and its node has the cluster's AS number if none is written",
    resources: [four1, four2, bgpPeer("two", { peerIP: "192.0.2.2" })],
    sessions: ["Global_192_0_2_2 -> 192.0.2.2 179 AS 64512 [46] waits"],
  },
  { says: "nobody peers with himself", resources: [four1, bgpPeer("self", { peerIP: "192.0.2.1" })], sessions: [] },
  {
    says: "a node whose AS number differs from the written one is treated as an outside router",
    resources: [dual1, dual2, noMesh, bgpPeer("two", { node: "host-1", peerIP: "192.0.2.2", asNumber: 65009 })],
    sessions: ["Node_192_0_2_2 -> 192.0.2.2 179 AS 65009 [4]"],
  },
  {
    says: "a BGPPeer for every node that names this one gives sessions back to the others",
    resources: [four1, four2, four3, noMesh, bgpPeer("one", { peerIP: "192.0.2.1" })],
    sessions: ["Node_192_0_2_2 -> 192.0.2.2 179 AS 64512 [46]", "Node_192_0_2_3 -> 192.0.2.3 179 AS 64512 [46]"],
  },
  {
    says: "an explicit peering beats the one implied by another",
    resources: [
      four1,
      four2,
      noMesh,
      bgpPeer("one", { node: "host-2", peerIP: "192.0.2.1", sourceAddress: "None" }),
      bgpPeer("two", { node: "host-1", peerIP: "192.0.2.2" }),
    ],
    sessions: ["Node_192_0_2_2 -> 192.0.2.2 179 AS 64512 [46]"],
  },
  {
    says: "the port that a node listens on is used and named when none is written",
    resources: [
      four1,
      four2,
      bgpConfiguration("default", { nodeToNodeMeshEnabled: false, listenPort: 1790 }),
      bgpPeer("two", { node: "host-1", peerIP: "192.0.2.2" }),
    ],
    sessions: ["Node_192_0_2_2_port_1790 -> 192.0.2.2 1790 AS 64512 [46]"],
  },
];

for (const { says, resources, sessions } of cases) {
  test(says, () => assert.deepEqual(sessionsOf(resources), sessions));
}

test("of the two ends of a mesh session exactly one waits", () => {
  const waiting = ["host-1", "host-2"].map((name) =>
    bgpOf([dual1, dual2], name).sessions.map((session) => session.isPassive),
  );
  assert.deepEqual(waiting, [
    [true, true],
    [false, false],
  ]);
});

test("both ends of every session between nodes know each other", () => {
  const resources = [dual1, four2, four3, bgpPeer("hub", { nodeSelector: "all()", peerIP: "192.0.2.3" })];
  const ends = ["host-1", "host-2", "host-3"].flatMap((name) =>
    bgpOf(resources, name).sessions.map(({ localAddress, address }) => `${localAddress} ${address}`),
  );
  for (const end of ends) assert.ok(ends.includes(end.split(" ").toReversed().join(" ")), end);
});

test("a speaker knows its AS number, router id, port, addresses and what it may pass on", () => {
  const { sessions: _, ...rest } = bgpOf([
    node("host-1", { ipv4Address: "192.0.2.1/24", ipv6Address: "2001:db8::1/64", asNumber: 65001 }),
    bgpConfiguration("default", { listenPort: 1179 }),
    bgpConfiguration("node.host-1", { listenPort: 1180 }),
    pool("six", "fd00::/64"),
    pool("four", "10.0.0.0/16"),
    pool("kept", "10.1.0.0/16", true),
  ]);
  assert.deepEqual(rest, {
    type: "bgpUpdate",
    localAs: 65001,
    routerId: "192.0.2.1",
    listenPort: 1180,
    nextHop4: "192.0.2.1",
    nextHop6: "2001:db8::1",
    exportWithin: ["10.0.0.0/16", "fd00::/64"],
  });
});

test("the router id of a node without IPv4 is made from its name, and could be a host's address", () => {
  const { routerId } = bgpOf([node("host-1", { ipv6Address: "2001:db8::1/64" })]);
  assert.equal(routerId, "74.23.150.172");
});

test("octets of a made router id are moved out of the multicast range", () => {
  for (let i = 0; i < 200; i++) {
    const name = `host-${i}`;
    const { routerId } = bgpOf([node(name, {})], name);
    assert.ok(Number(routerId.split(".")[0]) < 224, routerId);
  }
});

const password = { secretKeyRef: { name: "bgp", key: "key" } };
const tor = { peerIP: "192.0.2.254", asNumber: 65000 };

test("a password is that of the Secret, and without it the session is withheld, with the reason", () => {
  const asked = (resources: readonly Resource[]) => {
    const [session] = bgpOf([four1, noMesh, bgpPeer("tor", { ...tor, password }), ...resources]).sessions;
    return [session?.password, session?.withheld];
  };
  assert.deepEqual(asked([secret("bgp", { key: "sesame", other: "x" })]), ["sesame", undefined]);
  assert.deepEqual(asked([secret("bgp", { key: "x".repeat(80) })]), ["x".repeat(80), undefined]);
  const withheld: [Resource[], RegExp][] = [
    [[], /^the Secret bgp with its password is not there$/],
    [[secret("other", { key: "sesame" })], /Secret bgp with its password is not there/],
    [[secret("bgp", { other: "sesame" })], /Secret bgp has no key key/],
    [[secret("bgp", { key: "" })], /is empty/],
    [[secret("bgp", { key: "\u00e9".repeat(41) })], /has more than 80 octets/],
  ];
  for (const [resources, reason] of withheld) {
    const [found, why] = asked(resources);
    assert.equal(found, undefined);
    assert.match(why ?? "", reason);
    assert.doesNotMatch(why ?? "", /sesame|\u00e9/);
  }
  const nameless = bgpPeer("tor", { ...tor, password: { secretKeyRef: { key: "key" } } });
  assert.match(bgpOf([four1, noMesh, nameless]).sessions[0]?.withheld ?? "", /names no Secret/);
  assert.equal(bgpOf([four1, noMesh, bgpPeer("tor", { ...tor, password: {} })]).sessions[0]?.withheld, undefined);
});

test("a session that is withheld still keeps others from taking its place", () => {
  const [session, ...rest] = bgpOf([
    four1,
    four2,
    bgpPeer("a", { peerIP: "192.0.2.2", asNumber: 64512, password }),
  ]).sessions;
  assert.deepEqual([session?.name, session?.password, rest.length], ["Global_192_0_2_2", undefined, 0]);
  assert.notEqual(session?.withheld, undefined);
});

test("the mesh has its password and restart time in both IP versions", () => {
  const mesh = bgpConfiguration("default", { nodeMeshPassword: password, nodeMeshMaxRestartTime: "2m10.4s" });
  const seen = (resources: readonly Resource[]) =>
    bgpOf([dual1, dual2, mesh, ...resources]).sessions.map((one) => [
      one.password,
      one.restartTimeSeconds,
      one.withheld === undefined,
    ]);
  const open = ["sesame", 130, true];
  const closed = [undefined, 130, false];
  assert.deepEqual(seen([secret("bgp", { key: "sesame" })]), [open, open]);
  assert.deepEqual(seen([]), [closed, closed]);
});

test("a peer has the restart time, hold time, hops and AS numbers that it is given, as far as the protocol has them", () => {
  const one = (spec: BGPPeerSpec) => {
    const [session] = bgpOf([four1, noMesh, bgpPeer("a", { ...tor, ...spec })]).sessions;
    return session ?? assert.fail();
  };
  const members: [BGPPeerSpec, keyof SessionWanted, unknown][] = [
    [{}, "restartTimeSeconds", undefined],
    [{ maxRestartTime: "90.5s" }, "restartTimeSeconds", 91],
    [{ maxRestartTime: "-1s" }, "restartTimeSeconds", 0],
    [{ maxRestartTime: "2h" }, "restartTimeSeconds", 4095],
    [{}, "holdTimeSeconds", undefined],
    [{ keepaliveTime: "20s" }, "holdTimeSeconds", 60],
    [{ keepaliveTime: "100ms" }, "holdTimeSeconds", 3],
    [{ keepaliveTime: "0s" }, "holdTimeSeconds", undefined],
    [{ keepaliveTime: "24h" }, "holdTimeSeconds", 65_535],
    [{ ttlSecurity: 0 }, "ttlSecurityHops", undefined],
    [{ ttlSecurity: 255 }, "ttlSecurityHops", 255],
    [{ localASNumber: 65001 }, "localAs", 65001],
    [{ numAllowedLocalASNumbers: 3 }, "allowLocalAs", 3],
    [{ numAllowedLocalASNumbers: 0 }, "allowLocalAs", undefined],
    [{ numAllowedLocalASNumbers: -1 }, "allowLocalAs", undefined],
  ];
  for (const [spec, member, value] of members) assert.equal(one(spec)[member], value, JSON.stringify(spec));
});

test("whether a session is internal is judged by the AS number that the peer has us by", () => {
  const reflector = node("host-1", { ipv4Address: "192.0.2.1/24", routeReflectorClusterID: address("1.0.0.1") });
  const one = (spec: BGPPeerSpec) => {
    const [session] = bgpOf([reflector, bgpPeer("a", { ...tor, keepOriginalNextHop: true, ...spec })]).sessions;
    return [session?.reflectorCluster, session?.nextHopMode];
  };
  assert.deepEqual(one({}), [undefined, "keep"]);
  assert.deepEqual(one({ localASNumber: 65000 }), ["1.0.0.1", "auto"]);
  assert.deepEqual(one({ asNumber: 64512, localASNumber: 65001 }), [undefined, "keep"]);
});

test("a peer selector makes sessions with the nodes that match in every IP version, and back from them", () => {
  const hub = node("host-1", { ipv4Address: "192.0.2.1/24", ipv6Address: "2001:db8::1/64" }, { hub: "yes" });
  const far = node("host-2", { ipv4Address: "192.0.2.2/24", ipv6Address: "2001:db8::2/64", asNumber: 65002 });
  const peer = bgpPeer("hubs", {
    nodeSelector: "all()",
    peerSelector: "has(hub)",
    password,
    ttlSecurity: 2,
    localASNumber: 65009,
    numAllowedLocalASNumbers: 1,
  });
  const resources = [hub, far, noMesh, peer, secret("bgp", { key: "sesame" })];
  const seen = (name: string) =>
    bgpOf(resources, name).sessions.map((one) => [
      describe(one),
      one.password,
      one.ttlSecurityHops,
      one.localAs,
      one.allowLocalAs,
    ]);
  const rest = ["sesame", 2, undefined, undefined];
  assert.deepEqual(seen("host-2"), [
    ["Node_192_0_2_1 -> 192.0.2.1 179 AS 64512 [4]", ...rest],
    ["Node_2001_db8__1 -> 2001:db8::1 179 AS 64512 [6]", ...rest],
  ]);
  assert.deepEqual(seen("host-1"), [
    ["Node_192_0_2_2 -> 192.0.2.2 179 AS 65002 [4]", ...rest],
    ["Node_2001_db8__2 -> 2001:db8::2 179 AS 65002 [6]", ...rest],
  ]);
  const manual = bgpPeer("hubs", { peerSelector: "has(hub)", nodeSelector: "!has(hub)", reversePeering: "Manual" });
  assert.deepEqual(sessionsOf([hub, far, noMesh, manual], "host-1"), []);
  assert.deepEqual(sessionsOf([hub, far, noMesh, bgpPeer("hubs", { peerSelector: "has(hub)" })], "host-2"), [
    "Global_192_0_2_1 -> 192.0.2.1 179 AS 64512 [4]",
    "Global_2001_db8__1 -> 2001:db8::1 179 AS 64512 [6]",
  ]);
});

test("a session back has the AS numbers of the nodes, not those that the BGPPeer gives for its own end", () => {
  const peer = bgpPeer("one", {
    node: "host-2",
    peerIP: "192.0.2.1",
    localASNumber: 65009,
    numAllowedLocalASNumbers: 2,
  });
  const [session] = bgpOf([noMesh, four1, four2, peer]).sessions;
  assert.deepEqual([session?.asNumber, session?.localAs, session?.allowLocalAs], [64512, undefined, undefined]);
});

test("workloads of this node that a selector chooses are waited for, in the IP versions that the node has", () => {
  const peer = bgpPeer("routers", {
    localWorkloadSelector: "role == 'router'",
    asNumber: 65100,
    localASNumber: 65101,
    ttlSecurity: 1,
    password,
    filters: ["f"],
  });
  const router = endpoint("r", ["10.0.0.1", "fd00::1"], { role: "router" });
  const elsewhere = endpoint("e", ["10.0.0.2"], { role: "router" }, { node: "host-2" });
  const plain = endpoint("p", ["10.0.0.3"]);
  const filter = bgpFilter("f", { importV4: [{ action: "Reject" }] });
  const seen = (self: Resource) =>
    bgpOf([self, noMesh, peer, router, elsewhere, plain, filter]).sessions.map((one) => [
      describe(one),
      one.type,
      one.localAs,
      one.ttlSecurityHops,
      one.withheld,
      one.importFilters,
    ]);
  const rest = ["workload", 65101, undefined, undefined];
  const four = ["Local_Workload_10_0_0_1 -> 10.0.0.1 179 AS 65100 [4] waits from any", ...rest, ["f"]];
  const six = ["Local_Workload_fd00__1 -> fd00::1 179 AS 65100 [6] waits from any", ...rest, []];
  assert.deepEqual(seen(dual1), [four, six]);
  assert.deepEqual(seen(four1), [four]);
  assert.deepEqual(sessionsOf([dual1, noMesh, peer]), []);
});

test("the neighbour by which a peer is reached is told for the sessions at that end alone", () => {
  const peer = bgpPeer("two", { node: "host-1", peerIP: "192.0.2.2", reachableBy: address("192.0.2.9") });
  const seen = (name: string) => bgpOf([four1, four2, noMesh, peer], name).sessions.map((one) => one.reachableBy);
  assert.deepEqual(seen("host-1"), ["192.0.2.9"]);
  assert.deepEqual(seen("host-2"), [undefined]);
});

test("a speaker listens everywhere, or at the addresses of its node alone", () => {
  const listen = (...resources: Resource[]) => bgpOf([dual1, ...resources]).listenAddresses;
  const nodeIp = { bindMode: "NodeIP" } as const;
  assert.equal(listen(), undefined);
  assert.deepEqual(listen(bgpConfiguration("default", nodeIp)), ["192.0.2.1", "2001:db8::1"]);
  assert.equal(
    listen(bgpConfiguration("default", nodeIp), bgpConfiguration("node.host-1", { bindMode: "None" })),
    undefined,
  );
  assert.deepEqual(listen(bgpConfiguration("node.host-1", nodeIp)), ["192.0.2.1", "2001:db8::1"]);
});

test("a Secret and a BGPFilter that come, change and go leave nothing behind", () => {
  const graph = new CalcGraph({ node: here });
  const peer = bgpPeer("tor", { ...tor, password, filters: ["f"] });
  for (const resource of [four1, noMesh, peer]) graph.onResource(keyOf(resource), resource);
  graph.onSynced();
  const session = () => {
    const message = graph.flush().find(({ type }) => type === "bgpUpdate");
    return message?.type === "bgpUpdate" ? message.sessions[0] : undefined;
  };
  const first = session();
  const key = secret("bgp", { key: "sesame" });
  const filter = bgpFilter("f", { importV4: [{ action: "Accept" }] });
  for (const [resource, expected] of [
    [key, "sesame"],
    [secret("bgp", { key: "simsim" }), "simsim"],
  ] as const) {
    graph.onResource(keyOf(resource), resource);
    assert.equal(session()?.password, expected);
  }
  graph.onResource(keyOf(filter), filter);
  assert.deepEqual(session()?.importFilters, ["f"]);
  graph.onResource(keyOf(filter), undefined);
  graph.onResource(keyOf(key), undefined);
  assert.deepEqual(session(), first);
});

test("a peer tells what becomes of the next hop, and whether the other end peers back", () => {
  const modeOf = (spec: object) =>
    bgpOf([four1, bgpPeer("a", { peerIP: "192.0.2.9", asNumber: 65000, ...spec })]).sessions[0]?.nextHopMode;
  assert.equal(modeOf({}), "auto");
  assert.equal(modeOf({ nextHopMode: "Self" }), "self");
  assert.equal(modeOf({ nextHopMode: "Keep" }), "keep");
  assert.equal(modeOf({ keepOriginalNextHop: true }), "keep");
  assert.equal(modeOf({ keepOriginalNextHop: true, asNumber: 64512 }), "auto");
  const reverse = { node: "host-2", peerIP: "192.0.2.1", asNumber: 64512 };
  assert.equal(sessionsOf([noMesh, four1, four2, bgpPeer("a", reverse)]).length, 1);
  assert.equal(sessionsOf([noMesh, four1, four2, bgpPeer("a", { ...reverse, reversePeering: "Manual" })]).length, 0);
});

test("to a route reflector whoever is of its AS is a client, but for the rest of its cluster", () => {
  const cluster = address("1.0.0.1");
  const reflector = node("rr-1", { ipv4Address: "192.0.2.10/24", routeReflectorClusterID: cluster });
  const second = node("rr-2", { ipv4Address: "192.0.2.11/24", routeReflectorClusterID: cluster });
  const third = node("rr-3", { ipv4Address: "192.0.2.12/24", routeReflectorClusterID: address("1.0.0.2") });
  const other = node("far", { ipv4Address: "192.0.2.4/24", asNumber: 64999 });
  const everybody = bgpPeer("to-rr", { peerIP: address("192.0.2.10"), nodeSelector: "all()" });
  const tor = bgpPeer("tor", { peerIP: address("192.0.2.200"), node: "rr-1", asNumber: 64601 });
  const outside = bgpPeer("outside", { peerIP: address("192.0.2.201"), node: "rr-1", asNumber: 64512 });
  const resources = [reflector, second, third, other, four1, everybody, tor, outside];
  const clusters = (name: string) =>
    bgpOf(resources, name).sessions.map((session) => [session.address, session.reflectorCluster]);
  assert.deepEqual(clusters("rr-1"), [
    ["192.0.2.1", cluster],
    ["192.0.2.11", undefined],
    ["192.0.2.12", cluster],
    ["192.0.2.200", undefined],
    ["192.0.2.201", cluster],
    ["192.0.2.4", undefined],
  ]);
  const plain = [
    ["192.0.2.4", undefined],
    ["192.0.2.10", undefined],
  ];
  assert.deepEqual(clusters("host-1"), plain);
});
