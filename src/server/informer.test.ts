import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type ApiClient, type ResourceEvent, connect, watchResources } from "../client/index.ts";
import { type Random, TaskGroup, TortieError, seededRandom, silentLogger } from "../lib/index.ts";
import { type GlobalNetworkSet, type Kind, type Resource, keyOf, resourceKey } from "../resources/index.ts";
import { memoryStore } from "../store/index.ts";
import { startServer } from "./start-server.ts";
import { makeFolder } from "./testing/serve.ts";

const kinds: readonly Kind[] = ["GlobalNetworkSet", "IPPool", "NetworkSet", "Namespace"];
const serverProcess = join(import.meta.dirname, "testing/server-process.ts");

/** The view of a reader that trusts the informer, and checks what it promises event by event. */
class Reader {
  readonly resourceByKey = new Map<string, Resource>();
  readonly states: string[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #broken = Promise.withResolvers<never>();
  events = 0;

  async run(client: ApiClient, signal: AbortSignal, random: Random = seededRandom(1)): Promise<void> {
    this.#broken.promise.catch(() => undefined);
    try {
      for await (const event of watchResources(client, kinds, { signal, log: silentLogger, random })) {
        this.events += 1;
        this.#take(event);
        for (const check of this.#waiting) check();
      }
    } catch (error) {
      this.#broken.reject(error);
    }
  }

  /** Until what has been read has the property. */
  async until(isReached: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = () => void (isReached() && resolve());
    this.#waiting.add(check);
    check();
    await Promise.race([promise, this.#broken.promise]);
    this.#waiting.delete(check);
  }

  #take(event: ResourceEvent): void {
    if (event.type === "put") {
      const key = keyOf(event.resource);
      const before = this.resourceByKey.get(key);
      assert.ok(versionOf(event.resource) > versionOf(before), `${key} went back`);
      this.resourceByKey.set(key, event.resource);
    } else if (event.type === "delete") {
      assert.ok(this.resourceByKey.delete(resourceKey(event)), `${event.name} was not known`);
    } else this.states.push(event.type);
  }
}

function versionOf(resource: Resource | undefined): number {
  return Number(resource?.metadata.resourceVersion ?? 0);
}

async function listAll(client: ApiClient): Promise<Map<string, Resource>> {
  const lists = await Promise.all(kinds.map((kind) => client.list(kind)));
  return new Map(lists.flatMap(({ items }) => items).map((resource) => [keyOf(resource), resource]));
}

/** Whether the reader has exactly what the server lists. */
async function assertCatchesUp(reader: Reader, client: ApiClient): Promise<void> {
  const listed = await listAll(client);
  const isSame = () =>
    reader.resourceByKey.size === listed.size &&
    [...listed].every(([key, resource]) => versionOf(reader.resourceByKey.get(key)) === versionOf(resource));
  await reader.until(isSame);
  for (const [key, resource] of listed) assert.deepEqual(reader.resourceByKey.get(key), resource);
}

function makeSet(name: string, value: number): GlobalNetworkSet {
  const metadata = { name, annotations: { value: String(value) } };
  return { apiVersion: "projectcalico.org/v3", kind: "GlobalNetworkSet", metadata, spec: {} };
}

/** One write that may be refused or lost with the server; says whether it was carried out. */
async function writeSomething(client: ApiClient, random: Random, step: number): Promise<boolean> {
  const name = `set-${Math.floor(random() * 30)}`;
  try {
    const present = await client.get("GlobalNetworkSet", { name });
    if (present === undefined) await client.create(makeSet(name, step));
    else if (random() < 0.3) await client.delete("GlobalNetworkSet", { name });
    else {
      const { annotations } = makeSet(name, step).metadata;
      await client.update({ ...present, metadata: { ...present.metadata, ...(annotations ? { annotations } : {}) } });
    }
    return true;
  } catch (error) {
    assert.ok(error instanceof TortieError, String(error));
    return false;
  }
}

async function startProcess(folder: string, bookmarkIntervalMs = 30_000): Promise<ChildProcess> {
  const args = [serverProcess, join(folder, "store.sqlite"), join(folder, "api.sock"), String(bookmarkIntervalMs)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(() => Promise.reject(new Error("the server did not start"))),
  ]);
  return child;
}

async function killProcess(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

test("first what there is, then synced; then changes as they come", async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "api.sock");
  await using store = memoryStore();
  const options = { store, socketPath, log: silentLogger, signal: new AbortController().signal };
  await using _ = await startServer(options);
  using client = connect({ socketPath });
  for (let index = 0; index < 5; index++) await client.create(makeSet(`set-${index}`, 0));
  await using tasks = new TaskGroup();
  const reader = new Reader();
  tasks.start((signal) => reader.run(client, signal));
  await reader.until(() => reader.states.includes("synced"));
  // The five, and the namespace default.
  assert.equal(reader.resourceByKey.size, 6);
  await reader.until(() => reader.states.includes("connected"));
  assert.deepEqual(reader.states, ["synced", "connected"]);
  await client.create(makeSet("later", 0));
  await client.delete("GlobalNetworkSet", { name: "set-0" });
  await assertCatchesUp(reader, client);
  assert.deepEqual(reader.states, ["synced", "connected"]);
});

test("without a server the informer says so once, waits, and begins when the server is there", async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "api.sock");
  using client = connect({ socketPath });
  await using tasks = new TaskGroup();
  const reader = new Reader();
  tasks.start((signal) => reader.run(client, signal));
  await reader.until(() => reader.states.length > 0);
  assert.deepEqual(reader.states, ["disconnected"]);
  await using store = memoryStore();
  await using _ = await startServer({ store, socketPath, log: silentLogger, signal: new AbortController().signal });
  await reader.until(() => reader.states.includes("connected"));
  assert.deepEqual(reader.states, ["disconnected", "synced", "connected"]);
});

test("a server killed and restarted while writes go on: nothing is lost, doubled or reordered", {
  timeout: 120_000,
}, async () => {
  using folder = makeFolder();
  using client = connect({ socketPath: join(folder.path, "api.sock") });
  let server = await startProcess(folder.path);
  await using tasks = new TaskGroup();
  const reader = new Reader();
  tasks.start((signal) => reader.run(client, signal, () => 0));
  await reader.until(() => reader.states.includes("synced"));
  const random = seededRandom(42);
  for (let round = 0; round < 3; round++) {
    let carriedOut = 0;
    const readBefore = reader.events;
    const writers = Array.from({ length: 4 }, async () => {
      for (let step = 0; step < 40; step++) if (await writeSomething(client, random, step)) carriedOut += 1;
    });
    // While the writers are at it; what was sent and not answered may have been done or not.
    await reader.until(() => reader.events >= readBefore + 20);
    await killProcess(server);
    await Promise.all(writers);
    server = await startProcess(folder.path);
    await assertCatchesUp(reader, client);
    assert.ok(carriedOut > 0);
  }
  await reader.until(() => reader.states.at(-1) === "connected");
  assert.ok(reader.states.filter((state) => state === "disconnected").length >= 1);
  assert.equal(reader.states.filter((state) => state === "synced").length, 1);
  await killProcess(server);
});

test("what happened while the reader was away longer than the log reaches is told as a difference", {
  timeout: 60_000,
}, async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "api.sock");
  const { signal } = new AbortController();
  await using store = memoryStore({ limits: { keepRevisions: 5, keepMs: 3_600_000 } });
  using client = connect({ socketPath });
  await using tasks = new TaskGroup();
  const reader = new Reader();
  {
    await using _ = await startServer({ store, socketPath, log: silentLogger, signal });
    for (let index = 0; index < 10; index++) await client.create(makeSet(`set-${index}`, 0));
    tasks.start((signal) => reader.run(client, signal));
    await reader.until(() => reader.states.includes("connected"));
  }
  await reader.until(() => reader.states.includes("disconnected"));
  for (let index = 0; index < 5; index++) await store.delete(`GlobalNetworkSet//set-${index}`);
  for (let index = 10; index < 20; index++) {
    const { kind, apiVersion, metadata, spec } = makeSet(`set-${index}`, 0);
    await store.create(`GlobalNetworkSet//set-${index}`, JSON.stringify({ apiVersion, kind, metadata, spec }));
  }
  const before = reader.events;
  await using _ = await startServer({ store, socketPath, log: silentLogger, signal });
  await assertCatchesUp(reader, client);
  await reader.until(() => reader.states.at(-1) === "connected");
  // 5 deletions, 10 additions, and the connection; nothing about the others.
  assert.equal(reader.events - before, 16);
});

test("a server that hangs is noticed for want of bookmarks, and taken up again", { timeout: 60_000 }, async () => {
  using folder = makeFolder();
  const server = await startProcess(folder.path, 20);
  using client = connect({ socketPath: join(folder.path, "api.sock") }, { idleDeadlineMs: 300 });
  await using tasks = new TaskGroup();
  const reader = new Reader();
  tasks.start((signal) => reader.run(client, signal));
  await reader.until(() => reader.states.includes("connected"));
  server.kill("SIGSTOP");
  await reader.until(() => reader.states.at(-1) === "disconnected");
  server.kill("SIGCONT");
  await reader.until(() => reader.states.at(-1) === "connected");
  await client.create(makeSet("after", 0));
  await assertCatchesUp(reader, client);
  await killProcess(server);
});

test("any writes with any restarts on any length of log: the view ends as the list", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.record({ writes: fc.integer({ min: 0, max: 25 }), isWrittenAway: fc.boolean() }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.integer(),
      async (keepRevisions, phases, seed) => {
        using folder = makeFolder();
        const socketPath = join(folder.path, "api.sock");
        await using store = memoryStore({ limits: { keepRevisions, keepMs: 3_600_000 } });
        using client = connect({ socketPath });
        await using tasks = new TaskGroup();
        const reader = new Reader();
        const random = seededRandom(seed);
        tasks.start((signal) => reader.run(client, signal, () => 0));
        for (const { writes, isWrittenAway } of phases) {
          await using _ = await startServer({
            store,
            socketPath,
            log: silentLogger,
            signal: new AbortController().signal,
          });
          for (let step = 0; step < writes; step++) await writeSomething(client, random, step);
          if (isWrittenAway) continue;
          await assertCatchesUp(reader, client);
        }
        await using _ = await startServer({
          store,
          socketPath,
          log: silentLogger,
          signal: new AbortController().signal,
        });
        await assertCatchesUp(reader, client);
      },
    ),
    { numRuns: 12 },
  );
});
