import assert from "node:assert/strict";
import { test } from "node:test";
import { TortieError } from "../lib/index.ts";
import { type Store, type WatchBatch, memoryStore } from "../store/index.ts";
import { networkSet, serve, v3 } from "./testing/serve.ts";

const sets = `${v3}/globalnetworksets`;

/** A store that loses the history of its watch when it is told to, and what is written until then is not told. */
function forgetfulStore(store: Store) {
  let breakWatch: () => void = () => undefined;
  async function* watch(...args: Parameters<Store["watch"]>): AsyncGenerator<WatchBatch, void, void> {
    const broken = Promise.withResolvers<never>();
    breakWatch = () => broken.reject(new TortieError("TT_API_GONE", "forgotten", { fields: { compactedRevision: 1 } }));
    const batches = store.watch(...args)[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await Promise.race([batches.next(), broken.promise]);
      if (done === true) return;
      yield value;
    }
  }
  const forgetful: Store = {
    get: store.get.bind(store),
    list: store.list.bind(store),
    create: store.create.bind(store),
    update: store.update.bind(store),
    delete: store.delete.bind(store),
    watch,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  return { forgetful, forget: () => breakWatch() };
}

test("when the store has forgotten what comes next the server goes on from a new list, and its watchers list again", async () => {
  await using store = memoryStore();
  const { forgetful, forget } = forgetfulStore(store);
  await using server = await serve({ store: forgetful });
  await server.call("POST", sets, networkSet("first"));
  using idle = await server.watch(`${sets}?watch=1`);
  assert.match((await idle.nextText()) ?? "", /^ADDED first/);
  forget();
  // In the same turn: the old watch has not told it.
  const writing = server.call("POST", sets, networkSet("second"));
  const { type, object } = (await idle.next()) ?? { type: "", object: { code: 0 } };
  if (type === "ADDED") assert.equal((await idle.next())?.object["code"], 410);
  else assert.deepEqual([type, object["code"]], ["ERROR", 410]);
  assert.equal((await writing).code, 201);
  const items = (await server.call("GET", sets)).json["items"];
  assert.equal(Array.isArray(items) && items.length, 2);
  using late = await server.watch(`${sets}?watch=1&resourceVersion=1`);
  assert.equal(late.code, 410);
  using fresh = await server.watch(`${sets}?watch=1`);
  await fresh.next();
  await fresh.next();
  await server.call("POST", sets, networkSet("third"));
  assert.match((await fresh.nextText()) ?? "", /^ADDED third/);
});
