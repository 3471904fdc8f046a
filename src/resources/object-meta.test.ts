import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "./resource.ts";
import { type Json, decoded, objectOf, problemsOf } from "./testing/decode-cases.ts";

const specs: { readonly [K in Kind]?: Json } = {
  IPPool: { cidr: "10.0.0.0/16" },
  WorkloadEndpoint: { interfaceName: "tt0" },
};
const read = (kind: Kind, metadata: Json) => decoded(kind, specs[kind], metadata);
const refused = (kind: Kind, metadata: Json) =>
  problemsOf(objectOf(kind, specs[kind], metadata)).map((line) => line.split(": ")[0]);

test("names keep to the rule of their kind", () => {
  const longest = `${"a".repeat(250)}.bc`;
  const cases: [Kind, string[], string[]][] = [
    [
      "Node",
      ["a", "0", "a--b", "a.b.c", longest],
      [`${longest}d`, "A", "a_b", "-a", "a-", "a..b", ".a", "a.-b", "a b", "\u00e4", "a\n"],
    ],
    [
      "NetworkPolicy",
      ["a", "a.b", "knp.default.a", "knp.default.a.b.c", "ossg.default.x"],
      ["a.b.c", "knp.other.a.b", "A", longest + "d"],
    ],
    ["GlobalNetworkPolicy", ["a", "default.b"], ["a.b.c", "knp.default.a"]],
    ["Namespace", ["a", "a".repeat(63)], ["a".repeat(64), "a.b"]],
    ["BGPConfiguration", ["default", "node.a", "node.a.b"], ["other", "node.", "node", "Default"]],
    ["IPAMConfiguration", ["default"], ["other"]],
  ];
  for (const [kind, right, wrong] of cases) {
    for (const name of right) assert.equal(read(kind, { name }).metadata.name, name);
    for (const name of ["", null, 5, ...wrong])
      assert.deepEqual(refused(kind, { name }), ["metadata.name"], `${kind} ${name}`);
  }
});

test("objects of namespaced kinds are in a namespace, default when none is named, and others in none", () => {
  assert.equal(read("NetworkPolicy", { namespace: "shop" }).metadata.namespace, "shop");
  for (const namespace of ["", null, undefined]) {
    assert.equal(read("NetworkSet", { namespace }).metadata.namespace, "default");
    assert.equal(read("Node", { namespace }).metadata.namespace, undefined);
  }
  assert.deepEqual(refused("NetworkPolicy", { namespace: "A" }), ["metadata.namespace"]);
  assert.deepEqual(refused("Node", { namespace: "shop" }), ["metadata.namespace"]);
});

/** As JSON text makes it: a member of its own, not the prototype. */
const ownProto: Json = JSON.parse('{"__proto__": "x"}');

test("labels keep to Kubernetes' rules", () => {
  const name = "n".repeat(63);
  const domain = `${"d".repeat(250)}.ef`;
  for (const labels of [{}, { a: "" }, { [name]: name }, { [`${domain}/${name}`]: "A_b-c.1" }, { a: null }])
    read("Node", { labels });
  const wrong: [Json, string][] = [
    [{ "": "x" }, 'metadata.labels[""]'],
    [{ [`${name}n`]: "x" }, `metadata.labels.${name}n`],
    [{ [`${domain}g/a`]: "x" }, "metadata.labels["],
    [{ "A/b": "x" }, 'metadata.labels["A/b"]'],
    [{ "a/b/c": "x" }, 'metadata.labels["a/b/c"]'],
    [{ a: `${name}n` }, "metadata.labels.a"],
    [{ a: "-x" }, "metadata.labels.a"],
    [{ a: "x y" }, "metadata.labels.a"],
    [{ a: 1 }, "metadata.labels.a"],
    [ownProto, "metadata.labels.__proto__"],
  ];
  for (const [labels, path] of wrong) {
    const lines = problemsOf(objectOf("Node", {}, { labels }));
    assert.equal(lines.length, 1);
    assert.ok(lines[0]!.startsWith(path), lines.join());
  }
  assert.deepEqual(refused("Node", { labels: [] }), ["metadata.labels"]);
});

test("annotations have 256 KiB at most", () => {
  read("Node", { annotations: { UPPER: "any text \n at all", a: "x".repeat(262144 - 5 - 18 - 1) } });
  assert.deepEqual(refused("Node", { annotations: { a: "x".repeat(262144) } }), ["metadata.annotations"]);
  assert.deepEqual(refused("Node", { annotations: { a: "\u00e4".repeat(131072) } }), ["metadata.annotations"]);
  assert.deepEqual(refused("Node", { annotations: { "a b": "x" } }), ['metadata.annotations["a b"]']);
});

test("members that the server sets are kept, and null is absent", () => {
  const metadata = { uid: "u-1", resourceVersion: "17", generation: 2, creationTimestamp: "2026-01-31T12:00:00Z" };
  assert.deepEqual(read("Node", metadata).metadata, { name: "x", ...metadata });
  assert.deepEqual(read("Node", { creationTimestamp: null, uid: "", generation: 0 }).metadata, { name: "x" });
  assert.deepEqual(refused("Node", { creationTimestamp: "yesterday", resourceVersion: 17 }), [
    "metadata.resourceVersion",
    "metadata.creationTimestamp",
  ]);
});
