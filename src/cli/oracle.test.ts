import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { answerLine, refuseLine } from "./answer-line.ts";

const program = fileURLToPath(new URL("../../bin/tortie", import.meta.url));
const v3 = "projectcalico.org/v3";

function answer(request: object): Record<string, unknown> {
  return JSON.parse(answerLine(JSON.stringify({ id: 7, ...request })));
}

/** What is told beside id and ok, which must be as they should. */
function good(request: object): Record<string, unknown> {
  const { id, ok, ...rest } = answer(request);
  assert.deepEqual([id, ok], [7, true], JSON.stringify(rest));
  return rest;
}

function codeOf(request: object): unknown {
  const { id, ok, error } = answer(request);
  assert.deepEqual([id, ok], [7, false]);
  return Reflect.get(Object(error), "code");
}

test("a process answers every line in order, whatever is in it, and ends well", async () => {
  const lines = [
    { id: 1, op: "selector.parse", selector: "a == 'b'" },
    "not JSON",
    [5],
    { id: { x: 1 }, op: "nothing" },
    { id: 2, op: "selector.parse", selector: "a ==" },
    { id: 3 },
    "",
    { id: "four", op: "bgp.decode", hex: `${"ff".repeat(16)}001304` },
    { id: 5, op: "selector.parse", selector: "(".repeat(100000) },
  ];
  const child = spawn(program, ["oracle"], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  const answers = output
    .trimEnd()
    .split("\n")
    .map((line): Record<string, unknown> => JSON.parse(line));
  assert.equal(status, 0);
  assert.deepEqual(
    answers.map(({ id, ok, error }) => [id, ok, Reflect.get(Object(error), "code")]),
    [
      [1, true, undefined],
      [null, false, "request"],
      [null, false, "request"],
      [{ x: 1 }, false, "unsupported"],
      [2, false, "invalid"],
      [3, false, "request"],
      ["four", true, undefined],
      [5, false, "invalid"],
    ],
  );
});

test("selectors are parsed, tried, cut into words and searched for what they need", () => {
  const selector = "b in {'y','x'} && has(a) && !has(c)";
  const { canonical, uid } = good({ op: "selector.parse", selector });
  assert.equal(canonical, '(b in {"x", "y"} && has(a) && !has(c))');
  assert.deepEqual(good({ op: "selector.parse", selector: canonical }), { canonical, uid });
  assert.deepEqual(good({ op: "selector.eval", selector, labels: { a: "", b: "x" } }), { match: true });
  assert.deepEqual(good({ op: "selector.eval", selector }), { match: false });
  assert.deepEqual(good({ op: "selector.tokens", selector: "a in in" }), {});
  assert.equal(codeOf({ op: "selector.tokens", selector: "a = b" }), "invalid");
  assert.deepEqual(good({ op: "selector.restrictions", selector }), {
    restrictions: { a: { present: true }, b: { present: true, values: ["x", "y"] }, c: { absent: true } },
  });
  assert.equal(codeOf({ op: "selector.eval", selector, labels: { a: 1 } }), "request");
});

test("resources are judged, and given their defaults", () => {
  const resource = { apiVersion: v3, kind: "NetworkPolicy", metadata: { name: "x" }, colour: 1 };
  assert.deepEqual(good({ op: "resource.validate", resource }), {});
  assert.deepEqual(good({ op: "resource.default", resource }), {
    resource: {
      ...resource,
      metadata: { name: "x", labels: { "projectcalico.org/tier": "default" } },
      spec: { types: ["Ingress"] },
    },
    changed: true,
  });
  assert.equal(codeOf({ op: "resource.validate", resource: { ...resource, spec: { order: "1" } } }), "invalid");
  const http = { ...resource, spec: { ingress: [{ action: "Allow", http: {} }] } };
  assert.equal(codeOf({ op: "resource.validate", resource: http }), "unsupported");
  assert.equal(codeOf({ op: "resource.validate" }), "request");
  for (const kind of ["FelixConfiguration", "Node", "Nothing"]) {
    assert.equal(codeOf({ op: "resource.default", resource: { apiVersion: v3, kind } }), "invalid");
  }
  assert.deepEqual(good({ op: "value.parse", type: "asNumber", value: "1.1" }), { value: 65537 });
  assert.equal(codeOf({ op: "value.parse", type: "port", value: 65536 }), "invalid");
  assert.equal(codeOf({ op: "value.parse", type: "x", value: 1 }), "request");
});

test("objects and selectors of Kubernetes are converted", () => {
  const object = { kind: "Namespace", metadata: { name: "x" } };
  assert.deepEqual(good({ op: "k8s.convert", object })["key"], { kind: "Profile", namespace: "", name: "kns.x" });
  const idle = { kind: "ClusterNetworkPolicy", metadata: { name: "x" }, spec: { tier: "Other" } };
  assert.deepEqual(good({ op: "k8s.convert", object: idle }), {
    value: null,
    key: { kind: "KubernetesClusterNetworkPolicy", namespace: "", name: "x" },
  });
  assert.equal(codeOf({ op: "k8s.convert", object: { kind: "Pod" } }), "invalid");
  assert.deepEqual(good({ op: "k8s.selector", selector: null, type: "namespace" }), { selector: "" });
  assert.deepEqual(good({ op: "k8s.selector", selector: {}, type: "namespace" }), { selector: "all()" });
  assert.equal(codeOf({ op: "k8s.selector", selector: { matchLabels: { a: 1 } }, type: "pod" }), "invalid");
});

test("policies are asked who may talk", () => {
  const workloads = [1, 2].map((n) => ({ namespace: "x", name: `w${n}`, ip: `10.0.0.${n}` }));
  const policies = [
    {
      apiVersion: v3,
      kind: "NetworkPolicy",
      metadata: { name: "p", namespace: "x" },
      spec: { ingress: [{ action: "Deny" }] },
    },
  ];
  const model = { namespaces: { x: {} }, workloads, policies };
  const probe = { protocol: "UDP", port: 53 };
  assert.deepEqual(good({ op: "policy.table", model, probes: [probe] }), {
    denied: [
      [0, "x/w1", "x/w2"],
      [0, "x/w2", "x/w1"],
    ],
  });
  assert.deepEqual(good({ op: "policy.verdict", model, from: "x/w1", to: "x/w2", ...probe }), {
    allowed: false,
    reason: "NetworkPolicy/x/p ingress[0]",
  });
  assert.equal(codeOf({ op: "policy.verdict", model, from: "x/w1", to: "x/w3", ...probe }), "request");
  assert.equal(codeOf({ op: "policy.table", model, probes: [{}] }), "invalid");
  assert.equal(codeOf({ op: "policy.table", model: { ...model, policies: [{}] }, probes: [probe] }), "invalid");
});

test("BGP messages are told by what the session has agreed, and written again", () => {
  const caps = { as4: true, addPath: ["ipv4-unicast"], extendedNextHop: true };
  const update = {
    type: "update",
    attributes: { origin: "igp", asPath: [{ type: "sequence", asns: [65001] }] },
    announce: [{ family: "ipv4-unicast", prefix: "10.0.0.0/8", nextHop: "2001:db8::1", pathId: 7 }],
    withdraw: [],
  };
  const encoded = good({ op: "bgp.encode", message: update, caps });
  const decoded = good({ op: "bgp.decode", hex: encoded["hex"], caps });
  assert.equal(decoded["result"], "ok");
  assert.deepEqual(decoded["message"], { ...update, asPathText: "65001", asPathHops: 1 });
  // Without the agreement the same octets mean nothing good.
  assert.deepEqual(good({ op: "bgp.decode", hex: encoded["hex"] }), {
    result: "error",
    notification: { code: 3, subcode: 9 },
  });
  assert.equal(codeOf({ op: "bgp.encode", message: { ...update, announce: [{}] } }), "invalid");
  assert.equal(codeOf({ op: "bgp.encode" }), "request");
  assert.equal(codeOf({ op: "bgp.decode", hex: "ff", caps: { addPath: 1 } }), "request");
});

test("the BGP sessions of a node are told for one IP version", () => {
  const node = (name: string, last: number) => ({
    apiVersion: v3,
    kind: "Node",
    metadata: { name },
    spec: { bgp: { ipv4Address: `192.0.2.${last}/24`, ipv6Address: `2001:db8::${last}/64` } },
  });
  const tor = {
    apiVersion: v3,
    kind: "BGPPeer",
    metadata: { name: "tor" },
    spec: { peerIP: "192.0.2.9", asNumber: 65000 },
  };
  const resources = [node("a", 1), node("b", 2), tor];
  const plain = { localAS: null, password: null, rrClient: false, clusterId: null, ttlSecurity: false };
  const common = {
    ...plain,
    nextHop: "default",
    gracefulRestartTime: null,
    port: 179,
    importFilters: [],
    exportFilters: [],
  };
  const answered = good({ op: "bgp.peers", resources, node: "b", ipVersion: 4 });
  assert.deepEqual(answered, {
    asNumber: 64512,
    routerId: "192.0.2.2",
    peers: [
      { kind: "global", address: "192.0.2.9", asNumber: 65000, sourceAddress: "192.0.2.2", passive: false, ...common },
      { kind: "mesh", address: "192.0.2.1", asNumber: 64512, sourceAddress: "192.0.2.2", passive: false, ...common },
    ],
  });
  const six = good({ op: "bgp.peers", resources, node: "a", ipVersion: 6, routerId: "10.0.0.1" });
  assert.equal(six["routerId"], "10.0.0.1");
  const hashed = good({ op: "bgp.peers", resources, node: "host-1", ipVersion: 6, routerId: "hash" });
  assert.equal(hashed["routerId"], "74.23.150.172");
  assert.equal(Reflect.get(Object(Reflect.get(Object(six["peers"]), 0)), "passive"), true);
  assert.equal(codeOf({ op: "bgp.peers", resources: [{}], node: "a", ipVersion: 4 }), "invalid");
  assert.equal(codeOf({ op: "bgp.peers", resources, node: "a", ipVersion: 5 }), "request");
  assert.deepEqual(good({ op: "bgp.peers", resources: [], node: "a", ipVersion: 4 })["peers"], []);
});

test("a BGP session is told with everything that its BGPPeer says", () => {
  const node = {
    apiVersion: v3,
    kind: "Node",
    metadata: { name: "a" },
    spec: { bgp: { ipv4Address: "192.0.2.1/24", routeReflectorClusterID: "1.0.0.1" } },
  };
  const filter = (name: string, spec: object) => ({ apiVersion: v3, kind: "BGPFilter", metadata: { name }, spec });
  const reject = [{ action: "Reject" }];
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "bgp", namespace: "elsewhere" },
    stringData: { key: "sesame" },
  };
  const spec = {
    node: "a",
    peerIP: "192.0.2.9:1179",
    asNumber: 65000,
    localASNumber: 65000,
    numAllowedLocalASNumbers: 2,
    ttlSecurity: 1,
    maxRestartTime: "1h0.5m",
    nextHopMode: "Self",
    sourceAddress: "None",
    password: { secretKeyRef: { name: "bgp", key: "key" } },
    filters: ["out", "gone", "six", "both"],
  };
  const peer = { apiVersion: v3, kind: "BGPPeer", metadata: { name: "tor" }, spec };
  const filters = [
    filter("out", { exportV4: reject }),
    filter("six", { importV6: reject }),
    filter("both", { importV4: reject, exportV4: reject }),
  ];
  const told = {
    kind: "node",
    address: "192.0.2.9",
    port: 1179,
    asNumber: 65000,
    localAS: 65000,
    sourceAddress: null,
    password: "sesame",
    rrClient: true,
    clusterId: "1.0.0.1",
    ttlSecurity: true,
    ttlHops: 1,
    nextHop: "self",
    gracefulRestartTime: 3630,
    passive: false,
    allowLocalAS: 2,
    importFilters: ["both"],
    exportFilters: ["out", "both"],
  };
  const ask = (resources: object[]) => good({ op: "bgp.peers", resources, node: "a", ipVersion: 4 })["peers"];
  assert.deepEqual(ask([node, peer, secret, ...filters]), [told]);
  assert.deepEqual(ask([node, peer, ...filters]), [
    { ...told, password: null, withheld: "the Secret bgp with its password is not there" },
  ]);
});

test("a line that was given up is answered with its id", () => {
  assert.deepEqual(JSON.parse(refuseLine('{"id":3}', "late")), {
    id: 3,
    ok: false,
    error: { code: "internal", message: "late" },
  });
  assert.equal(JSON.parse(refuseLine("{", "late")).id, null);
});

test("no line is too odd for an answer, and none finds a bug", () => {
  const op = fc.constantFrom(
    "selector.parse",
    "selector.eval",
    "value.parse",
    "resource.validate",
    "resource.default",
    "k8s.convert",
    "k8s.selector",
    "policy.table",
    "policy.verdict",
    "bgp.decode",
    "bgp.encode",
    "bgp.peers",
    "toString",
  );
  const members = fc.dictionary(
    fc.constantFrom(
      "selector",
      "labels",
      "type",
      "value",
      "resource",
      "object",
      "model",
      "probes",
      "hex",
      "caps",
      "message",
      "resources",
      "node",
      "ipVersion",
      "__proto__",
    ),
    fc.oneof(fc.jsonValue(), fc.constantFrom("pod", "port", "a == 'b'", "ff")),
  );
  fc.assert(
    fc.property(op, members, (op, request) => {
      const { id, ok, error } = answer({ ...request, op });
      assert.equal(id, 7);
      if (ok !== true) assert.notEqual(Reflect.get(Object(error), "code"), "internal", JSON.stringify(error));
    }),
    { numRuns: 1000 },
  );
});
