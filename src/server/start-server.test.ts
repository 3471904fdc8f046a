import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../client/index.ts";
import { TortieError, silentLogger } from "../lib/index.ts";
import { memoryStore } from "../store/index.ts";
import { runServer } from "./run-server.ts";
import { startServer } from "./start-server.ts";
import { call, makeFolder, networkSet, serve, v3 } from "./testing/serve.ts";

test("the socket is for its owner only, and goes when the server stops", async () => {
  const server = await serve();
  assert.equal(statSync(server.socketPath).mode & 0o777, 0o600);
  assert.ok(statSync(server.socketPath).isSocket());
  await server[Symbol.asyncDispose]();
  assert.equal(existsSync(server.socketPath), false);
});

test("a socket on which somebody answers is refused, one that is left over is replaced, a file is left alone", async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "api.sock");
  const options = { socketPath, log: silentLogger, signal: new AbortController().signal };
  const isRefused = (error: unknown) => error instanceof TortieError && error.code === "TT_CONFIG";
  await using store = memoryStore();
  {
    await using _ = await startServer({ store, ...options });
    await assert.rejects(startServer({ store, ...options }), isRefused);
    assert.equal((await call(socketPath, "GET", "/healthz")).code, 200);
  }
  // A process that is killed leaves its socket behind.
  const script = `require("node:net").createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(spawn(process.execPath, ["-e", script]), "exit");
  assert.ok(statSync(socketPath).isSocket());
  {
    await using _ = await startServer({ store, ...options });
    assert.equal((await call(socketPath, "GET", "/healthz")).code, 200);
  }
  writeFileSync(socketPath, "precious");
  await assert.rejects(startServer({ store, ...options }), isRefused);
  assert.ok(statSync(socketPath).isFile());
});

test("a write that was begun is answered although the server is told to stop", async () => {
  await using store = memoryStore();
  const server = await serve({ store });
  const socket = connectSocket(server.socketPath);
  await once(socket, "connect");
  const body = JSON.stringify(networkSet("a"));
  socket.write(
    `POST ${v3}/globalnetworksets HTTP/1.1\r\nhost: tortie\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 9)}`,
  );
  // Answered by the server only after it has read what came before on the other connection.
  assert.equal((await call(server.socketPath, "GET", "/healthz")).code, 200);
  const stopping = server[Symbol.asyncDispose]();
  socket.write(body.slice(9));
  const [reply] = await once(socket, "data");
  assert.match(String(reply), /^HTTP\/1.1 201 /);
  socket.destroy();
  await stopping;
});

test("a full disk is 503, and reading goes on", async () => {
  await using store = memoryStore();
  const full = new TortieError("TT_STORE", "the database cannot be written", { hint: "see whether the disk is full" });
  let isFull = false;
  const failing = Object.create(store, {
    create: { value: (key: string, value: string) => (isFull ? Promise.reject(full) : store.create(key, value)) },
  });
  await using server = await serve({ store: bindTo(store, failing) });
  isFull = true;
  const reply = await server.call("POST", `${v3}/globalnetworksets`, networkSet("a"));
  assert.deepEqual([reply.code, reply.json["reason"], reply.headers["retry-after"]], [503, "ServiceUnavailable", "1"]);
  assert.match(String(reply.json["message"]), /disk is full/);
  assert.equal((await server.call("GET", "/api/v1/namespaces/default")).code, 200);
});

/** A class with private members does not take another `this`. */
function bindTo(store: ReturnType<typeof memoryStore>, over: ReturnType<typeof memoryStore>) {
  return {
    get: store.get.bind(store),
    list: store.list.bind(store),
    create: over.create,
    update: store.update.bind(store),
    delete: store.delete.bind(store),
    watch: store.watch.bind(store),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

test("runServer serves a database file until it is told to stop, and what was written is there the next time", async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "run/api.sock");
  const statePath = join(folder.path, "state/store.sqlite");
  for (const round of [1, 2]) {
    const controller = new AbortController();
    const running = runServer({ statePath, socketPath, log: silentLogger, signal: controller.signal });
    using client = connect({ socketPath });
    while (!existsSync(socketPath)) await new Promise(setImmediate);
    if (round === 1) {
      await client.create({
        apiVersion: "projectcalico.org/v3",
        kind: "GlobalNetworkSet",
        metadata: { name: "a" },
        spec: {},
      });
    } else assert.equal((await client.get("GlobalNetworkSet", { name: "a" }))?.metadata.name, "a");
    controller.abort();
    await running;
  }
});
