import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { type Etcd, hasEtcd, startEtcd } from "../../test/etcd/start-etcd.ts";
import { silentLogger } from "../lib/index.ts";
import { openEtcdStore } from "../store/index.ts";
import {
  type Json,
  type Reply,
  call,
  makeFolder,
  namespace,
  namespaced,
  networkSet,
  openWatch,
  pool,
  serve,
  v3,
} from "./testing/serve.ts";

const skip = hasEtcd ? false : "etcd is not installed";
const sets = `${v3}/globalnetworksets`;

/** Servers of this process over one etcd, each with a connection of its own. */
async function serveAll(etcd: Etcd, count: number) {
  const stack = new AsyncDisposableStack();
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const store = stack.use(await openEtcdStore({ endpoints: etcd.endpoint, log: silentLogger }));
      return stack.use(await serve({ store }));
    }),
  );
  return { servers, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function versionOf(reply: Reply): string {
  return String((reply.json["metadata"] as Json)["resourceVersion"]);
}

function codesOf(replies: readonly Reply[]): number[] {
  return replies.map(({ code }) => code).toSorted((a, b) => a - b);
}

test("two servers over one etcd start together, and what one writes the other serves at the same version", {
  skip,
}, async () => {
  await using etcd = await startEtcd();
  await using all = await serveAll(etcd, 2);
  const [a, b] = [all.servers[0]!, all.servers[1]!];
  using watch = await b.watch(`${sets}?watch=1`);
  const created = await a.call("POST", sets, networkSet("one"));
  assert.equal(created.code, 201);
  // At once, although the other's cache may not have it yet.
  const changed = { ...created.json, spec: { nets: ["192.0.2.0/24"] } };
  const updated = await b.call("PUT", `${sets}/one`, changed);
  assert.equal(updated.code, 200, updated.text);
  assert.equal((await a.call("PUT", `${sets}/one`, changed)).code, 409, "by now it is another version");
  const deleted = await a.call("DELETE", `${sets}/one`);
  assert.equal(deleted.code, 200);
  assert.equal(await watch.nextText(), `ADDED one @${versionOf(created)}`);
  assert.equal(await watch.nextText(), `MODIFIED one @${versionOf(updated)}`);
  assert.match((await watch.nextText()) ?? "", /^DELETED one/);
});

test("of overlapping pools created through several servers at once one comes to be", { skip }, async () => {
  await using etcd = await startEtcd();
  await using all = await serveAll(etcd, 3);
  for (let round = 0; round < 4; round++) {
    const replies = await Promise.all(
      all.servers.flatMap((server, at) => [
        server.call("POST", `${v3}/ippools`, pool(`wide-${round}-${at}`, `10.${round}.0.0/16`)),
        server.call("POST", `${v3}/ippools`, pool(`far-${round}-${at}`, `172.16.${round * 8 + at}.0/24`)),
      ]),
    );
    assert.deepEqual(codesOf(replies), [201, 201, 201, 201, 422, 422], replies.map(({ text }) => text).join("\n"));
  }
});

test("a namespace does not go while another server creates something in it", { skip }, async () => {
  await using etcd = await startEtcd();
  await using all = await serveAll(etcd, 2);
  const [a, b] = [all.servers[0]!, all.servers[1]!];
  for (let round = 0; round < 10; round++) {
    const name = `shop-${round}`;
    assert.equal((await a.call("POST", "/api/v1/namespaces", namespace(name))).code, 201);
    const [deleted, created] = await Promise.all([
      a.call("DELETE", `/api/v1/namespaces/${name}`),
      b.call("POST", `${v3}/namespaces/${name}/networksets`, namespaced("x", name)),
    ]);
    assert.ok(deleted.code === 200 ? [404, 409].includes(created.code) : created.code === 201, created.text);
    const { json } = await b.call("GET", `${v3}/networksets`);
    const left = (json["items"] as { metadata: { namespace: string } }[]).filter(
      (item) => item.metadata.namespace === name,
    );
    assert.equal(left.length, created.code === 201 ? 1 : 0);
  }
});

const serverProgram = join(import.meta.dirname, "testing/server-process.ts");

async function startProcess(endpoint: string, socketPath: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [serverProgram, endpoint, socketPath], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout!, "data");
  return child;
}

test("one of two servers is killed under load: clients go on with the other, nothing acknowledged is lost, both told the same", {
  skip,
}, async () => {
  using folder = makeFolder();
  await using etcd = await startEtcd();
  const sockets = [join(folder.path, "a.sock"), join(folder.path, "b.sock")] as const;
  const [first, second] = await Promise.all(sockets.map((path) => startProcess(etcd.endpoint, path)));
  const start = versionOf(await call(sockets[0], "GET", sets));
  const told: [string[], string[]] = [[], []];
  const controller = new AbortController();
  const watching = [
    followWatch([sockets[0], sockets[1]], start, told[0], controller.signal),
    followWatch([sockets[1]], start, told[1], controller.signal),
  ];
  const acknowledged = new Map<string, string>();
  const writers = Array.from({ length: 8 }, (_, writer) => writeSets(writer, 20, sockets, acknowledged));
  while (acknowledged.size < 60) await new Promise(setImmediate);
  first!.kill("SIGKILL");
  await Promise.all(writers);
  const last = versionOf(await call(sockets[1], "POST", sets, networkSet("last")));
  while (told.some((lines) => lines.at(-1) !== `ADDED last @${last}`))
    await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort();
  second!.kill("SIGKILL");
  await Promise.all(watching);
  assert.deepEqual(told[0], told[1]);
  for (const [name, version] of acknowledged) assert.ok(told[0].includes(`ADDED ${name} @${version}`), name);
});

/** Creates sets through the first server that answers; what may have been done is looked up. */
async function writeSets(
  writer: number,
  count: number,
  sockets: readonly string[],
  acknowledged: Map<string, string>,
): Promise<void> {
  let at = writer % sockets.length;
  for (let index = 0; index < count; index++) {
    const name = `w${writer}-${index}`;
    for (;;) {
      const reply = await call(sockets[at] ?? "", "POST", sets, networkSet(name)).catch(() => undefined);
      if (reply?.code === 201) acknowledged.set(name, versionOf(reply));
      if (reply?.code === 201 || reply?.code === 409) break;
      at = (at + 1) % sockets.length;
    }
  }
}

/** Watches on from the last version, at the next server when one goes. */
async function followWatch(
  sockets: readonly string[],
  start: string,
  told: string[],
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; !signal.aborted; at++) {
    const version = told.at(-1)?.split("@").at(-1) ?? start;
    const path = `${sets}?watch=1&resourceVersion=${version}`;
    using watch = await openWatch(sockets[at % sockets.length] ?? "", path).catch(() => undefined);
    if (watch === undefined) continue;
    assert.equal(watch.code, 200);
    for (;;) {
      const text = await watch.nextText().catch(() => undefined);
      if (text === undefined) break;
      told.push(text);
    }
  }
}
