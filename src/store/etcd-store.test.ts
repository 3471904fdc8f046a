import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Etcd, hasEtcd, startCluster, startEtcd } from "../../test/etcd/start-etcd.ts";
import { TortieError, silentLogger } from "../lib/index.ts";
import { EtcdStore } from "./etcd-store.ts";
import { copyStore } from "./copy-store.ts";
import { openEtcdStore } from "./open-etcd-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { readEvents, rejectsWith, storeCases, told } from "./store.cases.ts";
import type { Store, StoredObject } from "./store.ts";

const skip = hasEtcd ? false : "etcd is not installed";
let shared: Promise<Etcd> | undefined;
after(async () => (await shared)?.[Symbol.asyncDispose]());

/** Objects of an earlier test are deleted first. */
async function openEmpty(options: Parameters<typeof openEtcdStore>[0]): Promise<EtcdStore> {
  const store = await openEtcdStore(options);
  for (const { key } of (await store.list("")).objects) await store.delete(key);
  return store;
}

async function sharedEndpoint(): Promise<string> {
  shared ??= startEtcd();
  return (await shared).endpoint;
}

if (hasEtcd) {
  storeCases("etcd", {
    open: async (options) => openEmpty({ endpoints: await sharedEndpoint(), log: silentLogger, ...options }),
    compact: async (store) => {
      assert.ok(store instanceof EtcdStore);
      await store.compact(0);
    },
  });
}

test("etcd: many objects are listed in pages, at one revision, past others' keys", { skip }, async () => {
  await using store = await openEmpty({ endpoints: await sharedEndpoint(), log: silentLogger });
  const value = "x".repeat(3_000);
  const keys = Array.from({ length: 700 }, (_, index) => `a/${String(index).padStart(5, "0")}`);
  await Promise.all(keys.map((key) => store.create(key, value)));
  const listing = store.list("a/");
  const late = await store.create("a/zz", "late");
  const { revision, objects } = await listing;
  const expected = late.modRevision > revision ? keys : [...keys, "a/zz"];
  assert.deepEqual(
    objects.map(({ key }) => key),
    expected,
  );
  await Promise.all(objects.map(({ key }) => store.delete(key)));
});

test("etcd: what is larger than etcd takes is refused as such", { skip }, async () => {
  await using store = await openEmpty({ endpoints: await sharedEndpoint(), log: silentLogger });
  await rejectsWith("TT_API_INVALID", store.create("a", "x".repeat(1_700_000)));
  await store.create("a", "x".repeat(1_300_000));
  await store.delete("a");
});

test("etcd: a server that compacts does so for all, once an interval", { skip }, async () => {
  const options = { endpoints: await sharedEndpoint(), log: silentLogger };
  let nowMs = 2_000_000_000;
  const limits = { keepRevisions: 5, keepMs: 3_600_000 };
  const [a, b] = await Promise.all([1, 2].map(() => openEmpty({ ...options, limits, now: () => nowMs })));
  await using first = a!;
  await using second = b!;
  const watching = readEvents(second.watch("", (await second.list("")).revision, new AbortController()));
  const written = [told("put", await first.create("first", "0"))];
  assert.deepEqual(await watching.take(1), written);
  for (let round = 0; round < 5; round++) {
    for (let index = 0; index < 10; index++) written.push(told("put", await first.create(`${round}/${index}`, "0")));
    nowMs += 60_000;
    await Promise.all([first.compact(30_000), second.compact(30_000)]);
    const { revision } = await first.list("");
    await second.compact(30_000);
    assert.equal((await first.list("")).revision, revision, "the second found that it was done");
  }
  assert.deepEqual(await watching.take(50), written.slice(1), "who watches all the time misses nothing");
});

test("etcd: killed and started again under writes and watches, nothing acknowledged is lost, and every watch tells all once", {
  skip,
}, async () => {
  await using etcd = await startEtcd();
  await using store = await openEtcdStore({ endpoints: etcd.endpoint, log: silentLogger });
  const { revision } = await store.list("");
  const controller = new AbortController();
  const watched: StoredObject[] = [];
  const watching = (async () => {
    for await (const { events } of store.watch("", revision, controller))
      watched.push(...events.map(({ object }) => object));
  })();
  const acknowledged: StoredObject[] = [];
  const writers = Array.from({ length: 8 }, (_, writer) => writeThrough(store, `k/${writer}`, 80, acknowledged));
  for (const target of [150, 400]) {
    while (acknowledged.length < target) await new Promise(setImmediate);
    await etcd.kill();
    await etcd.restart();
  }
  await Promise.all(writers);
  const last = await store.create("last", "0");
  while (watched.at(-1)?.key !== "last") await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort();
  await watching;
  const again = await readEvents(store.watch("", revision, new AbortController())).take(watched.length);
  assert.deepEqual(
    watched.map((object) => told("put", object)),
    again,
    "a watch that broke tells the same as one that did not",
  );
  const told1 = new Set(again);
  for (const object of [...acknowledged, last]) assert.ok(told1.has(told("put", object)), object.key);
  const revisions = watched.map(({ modRevision }) => modRevision);
  assert.deepEqual(
    revisions,
    revisions.toSorted((x, y) => x - y),
  );
  assert.equal(new Set(revisions).size, revisions.length);
});

/** Updates an object again and again; when it cannot be told whether a write was done, looks. */
async function writeThrough(store: Store, key: string, times: number, acknowledged: StoredObject[]): Promise<void> {
  let object: StoredObject | undefined;
  for (let round = 0; round < times; round++) {
    try {
      const write: Promise<StoredObject> =
        object === undefined ? store.create(key, `${round}`) : store.update(key, `${round}`, object.modRevision);
      object = await write;
      acknowledged.push(object);
    } catch (error) {
      assert.ok(error instanceof TortieError && error.code === "TT_API_UNAVAILABLE", String(error));
      for (;;) {
        try {
          object = await store.get(key);
          break;
        } catch {
          // Until it is there again.
        }
      }
    }
  }
}

test("etcd: of three members, the one in use may go", { skip }, async () => {
  const members = await startCluster(3);
  await using stack = new AsyncDisposableStack();
  for (const member of members) stack.use(member);
  const endpoints = members.map(({ endpoint }) => endpoint).join(",");
  await using store = await openEtcdStore({ endpoints, log: silentLogger });
  const { revision } = await store.list("");
  const events = readEvents(store.watch("", revision, new AbortController()));
  const created = await store.create("a", "0");
  assert.deepEqual(await events.take(1), [told("put", created)]);
  await members[0]!.kill();
  const updated = await store.update("a", "1", created.modRevision);
  assert.deepEqual(await events.take(1), [told("put", updated)]);
  assert.equal((await store.get("a"))?.value, "1");
});

test("etcd: objects move from a database into etcd and back", { skip }, async () => {
  const log = silentLogger;
  await using database = openSqliteStore({ path: ":memory:", log });
  for (let index = 0; index < 200; index++) await database.create(`a/${index}`, `{"uid":"${index}"}`);
  await using store = await openEmpty({ endpoints: await sharedEndpoint(), log });
  assert.equal((await copyStore(database, store)).count, 200);
  await rejectsWith("TT_CONFIG", copyStore(database, store));
  await using copy = openSqliteStore({ path: ":memory:", log });
  await copyStore(store, copy);
  const contentOf = async (from: Store) => (await from.list("")).objects.map(({ key, value }) => [key, value]);
  assert.deepEqual(await contentOf(copy), await contentOf(database));
});

test("etcd: an endpoint where nobody answers is passed over, and without any the failure says so", {
  skip,
}, async () => {
  const log = silentLogger;
  await using store = await openEtcdStore({ endpoints: `127.0.0.1:1,${await sharedEndpoint()}`, log });
  assert.equal(await store.get("nothing"), undefined);
  const [quiet] = await startCluster(1);
  await using gone = quiet!;
  await gone.kill();
  const failure = await openEtcdStore({ endpoints: gone.endpoint, log, requestLimitMs: 300 }).catch(
    (error: unknown) => error,
  );
  assert.ok(failure instanceof TortieError && failure.code === "TT_API_UNAVAILABLE");
  assert.match(failure.message, /127\.0\.0\.1:\d+ cannot be reached.*ECONNREFUSED/);
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

test("etcd: over TLS, with certificates of both sides", {
  skip: skip || (hasOpenssl ? false : "openssl is not installed"),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tortie-tls-"));
  using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=etcd", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  spawnSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, ...subject]);
  const files = ["--cert-file", cert, "--key-file", key, "--trusted-ca-file", cert, "--client-cert-auth"];
  await using etcd = await startEtcd({ scheme: "https", arguments: files });
  const log = silentLogger;
  const tls = { caFile: cert, certFile: cert, keyFile: key };
  await using store = await openEtcdStore({ endpoints: etcd.endpoint, log, ...tls });
  assert.equal((await store.create("a", "0")).key, "a");
  const renamed = etcd.endpoint.replace("127.0.0.1", "localhost");
  const failure = await openEtcdStore({ endpoints: renamed, log, ...tls, requestLimitMs: 500 }).catch(String);
  assert.match(String(failure), /does not match certificate/, "a certificate for another name does not do");
});

test("etcd: settings that are wrong are told before anything is tried", async () => {
  const log = silentLogger;
  for (const endpoints of ["", "10.0.0.1", "ftp://10.0.0.1:2379", "http://10.0.0.1:2379,,"])
    await rejectsWith("TT_CONFIG", openEtcdStore({ endpoints, log }));
  const endpoints = "http://10.0.0.1:2379";
  await rejectsWith("TT_CONFIG", openEtcdStore({ endpoints, log, certFile: "/cert" }));
  await rejectsWith("TT_CONFIG", openEtcdStore({ endpoints, log, caFile: "/ca" }));
  await rejectsWith("TT_CONFIG", openEtcdStore({ endpoints: "10.0.0.1:2379", log, caFile: "/there/is/none" }));
});
