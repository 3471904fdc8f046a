import assert from "node:assert/strict";
import { test } from "node:test";
import { type KindDefinition, apiVersionOf, kindDefinitions } from "../resources/index.ts";
import { memoryStore } from "../store/index.ts";
import { type Json, namespace, namespaced, networkSet, pool, serve, v3 } from "./testing/serve.ts";

function metadataOf(json: Json): Record<string, unknown> {
  return json["metadata"] as Record<string, unknown>;
}

function collectionOf(definition: KindDefinition, place: string): string {
  const root = definition.group === "" ? "/api/v1" : `/apis/${apiVersionOf(definition)}`;
  return `${root}${definition.isNamespaced ? `/namespaces/${place}` : ""}/${definition.plural}`;
}

test("an object of every kind is created, read, listed, updated and deleted", async () => {
  await using server = await serve();
  for (const definition of kindDefinitions) {
    if (definition.isNamespaced) await server.call("POST", "/api/v1/namespaces", namespace("shop"));
    const example = definition.example as Json;
    const name = String(metadataOf(example)["name"]);
    const collection = collectionOf(definition, String(metadataOf(example)["namespace"] ?? "default"));
    const created = await server.call("POST", collection, example);
    assert.equal(created.code, 201, `${definition.kind}: ${created.text}`);
    const { uid, generation, creationTimestamp, resourceVersion } = metadataOf(created.json);
    assert.match(String(uid), /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    assert.match(String(creationTimestamp), /^\d{4}-.*Z$/);
    assert.equal(generation, 1);
    assert.match(String(resourceVersion), /^\d+$/);
    assert.deepEqual((await server.call("GET", `${collection}/${name}`)).json, created.json);
    const list = (await server.call("GET", collection)).json;
    assert.equal(list["kind"], `${definition.apiKind}List`);
    assert.equal(list["apiVersion"], apiVersionOf(definition));
    assert.deepEqual(
      (list["items"] as Json[]).find((item) => metadataOf(item)["name"] === name),
      created.json,
    );
    const unchanged = await server.call("PUT", `${collection}/${name}`, created.json);
    assert.deepEqual(unchanged.json, created.json, "an update without a change is no write");
    const labelled = { ...created.json, metadata: { ...metadataOf(created.json), labels: { colour: "tortie" } } };
    const updated = await server.call("PUT", `${collection}/${name}`, labelled);
    assert.equal(updated.code, 200, updated.text);
    assert.equal(metadataOf(updated.json)["generation"], 1);
    assert.equal(metadataOf(updated.json)["uid"], uid);
    const deleted = await server.call("DELETE", `${collection}/${name}`);
    assert.deepEqual([deleted.code, deleted.json["status"]], [200, "Success"], deleted.text);
    assert.equal((await server.call("GET", `${collection}/${name}`)).code, 404);
  }
});

test("the generation rises when the spec changes, and what the server keeps cannot be set", async () => {
  await using server = await serve();
  const path = `${v3}/globalnetworksets`;
  const forged = { uid: "mine", generation: 9, creationTimestamp: "2001-01-01T00:00:00Z" };
  const body = networkSet("a", ["192.0.2.0/24"]);
  const created = (await server.call("POST", path, { ...body, metadata: { name: "a", ...forged } })).json;
  const { uid, creationTimestamp, resourceVersion } = metadataOf(created);
  assert.notEqual(uid, "mine");
  assert.notEqual(creationTimestamp, forged.creationTimestamp);
  const change = {
    ...networkSet("a", ["192.0.2.0/24", "2001:db8::/32"]),
    metadata: { name: "a", resourceVersion, generation: 50 },
  };
  const updated = metadataOf((await server.call("PUT", `${path}/a`, change)).json);
  assert.deepEqual([updated["generation"], updated["uid"], updated["creationTimestamp"]], [2, uid, creationTimestamp]);
});

test("the path says where an object is when the body does not", async () => {
  await using server = await serve();
  await server.call("POST", "/api/v1/namespaces", namespace("shop"));
  const created = await server.call("POST", `${v3}/namespaces/shop/networksets`, namespaced("a"));
  assert.equal(metadataOf(created.json)["namespace"], "shop");
  assert.equal((await server.call("GET", `${v3}/namespaces/default/networksets`)).text.includes('"a"'), false);
  assert.equal(((await server.call("GET", `${v3}/networksets`)).json["items"] as Json[]).length, 1);
});

test("the namespace default is there from the start, and is made once only", async () => {
  await using store = memoryStore();
  const uids: unknown[] = [];
  for (let round = 0; round < 2; round++) {
    await using server = await serve({ store });
    uids.push(metadataOf((await server.call("GET", "/api/v1/namespaces/default")).json)["uid"]);
  }
  assert.ok(uids[0] !== undefined && uids[0] === uids[1]);
});

test("a namespace that holds something is not deleted, and says what it holds", async () => {
  await using server = await serve();
  await server.call("POST", "/api/v1/namespaces", namespace("shop"));
  for (const name of ["a", "b"]) await server.call("POST", `${v3}/namespaces/shop/networksets`, namespaced(name));
  const refused = await server.call("DELETE", "/api/v1/namespaces/shop");
  assert.equal(refused.code, 409);
  assert.match(String(refused.json["message"]), /namespaces "shop".*2 networksets/);
  for (const name of ["a", "b"]) await server.call("DELETE", `${v3}/namespaces/shop/networksets/${name}`);
  assert.equal((await server.call("DELETE", "/api/v1/namespaces/shop")).code, 200);
  assert.equal((await server.call("DELETE", "/api/v1/namespaces/default")).code, 403);
});

test("a namespace is not deleted while something is created in it: one of the two is refused", async () => {
  await using server = await serve();
  for (let round = 0; round < 20; round++) {
    await server.call("POST", "/api/v1/namespaces", namespace("shop"));
    const path = `${v3}/namespaces/shop/networksets`;
    const [creation, deletion] = await Promise.all([
      server.call("POST", path, namespaced("a")),
      server.call("DELETE", "/api/v1/namespaces/shop"),
    ]);
    const hasNamespace = (await server.call("GET", "/api/v1/namespaces/shop")).code === 200;
    const hasObject = (await server.call("GET", `${path}/a`)).code === 200;
    assert.equal(hasObject && !hasNamespace, false);
    assert.deepEqual([creation.code === 201, deletion.code === 200], [hasObject, !hasNamespace]);
    if (hasObject) await server.call("DELETE", `${path}/a`);
  }
});

test("pools that overlap are refused, also when they are created at the same time; IPv6 as IPv4", async () => {
  await using server = await serve();
  const path = `${v3}/ippools`;
  for (const [first, second] of [
    ["10.0.0.0/16", "10.0.128.0/17"],
    ["2001:db8::/48", "2001:db8:0:1::/64"],
  ] as const) {
    const replies = await Promise.all([
      server.call("POST", path, pool("a", first)),
      server.call("POST", path, pool("b", second)),
    ]);
    assert.deepEqual(replies.map(({ code }) => code).toSorted(), [201, 422]);
    const refused = replies.find(({ code }) => code === 422);
    assert.match(String(refused?.json["message"]), /spec\.cidr.*overlaps/);
    await server.call("DELETE", `${path}/${replies[0]?.code === 201 ? "a" : "b"}`);
  }
  assert.equal((await server.call("POST", path, pool("a", "10.1.0.0/16"))).code, 201);
  assert.equal((await server.call("POST", path, pool("b", "10.2.0.0/16"))).code, 201);
});

test("a workload endpoint must have the name that its parts make", async () => {
  await using server = await serve();
  const body = {
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: { name: "web", namespace: "default" },
    spec: { node: "n1", orchestrator: "tortie", workload: "web", endpoint: "eth0", interfaceName: "tt0123456789a" },
  };
  const path = `${v3}/namespaces/default/workloadendpoints`;
  const refused = await server.call("POST", path, body);
  assert.equal(refused.code, 422);
  assert.match(String(refused.json["message"]), /n1-tortie-web-eth0/);
  const named = { ...body, metadata: { ...body.metadata, name: "n1-tortie-web-eth0" } };
  assert.equal((await server.call("POST", path, named)).code, 201);
});

test("of many updates from the same version one wins", async () => {
  await using server = await serve();
  const path = `${v3}/globalnetworksets`;
  const created = (await server.call("POST", path, networkSet("a"))).json;
  const updates = Array.from({ length: 10 }, (_, index) => ({ ...created, spec: { nets: [`192.0.2.${index}/32`] } }));
  const replies = await Promise.all(updates.map((update) => server.call("PUT", `${path}/a`, update)));
  assert.deepEqual(replies.map(({ code }) => code).toSorted(), [200, ...Array.from({ length: 9 }, () => 409)]);
  const lost = replies.find(({ code }) => code === 409);
  assert.match(String(lost?.json["message"]), /get it again/);
});

test("a deletion may be bound to a version or a uid", async () => {
  await using server = await serve();
  const path = `${v3}/globalnetworksets`;
  const { uid, resourceVersion } = metadataOf((await server.call("POST", path, networkSet("a"))).json);
  for (const preconditions of [{ resourceVersion: "1" }, { uid: "other" }, { uid: "other", resourceVersion }]) {
    assert.equal((await server.call("DELETE", `${path}/a`, { preconditions })).code, 409);
  }
  assert.equal((await server.call("DELETE", `${path}/a`, { preconditions: { uid: 7 } })).code, 400);
  assert.equal((await server.call("DELETE", `${path}/a`, { preconditions: { uid, resourceVersion } })).code, 200);
});

test("a list of many objects comes in order of name, whole and as of one version", async () => {
  await using server = await serve();
  const path = `${v3}/globalnetworksets`;
  const names = Array.from({ length: 700 }, (_, index) => `set-${String(index).padStart(4, "0")}`);
  for (let at = names.length; at > 0; at -= 50) {
    await Promise.all(
      names
        .slice(at - 50, at)
        .map((name) => server.call("POST", path, networkSet(name, [], { padding: "x".repeat(60) }))),
    );
  }
  const list = (await server.call("GET", path)).json;
  assert.deepEqual(
    (list["items"] as Json[]).map((item) => metadataOf(item)["name"]),
    names,
  );
  assert.equal(metadataOf(list)["resourceVersion"], String((await server.store.list("")).revision));
});
