import assert from "node:assert/strict";
import { test } from "node:test";
import { type IPAMBlock, type Resource, decodeResource } from "../resources/index.ts";
import { authorizeChange } from "./authorize-change.ts";
import type { Change } from "./change.ts";
import type { Identity } from "./identity.ts";

const nowMs = Date.UTC(2026, 0, 1, 12);
const v3 = "projectcalico.org/v3";
const h1: Identity = { role: "node", name: "h1" };
const roles: readonly Identity[] = [h1, { role: "cni", name: "h1" }];

function read<K extends Resource["kind"]>(kind: K, name: string, rest: object, metadata: object = {}) {
  const namespace = kind === "WorkloadEndpoint" ? { namespace: "default" } : {};
  const decoded = decodeResource({ apiVersion: v3, kind, metadata: { name, ...namespace, ...metadata }, ...rest });
  assert.ok(decoded.ok, JSON.stringify(decoded));
  return decoded.value as Extract<Resource, { kind: K }>;
}

type Holder = string | null;

/** A /30 whose addresses are noted as the given nodes'. */
function block(
  affinity: string | undefined,
  holders: readonly Holder[] = [null, null, null, null],
  more: object = {},
): IPAMBlock {
  const taken = holders.filter((holder) => holder !== null);
  return read("IPAMBlock", "10-65-0-0-30", {
    spec: {
      cidr: "10.65.0.0/30",
      ...(affinity === undefined ? {} : { affinity, affinityClaimTime: new Date(nowMs - 60_000).toISOString() }),
      allocations: holders.map((holder) => (holder === null ? null : taken.indexOf(holder))),
      unallocated: holders.flatMap((holder, ordinal) => (holder === null ? [ordinal] : [])),
      attributes: taken.map((node) => ({ handle_id: `of-${node}`, secondary: { node } })),
      sequenceNumber: 5,
      sequenceNumberForAllocation: {},
      ...more,
    },
  });
}

/** Of the host, empty, anywhere. */
function largeBlock(cidr: string): IPAMBlock {
  const size = 2 ** (32 - Number(cidr.split("/")[1]));
  const ordinals = Array.from({ length: size }, (_, ordinal) => ordinal);
  return read("IPAMBlock", cidr.replaceAll(/[./]/g, "-"), {
    spec: {
      cidr,
      affinity: "host:h1",
      allocations: ordinals.map(() => null),
      unallocated: ordinals,
      sequenceNumber: 1,
    },
  });
}

function affinity(node: string, state: string) {
  return read("BlockAffinity", `${node}-10-65-0-0-30`, { spec: { state, node, type: "host", cidr: "10.65.0.0/30" } });
}

function handle(counts: Record<string, number>) {
  return read("IPAMHandle", "of-h1", { spec: { handleID: "of-h1", block: counts } });
}

function endpoint(node: string) {
  return read("WorkloadEndpoint", `${node}-tortie-web-eth0`, {
    spec: {
      node,
      orchestrator: "tortie",
      workload: "web",
      endpoint: "eth0",
      interfaceName: "tt1",
      ipNetworks: ["10.65.0.1/32"],
    },
  });
}

function node(name: string, rest: object = {}, metadata: object = {}) {
  return read("Node", name, rest, metadata);
}

function judge(change: Change, blocks: readonly IPAMBlock[] = [], identity: Identity = h1) {
  return authorizeChange(identity, change, {
    nowMs,
    blockAt: (cidr) => blocks.find((one) => one.spec.cidr === cidr),
    pools: () => [read("IPPool", "p", { spec: { cidr: "10.65.0.0/24", blockSize: 30 } })],
  });
}

const freshClaim = { affinityClaimTime: new Date(nowMs - 1000).toISOString() };
const next = { sequenceNumber: 6 };

/** Title, what is written, what blocks there are, whether it is allowed. */
const cases: readonly [string, Change, readonly IPAMBlock[], boolean][] = [
  ["an endpoint with an address of an own block is made", { next: endpoint("h1") }, [block("host:h1")], true],
  [
    "an endpoint with an address that is noted as its own is made",
    { next: endpoint("h1") },
    [block("host:h2", [null, "h1", null, null])],
    true,
  ],
  ["an endpoint with an address of another is made", { next: endpoint("h1") }, [block("host:h2")], false],
  ["an endpoint with an address of nobody is made", { next: endpoint("h1") }, [], false],
  ["an endpoint keeps an address whose block is gone", { old: endpoint("h1"), next: endpoint("h1") }, [], true],
  ["an endpoint of another is made", { next: endpoint("h2") }, [], false],
  ["an endpoint of its own goes", { old: endpoint("h1") }, [], true],
  ["an endpoint of another goes", { old: endpoint("h2") }, [], false],
  ["an endpoint of another is taken over", { old: endpoint("h2"), next: endpoint("h1") }, [], false],
  ["an endpoint is pushed to another", { old: endpoint("h1"), next: endpoint("h2") }, [], false],

  ["a block is claimed", { next: block("host:h1") }, [], true],
  ["a block is claimed for another", { next: block("host:h2") }, [], false],
  ["a block of nobody is made", { next: block(undefined) }, [], false],
  ["a block of another size than the pool's is claimed", { next: largeBlock("10.65.0.0/29") }, [], false],
  ["a block outside all pools is claimed", { next: largeBlock("192.0.2.0/30") }, [], false],
  [
    "addresses of an own block are given out",
    { old: block("host:h1"), next: block("host:h1", ["h1", null, null, null], next) },
    [],
    true,
  ],
  [
    "an own block is given up",
    { old: block("host:h1", ["h1", null, null, null]), next: block(undefined, ["h1", null, null, null], next) },
    [],
    true,
  ],
  ["an own block is given to another", { old: block("host:h1"), next: block("host:h2", undefined, next) }, [], false],
  ["a block of another is taken", { old: block("host:h2"), next: block("host:h1", undefined, next) }, [], false],
  [
    "an address of another's block is taken",
    { old: block("host:h2"), next: block("host:h2", ["h1", null, null, null], next) },
    [],
    false,
  ],
  ["a block of nobody is taken", { old: block(undefined), next: block("host:h1", undefined, next) }, [], false],
  [
    "an own address in another's block is given back",
    { old: block("host:h2", ["h1", "h2", null, null]), next: block("host:h2", [null, "h2", null, null], next) },
    [],
    true,
  ],
  [
    "an own address in a block of nobody is given back",
    { old: block(undefined, ["h1", "h2", null, null]), next: block(undefined, [null, "h2", null, null], next) },
    [],
    true,
  ],
  [
    "an address of another is freed",
    { old: block("host:h2", ["h2", null, null, null]), next: block("host:h2", undefined, next) },
    [],
    false,
  ],
  [
    "an address of another is freed in a block of nobody",
    { old: block(undefined, ["h2", null, null, null]), next: block(undefined, undefined, next) },
    [],
    false,
  ],
  [
    "an address of another is noted as its own",
    { old: block("host:h2", ["h2", null, null, null]), next: block("host:h2", ["h1", null, null, null], next) },
    [],
    false,
  ],
  [
    "a free address is lost while one is given back",
    {
      old: block("host:h2", ["h1", null, null, null]),
      next: block("host:h2", undefined, { ...next, unallocated: [0] }),
    },
    [],
    false,
  ],
  [
    "a block of another is written as it is",
    { old: block("host:h2", ["h2", null, null, null]), next: block("host:h2", ["h2", null, null, null], next) },
    [],
    true,
  ],
  [
    "the sequence number of another's block leaps",
    { old: block("host:h2"), next: block("host:h2", undefined, { sequenceNumber: 99 }) },
    [],
    false,
  ],
  ["an own empty block goes", { old: block("host:h1") }, [], true],
  ["an own block with an own address goes", { old: block("host:h1", ["h1", null, null, null]) }, [], true],
  ["an own block with another's address goes", { old: block("host:h1", ["h2", null, null, null]) }, [], false],
  ["an idle block of another goes", { old: block("host:h2") }, [], true],
  ["a block of another that was just claimed goes", { old: block("host:h2", undefined, freshClaim) }, [], false],
  ["a block of another that is in use goes", { old: block("host:h2", ["h2", null, null, null]) }, [], false],
  [
    "a block of nobody whose last address is its own goes",
    { old: block(undefined, ["h1", null, null, null]) },
    [],
    true,
  ],
  ["a block of nobody with another's address goes", { old: block(undefined, ["h1", "h2", null, null]) }, [], false],
  ["a block of a virtual owner in use goes", { old: block("virtual:lb", ["h2", null, null, null]) }, [], false],

  ["an affinity is made", { next: affinity("h1", "pending") }, [], true],
  ["an affinity for another is made", { next: affinity("h2", "pending") }, [], false],
  [
    "an own affinity is confirmed",
    { old: affinity("h1", "pending"), next: affinity("h1", "confirmed") },
    [block("host:h1")],
    true,
  ],
  [
    "an own affinity to another's block is confirmed",
    { old: affinity("h1", "pending"), next: affinity("h1", "confirmed") },
    [block("host:h2")],
    false,
  ],
  ["an affinity to no block is made confirmed", { next: affinity("h1", "confirmed") }, [], false],
  [
    "another's is confirmed",
    { old: affinity("h2", "pending"), next: affinity("h2", "confirmed") },
    [block("host:h2")],
    false,
  ],
  [
    "another's to an idle block is marked",
    { old: affinity("h2", "confirmed"), next: affinity("h2", "pendingDeletion") },
    [block("host:h2")],
    true,
  ],
  [
    "another's to a block in use is marked",
    { old: affinity("h2", "confirmed"), next: affinity("h2", "pendingDeletion") },
    [block("host:h2", ["h2", null, null, null])],
    false,
  ],
  [
    "another's to a fresh block is marked",
    { old: affinity("h2", "pending"), next: affinity("h2", "pendingDeletion") },
    [block("host:h2", undefined, freshClaim)],
    false,
  ],
  [
    "another's to no block is marked",
    { old: affinity("h2", "confirmed"), next: affinity("h2", "pendingDeletion") },
    [],
    true,
  ],
  [
    "a mark is taken back",
    { old: affinity("h2", "pendingDeletion"), next: affinity("h2", "confirmed") },
    [block("host:h2", ["h2", null, null, null])],
    true,
  ],
  ["another's that is marked goes", { old: affinity("h2", "pendingDeletion") }, [], true],
  [
    "another's that is marked goes, its block in use",
    { old: affinity("h2", "pendingDeletion") },
    [block("host:h2", ["h2", null, null, null])],
    false,
  ],
  ["another's that stands goes", { old: affinity("h2", "confirmed") }, [], false],

  ["a handle counts an own block", { next: handle({ "10.65.0.0/30": 1 }) }, [block("host:h1")], true],
  ["a handle counts another's block", { next: handle({ "10.65.0.0/30": 1 }) }, [block("host:h2")], false],
  [
    "a count in an own block falls",
    { old: handle({ "10.65.0.0/30": 2 }), next: handle({ "10.65.0.0/30": 1 }) },
    [block("host:h1")],
    true,
  ],
  [
    "a count in another's block falls to the truth",
    { old: handle({ "10.65.0.0/30": 2 }), next: handle({ "10.65.0.0/30": 1 }) },
    [block("host:h2", ["h1", null, null, null])],
    true,
  ],
  [
    "a count in another's block falls below the truth",
    { old: handle({ "10.65.0.0/30": 1 }), next: handle({}) },
    [block("host:h2", ["h1", null, null, null])],
    false,
  ],
  [
    "a handle goes with addresses in another's block",
    { old: handle({ "10.65.0.0/30": 1 }) },
    [block("host:h2", ["h1", null, null, null])],
    false,
  ],
  ["a handle without addresses goes", { old: handle({ "10.65.0.0/30": 1 }) }, [block("host:h2")], true],
];

test("a node and its cni write what is the node's, and of others only what address management needs", () => {
  for (const identity of roles) {
    for (const [title, change, blocks, isAllowed] of cases) {
      const decision = judge(change, blocks, identity);
      assert.equal(decision.isAllowed, isAllowed, `${identity.role}: ${title}`);
      assert.ok(decision.isAllowed || decision.reason !== "");
    }
  }
});

const bgp = (more: object) => ({ spec: { bgp: { ipv4Address: "192.0.2.1/32", ...more } } });

test("a node makes its own Node and keeps its addresses; labels and the part in BGP are the operators'", () => {
  const own = node("h1", bgp({ asNumber: 64513 }), { labels: { rack: "a" } });
  const nodeCases: readonly [string, Change, boolean][] = [
    ["made", { next: node("h1", bgp({ asNumber: 64513 })) }, true],
    ["made with labels", { next: node("h1", {}, { labels: { rack: "a" } }) }, false],
    ["made a reflector", { next: node("h1", bgp({ routeReflectorClusterID: "1.1.1.1" })) }, false],
    ["another is made", { next: node("h2") }, false],
    [
      "new address",
      { old: own, next: node("h1", bgp({ ipv4Address: "192.0.2.2/32", asNumber: 64513 }), own.metadata) },
      true,
    ],
    ["other labels", { old: own, next: node("h1", bgp({ asNumber: 64513 }), { labels: { rack: "b" } }) }, false],
    ["other AS", { old: own, next: node("h1", bgp({ asNumber: 1 }), own.metadata) }, false],
    ["gone", { old: own }, false],
  ];
  for (const [title, change, isAllowed] of nodeCases) assert.equal(judge(change).isAllowed, isAllowed, title);
});

test("a node answers what it is asked to report, and changes nothing of the question", () => {
  const ask = (name: string, status: object = {}, seconds = 10) =>
    read("CalicoNodeStatus", "a", { spec: { node: name, classes: ["BGP"], updatePeriodSeconds: seconds }, ...status });
  const status = { status: { lastUpdated: "2026-01-01T00:00:00Z" } };
  assert.equal(judge({ old: ask("h1"), next: ask("h1", status) }).isAllowed, true);
  assert.equal(judge({ old: ask("h2"), next: ask("h2", status) }).isAllowed, false);
  assert.equal(judge({ old: ask("h1"), next: ask("h1", status, 60) }).isAllowed, false);
  assert.equal(judge({ next: ask("h1") }).isAllowed, false);
});

test("admins write everything, viewers nothing", () => {
  for (const [, change, blocks] of cases) {
    assert.equal(judge(change, blocks, { role: "admin", name: "alice" }).isAllowed, true);
    assert.equal(judge(change, blocks, { role: "viewer", name: "bob" }).isAllowed, false);
  }
});
