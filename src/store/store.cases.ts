import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ErrorCode, TortieError } from "../lib/index.ts";
import type { LogLimits } from "./log-limits.ts";
import { memoryStore } from "./memory-store.ts";
import { readUnmetRevision } from "./store-failures.ts";
import type { Condition, Store, StoredObject, WatchBatch } from "./store.ts";

type StoreOptions = { readonly limits?: LogLimits; readonly now?: () => number };

export type StoreBackend = {
  /** Of an empty store; its revision may be any. */
  open(options?: StoreOptions): Store | Promise<Store>;
  /** For a backend that others write to as well and that forgets from time to time only: makes it forget now. */
  compact?(store: Store): Promise<void>;
};

const aWhile = 3_600_000;

/** What every backend promises. */
export function storeCases(name: string, backend: StoreBackend): void {
  const open = async (options: StoreOptions = {}): Promise<Store> => backend.open(options);
  /** Alone and embedded: revisions are without gaps, and what the limits let go is forgotten at once. */
  const isEmbedded = backend.compact === undefined;
  const compact = async (store: Store): Promise<void> => backend.compact?.(store);

  test(`${name}: every write raises the revision of the whole store`, async () => {
    await using store = await open();
    const { revision, objects } = await store.list("");
    assert.deepEqual(objects, []);
    if (isEmbedded) assert.equal(revision, 1);
    const next = revision + 1;
    const created = await store.create("a/1", "{}");
    assert.deepEqual(created, { key: "a/1", value: "{}", createRevision: next, modRevision: next });
    assert.equal((await store.list("b")).revision, next);
  });

  test(`${name}: an object is given back as it was written`, async () => {
    await using store = await open();
    const value = JSON.stringify({ text: "ünï\u0000 code \u{1f408}", list: [1, null] });
    const created = await store.create("a/1", value);
    assert.equal(created.value, value);
    assert.deepEqual(await store.get("a/1"), created);
    assert.equal(await store.get("a/2"), undefined);
    assert.deepEqual((await store.list("a")).objects, [created]);
  });

  test(`${name}: a list holds the objects of the prefix by key, and the revision of the whole store`, async () => {
    await using store = await open();
    let last = 0;
    for (const key of ["b/2", "a/1", "b/10", "b", "bb/1"]) last = (await store.create(key, `"${key}"`)).modRevision;
    const { revision, objects } = await store.list("b/");
    assert.equal(revision, last);
    assert.deepEqual(keysOf(objects), ["b/10", "b/2"]);
    assert.deepEqual(keysOf((await store.list("")).objects), ["a/1", "b", "b/10", "b/2", "bb/1"]);
  });

  test(`${name}: what exists is not created again`, async () => {
    await using store = await open();
    const { modRevision } = await store.create("a", "1");
    await rejectsWith("TT_API_EXISTS", store.create("a", "2"));
    assert.equal((await store.get("a"))?.value, "1");
    assert.equal((await store.list("")).revision, modRevision);
  });

  test(`${name}: of two updates from the same revision one wins and the other is told of a conflict`, async () => {
    await using store = await open();
    const { modRevision } = await store.create("a", "0");
    const outcomes = await Promise.allSettled([
      store.update("a", "1", modRevision),
      store.update("a", "2", modRevision),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    const now = await store.get("a");
    assert.deepEqual([now?.createRevision, now?.modRevision], [modRevision, modRevision + 1]);
    await rejectsWith("TT_API_CONFLICT", store.update("a", "3", modRevision));
    await rejectsWith("TT_API_NOT_FOUND", store.update("b", "3", modRevision));
  });

  test(`${name}: a deletion takes a revision, and may be bound to the object's revision`, async () => {
    await using store = await open();
    const { modRevision } = await store.create("a", "0");
    const updated = await store.update("a", "1", modRevision);
    assert.equal(updated.createRevision, modRevision);
    await rejectsWith("TT_API_CONFLICT", store.delete("a", modRevision));
    assert.deepEqual(await store.delete("a", updated.modRevision), {
      key: "a",
      value: "1",
      createRevision: modRevision,
      modRevision: modRevision + 2,
    });
    await rejectsWith("TT_API_NOT_FOUND", store.delete("a"));
    await rejectsWith("TT_API_NOT_FOUND", store.delete("a", updated.modRevision));
    assert.equal((await store.create("a", "2")).createRevision, modRevision + 3);
    await store.delete("a");
    assert.deepEqual(await store.list(""), { revision: modRevision + 4, objects: [] });
  });

  test(`${name}: a write bound to another key is done only while that exists`, async () => {
    await using store = await open();
    const conditions: Condition[] = [{ type: "exists", key: "home" }];
    await rejectsUnmet(store.create("a", "0", conditions));
    const home = await store.create("home", "0");
    const created = await store.create("a", "0", conditions);
    const updated = await store.update("a", "1", created.modRevision, conditions);
    // Another object of that name does as well.
    await store.delete("home", home.modRevision);
    await rejectsUnmet(store.update("a", "2", updated.modRevision, conditions));
    await rejectsUnmet(store.delete("a", undefined, conditions));
    await store.create("home", "1");
    assert.equal((await store.delete("a", updated.modRevision, conditions)).value, "1");
  });

  test(`${name}: a write bound to a prefix is done only while nothing of it is newer`, async () => {
    await using store = await open();
    const since = (prefix: string, revision: number): Condition[] => [{ type: "unchangedSince", prefix, revision }];
    const other = await store.create("other", "0");
    await store.create("a", "0", since("p/", 0));
    const first = await store.create("p/1", "0", since("p/", 0));
    const revision = await rejectsUnmet(store.create("b", "0", since("p/", 0)));
    assert.ok(revision >= first.modRevision, "a reader of that revision sees why");
    await rejectsUnmet(store.update("other", "1", other.modRevision, since("p/", first.modRevision - 1)));
    const second = await store.create("p/2", "0", since("p/", first.modRevision));
    await rejectsUnmet(store.delete("other", other.modRevision, since("p/", first.modRevision)));
    // A deletion makes nothing newer.
    await store.delete("p/2");
    await store.delete("other", other.modRevision, [...since("p/", first.modRevision), ...since("q", 0)]);
    await store.update("p/1", "1", first.modRevision, since("p/1", first.modRevision));
    await rejectsUnmet(store.create("b", "0", since("p/", second.modRevision)));
  });

  test(`${name}: what is wrong with the object itself is told before its conditions`, async () => {
    await using store = await open();
    const unmet: Condition[] = [{ type: "exists", key: "nothing" }];
    const { modRevision } = await store.create("a", "0");
    await rejectsWith("TT_API_EXISTS", store.create("a", "0", unmet));
    await rejectsWith("TT_API_NOT_FOUND", store.update("b", "0", modRevision, unmet));
    const conflict = await store.update("a", "1", modRevision - 1, unmet).catch((error: unknown) => error);
    assert.ok(conflict instanceof TortieError && conflict.code === "TT_API_CONFLICT");
    assert.equal(readUnmetRevision(conflict), undefined);
  });

  test(`${name}: what needs a home and the end of the empty home never both happen`, async () => {
    await using store = await open();
    for (let round = 0; round < 20; round++) {
      const [home, prefix] = [`home/${round}`, `in/${round}/`];
      await store.create(home, "0");
      const outcomes = await Promise.allSettled([
        store.create(`${prefix}a`, "0", [{ type: "exists", key: home }]),
        store.delete(home, undefined, [{ type: "unchangedSince", prefix, revision: 0 }]),
        store.create(`${prefix}b`, "0", [{ type: "exists", key: home }]),
      ]);
      const { objects } = await store.list(prefix);
      assert.equal((await store.get(home)) === undefined, objects.length === 0);
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, Math.max(1, objects.length));
    }
  });

  test(`${name}: a watch from an old revision tells all that came after it, then what comes`, async () => {
    await using store = await open();
    const first = await store.create("a", "0");
    await store.create("other", "0");
    const updated = await store.update("a", "1", first.modRevision);
    const controller = new AbortController();
    const events = readEvents(store.watch("a", first.modRevision, controller));
    assert.deepEqual(await events.take(1), [told("put", updated)]);
    const waiting = events.take(1);
    await store.create("b", "0");
    assert.deepEqual([told("delete", await store.delete("a"))], await waiting);
    const last = events.take(1);
    controller.abort();
    assert.deepEqual(await last, []);
  });

  test(`${name}: a watch says up to which revision all is told`, async () => {
    await using store = await open();
    const { modRevision } = await store.create("a", "0");
    const { modRevision: otherRevision } = await store.create("other", "0");
    const last = await store.create("a/2", "0");
    const seen: number[] = [];
    for await (const { events, revision } of store.watch("a", modRevision, new AbortController())) {
      for (const { object } of events)
        assert.ok(object.modRevision <= revision && object.modRevision > (seen.at(-1) ?? 0));
      seen.push(revision);
      if (revision >= last.modRevision) break;
    }
    assert.ok((seen.at(-1) ?? 0) > otherRevision);
  });

  test(`${name}: a watch ends when the store is closed, and a closed store refuses`, async () => {
    const store = await open();
    const { revision } = await store.list("");
    await using events = readEvents(store.watch("", revision, new AbortController()));
    const waiting = events.take(1);
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    assert.deepEqual(await waiting, []);
    await rejectsWith("TT_STORE", store.get("a"));
    await rejectsWith("TT_STORE", store.create("a", "0"));
  });

  test(`${name}: a watch from a forgotten revision, or from one not reached, is told so`, async () => {
    await using store = await open({ limits: { keepRevisions: 10, keepMs: aWhile } });
    const written: string[] = [];
    for (let index = 0; index < 50; index++) {
      if (index === 30) await compact(store);
      written.push(told("put", await store.create(`a/${index}`, "0")));
    }
    await compact(store);
    const { revision, objects } = await store.list("");
    await rejectsWith("TT_API_GONE", readEvents(store.watch("a", revision + 1, new AbortController())).take(1));
    const compacted = await readReach(store, 2);
    if (isEmbedded) assert.equal(compacted, revision - 10);
    assert.ok(compacted <= revision - 10);
    await rejectsWith("TT_API_GONE", readEvents(store.watch("a", compacted - 1, new AbortController())).take(1));
    const kept = written.filter((text) => revisionOf(text) > compacted);
    assert.deepEqual(await readEvents(store.watch("a", compacted, new AbortController())).take(kept.length), kept);
    assert.equal(objects.length, 50);
  });

  test(`${name}: revisions are forgotten by age, the newest never`, async () => {
    let nowMs = 1_000_000_000;
    await using store = await open({ limits: { keepRevisions: 1000, keepMs: 60_000 }, now: () => nowMs });
    const first = await store.create("a/first", "0");
    for (let index = 0; index < 20; index++) await store.create(`a/${index}`, "0");
    await compact(store);
    nowMs += 60_001;
    const written: string[] = [];
    for (let index = 0; index < 20; index++) written.push(told("put", await store.create(`b/${index}`, "0")));
    await compact(store);
    const compacted = await readReach(store, first.modRevision);
    assert.ok(compacted < revisionOf(written[0]));
    assert.deepEqual(await readEvents(store.watch("b", compacted, new AbortController())).take(20), written);
    nowMs += 60_001;
    for (let index = 0; index < 20; index++) await store.create(`c/${index}`, "0");
    await compact(store);
    nowMs += 60_001;
    const last = await store.create("d", "0");
    await compact(store);
    const events = readEvents(store.watch("d", last.modRevision - 1, new AbortController()));
    assert.deepEqual(await events.take(1), [told("put", last)]);
  });

  test(`${name}: a watcher that is left behind by the log is told so, and delays nobody`, {
    // etcd sends what there is at once, to whoever is connected.
    skip: !isEmbedded,
  }, async () => {
    await using store = await open({ limits: { keepRevisions: 10, keepMs: aWhile } });
    const events = readEvents(store.watch("", 1, new AbortController()));
    assert.deepEqual([told("put", await store.create("a/first", "0"))], await events.take(1));
    for (let index = 0; index < 50; index++) await store.create(`a/${index}`, "0");
    await rejectsWith("TT_API_GONE", events.take(1));
  });

  test(`${name}: watches opened and closed while writes go on lose, double and reorder nothing`, async () => {
    await using store = await open();
    const { revision } = await store.list("");
    const watched = Promise.all(
      Array.from({ length: isEmbedded ? 5 : 2 }, (_, watcher) =>
        collectInPieces(store, revision, 20 * 40, watcher + 1),
      ),
    );
    const written = await Promise.all(
      Array.from({ length: 20 }, (_, writer) => rewriteObject(store, `k/${writer}`, 40)),
    );
    const expected = written.flat().toSorted((a, b) => a - b);
    for (const revisions of await watched) assert.deepEqual(revisions, expected);
  });

  test(`${name}: any writes do what they do in the plain model, also many in one turn`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(writeArbitrary, { maxLength: 12 }), { maxLength: 12 }), async (turns) => {
        await using store = await open();
        await using model = memoryStore();
        const [{ revision: base }, { revision: modelBase }] = [await store.list(""), await model.list("")];
        // Only an embedded store takes the writes of one turn in their order.
        for (const writes of isEmbedded ? turns : turns.flatMap((turn) => turn.map((write) => [write]))) {
          const outcomes = await applyWrites(store, writes);
          const expected = await applyWrites(model, writes);
          assert.deepEqual(outcomes.map(relativeTo(base)), expected.map(relativeTo(modelBase)));
        }
        const { revision, objects } = await store.list("");
        const expected = await model.list("");
        assert.deepEqual(objects.map(relativeTo(base)), expected.objects.map(relativeTo(modelBase)));
        assert.equal(revision - base, expected.revision - modelBase);
        const count = revision - base;
        const toRelative = (from: number) => (text: string) => text.replace(/\d+$/, (at) => String(Number(at) - from));
        const events = await readEvents(store.watch("", base, new AbortController())).take(count);
        const modelEvents = await readEvents(model.watch("", modelBase, new AbortController())).take(count);
        assert.deepEqual(events.map(toRelative(base)), modelEvents.map(toRelative(modelBase)));
      }),
      { numRuns: isEmbedded ? 60 : 6 },
    );
  });
}

type WriteStep = {
  readonly type: "create" | "update" | "delete" | "deleteAny";
  readonly key: string;
  readonly back: number;
  readonly condition: "none" | "exists" | "absent";
};

const writeArbitrary: fc.Arbitrary<WriteStep> = fc.record({
  type: fc.constantFrom("create", "update", "delete", "deleteAny"),
  key: fc.constantFrom("a", "b", "c/d"),
  back: fc.integer({ min: 0, max: 3 }),
  condition: fc.constantFrom("none", "none", "exists", "absent"),
});

/** All in one turn; the objects, or the codes of the refusals. The expected revision is often the right one. */
async function applyWrites(store: Store, writes: readonly WriteStep[]): Promise<(StoredObject | string)[]> {
  const { revision, objects } = await store.list("");
  const revisionByKey = new Map(objects.map(({ key, modRevision }) => [key, modRevision]));
  const outcomes = writes.map(({ type, key, back, condition }) => {
    const expected = back === 0 ? (revisionByKey.get(key) ?? revision) : revision - back + 1;
    const conditions: Condition[] = [];
    if (condition === "exists") conditions.push({ type: "exists", key: "b" });
    if (condition === "absent") conditions.push({ type: "unchangedSince", prefix: "c/", revision: 0 });
    if (type === "create") return store.create(key, `"${back}"`, conditions);
    if (type === "update") return store.update(key, `"${back}"`, expected, conditions);
    return store.delete(key, type === "delete" ? expected : undefined, conditions);
  });
  const codeOf = (error: unknown) =>
    readUnmetRevision(error) === undefined ? (error instanceof TortieError ? error.code : String(error)) : "unmet";
  return Promise.all(outcomes.map((outcome) => outcome.catch(codeOf)));
}

function relativeTo(base: number): (outcome: StoredObject | string) => StoredObject | string {
  return (outcome) =>
    typeof outcome === "string"
      ? outcome
      : {
          ...outcome,
          createRevision: outcome.createRevision - base,
          modRevision: outcome.modRevision - base,
        };
}

/** `times` writes, given by their revisions: now and then a deletion, and what is gone is created again. */
async function rewriteObject(store: Store, key: string, times: number): Promise<number[]> {
  const revisions: number[] = [];
  let object: StoredObject | undefined;
  for (let round = 0; round < times; round++) {
    if (object === undefined) object = await store.create(key, `${round}`);
    else if (round % 10 === 9) {
      revisions.push((await store.delete(key, object.modRevision)).modRevision);
      object = undefined;
    } else object = await store.update(key, `${round}`, object.modRevision);
    if (object !== undefined) revisions.push(object.modRevision);
  }
  return revisions;
}

/** The revisions of `count` events, read through watches that each last for a few batches. */
async function collectInPieces(store: Store, start: number, count: number, batches: number): Promise<number[]> {
  const revisions: number[] = [];
  while (revisions.length < count) {
    const controller = new AbortController();
    let left = batches;
    for await (const { events } of store.watch("k/", revisions.at(-1) ?? start, controller)) {
      revisions.push(...events.map(({ object }) => object.modRevision));
      if (events.length > 0) left -= 1;
      if (left === 0 || revisions.length >= count) break;
    }
  }
  return revisions;
}

/** Events as texts, `count` at a time over all batches; fewer at the end. */
export function readEvents(watch: AsyncIterable<WatchBatch>) {
  const iterator = watch[Symbol.asyncIterator]();
  let pending: string[] = [];
  return {
    async take(count: number): Promise<string[]> {
      while (pending.length < count) {
        const { done, value } = await iterator.next();
        if (done === true) break;
        pending.push(...value.events.map(({ type, object }) => told(type, object)));
      }
      const taken = pending.slice(0, count);
      pending = pending.slice(count);
      return taken;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await iterator.return?.();
    },
  };
}

export function told(type: "put" | "delete", { key, value, modRevision }: StoredObject): string {
  return `${type} ${key}=${value} @${modRevision}`;
}

function revisionOf(text: string | undefined): number {
  return Number(text?.split("@").at(-1));
}

function keysOf(objects: readonly StoredObject[]): string[] {
  return objects.map(({ key }) => key);
}

/** The oldest revision that can be watched from, as one is told who comes too late. */
async function readReach(store: Store, revision: number): Promise<number> {
  const gone = await readEvents(store.watch("", revision, new AbortController()))
    .take(1)
    .catch((error: unknown) => error);
  assert.ok(gone instanceof TortieError && gone.code === "TT_API_GONE", String(gone));
  return Number(gone.fields["compactedRevision"]);
}

export async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof TortieError && error.code === code);
}

async function rejectsUnmet(promise: Promise<unknown>): Promise<number> {
  const failure = await promise.catch((error: unknown) => error);
  const revision = readUnmetRevision(failure);
  assert.ok(revision !== undefined, `${String(failure)} is not for an unmet condition`);
  return revision;
}
