import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  apiVersionOf,
  checkCreate,
  decodeResource,
  definitionOf,
  encodeResource,
  findKind,
  kindDefinitions,
} from "./kinds.ts";
import { defaultAllowProfile, defaultProfileName, namespaceProfile } from "./profile.ts";
import { isKind, keyOf, resourceKey } from "./resource.ts";
import { decoded, objectOf, problemsOf, repeat } from "./testing/decode-cases.ts";

test("the example of every kind decodes, and to itself again", () => {
  for (const definition of kindDefinitions) {
    const result = definition.decode(definition.example);
    assert.ok(result.ok, JSON.stringify(result));
    assert.ok(checkCreate(result.value).ok, definition.kind);
    assert.deepEqual(decodeResource(JSON.parse(JSON.stringify(result.value))), result);
    for (const column of definition.columns) assert.equal(typeof column.value(result.value), "string");
    assert.equal(definitionOf(definition.kind), definition);
  }
});

test("kinds are found by all their names", () => {
  const cases: [string, string | undefined][] = [
    ["NetworkPolicy", "NetworkPolicy"],
    ["networkpolicies", "NetworkPolicy"],
    ["cnp", "NetworkPolicy"],
    ["GNP", "GlobalNetworkPolicy"],
    ["globalnetworksets.projectcalico.org", "GlobalNetworkSet"],
    ["netsets", "NetworkSet"],
    ["pools", "IPPool"],
    ["ipp", "IPPool"],
    ["bgpconfigs", "BGPConfiguration"],
    ["ipamconfig", "IPAMConfiguration"],
    ["affinities", "BlockAffinity"],
    ["ns", "Namespace"],
    ["networkpolicies.networking.k8s.io", "KubernetesNetworkPolicy"],
    ["netpol", "KubernetesNetworkPolicy"],
    ["kubernetesnetworkpolicy", "KubernetesNetworkPolicy"],
    ["clusternetworkpolicies", "KubernetesClusterNetworkPolicy"],
    ["sa", "ServiceAccount"],
    ["hep", "HostEndpoint"],
    ["namespaces.projectcalico.org", undefined],
    ["constructor", undefined],
    ["", undefined],
  ];
  for (const [name, kind] of cases) assert.equal(findKind(name)?.kind, kind, name);
});

test("no two kinds share a name within a group, nor a name inside", () => {
  for (const definitions of Map.groupBy(kindDefinitions, ({ group }) => group).values()) {
    const names = definitions.flatMap(({ kind, plural, singular, shortNames }) => [
      ...new Set([kind.toLowerCase(), plural, singular, ...shortNames]),
    ]);
    assert.equal(new Set(names).size, names.length);
  }
  assert.equal(new Set(kindDefinitions.map(({ kind }) => kind)).size, kindDefinitions.length);
});

test("of the two kinds called NetworkPolicy the apiVersion tells which one is meant", () => {
  const metadata = { name: "x", namespace: "shop" };
  for (const kind of ["NetworkPolicy", "KubernetesNetworkPolicy"]) {
    const decodedPolicy = decodeResource({ apiVersion: "networking.k8s.io/v1", kind, metadata });
    assert.ok(decodedPolicy.ok);
    assert.equal(keyOf(decodedPolicy.value), "KubernetesNetworkPolicy/shop/x");
    assert.equal(encodeResource(decodedPolicy.value)["kind"], "NetworkPolicy");
  }
  assert.equal(keyOf(decoded("NetworkPolicy", {})), "NetworkPolicy/default/x");
  assert.deepEqual(problemsOf({ apiVersion: "v1", kind: "NetworkPolicy", metadata }), [
    'apiVersion: there is no NetworkPolicy of "v1" here (there is one of projectcalico.org/v3 or networking.k8s.io/v1)',
  ]);
});

test("a kind that is left out on purpose is told from one that nobody knows", () => {
  const unsupported = (json: unknown) => {
    const result = decodeResource(json);
    return !result.ok && result.problems.every(({ isUnsupported }) => isUnsupported === true);
  };
  assert.ok(unsupported({ apiVersion: "projectcalico.org/v3", kind: "KubeControllersConfiguration" }));
  assert.ok(!unsupported({ apiVersion: "projectcalico.org/v3", kind: "KubeControllers" }));
});

test("an object that says no known kind is told what to write", () => {
  const cases: [unknown, string][] = [
    [undefined, "must be an object with apiVersion, kind and metadata, not nothing"],
    [[], "must be an object with apiVersion, kind and metadata, not a list"],
    [{}, "kind: is missing (say what the object is, such as NetworkPolicy)"],
    [{ kind: "networkpolicy" }, 'kind: there is no kind "networkpolicy" (write NetworkPolicy)'],
    [{ kind: "IPPools" }, 'kind: there is no kind "IPPools" (write IPPool)'],
    [
      { kind: "Node", apiVersion: "v1" },
      'apiVersion: there is no Node of "v1" here (there is one of projectcalico.org/v3)',
    ],
    [{ kind: "Namespace" }, "apiVersion: is missing (write v1)"],
    [{ kind: "Node", apiVersion: "projectcalico.org/v3" }, "metadata: is missing"],
  ];
  for (const [json, expected] of cases) assert.deepEqual(problemsOf(json), [expected]);
});

test("an unknown field is named with the nearest known one, beside all other problems", () => {
  const json = objectOf("NetworkPolicy", {
    selecter: "all()",
    order: "1",
    ingress: [{ action: "Allow", destinations: {} }],
  });
  assert.deepEqual(problemsOf({ ...json, sepc: {} }), [
    "spec.ingress[0].destinations: unknown field (did you mean destination?)",
    "spec.selecter: unknown field (did you mean selector?)",
    "sepc: unknown field (did you mean spec?)",
    'spec.order: must be a number, not the text "1" (write it without quotes)',
  ]);
  assert.deepEqual(problemsOf(objectOf("NetworkSet", { prefixes: [] })), [
    "spec.prefixes: unknown field (there are nets)",
  ]);
});

test("a flood of unknown fields is told in short", () => {
  const lines = problemsOf(objectOf("Node", Object.fromEntries(repeat(5000, (at) => [`field${at}`, 1]))));
  assert.equal(lines.length, 51);
  assert.equal(lines.at(-1), "spec: has 4950 more unknown fields");
  const attributes = repeat(2000, () => ({ colour: 1 }));
  assert.ok(problemsOf(objectOf("IPAMBlock", { cidr: "10.0.0.0/32", allocations: [0], attributes })).length > 0);
});

test("unknown fields can be carried along unread", () => {
  const json = objectOf(
    "NetworkPolicy",
    { colour: { a: null }, ingress: [{ action: "Allow", mood: 1 }] },
    { mood: ["x"] },
  );
  const result = decodeResource({ ...json, status: [1] }, { unknownFields: "keep" });
  assert.ok(result.ok);
  const expected = decoded("NetworkPolicy", { ingress: [{ action: "Allow" }] });
  assert.deepEqual(result.value, {
    ...expected,
    metadata: { ...expected.metadata, mood: ["x"] },
    spec: { ...expected.spec, colour: { a: null }, ingress: [{ action: "Allow", mood: 1 }] },
    status: [1],
  });
  const wrong = objectOf("NetworkPolicy", { order: "x", colour: 1 });
  assert.equal(problemsOf(wrong, { unknownFields: "keep" }).length, 1);
});

test("a key tells kind, namespace and name", () => {
  assert.equal(keyOf(decoded("NetworkPolicy", {}, { namespace: "shop" })), "NetworkPolicy/shop/x");
  assert.equal(keyOf(decoded("Node", {})), "Node//x");
  assert.equal(resourceKey({ kind: "Node", name: "x" }), "Node//x");
  assert.ok(isKind(decoded("Node", {}), "Node"));
});

test("a namespace makes a profile that allows everything and hands its labels on", () => {
  const made = namespaceProfile(decoded("Namespace", null, { name: "shop", labels: { stage: "x" } }));
  assert.equal(made.metadata.name, defaultProfileName("shop"));
  assert.deepEqual(made.spec, {
    ingress: [{ action: "Allow" }],
    egress: [{ action: "Allow" }],
    labelsToApply: { "pcns.stage": "x", "pcns.projectcalico.org/name": "shop" },
  });
  assert.deepEqual(defaultAllowProfile.spec, { ingress: [{ action: "Allow" }], egress: [{ action: "Allow" }] });
});

test("profiles that the system makes cannot be written", () => {
  const admits = (name: string) => checkCreate(decoded("Profile", {}, { name })).ok;
  assert.ok(admits("mine"));
  for (const name of ["projectcalico-default-allow", "kns.shop", "ksa.shop.web"]) assert.ok(!admits(name), name);
});

/** Values near what schemas expect: known member names, and texts and numbers at the edges. */
const members = [
  "spec",
  "metadata",
  "name",
  "namespace",
  "labels",
  "ingress",
  "egress",
  "action",
  "source",
  "destination",
  "nets",
  "ports",
  "protocol",
  "icmp",
  "type",
  "code",
  "selector",
  "types",
  "cidr",
  "blockSize",
  "bgp",
  "ipv4Address",
  "asNumber",
  "interfaceName",
  "ipNetworks",
  "peerIP",
  "allocations",
  "unallocated",
  "attributes",
  "block",
  "handleID",
  "node",
  "allowedUses",
  "stagedAction",
  "podSelector",
  "matchLabels",
  "matchExpressions",
  "from",
  "ipBlock",
  "except",
  "tier",
  "protocols",
  "pods",
  "data",
  "stringData",
  "exportV4",
  "operations",
  "routeTableRanges",
  "__proto__",
  "constructor",
  "toString",
  "bindMode",
  "services",
  "x",
];
const leaves = [
  "",
  "x",
  "Allow",
  "TCP",
  "10.0.0.0/30",
  "fd00::1",
  "80",
  "1:2",
  "all()",
  "default",
  "Ingress",
  0,
  -0,
  1,
  4,
  26,
  65536,
  1.5,
  -1,
  true,
  false,
  null,
];
const nearJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthIdentifier: "json" },
    fc.constantFrom(...leaves),
    fc.array(tie("value"), { maxLength: 4, depthIdentifier: "json" }),
    fc.dictionary(fc.constantFrom(...members), tie("value"), {
      maxKeys: 6,
      depthIdentifier: "json",
      noNullPrototype: true,
    }),
  ),
})).value;

test("any JSON decodes or is refused in words, and what decodes decodes to itself", () => {
  const json = fc.oneof(nearJson, fc.jsonValue());
  fc.assert(
    fc.property(
      fc.constantFrom(...kindDefinitions),
      json,
      json,
      fc.boolean(),
      (definition, spec, metadata, isNamed) => {
        const named = isNamed
          ? { name: /Configuration|Information/.test(definition.kind) ? "default" : "x", namespace: null }
          : metadata;
        const whole = { apiVersion: apiVersionOf(definition), kind: definition.kind, metadata: named, spec };
        for (const value of [whole, spec]) {
          const candidate: unknown = JSON.parse(JSON.stringify(value));
          for (const unknownFields of ["refuse", "keep"] as const) {
            const result = decodeResource(candidate, { unknownFields });
            if (!result.ok) problemsOf(candidate, { unknownFields });
            else assert.deepEqual(decodeResource(JSON.parse(JSON.stringify(result.value)), { unknownFields }), result);
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test("what a valid object lost or had replaced is refused or decodes, never an exception", () => {
  const mutation = fc.record({ at: fc.nat(), value: fc.oneof(fc.constantFrom(...leaves), nearJson) });
  fc.assert(
    fc.property(
      fc.constantFrom(...kindDefinitions),
      fc.array(mutation, { minLength: 1, maxLength: 2 }),
      (definition, mutations) => {
        const json: unknown = structuredClone(definition.example);
        for (const { at, value } of mutations) {
          const places = placesOf(json);
          const [holder, member] = places[at % places.length]!;
          Reflect.set(holder, member, value);
        }
        const result = decodeResource(JSON.parse(JSON.stringify(json)));
        if (!result.ok) problemsOf(json);
        else {
          assert.deepEqual(decodeResource(JSON.parse(JSON.stringify(result.value))), result);
          assert.deepEqual(decodeResource(JSON.parse(JSON.stringify(encodeResource(result.value)))), result);
          checkCreate(result.value);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

function placesOf(value: unknown): [object, string][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.keys(value).flatMap(
    (name) => [[value, name], ...placesOf(Reflect.get(value, name))] as [object, string][],
  );
}
