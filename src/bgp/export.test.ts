import assert from "node:assert/strict";
import { test } from "node:test";
import { addressVersion } from "../lib/index.ts";
import { AttributeTable } from "./attribute-table.ts";
import { type PathAttributes, emptyAttributes, makeAttributeSet } from "./attributes.ts";
import { makePath } from "./decision.ts";
import { type ExportPolicy, Exporter } from "./export.ts";
import { refuseRoute } from "./import.ts";
import { readMessage } from "./message.ts";
import { community } from "./numbers.ts";
import { cidrToKey } from "./prefix-key.ts";
import { address, route } from "./testing/network.ts";
import { writeAnnouncements } from "./update-writer.ts";

const policy: ExportPolicy = {
  family: "ipv4-unicast",
  localAs: 64512,
  isInternal: true,
  isFourOctetAs: true,
  nextHopMode: "auto",
  ownNextHop: address("192.0.2.1"),
  within: "all",
};
const key = cidrToKey(route("10.0.0.0/26").prefix);

type From = "own" | "internal" | "external";

/** What a peer of the policy would read; undefined when it is told nothing. */
function told(from: From, more: Partial<ExportPolicy>, attributes: Partial<PathAttributes> = {}) {
  const source = {
    name: "source",
    address: address("192.0.2.7"),
    isInternal: from === "internal",
    routerId: address("192.0.2.7"),
  };
  const learned = from === "own" ? {} : { nextHop: address("192.0.2.77") };
  const set = makeAttributeSet({ ...emptyAttributes, ...learned, ...attributes });
  const path = makePath(from === "own" ? undefined : source, set);
  const whole = { ...policy, ...more };
  const encoded = new Exporter(whole).encode(key, path);
  if (encoded === undefined) return undefined;
  const [bytes] = writeAnnouncements(whole.family, [key], encoded).messages;
  const context = { isInternal: whole.isInternal, isFourOctetAs: whole.isFourOctetAs, families: [whole.family] };
  const message = readMessage(bytes!, context, new AttributeTable());
  assert.ok(message.type === "update" && message.outcome === "ok");
  return message.announced[0]?.set.attributes;
}

test("who hears of a route depends on where it came from (RFC 4271 section 9.2)", () => {
  const cases: [From, toInternal: boolean, toExternal: boolean][] = [
    ["own", true, true],
    ["internal", false, true],
    ["external", true, true],
  ];
  for (const [from, toInternal, toExternal] of cases) {
    assert.equal(told(from, { isInternal: true }) !== undefined, toInternal, from);
    assert.equal(told(from, { isInternal: false }) !== undefined, toExternal, from);
  }
});

test("NO_ADVERTISE and NO_EXPORT are obeyed (RFC 1997)", () => {
  for (const from of ["own", "external"] as const) {
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
  ];
  for (const [from, isInternal, nextHopMode, wanted] of cases) {
    assert.equal(told(from, { isInternal, nextHopMode })?.nextHop, wanted, `${from} ${isInternal} ${nextHopMode}`);
  }
  assert.equal(told("own", { ownNextHop: undefined }), undefined);
  assert.equal(told("own", { ownNextHop: address("2001:db8::1") }), undefined);
  const six = told("own", { family: "ipv6-unicast", ownNextHop: address("2001:db8::1") });
  assert.equal(addressVersion(six!.nextHop!), 6);
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

test("a learned route with a mark of ours, a foreign beginning or a next hop that is none is refused", () => {
  const local = { localAs: 64512, routerId: address("192.0.2.1"), ownAddresses: [address("192.0.2.1")] };
  const cases: [Partial<PathAttributes>, isInternal: boolean, RegExp | undefined][] = [
    [{}, true, undefined],
    [{ asPath: [{ type: "sequence", asNumbers: [65001] }] }, false, undefined],
    [{ asPath: [{ type: "sequence", asNumbers: [65002, 65001] }] }, false, /does not begin/],
    [{}, false, /does not begin/],
    [{ asPath: [{ type: "sequence", asNumbers: [65001, 64512] }] }, false, /own AS/],
    [{ asPath: [{ type: "set", asNumbers: [64512] }] }, true, /own AS/],
    [{ originatorId: address("192.0.2.1") }, true, /ORIGINATOR_ID/],
    [{ clusterList: [address("9.9.9.9"), address("192.0.2.1")] }, true, /CLUSTER_LIST/],
    [{ nextHop: address("192.0.2.1") }, true, /our own/],
    [{ nextHop: address("0.0.0.0") }, true, /no unicast/],
    [{ nextHop: address("224.0.0.5") }, true, /no unicast/],
    [{ nextHop: address("2001:db8::1") }, true, /no unicast/],
  ];
  for (const [attributes, isInternal, wanted] of cases) {
    const set = makeAttributeSet({ ...emptyAttributes, nextHop: address("192.0.2.2"), ...attributes });
    const refusal = refuseRoute(set, "ipv4-unicast", { ...local, peerAs: isInternal ? 64512 : 65001, isInternal });
    if (wanted === undefined) assert.equal(refusal, undefined);
    else assert.match(refusal ?? "", wanted);
  }
});
