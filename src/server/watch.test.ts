import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { test } from "node:test";
import { memoryStore } from "../store/index.ts";
import { type Json, namespace, namespaced, networkSet, type openWatch, serve, v3 } from "./testing/serve.ts";

const sets = `${v3}/globalnetworksets`;

function versionOf(json: Json): string {
  return String((json["metadata"] as Json)["resourceVersion"]);
}

test("a watch tells additions, changes and deletions, each once, with the object's version", async () => {
  await using server = await serve();
  const start = versionOf((await server.call("GET", sets)).json);
  using watch = await server.watch(`${sets}?watch=true&resourceVersion=${start}`);
  const created = (await server.call("POST", sets, networkSet("a"))).json;
  await server.call("POST", "/api/v1/namespaces", namespace("of-no-interest"));
  const updated = (await server.call("PUT", `${sets}/a`, { ...created, spec: { nets: ["192.0.2.0/24"] } })).json;
  await server.call("DELETE", `${sets}/a`);
  assert.deepEqual(await watch.next(), { type: "ADDED", object: created });
  assert.deepEqual(await watch.next(), { type: "MODIFIED", object: updated });
  const { revision } = await server.store.list("");
  const deleted = { ...updated, metadata: { ...(updated["metadata"] as Json), resourceVersion: String(revision) } };
  assert.deepEqual(await watch.next(), { type: "DELETED", object: deleted });
});

test("a watch from an earlier version tells what has happened since; one without a version begins with what is there", async () => {
  await using server = await serve();
  const versions: string[] = [];
  for (const name of ["b", "a", "c"])
    versions.push(versionOf((await server.call("POST", sets, networkSet(name))).json));
  await server.call("DELETE", `${sets}/b`);
  using resumed = await server.watch(`${sets}?watch=1&resourceVersion=${versions[0]}`);
  assert.deepEqual(
    [await resumed.nextText(), await resumed.nextText()],
    [`ADDED a @${versions[1]}`, `ADDED c @${versions[2]}`],
  );
  assert.match(String(await resumed.nextText()), /^DELETED b/);
  for (const query of ["watch=1", "watch=1&resourceVersion=0"]) {
    using fresh = await server.watch(`${sets}?${query}`);
    assert.deepEqual(
      [await fresh.nextText(), await fresh.nextText()],
      [`ADDED a @${versions[1]}`, `ADDED c @${versions[2]}`],
    );
  }
});

test("a watch of a namespace tells nothing of others", async () => {
  await using server = await serve();
  await server.call("POST", "/api/v1/namespaces", namespace("shop"));
  using all = await server.watch(`${v3}/networksets?watch=1`);
  using shop = await server.watch(`${v3}/namespaces/shop/networksets?watch=1`);
  await server.call("POST", `${v3}/namespaces/default/networksets`, namespaced("a"));
  await server.call("POST", `${v3}/namespaces/shop/networksets`, namespaced("b"));
  assert.match(String(await shop.nextText()), /^ADDED b/);
  assert.match(String(await all.nextText()), /^ADDED a/);
  assert.match(String(await all.nextText()), /^ADDED b/);
});

test("a server that starts anew on the same store goes on with watches from before", async () => {
  await using store = memoryStore();
  let version = "";
  {
    await using server = await serve({ store });
    version = versionOf((await server.call("POST", sets, networkSet("a"))).json);
    await server.call("POST", sets, networkSet("b"));
    await server.call("DELETE", `${sets}/a`);
  }
  await using server = await serve({ store });
  using watch = await server.watch(`${sets}?watch=1&resourceVersion=${version}`);
  assert.match(String(await watch.nextText()), /^ADDED b/);
  assert.match(String(await watch.nextText()), /^DELETED a/);
});

test("a version that is forgotten is 410, and so is one the store has not reached", { timeout: 20_000 }, async () => {
  await using store = memoryStore({ limits: { keepRevisions: 5, keepMs: 3_600_000 } });
  for (let index = 0; index < 20; index++)
    await store.create(`GlobalNetworkSet//s${index}`, JSON.stringify(networkSet(`s${index}`)));
  await using server = await serve({ store });
  for (const version of ["2", "900"]) {
    const reply = await server.call("GET", `${sets}?watch=1&resourceVersion=${version}`);
    assert.deepEqual([reply.code, reply.json["reason"]], [410, "Expired"]);
    assert.match(String(reply.json["message"]), /list again/);
  }
  using watch = await server.watch(`${sets}?watch=1&resourceVersion=19`);
  assert.match(String(await watch.nextText()), /^ADDED s18/);
});

test("bookmarks come to those who ask for them, at the version of the whole store", async () => {
  await using server = await serve({ bookmarkIntervalMs: 10 });
  using watch = await server.watch(`${sets}?watch=1&allowWatchBookmarks=true`);
  await server.call("POST", "/api/v1/namespaces", namespace("other"));
  const { revision } = await server.store.list("");
  let event = await watch.next();
  while (event?.object.metadata["resourceVersion"] !== String(revision)) event = await watch.next();
  const metadata = { resourceVersion: String(revision) };
  assert.deepEqual(event, {
    type: "BOOKMARK",
    object: { kind: "GlobalNetworkSet", apiVersion: "projectcalico.org/v3", metadata },
  });
});

test("a watch ends after its timeout, and when the server stops", async () => {
  await using server = await serve();
  using timed = await server.watch(`${sets}?watch=1&timeoutSeconds=1`);
  using open = await server.watch(`${sets}?watch=1`);
  assert.equal(await timed.next(), undefined);
  const ended = open.next();
  await server.server[Symbol.asyncDispose]();
  assert.equal(await ended, undefined);
});

test("a watcher that does not read holds up nobody, and is told 410 when the changes have run over it", {
  timeout: 60_000,
}, async () => {
  await using server = await serve();
  using slow = await server.watch(`${sets}?watch=1`);
  slow.response.pause();
  using quick = await server.watch(`${sets}?watch=1`);
  // Written to the store, for speed: 40 MB in all, where the journal keeps 16.
  const label = "x".repeat(40_000);
  const text = (name: string) => JSON.stringify({ ...networkSet(name), metadata: { name, annotations: { label } } });
  const count = 1000;
  const writing = (async () => {
    for (let index = 0; index < count; index++) {
      await server.store.create(`GlobalNetworkSet//s${index}`, text(`s${index}`));
      await new Promise(setImmediate);
    }
  })();
  for (let index = 0; index < count; index++)
    assert.match(String(await quick.nextText()), new RegExp(`^ADDED s${index} `));
  await writing;
  slow.response.resume();
  let last = await slow.next();
  let told = 0;
  while (last?.type === "ADDED") {
    told += 1;
    last = await slow.next();
  }
  assert.ok(told < count);
  assert.deepEqual([last?.type, last?.object["code"]], ["ERROR", 410]);
  assert.equal(await slow.next(), undefined);
});

test("a watcher that does not read at all is cut off", { timeout: 20_000 }, async () => {
  await using server = await serve({ bookmarkIntervalMs: 20 });
  const socket = connectSocket(server.socketPath);
  await once(socket, "connect");
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  // A reset is another way of being cut off: there is something that was not read.
  socket.on("error", () => undefined);
  socket.pause();
  socket.write(`GET ${sets}?watch=1 HTTP/1.1\r\nhost: tortie\r\n\r\n`);
  const annotations = { filler: "x".repeat(200_000) };
  for (let index = 0; index < 20; index++) {
    const name = `s${index}`;
    await server.store.create(
      `GlobalNetworkSet//${name}`,
      JSON.stringify({ ...networkSet(name), metadata: { name, annotations } }),
    );
  }
  using other = await server.watch(`${sets}?watch=1&allowWatchBookmarks=1`);
  let bookmarks = 0;
  while (bookmarks < 4) if ((await other.next())?.type === "BOOKMARK") bookmarks += 1;
  socket.resume();
  await closed;
});

test("one change reaches a thousand watchers", { timeout: 60_000 }, async () => {
  await using server = await serve();
  const watches: Awaited<ReturnType<typeof openWatch>>[] = [];
  while (watches.length < 1000) {
    watches.push(...(await Promise.all(Array.from({ length: 100 }, () => server.watch(`${sets}?watch=1`)))));
  }
  await server.call("POST", sets, networkSet("a"));
  const told = await Promise.all(watches.map((watch) => watch.nextText()));
  assert.ok(told.every((text) => text?.startsWith("ADDED a ")));
  for (const watch of watches) watch[Symbol.dispose]();
});
