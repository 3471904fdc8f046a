import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccepted, assertRefused, decoded } from "./testing/decode-cases.ts";

const rule = { action: "Deny" };

test("the types of a policy default to the directions that have rules", () => {
  const cases: [object | null, string[]][] = [
    [{}, ["Ingress"]],
    [null, ["Ingress"]],
    [{ ingress: [rule] }, ["Ingress"]],
    [{ egress: [rule] }, ["Egress"]],
    [{ ingress: [rule], egress: [rule] }, ["Ingress", "Egress"]],
    [{ ingress: [rule], egress: [] }, ["Ingress"]],
    [{ egress: [] }, ["Ingress"]],
    [{ types: [], egress: [rule] }, ["Egress"]],
    [{ types: null }, ["Ingress"]],
    [{ types: ["Egress", "Ingress"] }, ["Egress", "Ingress"]],
    [{ types: ["Ingress"], egress: [rule] }, ["Ingress"]],
  ];
  for (const [spec, types] of cases) {
    assert.deepEqual(decoded("NetworkPolicy", spec).spec.types, types);
    assert.deepEqual(decoded("GlobalNetworkPolicy", spec).spec.types, types);
  }
});

test("a policy is in the default tier unless it names another, and its label says so", () => {
  const policy = decoded("NetworkPolicy", { tier: "" }, { labels: { a: "b", "projectcalico.org/tier": "wrong" } });
  assert.equal(policy.spec.tier, "default");
  assert.deepEqual(policy.metadata.labels, { a: "b", "projectcalico.org/tier": "default" });
  const global = decoded("GlobalNetworkPolicy", { tier: "net-ops" });
  assert.deepEqual([global.spec.tier, global.metadata.labels], ["net-ops", { "projectcalico.org/tier": "net-ops" }]);
  assertRefused("NetworkPolicy", [[{ tier: "Security" }, "tier"]]);
});

test("fields of a policy are strict about their sort", () => {
  for (const kind of ["NetworkPolicy", "GlobalNetworkPolicy"] as const) {
    assertAccepted(kind, [
      { order: 0 },
      { order: -1.5 },
      { order: 1e300, selector: "", serviceAccountSelector: "", ingress: [], egress: null },
      { selector: "has(a)", serviceAccountSelector: "all()", performanceHints: ["AssumeNeededOnEveryNode"] },
    ]);
    assertRefused(kind, [
      [{ order: "5" }, "order"],
      [{ order: true }, "order"],
      [{ selector: "global()" }, "selector"],
      [{ serviceAccountSelector: "global()" }, "serviceAccountSelector"],
      [{ types: ["ingress"] }, "types[0]"],
      [{ types: ["Ingress", "Ingress"] }, "types[1]"],
      [{ types: "Ingress" }, "types"],
      [{ performanceHints: ["Fast"] }, "performanceHints[0]"],
      [{ performanceHints: ["AssumeNeededOnEveryNode", "AssumeNeededOnEveryNode"] }, "performanceHints[1]"],
      [{ ingress: {} }, "ingress"],
      [{ ingress: [null] }, "ingress[0]"],
      [[], ""],
    ]);
  }
});

test("flags of a global policy exclude and need each other", () => {
  assertAccepted("GlobalNetworkPolicy", [
    { namespaceSelector: "all()", doNotTrack: false, preDNAT: false, applyOnForward: false },
    { applyOnForward: true },
    { doNotTrack: true, applyOnForward: true, egress: [rule] },
    { preDNAT: true, applyOnForward: true, ingress: [rule] },
  ]);
  assertRefused("GlobalNetworkPolicy", [
    [{ namespaceSelector: "global()" }, "namespaceSelector"],
    [{ doNotTrack: true }, "doNotTrack"],
    [{ preDNAT: true }, "preDNAT"],
    [{ preDNAT: true, doNotTrack: true, applyOnForward: true }, "preDNAT"],
    [{ preDNAT: true, applyOnForward: true, types: ["Ingress", "Egress"] }, "types"],
    [{ preDNAT: true, applyOnForward: true, types: ["Ingress"], egress: [rule] }, "egress"],
    [{ doNotTrack: "true" }, "doNotTrack"],
  ]);
  assertRefused("NetworkPolicy", [[{ doNotTrack: true }, "doNotTrack"]]);
});
