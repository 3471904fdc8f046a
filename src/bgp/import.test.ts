import assert from "node:assert/strict";
import { test } from "node:test";
import { type PathAttributes, emptyAttributes, makeAttributeSet } from "./attributes.ts";
import type { RoutePolicy } from "./config.ts";
import { type ImportPolicy, Importer } from "./import.ts";
import { community } from "./numbers.ts";
import { cidrToKey } from "./prefix-key.ts";
import { address, route } from "./testing/network.ts";
import { makeSource } from "./testing/paths.ts";

const source = makeSource({ address: "192.0.2.2" });
const key = cidrToKey(route("10.0.0.0/26").prefix);

function makePolicy(more: Partial<ImportPolicy> & { isInternal: boolean }): ImportPolicy {
  return {
    family: "ipv4-unicast",
    localAs: 64512,
    sessionAs: undefined,
    allowLocalAs: 0,
    routerId: address("192.0.2.1"),
    clusters: new Set([address("192.0.2.1"), address("7.7.7.7")]),
    peerAs: more.isInternal ? 64512 : 65001,
    ownAddresses: [address("192.0.2.1")],
    hasExtendedNextHop: false,
    policy: undefined,
    isPolicyRequired: false,
    ...more,
  };
}

function judge(attributes: Partial<PathAttributes>, more: Partial<ImportPolicy> & { isInternal: boolean }) {
  const raw = makeAttributeSet({ ...emptyAttributes, nextHop: address("192.0.2.2"), ...attributes });
  return { raw, ...new Importer(makePolicy(more), source).judge(key, raw) };
}

const through = (...asNumbers: number[]) => [{ type: "sequence" as const, asNumbers }];

test("a learned route with a mark of ours, a foreign beginning or a next hop that is none is refused", () => {
  const cases: [Partial<PathAttributes>, isInternal: boolean, RegExp | undefined][] = [
    [{}, true, undefined],
    [{ asPath: through(65001) }, false, undefined],
    [{ asPath: through(65002, 65001) }, false, /does not begin/],
    [{}, false, /does not begin/],
    [{ asPath: [{ type: "confedSequence", asNumbers: [65001] }, ...through(65001)] }, false, /confederation/],
    [{ asPath: [...through(65001), { type: "confedSet", asNumbers: [65002] }] }, false, /confederation/],
    [{ asPath: [{ type: "confedSequence", asNumbers: [65001] }] }, true, undefined],
    [{ asPath: through(65001, 64512) }, false, /own AS/],
    [{ asPath: [{ type: "set", asNumbers: [64512] }] }, true, /own AS/],
    [{ originatorId: address("192.0.2.1") }, true, /ORIGINATOR_ID/],
    [{ clusterList: [address("9.9.9.9"), address("192.0.2.1")] }, true, /CLUSTER_LIST/],
    [{ clusterList: [address("7.7.7.7")] }, true, /CLUSTER_LIST/],
    [{ nextHop: address("192.0.2.1") }, true, /our own/],
    [{ nextHop: address("0.0.0.0") }, true, /no unicast/],
    [{ nextHop: address("224.0.0.5") }, true, /no unicast/],
    [{ nextHop: address("2001:db8::1") }, true, /no unicast/],
  ];
  for (const [attributes, isInternal, wanted] of cases) {
    const { raw, set, refusal } = judge(attributes, { isInternal });
    if (wanted === undefined) assert.deepEqual([set, refusal], [raw, undefined]);
    else assert.match(refusal ?? "", wanted);
  }
});

test("own AS numbers are allowed as often as it is configured", () => {
  const asPath = through(65001, 64512, 64512);
  assert.match(judge({ asPath }, { isInternal: false, allowLocalAs: 1 }).refusal ?? "", /own AS/);
  assert.equal(judge({ asPath }, { isInternal: false, allowLocalAs: 2 }).refusal, undefined);
});

test("the AS number that the peer knows us by counts as our own, and is put in front (RFC 7705)", () => {
  const more = { isInternal: false, sessionAs: 65099 };
  assert.match(judge({ asPath: through(65001, 65099) }, more).refusal ?? "", /own AS/);
  assert.deepEqual(judge({ asPath: through(65001) }, more).set?.attributes.asPath, through(65099, 65001));
});

test("an IPv6 next hop of an IPv4 prefix counts where it was agreed on (RFC 8950)", () => {
  const nextHop = address("2001:db8::2");
  assert.equal(judge({ nextHop }, { isInternal: true, hasExtendedNextHop: true }).refusal, undefined);
});

test("an external path that is about to go is the last choice, whatever the policy says (RFC 8326)", () => {
  const going = { asPath: through(65001), communities: [community.gracefulShutdown] };
  const raising: RoutePolicy = {
    name: "up",
    rules: [{ match: {}, action: "accept", set: { localPref: 500 } }],
    otherwise: "reject",
  };
  assert.equal(judge(going, { isInternal: false }).set?.attributes.localPref, 0);
  assert.equal(judge(going, { isInternal: false, policy: raising }).set?.attributes.localPref, 0);
  const inside = { ...going, asPath: [], localPref: 200 };
  assert.equal(judge(inside, { isInternal: true }).set?.attributes.localPref, 200);
});

test("external peers without a policy are not heard where one is required (RFC 8212)", () => {
  const policy: RoutePolicy = { name: "all", rules: [], otherwise: "accept" };
  const asPath = through(65001);
  assert.match(judge({ asPath }, { isInternal: false, isPolicyRequired: true }).refusal ?? "", /RFC 8212/);
  assert.equal(judge({ asPath }, { isInternal: false, isPolicyRequired: true, policy }).refusal, undefined);
  assert.equal(judge({}, { isInternal: true, isPolicyRequired: true }).refusal, undefined);
});

test("a policy refuses by name and changes attributes once for all prefixes that fare alike", () => {
  const policy: RoutePolicy = {
    name: "guard",
    rules: [
      {
        match: { prefixes: [{ prefix: route("10.0.0.0/8").prefix, minLength: 24, maxLength: 32 }] },
        action: "accept",
        set: { localPref: 200 },
      },
    ],
    otherwise: "reject",
  };
  const importer = new Importer(makePolicy({ isInternal: true, policy }), source);
  const raw = makeAttributeSet({ ...emptyAttributes, nextHop: address("192.0.2.2") });
  const first = importer.judge(key, raw);
  assert.equal(first.set?.attributes.localPref, 200);
  assert.equal(importer.judge(cidrToKey(route("10.1.0.0/24").prefix), raw), first);
  assert.match(importer.judge(cidrToKey(route("10.0.0.0/8").prefix), raw).refusal ?? "", /guard/);
  const other = makeAttributeSet({ ...raw.attributes, med: 1 });
  assert.notEqual(importer.judge(key, other), first);
  assert.equal(importer.judge(key, raw), first);
});
