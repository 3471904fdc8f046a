import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { type ApiClient, type WatchEvent, connect } from "../client/index.ts";
import { type ErrorCode, TortieError, silentLogger } from "../lib/index.ts";
import type { GlobalNetworkSet, NetworkSet } from "../resources/index.ts";
import { memoryStore } from "../store/index.ts";
import { startServer } from "./start-server.ts";
import { makeFolder, serve } from "./testing/serve.ts";

function makeSet(name: string, extra: Partial<GlobalNetworkSet["metadata"]> = {}): GlobalNetworkSet {
  return { apiVersion: "projectcalico.org/v3", kind: "GlobalNetworkSet", metadata: { name, ...extra }, spec: {} };
}

async function rejectsWith(code: ErrorCode, promise: Promise<unknown>, pattern = /./): Promise<TortieError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TortieError, String(error));
  assert.equal(error.code, code);
  assert.match(`${error.message} ${error.hint}`, pattern);
  return error;
}

test("a client reads what it wrote, and every refusal has its code", async () => {
  await using server = await serve();
  using client = connect(server);
  const created = await client.create(makeSet("a"));
  assert.deepEqual(await client.get("GlobalNetworkSet", { name: "a" }), created);
  assert.deepEqual((await client.list("GlobalNetworkSet")).items, [created]);
  assert.equal(await client.get("GlobalNetworkSet", { name: "b" }), undefined);
  await rejectsWith("TT_API_EXISTS", client.create(makeSet("a")), /already exists/);
  const updated = await client.update({ ...created, metadata: { ...created.metadata, labels: { a: "b" } } });
  await rejectsWith("TT_API_CONFLICT", client.update(created), /get it again/);
  await rejectsWith("TT_API_NOT_FOUND", client.update(makeSet("b", { resourceVersion: "1" })));
  await rejectsWith("TT_API_CONFLICT", client.delete("GlobalNetworkSet", { name: "a", resourceVersion: "1" }));
  await client.delete("GlobalNetworkSet", { name: "a", resourceVersion: updated.metadata.resourceVersion });
  await rejectsWith("TT_API_NOT_FOUND", client.delete("GlobalNetworkSet", { name: "a" }));
  const lost: NetworkSet = {
    apiVersion: "projectcalico.org/v3",
    kind: "NetworkSet",
    metadata: { name: "a", namespace: "shop" },
    spec: {},
  };
  await rejectsWith("TT_API_NOT_FOUND", client.create(lost), /namespaces "shop" not found/);
});

test("what is invalid is told field by field", async () => {
  await using server = await serve();
  using client = connect(server);
  const error = await rejectsWith("TT_API_INVALID", client.create(makeSet("Not A Name")), /metadata\.name/);
  assert.ok(typeof error.fields["metadata.name"] === "string");
  assert.ok(Array.isArray(error.cause) && error.cause.length === 1);
});

test("without a server the error says where it was looked for, and what to do", async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "none.sock");
  using client = connect({ socketPath });
  const error = await rejectsWith("TT_API_UNAVAILABLE", client.list("Node"), /is `tortie server` running\?/);
  assert.ok(error.message.includes(socketPath));
});

test("a client goes on with a server that was started anew, over the connections it kept", async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "api.sock");
  using client = connect({ socketPath });
  for (let round = 0; round < 3; round++) {
    await using server = await serveAt(socketPath);
    await client.create(makeSet("a"));
    assert.equal((await client.list("GlobalNetworkSet")).items.length, 1);
    await server[Symbol.asyncDispose]();
    await rejectsWith("TT_API_UNAVAILABLE", client.list("GlobalNetworkSet"));
  }
});

test("what a newer server says besides is carried along, and what cannot be read is told apart", async () => {
  const items = [
    { metadata: { name: "a", resourceVersion: "7" }, spec: { nets: [], colour: "tortie" } },
    { metadata: { name: "b" }, spec: { nets: "everything" } },
  ];
  await using server = await answerWith(() => ({
    code: 200,
    text: JSON.stringify({ metadata: { resourceVersion: "9" }, items }),
  }));
  using client = connect(server);
  const list = await client.list("GlobalNetworkSet");
  assert.equal(list.resourceVersion, "9");
  assert.deepEqual(
    list.items.map(({ metadata, spec }) => [metadata.name, Reflect.get(spec, "colour")]),
    [["a", "tortie"]],
  );
  assert.deepEqual(
    list.unreadable.map(({ name, problems }) => [name, problems[0]?.path]),
    [["b", "spec.nets"]],
  );
});

test("a server that is none, and one that breaks off, are unavailable", async () => {
  await using page = await answerWith(() => ({ code: 200, text: "<html>" }));
  using pageClient = connect(page);
  await rejectsWith("TT_API_UNAVAILABLE", pageClient.list("Node"), /no JSON/);
  await using breaking = await answerWith(() => "break");
  using client = connect(breaking);
  await rejectsWith("TT_API_UNAVAILABLE", client.create(makeSet("a")), /does not answer/);
});

test("a watch ends soon after its signal, gives up a silent server, and tells 410", async () => {
  await using store = memoryStore({ limits: { keepRevisions: 1, keepMs: 3_600_000 } });
  await using server = await serve({ store });
  using client = connect(server, { idleDeadlineMs: 100 });
  const controller = new AbortController();
  const { resourceVersion } = await client.create(makeSet("a")).then(({ metadata }) => metadata);
  assert.ok(resourceVersion !== undefined);
  const types: string[] = [];
  for await (const { type } of client.watch("GlobalNetworkSet", { resourceVersion, signal: controller.signal })) {
    types.push(type);
    setImmediate(() => controller.abort());
  }
  assert.deepEqual(types, ["opened"]);
  // Bookmarks come every 30 s here.
  await rejectsWith("TT_API_UNAVAILABLE", readAll(client, resourceVersion), /does not answer/);
  await using restarted = await serve({ store });
  using second = connect(restarted);
  await rejectsWith("TT_API_GONE", readAll(second, "1"));
});

async function readAll(client: ApiClient, resourceVersion: string): Promise<WatchEvent<"GlobalNetworkSet">[]> {
  const { signal } = new AbortController();
  return Array.fromAsync(client.watch("GlobalNetworkSet", { resourceVersion, signal }));
}

async function serveAt(socketPath: string) {
  const { signal } = new AbortController();
  return startServer({ store: memoryStore(), socketPath, log: silentLogger, signal });
}

async function answerWith(answer: () => { code: number; text: string } | "break") {
  const folder = makeFolder();
  const socketPath = join(folder.path, "fake.sock");
  const http = createServer((request, response) => {
    const found = answer();
    if (found === "break") request.socket.destroy();
    else response.writeHead(found.code).end(found.text);
  });
  await new Promise<void>((resolve) => void http.listen(socketPath, resolve));
  return {
    socketPath,
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => void http.close(resolve));
      folder[Symbol.dispose]();
    },
  };
}
