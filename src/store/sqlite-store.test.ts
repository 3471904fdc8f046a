import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { TortieError, silentLogger } from "../lib/index.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { storeCases } from "./store.cases.ts";

storeCases("sqlite", { open: (options) => openSqliteStore({ path: ":memory:", log: silentLogger, ...options }) });

const writer = join(import.meta.dirname, "testing/write-until-killed.ts");

function makeFolder() {
  const path = mkdtempSync(join(tmpdir(), "tortie-store-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function openFile(path: string) {
  return openSqliteStore({ path, log: silentLogger });
}

function failsWith(pattern: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof TortieError && error.code === "TT_STORE" && pattern.test(`${error.message} ${error.hint}`);
}

test("the database and its log are readable by their owner only, also when the file was there with other modes", async () => {
  using folder = makeFolder();
  const path = join(folder.path, "deep/store.sqlite");
  {
    await using store = openFile(path);
    await store.create("a", "0");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(`${path}-wal`).mode & 0o777, 0o600);
  }
  const other = join(folder.path, "open.sqlite");
  writeFileSync(other, "", { mode: 0o644 });
  await using _ = openFile(other);
  assert.equal(statSync(other).mode & 0o777, 0o600);
});

test("a reopened store is where it was: objects, revision and the reach of its log", async () => {
  using folder = makeFolder();
  const path = join(folder.path, "store.sqlite");
  const limits = { keepRevisions: 5, keepMs: 3_600_000 };
  {
    await using store = openSqliteStore({ path, log: silentLogger, limits });
    for (let index = 0; index < 20; index++) await store.create(`a/${index}`, "0");
    for (let index = 0; index < 20; index++) await store.delete(`a/${index}`);
    await store.create("b", "0");
  }
  await using store = openSqliteStore({ path, log: silentLogger, limits });
  assert.deepEqual(await store.list(""), {
    revision: 42,
    objects: [{ key: "b", value: "0", createRevision: 42, modRevision: 42 }],
  });
  const gone = store.watch("", 36, new AbortController())[Symbol.asyncIterator]();
  await assert.rejects(gone.next(), (error) => error instanceof TortieError && error.code === "TT_API_GONE");
  const kept = store.watch("", 37, new AbortController())[Symbol.asyncIterator]();
  assert.equal((await kept.next()).value?.events.length, 5);
});

test("a second process is refused while the first has the database, and says so", async () => {
  using folder = makeFolder();
  const path = join(folder.path, "store.sqlite");
  await using _ = openFile(path);
  assert.throws(() => openFile(path), failsWith(/another process has .* open/));
});

test("a file that is no database, or one of a newer version, is refused and left alone", () => {
  using folder = makeFolder();
  const text = join(folder.path, "text");
  writeFileSync(text, "this is not a database, but a text that is long enough to be looked at as one. ".repeat(20));
  assert.throws(() => openFile(text), failsWith(/cannot be opened/));
  const newer = join(folder.path, "newer.sqlite");
  const database = new DatabaseSync(newer);
  database.exec("PRAGMA user_version = 99");
  database.close();
  assert.throws(() => openFile(newer), failsWith(/newer tortie/));
});

test("writes of one turn are acknowledged together, and more than fit in a transaction all arrive", async () => {
  await using store = openFile(":memory:");
  const writes = await Promise.all(Array.from({ length: 250 }, (_, index) => store.create(`a/${index}`, "0")));
  assert.deepEqual(
    writes.map(({ modRevision }) => modRevision),
    Array.from({ length: 250 }, (_, index) => index + 2),
  );
});

test("closing the store first commits what was still waiting", async () => {
  using folder = makeFolder();
  const path = join(folder.path, "store.sqlite");
  const store = openFile(path);
  const writing = store.create("a", "0");
  await Promise.resolve();
  await store[Symbol.asyncDispose]();
  assert.equal((await writing).modRevision, 2);
  await using again = openFile(path);
  assert.equal((await again.get("a"))?.value, "0");
});

test("after kill -9 in the middle of writing, every acknowledged write is there and the log has no gap", async () => {
  using folder = makeFolder();
  const path = join(folder.path, "store.sqlite");
  const acknowledged = new Map<string, number>();
  for (const target of [150, 300, 450]) {
    const child = spawn(process.execPath, [writer, path, String(target)], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    const before = acknowledged.size;
    for await (const line of createInterface({ input: child.stdout })) {
      const [key = "", revision = ""] = line.split(" ");
      if (key === "failed") break;
      acknowledged.set(key, Number(revision));
      if (acknowledged.size - before === target) child.kill("SIGKILL");
    }
    await exited;
    await using store = openFile(path);
    const { revision, objects } = await store.list("");
    const present = new Map(objects.map((object) => [object.key, object.modRevision]));
    for (const [key, modRevision] of acknowledged) assert.equal(present.get(key), modRevision, key);
    const revisions: number[] = [];
    for await (const { events } of store.watch("", 1, new AbortController())) {
      revisions.push(...events.map(({ object }) => object.modRevision));
      if (revisions.at(-1) === revision) break;
    }
    assert.deepEqual(
      revisions,
      Array.from({ length: revision - 1 }, (_, index) => index + 2),
    );
    // The next round's writer starts with the same keys: let it.
    await Promise.all(objects.map(({ key }) => store.delete(key)));
    acknowledged.clear();
  }
});

const canMount = spawnSync("unshare", ["--user", "--map-root-user", "--mount", "true"]).status === 0;

test("a full disk refuses the write, changes nothing, and what was there is still there", {
  skip: !canMount,
}, async () => {
  using folder = makeFolder();
  const script = `mount -t tmpfs -o size=1m tmpfs ${folder.path} && exec ${process.execPath} ${writer} ${folder.path}/store.sqlite 2000`;
  const child = spawn("unshare", ["--user", "--map-root-user", "--mount", "sh", "-c", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let acknowledged = 0;
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("w/")) acknowledged += 1;
    else if (line.startsWith("failed")) assert.equal(line, "failed TT_STORE");
    else last = line;
  }
  assert.ok(acknowledged > 20, `${acknowledged}`);
  assert.equal(last, `then ${acknowledged + 1} ${acknowledged}`);
});
