import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { TortieError, silentLogger } from "../lib/index.ts";
import { memoryStore } from "../store/index.ts";
import { parseLoopback } from "./insecure-listener.ts";
import { startServer } from "./start-server.ts";
import { makeFolder } from "./testing/serve.ts";

function ask(port: number, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const request = httpRequest({ host: "127.0.0.1", port, path: "/api", headers, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  request.once("error", reject);
  request.end();
  return promise;
}

test("only addresses of this machine are listened on", () => {
  assert.deepEqual(parseLoopback("127.0.0.1:8080"), { host: "127.0.0.1", port: 8080 });
  assert.deepEqual(parseLoopback("[::1]:0"), { host: "::1", port: 0 });
  for (const text of [
    "0.0.0.0:80",
    "[::]:80",
    "192.0.2.1:80",
    "localhost:80",
    "8080",
    ":80",
    "127.0.0.1:70000",
    "127.0.0.1",
  ]) {
    assert.throws(
      () => parseLoopback(text),
      (error) => error instanceof TortieError && error.code === "TT_CONFIG",
      text,
    );
  }
});

test("nothing listens unless asked, programs are answered and web pages are not", async () => {
  using folder = makeFolder();
  const { signal } = new AbortController();
  const options = { store: memoryStore(), log: silentLogger, signal };
  await using plain = await startServer({ ...options, socketPath: join(folder.path, "a.sock") });
  assert.equal(plain.insecurePort, undefined);
  await using server = await startServer({
    ...options,
    socketPath: join(folder.path, "b.sock"),
    insecureListen: "127.0.0.1:0",
  });
  const port = server.insecurePort ?? 0;
  assert.equal(await ask(port, {}), 200);
  assert.equal(await ask(port, { host: `localhost:${port}` }), 200);
  assert.equal(await ask(port, { host: "evil.example.org" }), 403);
  assert.equal(await ask(port, { origin: "http://127.0.0.1" }), 403);
  await assert.rejects(
    startServer({ ...options, socketPath: join(folder.path, "c.sock"), insecureListen: "0.0.0.0:0" }),
    (error) => error instanceof TortieError && error.code === "TT_CONFIG",
  );
});
