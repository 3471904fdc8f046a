import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyLimitBytes } from "./read-body.ts";
import { type Json, namespaced, networkSet, pool, serve, v3 } from "./testing/serve.ts";

type ErrorCase = {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Json;
  readonly code: number;
  readonly reason: string;
  readonly message: RegExp;
  /** Of the causes. */
  readonly fields?: readonly string[];
};

const sets = `${v3}/globalnetworksets`;
const errorCases: readonly ErrorCase[] = [
  {
    what: "a path without anything",
    method: "GET",
    path: "/nothing",
    code: 404,
    reason: "NotFound",
    message: /nothing at \/nothing/,
  },
  { what: "an unknown kind", method: "GET", path: `${v3}/cats`, code: 404, reason: "NotFound", message: /nothing at/ },
  {
    what: "an unknown version",
    method: "GET",
    path: "/apis/projectcalico.org/v9/nodes",
    code: 404,
    reason: "NotFound",
    message: /nothing at/,
  },
  {
    what: "a cluster kind in a namespace",
    method: "GET",
    path: `${v3}/namespaces/default/nodes`,
    code: 404,
    reason: "NotFound",
    message: /nothing at/,
  },
  {
    what: "a namespaced object without its namespace",
    method: "GET",
    path: `${v3}/networksets/a`,
    code: 404,
    reason: "NotFound",
    message: /nothing at/,
  },
  {
    what: "a badly encoded path",
    method: "GET",
    path: `${sets}/%E0%A4%A`,
    code: 400,
    reason: "BadRequest",
    message: /not well encoded/,
  },
  {
    what: "an absent object",
    method: "GET",
    path: `${sets}/a`,
    code: 404,
    reason: "NotFound",
    message: /globalnetworksets\.projectcalico\.org "a" not found/,
  },
  {
    what: "the deletion of an absent object",
    method: "DELETE",
    path: `${sets}/a`,
    code: 404,
    reason: "NotFound",
    message: /"a" not found/,
  },
  {
    what: "the update of an absent object",
    method: "PUT",
    path: `${sets}/a`,
    body: { ...networkSet("a"), metadata: { name: "a", resourceVersion: "1" } },
    code: 404,
    reason: "NotFound",
    message: /"a" not found/,
  },
  {
    what: "a method that is not possible",
    method: "POST",
    path: `${sets}/a`,
    code: 405,
    reason: "MethodNotAllowed",
    message: /POST is not possible here; there are GET, PUT, PATCH, DELETE/,
  },
  {
    what: "a creation in no namespace",
    method: "POST",
    path: `${v3}/networksets`,
    body: namespaced("a"),
    code: 405,
    reason: "MethodNotAllowed",
    message: /there are GET$/,
  },
  {
    what: "a write to a document",
    method: "POST",
    path: "/version",
    body: {},
    code: 405,
    reason: "MethodNotAllowed",
    message: /POST/,
  },
  {
    what: "XML",
    method: "POST",
    path: sets,
    body: "<a/>",
    headers: { "content-type": "application/xml" },
    code: 415,
    reason: "UnsupportedMediaType",
    message: /application\/xml; send application\/json/,
  },
  {
    what: "what is no YAML",
    method: "POST",
    path: sets,
    body: "a: [",
    headers: { "content-type": "application/yaml" },
    code: 400,
    reason: "BadRequest",
    message: /not YAML/,
  },
  {
    what: "what is no JSON",
    method: "POST",
    path: sets,
    body: "{",
    code: 400,
    reason: "BadRequest",
    message: /not JSON/,
  },
  { what: "no body", method: "POST", path: sets, code: 400, reason: "BadRequest", message: /JSON object/ },
  {
    what: "a list as body",
    method: "POST",
    path: sets,
    body: [],
    code: 400,
    reason: "BadRequest",
    message: /JSON object/,
  },
  {
    what: "too large a body",
    method: "POST",
    path: sets,
    body: `"${"x".repeat(bodyLimitBytes)}"`,
    code: 413,
    reason: "RequestEntityTooLarge",
    message: /larger than/,
  },
  {
    what: "an unknown field, when none may be left out",
    method: "POST",
    path: `${sets}?fieldValidation=Strict`,
    body: { ...networkSet("a"), spec: { netz: ["192.0.2.0/24"] } },
    code: 422,
    reason: "Invalid",
    message: /spec\.netz/,
    fields: ["spec.netz"],
  },
  {
    what: "two mistakes",
    method: "POST",
    path: sets,
    body: { ...networkSet("A"), spec: { nets: ["192.0.2.300/24"] } },
    code: 422,
    reason: "Invalid",
    message: /GlobalNetworkSet "A" is invalid/,
    fields: ["metadata.name", "spec.nets[0]"],
  },
  {
    what: "another kind than the path's",
    method: "POST",
    path: sets,
    body: pool("a", "10.0.0.0/16"),
    code: 422,
    reason: "Invalid",
    message: /kind/,
  },
  {
    what: "a resourceVersion on creation",
    method: "POST",
    path: sets,
    body: { ...networkSet("a"), metadata: { name: "a", resourceVersion: "1" } },
    code: 422,
    reason: "Invalid",
    message: /leave it out/,
    fields: ["metadata.resourceVersion"],
  },
  {
    what: "another namespace than the path's",
    method: "POST",
    path: `${v3}/namespaces/default/networksets`,
    body: namespaced("a", "shop"),
    code: 422,
    reason: "Invalid",
    message: /make both the same/,
    fields: ["metadata.namespace"],
  },
  {
    what: "a namespace that is not there",
    method: "POST",
    path: `${v3}/namespaces/shop/networksets`,
    body: namespaced("a"),
    code: 404,
    reason: "NotFound",
    message: /namespaces "shop" not found: create the namespace/,
  },
  {
    what: "what exists already",
    method: "POST",
    path: sets,
    body: networkSet("present"),
    code: 409,
    reason: "AlreadyExists",
    message: /globalnetworksets\.projectcalico\.org "present" already exists/,
  },
  {
    what: "an update without a version",
    method: "PUT",
    path: `${sets}/present`,
    body: networkSet("present"),
    code: 422,
    reason: "Invalid",
    message: /is missing/,
    fields: ["metadata.resourceVersion"],
  },
  {
    what: "an update of what has changed since",
    method: "PUT",
    path: `${sets}/present`,
    body: { ...networkSet("present"), metadata: { name: "present", resourceVersion: "1" } },
    code: 409,
    reason: "Conflict",
    message: /"present" was not changed: .*get it again/,
  },
  {
    what: "an update under another name",
    method: "PUT",
    path: `${sets}/present`,
    body: { ...networkSet("other"), metadata: { name: "other", resourceVersion: "1" } },
    code: 422,
    reason: "Invalid",
    message: /is other, but the request is for present/,
    fields: ["metadata.name"],
  },
  {
    what: "a watch from a version that is no number",
    method: "GET",
    path: `${sets}?watch=true&resourceVersion=new`,
    code: 400,
    reason: "BadRequest",
    message: /resourceVersion must be a whole number/,
  },
  ...badQuery("GET", "labelSelector=a+b", /"a b" cannot be read/),
  ...badQuery("GET", "labelSelector=a+in+b", /cannot be read/),
  ...badQuery("GET", "labelSelector=,", /cannot be read/),
  ...badQuery("GET", "fieldSelector=metadata.name", /write it like metadata\.name=web/),
  ...badQuery("GET", "fieldSelector=spec.nets=a", /cannot be selected by spec\.nets; there are metadata\.name/),
  ...badQuery("GET", "limit=many", /limit must be a whole number/),
  ...badQuery("GET", "continue=nonsense", /not one of this server; list again/),
  ...badQuery("GET", "resourceVersionMatch=Perhaps&resourceVersion=1", /Exact or NotOlderThan/),
  ...badQuery("GET", "watch=1&sendInitialEvents=true", /resourceVersionMatch=NotOlderThan/),
  ...badQuery("GET", "includeObject=Some", /None, Metadata or Object/),
  ...badQuery("POST", "dryRun=Some", /dryRun is All/),
  ...badQuery("POST", "fieldValidation=Loose", /Strict, Warn or Ignore/),
  ...badQuery("DELETE", "propagationPolicy=Later", /Orphan, Background or Foreground/),
  {
    what: "a list from a version that is not there yet",
    method: "GET",
    path: `${sets}?resourceVersion=900`,
    code: 504,
    reason: "Timeout",
    message: /Too large resource version: 900/,
  },
  {
    what: "an exact version that is gone",
    method: "GET",
    path: `${sets}?resourceVersion=1&resourceVersionMatch=Exact`,
    code: 410,
    reason: "Expired",
    message: /list again/,
  },
  {
    what: "the status of a kind that has none",
    method: "GET",
    path: `${sets}/present/status`,
    code: 404,
    reason: "NotFound",
    message: /nothing at/,
  },
  ...badPatch("application/json", {}, 415, /send application\/json-patch\+json/),
  ...badPatch("application/strategic-merge-patch+json", {}, 415, /--type=merge/),
  ...badPatch("application/json-patch+json", {}, 400, /a JSON patch is a list/),
  ...badPatch("application/json-patch+json", [{ op: "remove", path: "/spec/cats" }], 422, /there is no cats/),
  ...badPatch("application/json-patch+json", [{ op: "test", path: "/kind", value: "Cat" }], 422, /does not hold/),
  ...badPatch("application/merge-patch+json", [], 400, /is a JSON object/),
  ...badPatch("application/merge-patch+json", { metadata: { name: "b" } }, 422, /request is for present/),
  ...badPatch("application/merge-patch+json", { metadata: { resourceVersion: "1" } }, 409, /changed since/),
  ...badPatch("application/merge-patch+json", { metadata: { uid: "x" } }, 409, /not x/),
  ...badPatch("application/apply-patch+yaml", networkSet("present"), 400, /fieldManager is required/),
];

function badQuery(method: string, query: string, message: RegExp): ErrorCase[] {
  const body = method === "POST" ? { body: networkSet("b") } : {};
  const what = `${method} with ${query}`;
  return [{ what, method, path: `${sets}?${query}`, ...body, code: 400, reason: "BadRequest", message }];
}

function badPatch(type: string, body: unknown, code: number, message: RegExp): ErrorCase[] {
  const reasons: Record<number, string> = {
    400: "BadRequest",
    409: "Conflict",
    415: "UnsupportedMediaType",
    422: "Invalid",
  };
  const headers = { "content-type": type };
  const what = `a patch ${JSON.stringify(body)} as ${type}`;
  return [{ what, method: "PATCH", path: `${sets}/present`, body, headers, code, reason: reasons[code]!, message }];
}

test("every mistake gets its status", async (context) => {
  await using server = await serve();
  assert.equal((await server.call("POST", sets, networkSet("present"))).code, 201);
  for (const { what, method, path, body, headers, code, reason, message, fields } of errorCases) {
    await context.test(what, async () => {
      const reply = await server.call(method, path, body, headers);
      assert.equal(reply.code, code, reply.text);
      const { kind, apiVersion, status, code: told, reason: toldReason } = reply.json;
      assert.deepEqual([kind, apiVersion, status, told, toldReason], ["Status", "v1", "Failure", code, reason]);
      assert.match(String(reply.json["message"]), message);
      const details = reply.json["details"] as { causes?: { field: string }[] } | undefined;
      if (fields !== undefined) assert.deepEqual(details?.causes?.map(({ field }) => field).toSorted(), fields);
      if (code === 405) assert.ok(reply.headers["allow"]);
    });
  }
  // None of it did anything.
  const { objects } = await server.store.list("");
  assert.deepEqual(
    objects.map(({ key }) => key),
    ["GlobalNetworkSet//present", "Namespace//default"],
  );
});

test("the documents that Kubernetes clients begin with are there", async () => {
  await using server = await serve();
  assert.equal((await server.call("GET", "/healthz")).text, "ok");
  assert.match(String((await server.call("GET", "/version")).json["gitVersion"]), /^v1\.\d+\.\d+\+tortie\./);
  assert.deepEqual((await server.call("GET", "/api")).json["versions"], ["v1"]);
  const groups = (await server.call("GET", "/apis")).json["groups"] as Json[];
  // A name that two groups have means the first one's.
  assert.equal(groups[0]?.["name"], "projectcalico.org");
  const resources = (await server.call("GET", v3)).json["resources"] as Json[];
  const policies = resources.find(({ name }) => name === "networkpolicies");
  assert.deepEqual([policies?.["kind"], policies?.["namespaced"]], ["NetworkPolicy", true]);
  const core = (await server.call("GET", "/api/v1")).json["resources"] as Json[];
  assert.ok(core.some(({ name }) => name === "namespaces"));
});
