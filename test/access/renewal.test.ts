import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { NodeCredentials } from "../../src/agent/node-credentials.ts";
import { connect, createJoinToken, parseCredentials, validityOf } from "../../src/client/index.ts";
import { type Logger, TortieError, silentLogger } from "../../src/lib/index.ts";
import { serveTls } from "../../src/server/testing/tls-serve.ts";

function makeState(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "tortie-agent-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Tells of every line with this text. */
function listener(text: string): { readonly log: Logger; readonly heard: EventTarget } {
  const heard = new EventTarget();
  const note = (said: string) => void (said === text && heard.dispatchEvent(new Event("heard")));
  const log: Logger = { ...silentLogger, info: note, warn: note, child: () => log };
  return { log, heard };
}

const random = () => 0;

test("a host joins, renews at half life while its watch goes on, and after a restart shows what it kept", {
  timeout: 30_000,
}, async () => {
  await using server = await serveTls({ limits: { nodeTtlMs: 3000 } });
  using state = makeState();
  const { token } = await createJoinToken({ socketPath: server.socketPath }, { node: "h1" });
  const { log, heard } = listener("the certificate was renewed");
  const options = { node: "h1", server: server.url, stateDir: state.path, log, random };
  const credentials = await NodeCredentials.open({ ...options, token });
  assert.equal(credentials.current(), undefined);
  const stopper = new AbortController();
  const keeping = credentials.keep(stopper.signal);
  await credentials.tried;
  const first = credentials.current();
  assert.ok(first !== undefined);
  using client = connect(credentials);
  const { resourceVersion } = await client.list("Node");
  const types: string[] = [];
  const watching = (async () => {
    for await (const { type } of client.watch("Node", { resourceVersion, signal: stopper.signal })) types.push(type);
  })();
  await once(heard, "heard");
  const second = credentials.current();
  assert.notEqual(second?.certificate, first.certificate);
  // By the new certificate, and told to the watch that the old one opened.
  await client.create({ apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name: "h1" }, spec: {} });
  while (!types.includes("put")) await new Promise(setImmediate);
  stopper.abort();
  await Promise.all([keeping, watching]);
  const path = join(state.path, "credentials.json");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const kept = parseCredentials(readFileSync(path, "utf8"), path);
  assert.deepEqual((await NodeCredentials.open({ ...options, token: undefined })).current(), kept);
  assert.ok((validityOf(kept.certificate)?.notAfterMs ?? 0) > (validityOf(first.certificate)?.notAfterMs ?? 0));
});

test("without a token and a certificate that is still good and its own, a host is told what to do", async () => {
  await using server = await serveTls();
  using state = makeState();
  const options = { node: "h1", server: server.url, token: undefined, stateDir: state.path, log: silentLogger, random };
  const isRefused = (error: unknown) =>
    error instanceof TortieError && error.code === "TT_CONFIG" && /--token/.test(error.hint);
  await assert.rejects(NodeCredentials.open(options), isRefused);
  const { formatCredentials } = await import("../../src/client/index.ts");
  const write = (name: string, more: { nowMs?: number }) => {
    const other = server.credentialsOf({ role: "node", name }, more);
    writeFileSync(join(state.path, "credentials.json"), formatCredentials(other, name));
  };
  write("h2", {});
  await assert.rejects(NodeCredentials.open(options), isRefused);
  write("h1", { nowMs: Date.now() - 7_200_000 });
  await assert.rejects(NodeCredentials.open(options), isRefused);
  write("h1", {});
  assert.ok((await NodeCredentials.open(options)).current() !== undefined);
});
