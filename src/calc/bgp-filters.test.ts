import assert from "node:assert/strict";
import { test } from "node:test";
import type { RouteMatch, RoutePolicy, RouteSet } from "../bgp/index.ts";
import { type BGPFilterRule, type BGPFilterSpec, type BGPPeerSpec, type Resource, keyOf } from "../resources/index.ts";
import { CalcGraph } from "./graph.ts";
import type { SessionWanted } from "./messages.ts";
import { bgpConfiguration, bgpFilter, bgpPeer, cidr, node, pool } from "./testing/make.ts";

type Filters = Readonly<Record<string, BGPFilterSpec>>;
const dual = node("host-1", { ipv4Address: "192.0.2.1/24", ipv6Address: "2001:db8::1/64" });
const noMesh = bgpConfiguration("default", { nodeToNodeMeshEnabled: false });
const torOf = { 4: "192.0.2.254", 6: "2001:db8::fe" } as const;

/** The session with a router of another AS, with all of the filters and names that are nobody's. */
function session(
  filters: Filters,
  names = Object.keys(filters),
  version: 4 | 6 = 4,
  spec: BGPPeerSpec = {},
): SessionWanted {
  const peer = bgpPeer("tor", { peerIP: torOf[version], asNumber: 65000, filters: names, ...spec });
  const resources: Resource[] = [dual, noMesh, peer, pool("p4", "10.0.0.0/16"), pool("p6", "fd00::/64")];
  const graph = new CalcGraph({ node: "host-1" });
  const made = Object.entries(filters).map(([name, filter]) => bgpFilter(name, filter));
  for (const resource of [...resources, ...made]) graph.onResource(keyOf(resource), resource);
  graph.onSynced();
  const message = graph.flush().find(({ type }) => type === "bgpUpdate");
  assert.ok(message?.type === "bgpUpdate");
  return message.sessions[0] ?? assert.fail();
}

function imported(rule: Omit<BGPFilterRule, "action">, version: 4 | 6 = 4, spec?: BGPPeerSpec): RouteMatch | undefined {
  const rules = [{ action: "Accept" as const, ...rule }];
  const { importPolicy } = session(
    { f: version === 4 ? { importV4: rules } : { importV6: rules } },
    ["f"],
    version,
    spec,
  );
  return importPolicy?.rules[0]?.match;
}

const usual: RoutePolicy["rules"] = [
  { match: { isOwn: true }, action: "accept" },
  { match: { peerTypes: ["workload"] }, action: "accept" },
  {
    match: {
      prefixes: [
        { prefix: cidr("10.0.0.0/16"), minLength: 16, maxLength: 32 },
        { prefix: cidr("fd00::/64"), minLength: 64, maxLength: 128 },
      ],
    },
    action: "accept",
  },
];

const four = { family: "ipv4-unicast" } as const;
const six = { family: "ipv6-unicast" } as const;

test("a prefix is compared in every way, and its length narrows what is compared", () => {
  const [net, net6] = [cidr("10.0.0.0/8"), cidr("fd00::/8")];
  const range = (minLength: number, maxLength: number) => [{ prefix: net, minLength, maxLength }];
  const cases: [Omit<BGPFilterRule, "action" | "cidr">, RouteMatch][] = [
    [{ matchOperator: "Equal" }, { prefixes: range(8, 8) }],
    [{ matchOperator: "NotEqual" }, { notPrefixes: range(8, 8) }],
    [{ matchOperator: "In" }, { prefixes: range(8, 32) }],
    [{ matchOperator: "NotIn" }, { notPrefixes: range(8, 32) }],
    [{ matchOperator: "In", prefixLength: { min: 16 } }, { prefixes: range(16, 32) }],
    [{ matchOperator: "In", prefixLength: { max: 24 } }, { prefixes: range(8, 24) }],
    [{ matchOperator: "In", prefixLength: { min: 0, max: 32 } }, { prefixes: range(8, 32) }],
    [{ matchOperator: "In", prefixLength: { min: 30, max: 20 } }, { prefixes: range(30, 20) }],
    [{ matchOperator: "NotIn", prefixLength: { min: 16, max: 24 } }, { notPrefixes: range(16, 24) }],
    [{ matchOperator: "Equal", prefixLength: { min: 9 } }, { prefixes: range(9, 8) }],
  ];
  for (const [rule, match] of cases) {
    assert.deepEqual(imported({ cidr: net, ...rule }), { ...four, ...match }, JSON.stringify(rule));
  }
  const wide = { prefix: net6, minLength: 16, maxLength: 128 };
  assert.deepEqual(imported({ cidr: net6, matchOperator: "In", prefixLength: { min: 16 } }, 6), {
    ...six,
    prefixes: [wide],
  });
});

test("every other condition is there too, and they hold together", () => {
  const cases: [Omit<BGPFilterRule, "action">, RouteMatch | undefined][] = [
    [{}, {}],
    [{ source: "RemotePeers" }, { isOwn: false }],
    [{ peerType: "eBGP" }, {}],
    [{ peerType: "iBGP" }, undefined],
    [{ communities: { values: ["65000:7"] } }, { communities: [65000 * 65536 + 7] }],
    [{ communities: { values: ["65000:1:2"] } }, { largeCommunities: [[65000, 1, 2]] }],
    [{ asPathPrefix: [65000, 65001] }, { asPathPrefix: [65000, 65001] }],
    [{ priority: 1024 }, { localPref: 2147482623 }],
    [
      { source: "RemotePeers", asPathPrefix: [65000] },
      { isOwn: false, asPathPrefix: [65000] },
    ],
  ];
  for (const version of [4, 6] as const) {
    for (const [rule, match] of cases) {
      const expected = match === undefined ? undefined : { ...(version === 4 ? four : six), ...match };
      assert.deepEqual(imported(rule, version), expected, JSON.stringify(rule));
    }
  }
});

test("the kind of peer is judged by the AS number that it has us by, which then stands before what it tells", () => {
  const other = { localASNumber: 65001 };
  assert.deepEqual(imported({ asPathPrefix: [65000] }, 4, other), { ...four, asPathPrefix: [65001, 65000] });
  const same = { localASNumber: 65000 };
  assert.deepEqual(imported({ peerType: "iBGP", asPathPrefix: [65000] }, 4, same), { ...four, asPathPrefix: [65000] });
  assert.deepEqual(imported({ peerType: "eBGP" }, 4, same), undefined);
});

test("operations are done in order", () => {
  const set: RouteSet = {
    addCommunities: [65000 * 65536 + 1, 65000 * 65536 + 2],
    addLargeCommunities: [[1, 2, 3]],
    prepend: [65003, 65001, 65002],
    localPref: 2147483647 - 20,
  };
  const rule: BGPFilterRule = {
    action: "Accept",
    operations: [
      { addCommunity: { value: "65000:1" } },
      { prependASPath: { prefix: [65001, 65002] } },
      { setPriority: { value: 10 } },
      { addCommunity: { value: "1:2:3" } },
      { prependASPath: { prefix: [65003] } },
      { addCommunity: { value: "65000:2" } },
      { setPriority: { value: 20 } },
    ],
  };
  const { exportPolicy } = session({ f: { exportV4: [rule] } });
  assert.deepEqual(exportPolicy?.rules, [{ match: four, action: "accept", set }, ...usual]);
});

test("filters follow each other in both directions, and behind them is what holds without any", () => {
  const made = session(
    {
      a: { importV4: [{ action: "Reject", asPathPrefix: [1] }], exportV4: [{ action: "Reject", asPathPrefix: [2] }] },
      b: { importV4: [{ action: "Accept" }], exportV6: [{ action: "Reject" }] },
    },
    ["b", "a"],
  );
  assert.deepEqual(made.importPolicy, {
    name: "b, a",
    rules: [
      { match: four, action: "accept" },
      { match: { ...four, asPathPrefix: [1] }, action: "reject" },
    ],
    otherwise: "accept",
  });
  assert.deepEqual(made.exportPolicy, {
    name: "a",
    rules: [{ match: { ...four, asPathPrefix: [2] }, action: "reject" }, ...usual],
    otherwise: "reject",
  });
  assert.deepEqual([made.importFilters, made.exportFilters, made.isExportFree], [["b", "a"], ["a"], true]);
});

test("a filter without rules for the version and direction changes nothing", () => {
  const { importPolicy, exportPolicy, isExportFree, importFilters } = session({
    a: { importV6: [{ action: "Reject" }] },
  });
  assert.deepEqual([importPolicy, exportPolicy, isExportFree, importFilters], [undefined, undefined, undefined, []]);
});

test("a filter that is not there turns away whatever gets as far as to it", () => {
  const filter: BGPFilterSpec = { importV4: [{ action: "Accept", asPathPrefix: [1] }] };
  const made = session({ a: filter, b: { importV4: [{ action: "Accept" }] } }, ["a", "gone", "b"]);
  assert.deepEqual(made.importPolicy, {
    name: "a, gone (which is not there)",
    rules: [
      { match: { ...four, asPathPrefix: [1] }, action: "accept" },
      { match: {}, action: "reject" },
    ],
    otherwise: "accept",
  });
  assert.deepEqual(made.exportPolicy?.rules[0], { match: {}, action: "reject" });
  assert.deepEqual([made.importFilters, made.exportFilters], [["a", "b"], []]);
});

test("a rule that asks for an interface withholds the session that it would be for", () => {
  const asked: BGPFilterSpec = { exportV4: [{ action: "Reject", interface: "eth*" }] };
  assert.match(session({ f: asked }).withheld ?? "", /BGPFilter f asks for interfaces/);
  assert.equal(session({ f: asked }, ["f"], 6).withheld, undefined);
});
