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
