import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore } from "../store/index.ts";
import { type Json, namespace, namespaced, networkSet, serve, v3 } from "./testing/serve.ts";

const sets = `${v3}/globalnetworksets`;

type List = { readonly items: readonly { readonly metadata: { readonly name: string } }[]; readonly metadata: Json };

function namesOf(json: Json): string[] {
  return (json as unknown as List).items.map(({ metadata }) => metadata.name);
}

function metadataOf(json: Json): Json {
  return json["metadata"] as Json;
}

async function serveSets(count: number) {
  const server = await serve();
  for (let index = 0; index < count; index++) {
    const parity = index % 2 === 0 ? "even" : "odd";
    await server.call("POST", sets, networkSet(`s${index}`, [], { parity, third: String(index % 3) }));
  }
  return server;
}

test("selectors choose what is listed", async () => {
  await using server = await serveSets(6);
  const list = async (query: string) => namesOf((await server.call("GET", `${sets}?${query}`)).json);
  assert.deepEqual(await list("labelSelector=parity%3Dodd"), ["s1", "s3", "s5"]);
  assert.deepEqual(await list("labelSelector=parity+in+(odd,none),third!%3D0"), ["s1", "s5"]);
  assert.deepEqual(await list("fieldSelector=metadata.name%3Ds2"), ["s2"]);
  assert.deepEqual(await list("labelSelector=parity%3Dodd&fieldSelector=metadata.name!%3Ds3"), ["s1", "s5"]);
});

test("a list comes in pages, all of one moment", async () => {
  await using server = await serveSets(5);
  const first = (await server.call("GET", `${sets}?limit=2`)).json;
  const { continue: token, resourceVersion, remainingItemCount } = metadataOf(first);
  assert.deepEqual([namesOf(first), remainingItemCount], [["s0", "s1"], 3]);
  await server.call("DELETE", `${sets}/s2`);
  await server.call("POST", sets, networkSet("s3a"));
  const second = (await server.call("GET", `${sets}?limit=2&continue=${String(token)}`)).json;
  assert.deepEqual([namesOf(second), metadataOf(second)["resourceVersion"]], [["s2", "s3"], resourceVersion]);
  const last = (await server.call("GET", `${sets}?limit=2&continue=${String(metadataOf(second)["continue"])}`)).json;
  assert.deepEqual([namesOf(last), metadataOf(last)["continue"]], [["s4"], undefined]);
  assert.deepEqual(namesOf((await server.call("GET", `${sets}?limit=9`)).json), ["s0", "s1", "s3", "s3a", "s4"]);
});

test("pages keep to the selectors and the namespace", async () => {
  await using server = await serveSets(9);
  const seen: string[] = [];
  let token = "";
  do {
    const query = `labelSelector=parity%3Deven&limit=2&continue=${token}`;
    const { json } = await server.call("GET", `${sets}?${query}`);
    seen.push(...namesOf(json));
    token = String(metadataOf(json)["continue"] ?? "");
  } while (token !== "");
  assert.deepEqual(seen, ["s0", "s2", "s4", "s6", "s8"]);

  for (const name of ["shop", "shop-2"]) {
    await server.call("POST", "/api/v1/namespaces", namespace(name));
    for (const each of ["a", "b"]) await server.call("POST", `${v3}/namespaces/${name}/networksets`, namespaced(each));
  }
  const page = (await server.call("GET", `${v3}/namespaces/shop/networksets?limit=1`)).json;
  const { continue: next } = metadataOf(page);
  const rest = (await server.call("GET", `${v3}/namespaces/shop/networksets?limit=5&continue=${String(next)}`)).json;
  assert.deepEqual([namesOf(page), namesOf(rest), metadataOf(rest)["continue"]], [["a"], ["b"], undefined]);
});

test("after a restart pages go on when nothing has changed, and are 410 when something has", async () => {
  await using store = memoryStore();
  let token = "";
  {
    await using server = await serve({ store });
    for (const name of ["a", "b", "c"]) await server.call("POST", sets, networkSet(name));
    token = String(metadataOf((await server.call("GET", `${sets}?limit=1`)).json)["continue"]);
  }
  await using server = await serve({ store });
  await server.call("POST", "/api/v1/namespaces", namespace("of-no-interest"));
  assert.deepEqual(namesOf((await server.call("GET", `${sets}?continue=${token}`)).json), ["b", "c"]);
  await server.call("DELETE", `${sets}/c`);
  const reply = await server.call("GET", `${sets}?continue=${token}`);
  assert.deepEqual([reply.code, reply.json["reason"]], [410, "Expired"]);
});

test("a watch with a selector tells who comes to match and who ceases to", async () => {
  await using server = await serveSets(0);
  using watch = await server.watch(`${sets}?watch=1&labelSelector=team%3Dred`);
  const patch = (labels: Json) =>
    server.call("PATCH", `${sets}/a`, { metadata: { labels } }, { "content-type": "application/merge-patch+json" });
  await server.call("POST", sets, networkSet("b", [], { team: "blue" }));
  await server.call("POST", sets, networkSet("a", [], { team: "blue" }));
  await patch({ team: "red" });
  await patch({ more: "yes" });
  await patch({ team: "blue" });
  await patch({ team: "red" });
  await server.call("DELETE", `${sets}/a`);
  await server.call("DELETE", `${sets}/b`);
  await server.call("POST", sets, networkSet("c", [], { team: "red" }));
  const told: string[] = [];
  while (told.length < 6) told.push(String(await watch.nextText()).replace(/ @.*/, ""));
  assert.deepEqual(told, ["ADDED a", "MODIFIED a", "DELETED a", "ADDED a", "DELETED a", "ADDED c"]);
});

test("of what happened before the server began, what may have matched is told", async () => {
  await using store = memoryStore();
  let version = "";
  {
    await using server = await serve({ store });
    await server.call("POST", sets, networkSet("a", [], { team: "red" }));
    version = String(metadataOf((await server.call("GET", sets)).json)["resourceVersion"]);
    const headers = { "content-type": "application/merge-patch+json" };
    await server.call("PATCH", `${sets}/a`, { metadata: { labels: { team: "blue" } } }, headers);
  }
  await using server = await serve({ store });
  using watch = await server.watch(`${sets}?watch=1&labelSelector=team%3Dred&resourceVersion=${version}`);
  assert.match(String(await watch.nextText()), /^DELETED a/);
});

test("a watch may begin with all there is and a bookmark that says so", async () => {
  await using server = await serveSets(2);
  const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  using watch = await server.watch(`${sets}?${query}`);
  assert.match(String(await watch.nextText()), /^ADDED s0/);
  assert.match(String(await watch.nextText()), /^ADDED s1/);
  const bookmark = await watch.next();
  assert.equal(bookmark?.type, "BOOKMARK");
  assert.deepEqual(bookmark?.object.metadata["annotations"], { "k8s.io/initial-events-end": "true" });
  await server.call("DELETE", `${sets}/s0`);
  assert.match(String(await watch.nextText()), /^DELETED s0/);
});

const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

test("lists, objects and events come as tables to who asks for them", async () => {
  await using server = await serveSets(0);
  await server.call("POST", sets, networkSet("a", ["192.0.2.0/24"]));
  const headers = { accept: tableType };
  const list = (await server.call("GET", sets, undefined, headers)).json;
  assert.deepEqual([list["kind"], list["apiVersion"]], ["Table", "meta.k8s.io/v1"]);
  const columns = (list["columnDefinitions"] as Json[]).map(({ name }) => name);
  assert.deepEqual([columns[0], columns.at(-1)], ["Name", "Age"]);
  const [row] = list["rows"] as { cells: string[]; object: Json }[];
  assert.deepEqual([row?.cells[0], row?.cells.length], ["a", columns.length]);
  assert.match(String(row?.cells.at(-1)), /^\d+s$/);
  assert.equal(row?.object["kind"], "PartialObjectMetadata");
  const object = (await server.call("GET", `${sets}/a?includeObject=Object`, undefined, headers)).json;
  assert.equal((object["rows"] as { object: Json }[])[0]?.object["kind"], "GlobalNetworkSet");
  const none = (await server.call("GET", `${sets}?includeObject=None`, undefined, headers)).json;
  assert.equal((none["rows"] as { object: unknown }[])[0]?.object, null);
  using watch = await server.watch(`${sets}?watch=1`, headers);
  const event = await watch.next();
  assert.deepEqual([event?.type, event?.object["kind"]], ["ADDED", "Table"]);
  const only = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
  const metadata = (await server.call("GET", sets, undefined, { accept: only })).json;
  assert.deepEqual(
    [metadata["kind"], (metadata["items"] as Json[])[0]?.["spec"]],
    ["PartialObjectMetadataList", undefined],
  );
  // What nobody here knows is passed over.
  const odd = "application/yaml, application/json;as=Cats;g=pets;v=v1, text/html, */*";
  assert.equal((await server.call("GET", sets, undefined, { accept: odd })).json["kind"], "GlobalNetworkSetList");
});

test("a collection is deleted as far as the selectors go", async () => {
  await using server = await serveSets(4);
  const deleted = await server.call("DELETE", `${sets}?labelSelector=parity%3Dodd`);
  assert.deepEqual([deleted.code, namesOf(deleted.json)], [200, ["s1", "s3"]]);
  assert.deepEqual(namesOf((await server.call("GET", sets)).json), ["s0", "s2"]);
  await server.call("DELETE", `${sets}?dryRun=All`);
  assert.equal(namesOf((await server.call("GET", sets)).json).length, 2);
});
