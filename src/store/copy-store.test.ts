import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../lib/index.ts";
import { backupStore } from "./backup-store.ts";
import { copyStore } from "./copy-store.ts";
import { memoryStore } from "./memory-store.ts";
import { openStore } from "./open-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { rejectsWith } from "./store.cases.ts";
import type { Store } from "./store.ts";

const log = silentLogger;

function makeFolder() {
  const path = mkdtempSync(join(tmpdir(), "tortie-copy-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

async function fill(store: Store, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await store.create(`a/${index}`, JSON.stringify({ uid: index }));
}

function bKey(index: number): string {
  return `b/${String(index).padStart(6, "0")}`;
}

async function contentOf(store: Store): Promise<string[]> {
  return (await store.list("")).objects.map(({ key, value }) => `${key} ${value}`);
}

test("a copy holds every object as it is", async () => {
  await using from = memoryStore();
  await fill(from, 300);
  await using to = openSqliteStore({ path: ":memory:", log });
  assert.deepEqual(await copyStore(from, to), { count: 300, revision: 301, isSourceChanged: false });
  assert.deepEqual(await contentOf(to), await contentOf(from));
});

test("nothing is copied over what is there", async () => {
  await using from = memoryStore();
  await fill(from, 3);
  await using to = memoryStore();
  await to.create("precious", "0");
  await rejectsWith("TT_CONFIG", copyStore(from, to));
  assert.deepEqual(await contentOf(to), ["precious 0"]);
});

test("a source that is written to meanwhile is told of, and the copy is of one revision", async () => {
  await using from = memoryStore();
  await fill(from, 300);
  await using to = openSqliteStore({ path: ":memory:", log });
  const copying = copyStore(from, to);
  await new Promise(setImmediate);
  const writing = from.create("late", "0");
  const { revision, isSourceChanged } = await copying;
  assert.equal(isSourceChanged, true);
  assert.equal((await writing).modRevision, revision + 1);
  assert.equal((await to.list("")).objects.length, 300);
});

test("a backup of a database that is written to all the time is whole, private and ready for a server", async () => {
  using folder = makeFolder();
  const path = join(folder.path, "backup.sqlite");
  await using store = openSqliteStore({ path: join(folder.path, "store.sqlite"), log });
  await fill(store, 2_000);
  let isDone = false;
  const writing = (async () => {
    for (let index = 0; !isDone; index++) await store.create(bKey(index), "0");
  })();
  for (let round = 0; round < 2; round++) {
    const before = await store.list("");
    await backupStore(store, path, log);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await using restored = openSqliteStore({ path, log });
    const keys = (await restored.list("")).objects.map(({ key }) => key);
    assert.ok(keys.length >= before.objects.length, "what was there before");
    const later = keys.filter((key) => key.startsWith("b/"));
    assert.equal(
      later.at(-1) ?? "b/",
      later.length === 0 ? "b/" : bKey(later.length - 1),
      "and no hole in what came since",
    );
    await restored.create("goes on", "0");
  }
  isDone = true;
  await writing;
  assert.deepEqual(
    readdirSync(folder.path).filter((name) => name.includes("unfinished")),
    [],
  );
});

test("a backup of another store is a database as well", async () => {
  using folder = makeFolder();
  const path = join(folder.path, "backup.sqlite");
  await using store = memoryStore();
  await fill(store, 20);
  await backupStore(store, path, log);
  await using restored = openSqliteStore({ path, log });
  assert.deepEqual(await contentOf(restored), await contentOf(store));
});

test("a backup that cannot be written leaves the last one alone", async () => {
  using folder = makeFolder();
  await using store = memoryStore();
  const path = join(folder.path, "backup.sqlite");
  writeFileSync(path, "the last one");
  await rejectsWith("TT_STORE", backupStore(store, join(path, "no folder"), log));
  assert.equal(statSync(path).size, "the last one".length);
});

test("a store is named with its backend, and a source that is not there is not made", async () => {
  using folder = makeFolder();
  const path = join(folder.path, "store.sqlite");
  const options = { certificates: {}, log };
  for (const place of ["", "store.sqlite", "mysql:x", "etcd:"])
    await rejectsWith("TT_CONFIG", openStore({ ...options, place, mayCreate: true }));
  await rejectsWith("TT_CONFIG", openStore({ ...options, place: `sqlite:${path}`, mayCreate: false }));
  await using store = await openStore({ ...options, place: `sqlite:${path}`, mayCreate: true });
  assert.equal((await store.list("")).revision, 1);
});
