import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ErrorCode, TortieError } from "../lib/index.ts";
import type { LogLimits } from "./log-limits.ts";
import { memoryStore } from "./memory-store.ts";
import type { Store, StoreEvent, StoredObject } from "./store.ts";

type OpenStore = (options?: { readonly limits?: LogLimits; readonly now?: () => number }) => Store;

/** What every backend promises. */
export function storeCases(name: string, open: OpenStore): void {
  test(`${name}: an empty store is at revision 1, and the first write makes it 2`, async () => {
    await using store = open();
    assert.deepEqual(await store.list(""), { revision: 1, objects: [] });
    const created = await store.create("a/1", "{}");
    assert.deepEqual(created, { key: "a/1", value: "{}", createRevision: 2, modRevision: 2 });
  });

  test(`${name}: an object is given back as it was written`, async () => {
    await using store = open();
    const value = JSON.stringify({ text: "ünï\u0000 code \u{1f408}", list: [1, null] });
    const created = await store.create("a/1", value);
    assert.equal(created.value, value);
    assert.deepEqual(await store.get("a/1"), created);
    assert.equal(await store.get("a/2"), undefined);
  });

  test(`${name}: a list holds the objects of the prefix by key, and the revision of the whole store`, async () => {
    await using store = open();
    for (const key of ["b/2", "a/1", "b/10", "b", "bb/1"]) await store.create(key, `"${key}"`);
    const { revision, objects } = await store.list("b/");
    assert.equal(revision, 6);
    assert.deepEqual(keysOf(objects), ["b/10", "b/2"]);
    assert.deepEqual(keysOf((await store.list("")).objects), ["a/1", "b", "b/10", "b/2", "bb/1"]);
  });

  test(`${name}: what exists is not created again`, async () => {
    await using store = open();
    await store.create("a", "1");
    await rejectsWith("TT_API_EXISTS", store.create("a", "2"));
    assert.equal((await store.get("a"))?.value, "1");
    assert.equal((await store.list("")).revision, 2);
  });

  test(`${name}: of two updates from the same revision one wins and the other is told of a conflict`, async () => {
    await using store = open();
    const { modRevision } = await store.create("a", "0");
    const outcomes = await Promise.allSettled([
      store.update("a", "1", modRevision),
      store.update("a", "2", modRevision),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    const now = await store.get("a");
    assert.deepEqual([now?.createRevision, now?.modRevision], [2, 3]);
    await rejectsWith("TT_API_CONFLICT", store.update("a", "3", modRevision));
    await rejectsWith("TT_API_NOT_FOUND", store.update("b", "3", modRevision));
  });

  test(`${name}: a deletion takes a revision, and may be bound to the object's revision`, async () => {
    await using store = open();
    const { modRevision } = await store.create("a", "0");
    const updated = await store.update("a", "1", modRevision);
    await rejectsWith("TT_API_CONFLICT", store.delete("a", modRevision));
    assert.deepEqual(await store.delete("a", updated.modRevision), {
      key: "a",
      value: "1",
      createRevision: 2,
      modRevision: 4,
    });
    await rejectsWith("TT_API_NOT_FOUND", store.delete("a"));
    assert.equal((await store.create("a", "2")).createRevision, 5);
    await store.delete("a");
    assert.deepEqual(await store.list(""), { revision: 6, objects: [] });
  });

  test(`${name}: a watch from an old revision tells all that came after it, then what comes`, async () => {
    await using store = open();
    const first = await store.create("a", "0");
    await store.create("other", "0");
    await store.update("a", "1", first.modRevision);
    const controller = new AbortController();
    const events = readEvents(store.watch("a", 2, controller));
    assert.deepEqual(await events.next(), ["put a=1 @4"]);
    const waiting = events.next();
    await store.create("b", "0");
    await store.delete("a");
    assert.deepEqual(await waiting, ["delete a=1 @6"]);
    const last = events.next();
    controller.abort();
    assert.equal(await last, undefined);
  });

  test(`${name}: a watch ends when the store is closed, and a closed store refuses`, async () => {
    const store = open();
    await using events = readEvents(store.watch("", 1, new AbortController()));
    const waiting = events.next();
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    assert.equal(await waiting, undefined);
    await rejectsWith("TT_STORE", store.get("a"));
    await rejectsWith("TT_STORE", store.create("a", "0"));
  });

  test(`${name}: a watch from a forgotten revision, or from one not reached, is told so`, async () => {
    await using store = open({ limits: { keepRevisions: 10, keepMs: 3_600_000 } });
    for (let index = 0; index < 50; index++) await store.create(`a/${index}`, "0");
    await rejectsWith("TT_API_GONE", readEvents(store.watch("a", 2, new AbortController())).next());
    await rejectsWith("TT_API_GONE", readEvents(store.watch("a", 52, new AbortController())).next());
    const gone = await readEvents(store.watch("a", 2, new AbortController()))
      .next()
      .catch((error: unknown) => error);
    assert.ok(gone instanceof TortieError);
    assert.equal(gone.fields["compactedRevision"], 41);
    assert.equal((await readEvents(store.watch("a", 41, new AbortController())).next())?.length, 10);
    assert.equal((await store.list("")).objects.length, 50);
  });

  test(`${name}: revisions are forgotten by age, the newest never`, async () => {
    let nowMs = 1_000_000;
    await using store = open({ limits: { keepRevisions: 1000, keepMs: 60_000 }, now: () => nowMs });
    for (let index = 0; index < 20; index++) await store.create(`a/${index}`, "0");
    nowMs += 60_001;
    for (let index = 0; index < 20; index++) await store.create(`b/${index}`, "0");
    await rejectsWith("TT_API_GONE", readEvents(store.watch("", 20, new AbortController())).next());
    assert.equal((await readEvents(store.watch("", 21, new AbortController())).next())?.length, 20);
    nowMs += 60_001;
    for (let index = 0; index < 20; index++) await store.create(`c/${index}`, "0");
    nowMs += 60_001;
    await store.create("d", "0");
    assert.ok((await readEvents(store.watch("", 61, new AbortController())).next())?.includes("put d=0 @62"));
  });

  test(`${name}: a watcher that is left behind by the log is told so, and delays nobody`, async () => {
    await using store = open({ limits: { keepRevisions: 10, keepMs: 3_600_000 } });
    const events = readEvents(store.watch("", 1, new AbortController()));
    await store.create("a/first", "0");
    assert.deepEqual(await events.next(), ["put a/first=0 @2"]);
    for (let index = 0; index < 50; index++) await store.create(`a/${index}`, "0");
    await rejectsWith("TT_API_GONE", events.next());
  });

  test(`${name}: watches opened and closed while writes go on lose, double and reorder nothing`, async () => {
    await using store = open();
    const written = Promise.all(Array.from({ length: 20 }, (_, writer) => rewriteObject(store, `k/${writer}`, 40)));
    const watched = Promise.all(
      Array.from({ length: 5 }, (_, watcher) => collectInPieces(store, 20 * 40, watcher + 1)),
    );
    await written;
    for (const revisions of await watched) {
      assert.deepEqual(
        revisions,
        Array.from({ length: 20 * 40 }, (_, index) => index + 2),
      );
    }
  });

  test(`${name}: any writes do what they do in the plain model, also many in one turn`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(writeArbitrary, { maxLength: 12 }), { maxLength: 12 }), async (turns) => {
        await using store = open();
        await using model = memoryStore();
        for (const writes of turns) {
          const [outcomes, expected] = await Promise.all([store, model].map((each) => applyWrites(each, writes)));
          assert.deepEqual(outcomes, expected);
        }
        assert.deepEqual(await store.list(""), await model.list(""));
        const { revision } = await model.list("");
        if (revision === 1) return;
        const [told, expected] = await Promise.all(
          [store, model].map((each) => readEvents(each.watch("", 1, new AbortController())).next()),
        );
        assert.deepEqual(told, expected);
      }),
      { numRuns: 60 },
    );
  });
}

type WriteStep = {
  readonly type: "create" | "update" | "delete" | "deleteAny";
  readonly key: string;
  readonly back: number;
};

const writeArbitrary: fc.Arbitrary<WriteStep> = fc.record({
  type: fc.constantFrom("create", "update", "delete", "deleteAny"),
  key: fc.constantFrom("a", "b", "c/d"),
  back: fc.integer({ min: 0, max: 3 }),
});

/** All in one turn; the objects, or the codes of the refusals. The expected revision is often the right one. */
async function applyWrites(store: Store, writes: readonly WriteStep[]): Promise<(StoredObject | string)[]> {
  const { revision, objects } = await store.list("");
  const revisionByKey = new Map(objects.map(({ key, modRevision }) => [key, modRevision]));
  const outcomes = writes.map(({ type, key, back }) => {
    const expected = back === 0 ? (revisionByKey.get(key) ?? 1) : revision - back + 1;
    if (type === "create") return store.create(key, `"${back}"`);
    if (type === "update") return store.update(key, `"${back}"`, expected);
    return store.delete(key, type === "delete" ? expected : undefined);
  });
  const codeOf = (error: unknown) => (error instanceof TortieError ? error.code : String(error));
  return Promise.all(outcomes.map((outcome) => outcome.catch(codeOf)));
}

/** `times` writes: now and then a deletion, and what is gone is created again. */
async function rewriteObject(store: Store, key: string, times: number): Promise<void> {
  let object: StoredObject | undefined;
  for (let round = 0; round < times; round++) {
    if (object === undefined) object = await store.create(key, `${round}`);
    else if (round % 10 === 9) {
      await store.delete(key, object.modRevision);
      object = undefined;
    } else object = await store.update(key, `${round}`, object.modRevision);
  }
}

/** The revisions of `count` events, read through watches that each last for a few batches. */
async function collectInPieces(store: Store, count: number, batches: number): Promise<number[]> {
  const revisions: number[] = [];
  while (revisions.length < count) {
    const controller = new AbortController();
    let left = batches;
    for await (const events of store.watch("k/", revisions.at(-1) ?? 1, controller)) {
      revisions.push(...events.map(({ object }) => object.modRevision));
      left -= 1;
      if (left === 0 || revisions.length >= count) break;
    }
  }
  return revisions;
}

/** Batches of events as texts; undefined at the end. */
function readEvents(watch: AsyncIterable<StoreEvent[]>) {
  const iterator = watch[Symbol.asyncIterator]();
  return {
    async next(): Promise<string[] | undefined> {
      const result = await iterator.next();
      if (result.done === true) return undefined;
      return result.value.map(({ type, object }) => `${type} ${object.key}=${object.value} @${object.modRevision}`);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await iterator.return?.();
    },
  };
}

function keysOf(objects: readonly StoredObject[]): string[] {
  return objects.map(({ key }) => key);
}

async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof TortieError && error.code === code);
}
