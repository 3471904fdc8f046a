import assert from "node:assert/strict";
import { test } from "node:test";
import { type Json, networkSet, serve, v3 } from "./testing/serve.ts";

const sets = `${v3}/globalnetworksets`;
const apiVersion = "projectcalico.org/v3";

type Owner = { readonly manager: string; readonly operation: string; readonly fieldsV1: Json };

async function serveOne() {
  const server = await serve();
  const patch = (type: string, body: unknown, query: string) =>
    server.call("PATCH", `${sets}/a?${query}`, body, { "content-type": `application/${type}` });
  return {
    ...server,
    apply: (manager: string, members: Json, more = "") =>
      patch("apply-patch+yaml", { apiVersion, kind: "GlobalNetworkSet", ...members }, `fieldManager=${manager}${more}`),
    merge: (manager: string, body: Json) => patch("merge-patch+json", body, `fieldManager=${manager}`),
    owners: async () => ownersOf((await server.call("GET", `${sets}/a`)).json),
  };
}

function labels(values: Json): Json {
  return { metadata: { labels: values } };
}

function labelsOf(json: Json): unknown {
  return (json["metadata"] as Json)["labels"];
}

function ownersOf(json: Json): string[] {
  const entries = ((json["metadata"] as Json)["managedFields"] ?? []) as Owner[];
  return entries.map(({ manager, operation, fieldsV1 }) => `${manager} ${operation} ${JSON.stringify(fieldsV1)}`);
}

test("what is applied and not there is created, and owned", async () => {
  await using server = await serveOne();
  const created = await server.apply("me", { ...labels({ app: "web" }), spec: { nets: ["192.0.2.0/24"] } });
  assert.equal(created.code, 201, created.text);
  assert.deepEqual(await server.owners(), ['me Apply {"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:nets":{}}}']);
  const again = await server.apply("me", { ...labels({ app: "web" }), spec: { nets: ["192.0.2.0/24"] } });
  assert.deepEqual([again.code, again.json], [200, created.json]);
  const dry = await server.apply("me", labels({ app: "api" }), "&dryRun=All");
  assert.deepEqual(labelsOf(dry.json), { app: "api" });
  assert.deepEqual((await server.call("GET", `${sets}/a`)).json, created.json);
});

test("what a manager stops applying goes, unless somebody else owns it", async () => {
  await using server = await serveOne();
  await server.apply("me", { ...labels({ mine: "1", ours: "2" }), spec: { nets: ["192.0.2.0/24"] } });
  await server.apply("you", labels({ ours: "2", yours: "3" }));
  const less = await server.apply("me", {});
  assert.equal(less.code, 200, less.text);
  assert.deepEqual([labelsOf(less.json), less.json["spec"]], [{ ours: "2", yours: "3" }, {}]);
  assert.deepEqual(await server.owners(), ['you Apply {"f:metadata":{"f:labels":{"f:ours":{},"f:yours":{}}}}']);
});

test("a field of somebody else is a conflict, and is taken over by force", async () => {
  await using server = await serveOne();
  await server.apply("me", labels({ app: "web", tier: "front" }));
  const refused = await server.apply("you", labels({ app: "api" }));
  assert.equal(refused.code, 409);
  const details = refused.json["details"] as { causes: Json[] };
  assert.deepEqual(details.causes, [
    {
      reason: "FieldManagerConflict",
      message: 'conflict with "me" using projectcalico.org/v3',
      field: ".metadata.labels.app",
    },
  ]);
  const forced = await server.apply("you", labels({ app: "api" }), "&force=true");
  assert.deepEqual([forced.code, labelsOf(forced.json)], [200, { app: "api", tier: "front" }]);
  assert.deepEqual(await server.owners(), [
    'me Apply {"f:metadata":{"f:labels":{"f:tier":{}}}}',
    'you Apply {"f:metadata":{"f:labels":{"f:app":{}}}}',
  ]);
});

test("who changes a field by another write owns it, and those before lose it", async () => {
  await using server = await serveOne();
  await server.apply("me", { ...labels({ app: "web" }), spec: { nets: ["192.0.2.0/24"] } });
  await server.merge("you", { ...labels({ app: "api" }), spec: { nets: ["198.51.100.0/24"] } });
  assert.deepEqual(await server.owners(), [
    'you Update {"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:nets":{}}}',
  ]);
  await server.merge("you", labels({ app: null }));
  assert.deepEqual(await server.owners(), ['you Update {"f:spec":{"f:nets":{}}}']);
  const conflict = await server.apply("me", { spec: { nets: [] } });
  assert.equal(conflict.code, 409);
});

test("an object that was never applied has no owners; its maker is one from the first apply on", async () => {
  await using server = await serveOne();
  await server.call("POST", sets, networkSet("a", ["192.0.2.0/24"], { app: "web" }));
  await server.merge("you", labels({ tier: "db" }));
  assert.deepEqual(await server.owners(), []);
  assert.equal((await server.apply("me", labels({ app: "api" }))).code, 409);
  const same = await server.apply("me", labels({ app: "web", mine: "yes" }));
  assert.equal(same.code, 200);
  assert.deepEqual(
    (await server.owners()).map((owner) => owner.split(" ")[0]),
    ["before-first-apply", "me"],
  );
});

test("an empty list of owners rids an object of them", async () => {
  await using server = await serveOne();
  await server.apply("me", labels({ app: "web" }));
  const kept = await server.merge("you", { metadata: { managedFields: null, annotations: { a: "b" } } });
  assert.equal(ownersOf(kept.json).length, 2);
  const rid = await server.merge("you", { metadata: { managedFields: [] } });
  assert.deepEqual(ownersOf(rid.json), []);
});

test("the updaters of an object stay few", async () => {
  await using server = await serveOne();
  await server.apply("me", labels({ app: "web" }));
  for (let index = 0; index < 15; index++) await server.merge(`u${index}`, labels({ [`l${index}`]: "x" }));
  const owners = await server.owners();
  assert.ok(owners.length <= 11);
  assert.ok(owners.some((owner) => owner.startsWith("ancient-changes Update")));
});

test("another name than the path's, an unknown field and a stale version are refused", async () => {
  await using server = await serveOne();
  assert.equal((await server.apply("me", { metadata: { name: "b" } })).code, 409);
  assert.equal((await server.apply("me", { spec: { netz: [] } }, "&fieldValidation=Strict")).code, 422);
  assert.equal((await server.apply("me", { metadata: { resourceVersion: "1" } })).code, 404);
  await server.apply("me", labels({ app: "web" }));
  assert.equal((await server.apply("me", { metadata: { resourceVersion: "1" } })).code, 409);
  assert.equal((await server.apply("me", { metadata: { name: "b" } })).code, 422);
});
