import assert from "node:assert/strict";
import { test } from "node:test";
import { namespace, networkSet, pool, serve, v3 } from "./testing/serve.ts";
import type { Json } from "./testing/serve.ts";

const sets = `${v3}/globalnetworksets`;
const merge = { "content-type": "application/merge-patch+json" };
const jsonPatch = { "content-type": "application/json-patch+json" };

function metadataOf(json: Json): Json {
  return json["metadata"] as Json;
}

test("of members nobody knows the default is to leave them out and say so", async () => {
  await using server = await serve();
  const typo = (name: string) => ({ ...networkSet(name), spec: { netz: ["192.0.2.0/24"], nets: [] } });
  const warned = await server.call("POST", sets, typo("warned"));
  assert.equal(warned.code, 201);
  assert.match(String(warned.headers["warning"]), /^299 - "unknown field \\"spec\.netz\\" \(did you mean nets\?\)/);
  assert.equal((warned.json["spec"] as Json)["netz"], undefined);
  const ignored = await server.call("POST", `${sets}?fieldValidation=Ignore`, typo("ignored"));
  assert.deepEqual([ignored.code, ignored.headers["warning"]], [201, undefined]);
  const strict = await server.call("POST", `${sets}?fieldValidation=Strict`, typo("strict"));
  assert.equal(strict.code, 422);
  // What is wrong besides is wrong in any case.
  const worse = await server.call("POST", sets, { ...typo("worse"), spec: { netz: 1, nets: "all" } });
  assert.deepEqual([worse.code, worse.headers["warning"]], [422, undefined]);
  const updated = await server.call("PATCH", `${sets}/warned`, { spec: { netz: 1 } }, merge);
  assert.match(String(updated.headers["warning"]), /spec\.netz/);
});

test("a dry run answers as the write would and does nothing", async () => {
  await using server = await serve();
  const before = (await server.store.list("")).revision;
  const created = await server.call("POST", `${sets}?dryRun=All`, networkSet("a"));
  assert.equal(created.code, 201);
  assert.ok(metadataOf(created.json)["uid"]);
  assert.equal(metadataOf(created.json)["resourceVersion"], undefined);
  assert.equal((await server.call("GET", `${sets}/a`)).code, 404);
  const lost = await server.call("POST", `${v3}/namespaces/none/networksets?dryRun=All`, {
    ...networkSet("a"),
    kind: "NetworkSet",
  });
  assert.equal(lost.code, 404);
  assert.equal((await server.store.list("")).revision, before);

  const present = (await server.call("POST", sets, networkSet("b"))).json;
  assert.equal((await server.call("POST", `${sets}?dryRun=All`, networkSet("b"))).code, 409);
  const change = { ...present, spec: { nets: ["192.0.2.0/24"] } };
  for (const reply of [
    await server.call("PUT", `${sets}/b?dryRun=All`, change),
    await server.call("PATCH", `${sets}/b?dryRun=All`, { spec: change.spec }, merge),
  ]) {
    assert.deepEqual([reply.code, reply.json["spec"]], [200, change.spec]);
    assert.equal(metadataOf(reply.json)["generation"], 2);
  }
  assert.equal((await server.call("DELETE", `${sets}/b?dryRun=All`)).code, 200);
  const inBody = { kind: "DeleteOptions", apiVersion: "v1", dryRun: ["All"], propagationPolicy: "Background" };
  assert.equal((await server.call("DELETE", `${sets}/b`, inBody)).code, 200);
  assert.deepEqual((await server.call("GET", `${sets}/b`)).json, present);

  assert.equal((await server.call("POST", `${v3}/ippools`, pool("p", "10.0.0.0/16"))).code, 201);
  assert.equal((await server.call("POST", `${v3}/ippools?dryRun=All`, pool("q", "10.0.1.0/24"))).code, 422);
});

test("the server makes up the rest of a name", async () => {
  await using server = await serve();
  const body = { ...networkSet(""), metadata: { generateName: "web-" } };
  const names = new Set<unknown>();
  for (let index = 0; index < 5; index++) {
    const { code, json } = await server.call("POST", sets, body);
    assert.equal(code, 201);
    assert.match(String(metadataOf(json)["name"]), /^web-[a-z0-9]{5}$/);
    assert.equal(metadataOf(json)["generateName"], "web-");
    names.add(metadataOf(json)["name"]);
  }
  assert.equal(names.size, 5);
  const long = await server.call("POST", sets, { ...body, metadata: { generateName: "x".repeat(80) } });
  assert.equal(String(metadataOf(long.json)["name"]).length, 63);
});

test("patches change what is there, whoever wrote it meanwhile", async () => {
  await using server = await serve();
  await server.call("POST", sets, networkSet("a", ["192.0.2.0/24"], { app: "web" }));
  const patched = await server.call("PATCH", `${sets}/a`, { metadata: { labels: { app: null, tier: "db" } } }, merge);
  assert.deepEqual([patched.code, metadataOf(patched.json)["labels"]], [200, { tier: "db" }]);
  const added = await server.call(
    "PATCH",
    `${sets}/a`,
    [{ op: "add", path: "/spec/nets/-", value: "198.51.100.0/24" }],
    jsonPatch,
  );
  assert.deepEqual(added.json["spec"], { nets: ["192.0.2.0/24", "198.51.100.0/24"] });
  const unchanged = await server.call("PATCH", `${sets}/a`, {}, merge);
  assert.deepEqual(unchanged.json, added.json);
  const labels = (index: number) => ({ metadata: { labels: { [`l${index}`]: "x" } } });
  const all = await Promise.all(
    Array.from({ length: 5 }, (_, index) => server.call("PATCH", `${sets}/a`, labels(index), merge)),
  );
  assert.deepEqual(
    all.map(({ code }) => code),
    [200, 200, 200, 200, 200],
  );
  const { json } = await server.call("GET", `${sets}/a`);
  assert.equal(Object.keys(metadataOf(json)["labels"] as Json).length, 6);
  assert.equal((await server.call("PATCH", `${sets}/none`, {}, merge)).code, 404);
});

test("core kinds take a strategic merge patch that has no directives", async () => {
  await using server = await serve();
  const strategic = { "content-type": "application/strategic-merge-patch+json" };
  await server.call("POST", "/api/v1/namespaces", namespace("shop"));
  const path = "/api/v1/namespaces/shop";
  const done = await server.call("PATCH", path, { metadata: { labels: { a: "b" } } }, strategic);
  assert.deepEqual([done.code, metadataOf(done.json)["labels"]], [200, { a: "b" }]);
  const refused = await server.call("PATCH", path, { metadata: { labels: { $patch: "replace" } } }, strategic);
  assert.equal(refused.code, 415);
});

test("status is written apart from the rest", async (context) => {
  await using server = await serve();
  const tiers = `${v3}/tiers`;
  const condition = {
    type: "Ready",
    status: "True",
    lastTransitionTime: "2026-01-01T00:00:00Z",
    reason: "A",
    message: "",
  };
  const status = { conditions: [condition] };
  const body = {
    apiVersion: "projectcalico.org/v3",
    kind: "Tier",
    metadata: { name: "a" },
    spec: { order: 1 },
    status,
  };
  const created = await server.call("POST", tiers, body);
  if (created.code === 404) {
    context.skip("there are no tiers yet");
    return;
  }
  assert.deepEqual([created.code, created.json["status"]], [201, undefined], created.text);
  const told = await server.call("PATCH", `${tiers}/a/status`, { status, spec: { order: 9 } }, merge);
  assert.equal(told.code, 200, told.text);
  assert.deepEqual(
    [(told.json["spec"] as Json)["order"], metadataOf(told.json)["generation"]],
    [1, metadataOf(created.json)["generation"]],
  );
  const kept = await server.call("PATCH", `${tiers}/a`, { status: null, spec: { order: 7 } }, merge);
  assert.deepEqual([kept.json["status"], (kept.json["spec"] as Json)["order"]], [told.json["status"], 7]);
  assert.deepEqual((await server.call("GET", `${tiers}/a/status`)).json, kept.json);
  const replaced = await server.call("PUT", `${tiers}/a/status`, { ...kept.json, status: {} });
  assert.equal(replaced.code, 200, replaced.text);
});

test("YAML is read where JSON is", async () => {
  await using server = await serve();
  const yaml =
    "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: y}\nspec: {nets: [192.0.2.0/24]}\n";
  const created = await server.call("POST", sets, yaml, { "content-type": "application/yaml" });
  assert.deepEqual([created.code, created.json["spec"]], [201, { nets: ["192.0.2.0/24"] }]);
});
