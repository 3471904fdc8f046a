import assert from "node:assert/strict";
import { test } from "node:test";
import { TaskGroup } from "../lib/index.ts";
import { definitionOf } from "../resources/index.ts";
import { memoryStore } from "../store/index.ts";
import { ListPages } from "./list-pages.ts";
import { readFilter } from "./object-filter.ts";
import { StatusError } from "./status.ts";
import { networkSet } from "./testing/serve.ts";
import { WatchCache } from "./watch-cache.ts";

const place = { definition: definitionOf("GlobalNetworkSet"), namespace: undefined };

async function openPages() {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(memoryStore());
  const put = async (name: string) => {
    const { modRevision } = await store.create(`GlobalNetworkSet//${name}`, JSON.stringify(networkSet(name)));
    return modRevision;
  };
  for (const name of ["a", "b", "c"]) await put(name);
  const tasks = stack.use(new TaskGroup());
  const cache = await WatchCache.load(store, tasks.signal);
  tasks.start(() => cache.follow());
  const clock = { nowMs: 0 };
  const pages = new ListPages(cache, () => clock.nowMs);
  const owned = stack.move();
  return {
    clock,
    pages,
    put: async (name: string) => cache.reach(await put(name)),
    read: (query: Readonly<Record<string, string>>) => {
      const parameters = new URLSearchParams(query);
      return pages.read(place, parameters, readFilter(parameters, place));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function expects410(promise: Promise<unknown>): Promise<void> {
  return assert.rejects(promise, (error) => error instanceof StatusError && error.status.code === 410);
}

test("a token is good for five minutes, and longer when nothing has changed", async () => {
  await using opened = await openPages();
  const first = await opened.read({ limit: "1" });
  const token = first.metadata.continue ?? "";
  opened.clock.nowMs = 299_000;
  await opened.put("d");
  assert.equal((await opened.read({ continue: token })).objects.length, 2);
  opened.clock.nowMs = 301_000;
  await expects410(opened.read({ continue: token }));
  const later = await opened.read({ limit: "1" });
  opened.clock.nowMs = 999_000;
  opened.pages.sweep();
  const rest = await opened.read({ continue: later.metadata.continue ?? "" });
  assert.deepEqual(
    rest.objects.map(({ name }) => name),
    ["b", "c", "d"],
  );
});

test("the oldest list expires when too many are read at once", async () => {
  await using opened = await openPages();
  const first = await opened.read({ limit: "1" });
  for (let index = 0; index < 40; index++) {
    await opened.put(`x${index}`);
    await opened.read({ limit: "1" });
  }
  await expects410(opened.read({ continue: first.metadata.continue ?? "" }));
});
