import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerStatus, RibPath, RibRow } from "../bgp/index.ts";
import { parseAddress, parseCidr } from "../lib/index.ts";
import { describeNeighbor, describeNeighbors, describeRoute, routeCells, routeHeadings } from "./bgp-tables.ts";
import { formatCommunity } from "./bgp-words.ts";
import { formatTable } from "../lib/index.ts";

const address = (text: string) => parseAddress(text) ?? assert.fail(text);
const prefix = (text: string) => parseCidr(text) ?? assert.fail(text);

function peer(fields: Partial<PeerStatus>): PeerStatus {
  return {
    name: "clients/10.0.0.11",
    address: address("10.0.0.11"),
    port: 179,
    type: "dynamic",
    asNumber: 64512,
    state: "established",
    since: 11_100_000,
    uptimeMs: 11_100_000,
    families: ["ipv4-unicast", "ipv6-unicast"],
    prefixesReceived: 64,
    prefixesSent: 4096,
    isRestarting: false,
    isReflectorClient: true,
    holdTimeMs: 90_000,
    capabilities: ["route refresh", "graceful restart"],
    messagesReceived: 400,
    messagesSent: 500,
    prefixesRefused: 0,
    lastError: "",
    ...fields,
  };
}

function path(fields: Partial<RibPath>): RibPath {
  return {
    nextHop: address("10.0.0.11"),
    peer: address("10.0.0.11"),
    peerName: "clients/10.0.0.11",
    isInternal: true,
    asPath: [],
    localPref: 100,
    communities: [],
    origin: "igp",
    isStale: false,
    isBest: false,
    isUsed: false,
    ...fields,
  };
}

const routerId = address("10.0.0.1");

test("neighbors are a table: state, since, prefixes in and out, and what to do where a session does not stand", () => {
  const neighbors = [
    peer({}),
    peer({
      name: "clients/10.0.0.12",
      address: address("10.0.0.12"),
      state: "active",
      since: 12_000,
      isRestarting: true,
      prefixesSent: 0,
    }),
    peer({
      name: "rr-2",
      address: address("2001:db8::2"),
      type: "nodePeer",
      state: "connect",
      since: 61_000,
      asNumber: 0,
      prefixesReceived: 0,
      prefixesSent: 0,
      isReflectorClient: false,
      lastError: "OPEN error: bad peer AS (received)",
      lastNotification: { code: 2, subcode: 2, isOurs: false },
    }),
    peer({
      name: "rr-3",
      address: address("2001:db8::3"),
      type: "nodePeer",
      state: "active",
      since: 1_000,
      prefixesReceived: 0,
      prefixesSent: 0,
      lastError: "ECONNREFUSED",
    }),
  ];
  assert.equal(
    describeNeighbors({ localAs: 64512, routerId, neighbors }, false),
    `AS 64512, router id 10.0.0.1: 1 of 4 sessions established

NEIGHBOR      AS      STATE         SINCE   IN   OUT    NOTE
10.0.0.11     64512   established   3h5m    64   4096
10.0.0.12     64512   active        12s     64   0      restarting; its routes are kept
2001:db8::2           connect       61s     0    0      OPEN error: bad peer AS (received); compare the AS numbers that both ends have of each other
2001:db8::3   64512   active        1s      0    0      ECONNREFUSED; see that it is up, listens at 2001:db8::3 port 179, and has us as its peer`,
  );
  assert.equal(
    describeNeighbors({ localAs: 64512, routerId, neighbors: neighbors.slice(0, 1) }, true),
    `AS 64512, router id 10.0.0.1: 1 of 1 sessions established

NEIGHBOR    AS      STATE         SINCE   IN   OUT    NAME                TYPE              ROUTER ID   LOCAL ADDRESS   HOLD   MSGS IN   MSGS OUT   REFUSED   BFD   NOTE
10.0.0.11   64512   established   3h5m    64   4096   clients/10.0.0.11   dynamic, client                               90s    400       500        0`,
  );
  assert.equal(
    describeNeighbors({ localAs: 64512, routerId, neighbors: [] }, false),
    "AS 64512, router id 10.0.0.1: 0 of 0 sessions established",
  );
});

test("of a session that is withheld the reason is told, and no other advice", () => {
  const lastError = "the Secret bgp with its password is not there";
  const withheld = peer({ state: "idle", type: "nodePeer", isWithheld: true, lastError });
  const table = describeNeighbors({ localAs: 64512, routerId, neighbors: [withheld] }, false);
  const line = table.split("\n").at(-1) ?? "";
  assert.match(line, /idle .* the Secret bgp with its password is not there$/);
  assert.match(describeNeighbor(withheld), /withheld because +the Secret bgp with its password is not there/);
});

test("of one neighbor everything that is known is told", () => {
  const one = peer({
    routerId: address("10.0.0.11"),
    localAddress: address("10.0.0.1"),
    prefixesRefused: 2,
    bfd: "up",
    lastError: "hold timer expired (sent)",
    lastNotification: { code: 4, subcode: 0, isOurs: true },
  });
  assert.equal(
    describeNeighbor(one),
    `clients/10.0.0.11
  state          established since 3h5m
  AS             64512, a client of this route reflector
  type           dynamic
  address        10.0.0.11 port 179, ours is 10.0.0.1
  router id      10.0.0.11
  families       ipv4-unicast, ipv6-unicast
  agreed on      route refresh, graceful restart
  hold time      90 s
  prefixes in    64, 2 of them refused
  prefixes out   4096
  messages       400 in, 500 out
  BFD            up
  last error     hold timer expired (sent)`,
  );
});

test("routes have a line a path; the prefix stands on the first", () => {
  const row: RibRow = {
    prefix: prefix("10.65.0.0/26"),
    decidedBy: "localPref",
    paths: [
      path({ isBest: true, isUsed: true, localPref: 200, communities: [(64512 << 16) >>> 0, 0xffffff01] }),
      path({ nextHop: address("10.0.0.12"), peerName: "clients/10.0.0.12", lostAt: "localPref", isStale: true }),
      path({ nextHop: address("10.0.0.13"), peerName: "clients/10.0.0.13", refusal: "policy only-blocks" }),
    ],
  };
  const table = { of: "table", isWide: false } as const;
  assert.equal(
    formatTable(routeHeadings(table), routeCells(row, table)),
    `PREFIX         NEXT HOP    FROM                AS PATH   LOCAL PREF   MED   WHY
10.65.0.0/26   10.0.0.11   clients/10.0.0.11             200                best (local preference)
               10.0.0.12   clients/10.0.0.12             100                lost at local preference, stale
               10.0.0.13   clients/10.0.0.13             100                refused: policy only-blocks`,
  );
  const one = { of: "peer", isWide: false } as const;
  assert.equal(
    formatTable(routeHeadings(one), routeCells({ ...row, paths: row.paths.slice(0, 1) }, one)),
    `PREFIX         NEXT HOP    AS PATH   LOCAL PREF   MED   COMMUNITIES
10.65.0.0/26   10.0.0.11             200                64512:0 no-export`,
  );
  for (const layout of [table, one, { of: "table", isWide: true }, { of: "peer", isWide: true }] as const) {
    const width = routeHeadings(layout).length;
    assert.ok(routeCells(row, layout).every((cells) => cells.length === width));
  }
});

test("a route tells in words why each path won or lost", () => {
  const row: RibRow = {
    prefix: prefix("fd00:65::/64"),
    decidedBy: "routerId",
    paths: [
      path({
        isBest: true,
        isUsed: true,
        nextHop: address("fd00::11"),
        originatorId: address("10.0.0.11"),
        clusterList: [address("10.0.0.2")],
      }),
      path({ isUsed: true, nextHop: address("fd00::12"), originatorId: address("10.0.0.12"), lostAt: "routerId" }),
      path({ nextHop: address("fd00::13"), asPath: [64601, 64602], isInternal: false, med: 5, lostAt: "asPathLength" }),
    ],
  };
  assert.equal(
    describeRoute(row),
    `fd00:65::/64: 3 paths

* via fd00::11 from clients/10.0.0.11 (internal)
    AS path empty, local preference 100, origin IGP, originator 10.0.0.11, clusters 10.0.0.2
    best: all before is equal, and its originator has the lowest router id

= via fd00::12 from clients/10.0.0.11 (internal)
    AS path empty, local preference 100, origin IGP, originator 10.0.0.12
    used beside the best path, as its equal up to the router id: 10.0.0.12 is higher than 10.0.0.11

  via fd00::13 from clients/10.0.0.11 (external)
    AS path 64601 64602, local preference 100, MED 5, origin IGP
    lost at AS path length: 2 ASes against 0`,
  );
  const own: RibRow = {
    prefix: prefix("10.0.0.0/8"),
    decidedBy: "onlyPath",
    paths: [{ isInternal: true, asPath: [], communities: [], isStale: false, isBest: true, isUsed: false }],
  };
  assert.equal(
    describeRoute(own),
    "10.0.0.0/8: 1 path\n\n* of our own\n    AS path empty\n    best: it is the only path",
  );
});

test("every step of the decision has words for the path that lost there", () => {
  const best = path({ isBest: true, isUsed: true, asPath: [64601], med: 5, localPref: 200, clusterList: [] });
  const lost: readonly [Partial<RibPath>, RegExp][] = [
    [{ lostAt: "reachability" }, /no way to 10\.0\.0\.11/],
    [{ lostAt: "staleness" }, /last resort/],
    [{ lostAt: "localPref", localPref: 10 }, /10 is lower than 200/],
    [{ lostAt: "locallyOriginated" }, /route of our own/],
    [{ lostAt: "asPathLength", asPath: [1, 2] }, /2 ASes against 1/],
    [{ lostAt: "origin", origin: "incomplete" }, /incomplete comes after IGP/],
    [{ lostAt: "med", med: 7, asPath: [64601] }, /7 is higher than 5, which another path from AS 64601 has/],
    [{ lostAt: "externalOverInternal" }, /our own AS/],
    [{ lostAt: "igpCost", igpCost: 20 }, /10\.0\.0\.11 costs 20/],
    [{ lostAt: "routerId" }, /is higher than/],
    [{ lostAt: "clusterListLength", clusterList: [routerId] }, /passed 1 cluster, the best path 0/],
    [{ lostAt: "peerAddress", peer: address("10.0.0.12") }, /10\.0\.0\.12 is higher than 10\.0\.0\.11/],
  ];
  for (const [fields, words] of lost) {
    const row: RibRow = {
      prefix: prefix("10.0.0.0/8"),
      decidedBy: fields.lostAt ?? "onlyPath",
      paths: [best, path(fields)],
    };
    const [, ...lines] = describeRoute(row).split("\n");
    assert.match(lines.at(-1) ?? "", words);
  }
});

test("communities go by the names that RFCs give them, else as two numbers", () => {
  assert.deepEqual([0xffffff02, 0xffff0000, 4228055141].map(formatCommunity), [
    "no-advertise",
    "graceful-shutdown",
    "64515:101",
  ]);
});
