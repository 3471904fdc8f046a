import assert from "node:assert/strict";
import { test } from "node:test";
import { addressVersion } from "../lib/index.ts";
import { AttributeTable } from "./attribute-table.ts";
import { type PathAttributes } from "./attributes.ts";
import type { RoutePolicy } from "./config.ts";
import { type ExportPolicy, Exporter } from "./export.ts";
import { readMessage } from "./message.ts";
import { community } from "./numbers.ts";
import { cidrToKey } from "./prefix-key.ts";
import { address, route } from "./testing/network.ts";
import { makePath, makeSource } from "./testing/paths.ts";
import { writeAnnouncements } from "./testing/updates.ts";

const policy: ExportPolicy = {
  family: "ipv4-unicast",
  localAs: 64512,
  sessionAs: undefined,
  isInternal: true,
  cluster: undefined,
  isFourOctetAs: true,
  maxMessageBytes: 4096,
  maxPaths: undefined,
  nextHopMode: "auto",
  ownNextHop: address("192.0.2.1"),
  hasExtendedNextHop: false,
  knowsLongLived: false,
  within: "all",
  policy: undefined,
  isPolicyMissing: false,
};
const key = cidrToKey(route("10.0.0.0/26").prefix);

type From = "own" | "internal" | "client" | "external";

/** What a peer of the policy would read; undefined when it is told nothing. */
function told(from: From, more: Partial<ExportPolicy>, attributes: Partial<PathAttributes> = {}) {
  const source = makeSource({
    address: "192.0.2.7",
    isInternal: from !== "external",
    ...(from === "client" ? { cluster: "192.0.2.1" } : {}),
  });
  const learned = from === "own" ? {} : { nextHop: address("192.0.2.77") };
  const path = makePath(from === "own" ? undefined : source, { ...learned, ...attributes });
  const whole = { ...policy, ...more };
  const exporter = new Exporter(whole, 1, 0);
  const encoded = exporter.tell(key, path)?.encoded;
  assert.equal(exporter.tell(key, path)?.encoded, encoded, "what was worked out once is kept");
  if (encoded === undefined) return undefined;
  const [bytes] = writeAnnouncements(whole.family, [key], encoded).messages;
  const { isInternal, isFourOctetAs, family, hasExtendedNextHop } = whole;
  const context = { isInternal, isFourOctetAs, families: [family], addPathReceive: [], hasExtendedNextHop };
  const message = readMessage(bytes!, context, new AttributeTable());
  assert.ok(message.type === "update" && message.outcome === "ok");
  const read = message.announced[0]?.set.attributes;
  assert.deepEqual(
    withoutPartial(exporter.attributesOf(key, path)),
    withoutPartial(read),
    "people are shown what is told",
  );
  return read;
}

/** The Partial bit is set as attributes are written. */
function withoutPartial(attributes: PathAttributes | undefined) {
  return attributes && { ...attributes, unknown: attributes.unknown.map(({ type, value }) => ({ type, value })) };
}

test("who hears of a route depends on where it came from (RFC 4271 section 9.2, RFC 4456 section 6)", () => {
  const cases: [From, toInternal: boolean, toClient: boolean, toExternal: boolean][] = [
    ["own", true, true, true],
    ["internal", false, true, true],
    ["client", true, true, true],
    ["external", true, true, true],
  ];
  for (const [from, toInternal, toClient, toExternal] of cases) {
    assert.equal(told(from, { isInternal: true }) !== undefined, toInternal, from);
    assert.equal(told(from, { isInternal: true, cluster: address("192.0.2.1") }) !== undefined, toClient, from);
    assert.equal(told(from, { isInternal: false }) !== undefined, toExternal, from);
  }
});

test("a reflected route says who told it first and what clusters it passed; nothing else about it changes", () => {
  const attributes: Partial<PathAttributes> = {
    origin: 2,
    asPath: [{ type: "sequence", asNumbers: [65001] }],
    localPref: 7,
    med: 9,
    communities: [1, 2],
    largeCommunities: [[1, 2, 3]],
    extendedCommunities: [5n],
    isAtomicAggregate: true,
    aggregator: { asNumber: 65001, address: address("192.0.2.66") },
  };
  const reflected = { originatorId: address("192.0.2.7"), clusterList: [address("192.0.2.1")] };
  const cluster = address("192.0.2.1");
  const seen = told("client", { cluster }, attributes);
  assert.deepEqual(seen, {
    ...told("internal", { cluster }, attributes),
    ...reflected,
  });
  assert.deepEqual(seen, {
    ...attributes,
    ...reflected,
    nextHop: address("192.0.2.77"),
    unknown: [],
  });
  // Towards a peer that is none it is the client's cluster that was passed.
  assert.deepEqual(told("client", {}, attributes)?.clusterList, [cluster]);
  const marks = { originatorId: address("192.0.2.8"), clusterList: [address("192.0.2.9")] };
  assert.equal(told("client", { cluster }, marks)?.originatorId, "192.0.2.8");
  assert.deepEqual(told("client", { cluster }, marks)?.clusterList, [cluster, "192.0.2.9"]);
  // From a client of one cluster to a client of another it passes both.
  const other = address("192.0.2.2");
  assert.deepEqual(told("client", { cluster: other }, marks)?.clusterList, [other, cluster, "192.0.2.9"]);
});

test("NO_ADVERTISE and NO_EXPORT are obeyed (RFC 1997)", () => {
  for (const from of ["own", "external", "client"] as const) {
    const communities = [5, community.noExport];
    assert.notEqual(told(from, { isInternal: true }, { communities }), undefined);
    assert.equal(told(from, { isInternal: false }, { communities }), undefined);
    assert.equal(told(from, { isInternal: true }, { communities: [community.noAdvertise] }), undefined);
  }
});

test("the next hop is ours towards external peers and stays as it is between internal ones, unless the mode says else", () => {
  const own = "192.0.2.1";
  const learned = "192.0.2.77";
  const cases: [From, isInternal: boolean, ExportPolicy["nextHopMode"], string][] = [
    ["own", true, "auto", own],
    ["own", true, "keep", own],
    ["own", false, "auto", own],
    ["external", true, "auto", learned],
    ["external", true, "self", own],
    ["external", false, "auto", own],
    ["external", false, "keep", learned],
    ["internal", false, "auto", own],
    ["client", true, "auto", learned],
  ];
  for (const [from, isInternal, nextHopMode, wanted] of cases) {
    assert.equal(told(from, { isInternal, nextHopMode })?.nextHop, wanted, `${from} ${isInternal} ${nextHopMode}`);
  }
  assert.equal(told("own", { ownNextHop: undefined }), undefined);
  assert.equal(told("own", { ownNextHop: address("2001:db8::1") }), undefined);
  const six = told("own", { family: "ipv6-unicast", ownNextHop: address("2001:db8::1") });
  assert.equal(addressVersion(six!.nextHop!), 6);
});

test("an IPv6 next hop goes with IPv4 prefixes only to peers that have agreed on it (RFC 8950)", () => {
  const own = address("2001:db8::1");
  const learned = { nextHop: address("2001:db8::77") };
  assert.equal(told("own", { ownNextHop: own, hasExtendedNextHop: true })?.nextHop, own);
  assert.equal(told("client", {}, learned), undefined);
  assert.equal(told("client", { hasExtendedNextHop: true }, learned)?.nextHop, "2001:db8::77");
  assert.equal(told("client", { hasExtendedNextHop: true })?.nextHop, "192.0.2.77");
  const onLink = { ...learned, linkLocalNextHop: address("fe80::77") };
  assert.equal(told("client", { hasExtendedNextHop: true }, onLink)?.linkLocalNextHop, undefined);
});

test("LOCAL_PREF is said inside the AS only, MED of another AS not passed on, own AS put in front towards outside", () => {
  const attributes = {
    localPref: 7,
    med: 9,
    asPath: [{ type: "sequence" as const, asNumbers: [65001] }],
    originatorId: address("192.0.2.8"),
    clusterList: [address("192.0.2.9")],
  };
  const outside = told("internal", { isInternal: false }, attributes);
  assert.equal(outside?.localPref, undefined);
  assert.equal(outside?.med, undefined);
  assert.equal(outside?.originatorId, undefined);
  assert.deepEqual(outside?.clusterList, []);
  assert.deepEqual(outside?.asPath, [{ type: "sequence", asNumbers: [64512, 65001] }]);
  const inside = told("external", { isInternal: true }, { med: 9, asPath: attributes.asPath });
  assert.equal(inside?.localPref, 100);
  assert.equal(inside?.med, 9);
  assert.deepEqual(inside?.asPath, attributes.asPath);
  assert.equal(told("own", { isInternal: false }, { med: 9 })?.med, 9);
});

test("a peer that knows us by another AS number sees it in front of the real one (RFC 7705)", () => {
  const outside = told("own", { isInternal: false, sessionAs: 65099 });
  assert.deepEqual(outside?.asPath, [{ type: "sequence", asNumbers: [65099, 64512] }]);
});

test("what is unknown and transitive goes on with the Partial bit", () => {
  const unknown = [{ type: 99, flags: 0xc0, value: Uint8Array.of(1, 2) }];
  assert.deepEqual(told("external", { isInternal: true }, { unknown })?.unknown, [
    { type: 99, flags: 0xe0, value: Uint8Array.of(1, 2) },
  ]);
});

test("a peer with narrow AS numbers is told the wide ones beside", () => {
  const asPath = [{ type: "sequence" as const, asNumbers: [4_200_000_000, 65001] }];
  assert.deepEqual(told("external", { isFourOctetAs: false }, { asPath })?.asPath, asPath);
});

test("a path of last resort goes only to peers that know what it means, or stays inside the AS (RFC 9494)", () => {
  const stale = { communities: [community.llgrStale], localPref: 300 };
  assert.deepEqual(told("external", { knowsLongLived: true }, stale)?.communities, [community.llgrStale]);
  assert.equal(told("external", { knowsLongLived: true }, stale)?.localPref, 300);
  assert.notEqual(told("external", { isInternal: false, knowsLongLived: true }, stale), undefined);
  assert.equal(told("external", { isInternal: false }, stale), undefined);
  const inside = told("external", {}, stale);
  assert.equal(inside?.localPref, 0);
  assert.deepEqual(inside?.communities, [community.llgrStale, community.noExport]);
});

test("without a policy where one is required nothing is told (RFC 8212)", () => {
  for (const from of ["own", "internal", "external"] as const) {
    assert.equal(told(from, { isInternal: false, isPolicyMissing: true }), undefined);
  }
});

test("a policy rejects or changes what is told, also prefix by prefix", () => {
  const marking: RoutePolicy = {
    name: "marking",
    rules: [
      { match: { communities: [7] }, action: "reject" },
      { match: { isOwn: true }, action: "next", set: { addCommunities: [8], prepend: [64512, 64512] } },
      {
        match: { prefixes: [{ prefix: route("10.0.0.0/8").prefix, minLength: 8, maxLength: 26 }] },
        action: "accept",
        set: { med: 5 },
      },
    ],
    otherwise: "reject",
  };
  assert.equal(told("own", { policy: marking }, { communities: [7] }), undefined);
  const own = told("own", { policy: marking, isInternal: false });
  assert.deepEqual(own?.communities, [8]);
  assert.equal(own?.med, 5);
  assert.deepEqual(own?.asPath, [{ type: "sequence", asNumbers: [64512, 64512, 64512] }]);
  // Another AS's MED is gone, but not the policy's.
  assert.equal(told("external", { policy: marking, isInternal: false }, { med: 9 })?.med, 5);
  const exporter = new Exporter({ ...policy, policy: marking }, 1, 0);
  const path = makePath(undefined);
  const inside = exporter.tell(key, path);
  assert.equal(exporter.tell(cidrToKey(route("10.9.0.0/16").prefix), path), inside, "equal outcomes are one object");
  assert.equal(exporter.tell(cidrToKey(route("10.9.0.0/32").prefix), path), undefined);
});

test("learned routes are told only inside the given prefixes, own ones anywhere", () => {
  const within = [cidrToKey(route("10.0.0.0/27").prefix)];
  assert.equal(told("external", { within }), undefined);
  assert.notEqual(told("own", { within }), undefined);
  assert.notEqual(told("external", { within: [cidrToKey(route("10.0.0.0/8").prefix)] }), undefined);
});

test("another exporter in the same place does not mistake what the one before it found out", () => {
  const path = makePath(undefined, { med: 3 });
  const first = new Exporter(policy, 1, 0).tell(key, path);
  const second = new Exporter({ ...policy, isInternal: false }, 2, 0).tell(key, path);
  assert.notDeepEqual(first?.encoded.bytes, second?.encoded.bytes);
});

test("extended communities that are not transitive stay inside the AS (RFC 4360)", () => {
  const [target, bandwidth, opaque] = [0x0002fc0000000001n, 0x4004fc004a000000n, 0xc300000000000001n];
  const attributes = { extendedCommunities: [target, bandwidth, opaque] };
  for (const from of ["internal", "external", "own"] as const) {
    const inside = told(from, { cluster: address("192.0.2.1") }, attributes);
    assert.deepEqual(inside?.extendedCommunities, [target, bandwidth, opaque]);
    assert.deepEqual(told(from, { isInternal: false }, attributes)?.extendedCommunities, [target]);
  }
});
