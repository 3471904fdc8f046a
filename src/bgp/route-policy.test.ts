import assert from "node:assert/strict";
import { test } from "node:test";
import { type PathAttributes, emptyAttributes } from "./attributes.ts";
import type { RouteMatch, RoutePolicy, RouteRule, RouteSet } from "./config.ts";
import { cidrToKey } from "./prefix-key.ts";
import { PolicyRunner, type RouteOrigin } from "./route-policy.ts";
import { route } from "./testing/network.ts";

const learned: RouteOrigin = { isOwn: false, peerType: "nodeMesh", isFromInternal: true };
const own: RouteOrigin = { isOwn: true, peerType: undefined, isFromInternal: undefined };

type Subject = { prefix?: string; attributes?: Partial<PathAttributes>; origin?: RouteOrigin };

function run(policy: RoutePolicy, { prefix = "10.0.0.0/26", attributes = {}, origin = learned }: Subject = {}) {
  const family = prefix.includes(":") ? "ipv6-unicast" : "ipv4-unicast";
  const runner = new PolicyRunner(policy, family);
  const whole = { ...emptyAttributes, ...attributes };
  const verdict = runner.judge(cidrToKey(route(prefix).prefix), whole, origin);
  return { ...verdict, attributes: runner.apply(whole, verdict.applied) };
}

function policyOf(rules: readonly RouteRule[], otherwise: RoutePolicy["otherwise"] = "reject"): RoutePolicy {
  return { name: "test", rules, otherwise };
}

const bounds = (prefix: string, minLength: number, maxLength: number) => ({
  prefix: route(prefix).prefix,
  minLength,
  maxLength,
});

test("all that a match names must hold, and an empty one holds always", () => {
  const attributes: Partial<PathAttributes> = {
    communities: [1, 2],
    largeCommunities: [[1, 2, 3]],
    asPath: [
      { type: "sequence", asNumbers: [65001, 65002] },
      { type: "sequence", asNumbers: [65003] },
    ],
  };
  const cases: [RouteMatch, Subject, boolean][] = [
    [{}, {}, true],
    [{ prefixes: [bounds("10.0.0.0/8", 8, 26)] }, {}, true],
    [{ prefixes: [bounds("10.0.0.0/8", 8, 25)] }, {}, false],
    [{ prefixes: [bounds("10.0.0.0/8", 27, 32)] }, {}, false],
    [{ prefixes: [bounds("10.0.0.0/27", 0, 32)] }, {}, false],
    [{ prefixes: [bounds("11.0.0.0/8", 0, 32), bounds("10.0.0.0/26", 26, 26)] }, {}, true],
    [{ prefixes: [bounds("::/0", 0, 128)] }, {}, false],
    [{ prefixes: [bounds("::/0", 0, 128)] }, { prefix: "2001:db8::/64" }, true],
    [{ prefixes: [] }, {}, false],
    [{ notPrefixes: [bounds("10.0.0.0/8", 8, 32)] }, {}, false],
    [{ notPrefixes: [bounds("10.0.0.0/8", 8, 25)] }, {}, true],
    [{ notPrefixes: [bounds("::/0", 0, 128)] }, {}, true],
    [{ family: "ipv4-unicast" }, {}, true],
    [{ family: "ipv4-unicast" }, { prefix: "2001:db8::/64" }, false],
    [{ localPref: 100 }, {}, true],
    [{ localPref: 200 }, {}, false],
    [{ localPref: 200 }, { attributes: { localPref: 200 } }, true],
    [{ isOwn: true }, {}, false],
    [{ isOwn: true }, { origin: own }, true],
    [{ isOwn: false }, { origin: own }, false],
    [{ isFromInternal: true }, {}, true],
    [{ isFromInternal: false }, {}, false],
    [{ isFromInternal: false }, { origin: own }, false],
    [{ peerTypes: ["nodeMesh", "dynamic"] }, {}, true],
    [{ peerTypes: ["dynamic"] }, {}, false],
    [{ peerTypes: ["nodeMesh"] }, { origin: own }, false],
    [{ communities: [2, 1] }, { attributes }, true],
    [{ communities: [1, 3] }, { attributes }, false],
    [{ largeCommunities: [[1, 2, 3]] }, { attributes }, true],
    [{ largeCommunities: [[1, 2, 4]] }, { attributes }, false],
    [{ asPathPrefix: [65001] }, { attributes }, true],
    [{ asPathPrefix: [65001, 65002, 65003] }, { attributes }, true],
    [{ asPathPrefix: [65002] }, { attributes }, false],
    [{ asPathPrefix: [65001, 65002, 65003, 65004] }, { attributes }, false],
    [{ communities: [1], isOwn: true }, { attributes }, false],
  ];
  for (const [match, subject, wanted] of cases) {
    const { isAccepted } = run(policyOf([{ match, action: "accept" }]), subject);
    assert.equal(isAccepted, wanted, JSON.stringify([match, subject]));
  }
});

test("the first rule that decides is the last that is looked at, and `otherwise` decides when none does", () => {
  const never: RouteRule = { match: { communities: [99] }, action: "reject" };
  assert.equal(run(policyOf([never], "accept")).isAccepted, true);
  assert.equal(run(policyOf([never], "reject")).isAccepted, false);
  const both = policyOf([
    { match: {}, action: "accept", set: { med: 1 } },
    { match: {}, action: "reject" },
  ]);
  assert.deepEqual([run(both).isAccepted, run(both).attributes.med], [true, 1]);
});

test("a rule that goes on changes the route for the rules behind it", () => {
  const policy = policyOf([
    { match: {}, action: "next", set: { addCommunities: [5] } },
    { match: { communities: [6] }, action: "reject" },
    { match: { communities: [5] }, action: "accept", set: { localPref: 300 } },
  ]);
  const { isAccepted, attributes, applied } = run(policy);
  assert.deepEqual([isAccepted, attributes.communities, attributes.localPref], [true, [5], 300]);
  assert.deepEqual(applied, [0, 2]);
});

test("every change of attributes does what it says", () => {
  const before: Partial<PathAttributes> = {
    communities: [1, 2],
    largeCommunities: [[1, 1, 1]],
    localPref: 100,
    med: 1,
    asPath: [{ type: "sequence", asNumbers: [65001] }],
  };
  const cases: [RouteSet, Partial<PathAttributes>][] = [
    [{ localPref: 7 }, { localPref: 7 }],
    [{ med: 0 }, { med: 0 }],
    [{ addCommunities: [2, 3] }, { communities: [1, 2, 3] }],
    [{ removeCommunities: [1, 9] }, { communities: [2] }],
    [
      {
        addLargeCommunities: [
          [1, 1, 1],
          [2, 2, 2],
        ],
      },
      {
        largeCommunities: [
          [1, 1, 1],
          [2, 2, 2],
        ],
      },
    ],
    [{ removeLargeCommunities: [[1, 1, 1]] }, { largeCommunities: [] }],
    [{ prepend: [7, 8] }, { asPath: [{ type: "sequence", asNumbers: [7, 8, 65001] }] }],
  ];
  for (const [set, changed] of cases) {
    const { attributes } = run(policyOf([{ match: {}, action: "accept", set }]), { attributes: before });
    assert.deepEqual(attributes, { ...emptyAttributes, ...before, ...changed }, JSON.stringify(set));
  }
});

test("a policy knows whether it looks at prefixes", () => {
  const rule: RouteRule = { match: { prefixes: [bounds("10.0.0.0/8", 8, 32)] }, action: "accept" };
  assert.equal(new PolicyRunner(policyOf([rule]), "ipv6-unicast").looksAtPrefix, true);
  assert.equal(new PolicyRunner(policyOf([{ match: {}, action: "accept" }]), "ipv4-unicast").looksAtPrefix, false);
});
