import assert from "node:assert/strict";
import { test } from "node:test";
import { kindDefinitions } from "../resources/index.ts";
import { type Json, serve } from "./testing/serve.ts";

const discoveryType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

test("OpenAPI version 3 describes every kind, and how it may be patched", async () => {
  await using server = await serve();
  const index = (await server.call("GET", "/openapi/v3")).json["paths"] as Record<
    string,
    { serverRelativeURL: string }
  >;
  const described = new Set<string>();
  for (const { serverRelativeURL } of Object.values(index)) {
    const document = (await server.call("GET", serverRelativeURL)).json;
    const { schemas } = document["components"] as { schemas: Record<string, Json> };
    for (const schema of Object.values(schemas)) {
      const kinds = (schema["x-kubernetes-group-version-kind"] ?? []) as {
        group: string;
        version: string;
        kind: string;
      }[];
      for (const { group, version, kind } of kinds) described.add([group, version, kind].join(" "));
    }
    const patches = Object.values(document["paths"] as Record<string, { patch?: { parameters: { name: string }[] } }>);
    for (const { patch } of patches) {
      if (patch === undefined) continue;
      const names = new Set(patch.parameters.map(({ name }) => name));
      for (const name of ["dryRun", "fieldValidation", "force"]) assert.ok(names.has(name));
    }
    // kubectl explain fails over a schema that says nothing.
    assert.doesNotMatch(JSON.stringify(schemas), /"(items|additionalProperties)":(\{\}|true)/);
  }
  for (const { group, version, apiKind } of kindDefinitions) {
    assert.ok(described.has([group, version, apiKind].join(" ")), apiKind);
  }
});

test("OpenAPI version 2 comes as the protobuf that kubectl asks for", async () => {
  await using server = await serve();
  const accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
  const reply = await server.call("GET", "/openapi/v2", undefined, { accept });
  assert.equal(reply.headers["content-type"], "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  // Field 1, of length 3.
  assert.ok(reply.text.startsWith("\n\u00032.0"));
  assert.match(reply.text, /org\.projectcalico\.v3\.NetworkPolicy/);
  const plain = await server.call("GET", "/openapi/v2");
  assert.equal(plain.json["swagger"], "2.0");
});

test("one answer tells all groups to who can read it", async () => {
  await using server = await serve();
  const reply = await server.call("GET", "/apis", undefined, { accept: `${discoveryType},application/json` });
  assert.equal(reply.headers["content-type"], discoveryType);
  const { items } = JSON.parse(reply.text) as { items: { metadata: Json; versions: { resources: Json[] }[] }[] };
  const calico = items.find(({ metadata }) => metadata["name"] === "projectcalico.org");
  const policies = calico?.versions[0]?.resources.find(({ resource }) => resource === "networkpolicies");
  assert.deepEqual([policies?.["scope"], policies?.["singularResource"]], ["Namespaced", "networkpolicy"]);
  const core = await server.call("GET", "/api", undefined, { accept: discoveryType });
  assert.match(core.text, /"resource":"namespaces"/);
});
