import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { GlobalNetworkSet } from "../resources/index.ts";
import { type ResourceEvent, ResourceView } from "./resource-view.ts";

function makeSet(name: string, version: number): GlobalNetworkSet {
  const metadata = { name, resourceVersion: String(version) };
  return { apiVersion: "projectcalico.org/v3", kind: "GlobalNetworkSet", metadata, spec: {} };
}

function describe(event: ResourceEvent): string {
  if (event.type === "put") return `put ${event.resource.metadata.name}@${event.resource.metadata.resourceVersion}`;
  return event.type === "delete" ? `delete ${event.name}` : event.type;
}

async function takeAll(view: ResourceView, limit = 100): Promise<string[]> {
  return (await view.take(limit, AbortSignal.abort())).map(describe);
}

test("of several changes while nobody reads the newest is told, at the place of the first", async () => {
  const view = new ResourceView();
  view.put(makeSet("a", 1));
  view.put(makeSet("b", 2));
  view.put(makeSet("a", 3));
  assert.deepEqual(await takeAll(view), ["put a@3", "put b@2"]);
});

test("a version that was told, or waits to be, is not told again", async () => {
  const view = new ResourceView();
  view.put(makeSet("a", 1));
  view.put(makeSet("a", 1));
  assert.deepEqual(await takeAll(view), ["put a@1"]);
  view.put(makeSet("a", 1));
  assert.deepEqual(await takeAll(view), []);
});

test("what comes and goes unread is never told", async () => {
  const view = new ResourceView();
  view.put(makeSet("a", 1));
  view.delete({ kind: "GlobalNetworkSet", name: "a" });
  view.delete({ kind: "GlobalNetworkSet", name: "never there" });
  assert.deepEqual(await takeAll(view), []);
});

test("a list tells what is new, what changed and what is gone, and spares what could not be read", async () => {
  const view = new ResourceView();
  for (const name of ["same", "changed", "gone", "unreadable"]) view.put(makeSet(name, 1));
  await takeAll(view);
  view.replace(
    "GlobalNetworkSet",
    [makeSet("same", 1), makeSet("changed", 2), makeSet("new", 3)],
    [{ kind: "GlobalNetworkSet", name: "unreadable" }],
  );
  assert.deepEqual(await takeAll(view), ["delete gone", "put changed@2", "put new@3"]);
});

test("synced comes after what was put before it; of the connection only the last state is told", async () => {
  const view = new ResourceView();
  view.put(makeSet("a", 1));
  view.announce({ type: "synced" });
  view.announce({ type: "disconnected", why: "" });
  view.announce({ type: "connected" });
  view.put(makeSet("a", 2));
  assert.deepEqual(await takeAll(view), ["put a@2", "synced", "connected"]);
});

test("a reader that waits is woken by the next event, and by the signal with nothing", async () => {
  const view = new ResourceView();
  const controller = new AbortController();
  const first = view.take(10, controller.signal);
  view.put(makeSet("a", 1));
  assert.deepEqual((await first).map(describe), ["put a@1"]);
  const second = view.take(10, controller.signal);
  controller.abort();
  assert.deepEqual(await second, []);
});

const stepArbitrary = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("put" as const), name: fc.constantFrom("a", "b", "c") }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("delete" as const), name: fc.constantFrom("a", "b", "c") }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("replace" as const), names: fc.subarray(["a", "b", "c"]) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("take" as const), limit: fc.integer({ min: 1, max: 3 }) }) },
);

test("whatever happens, the reader ends with what the server has, sees versions rise, and no deletion of the unknown", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 60 }), async (steps) => {
      const view = new ResourceView();
      const server = new Map<string, number>();
      const reader = new Map<string, number>();
      let version = 1;
      const read = async (limit: number): Promise<void> => {
        for (const event of await view.take(limit, AbortSignal.abort())) {
          if (event.type === "put") {
            const { name, resourceVersion } = event.resource.metadata;
            assert.ok(Number(resourceVersion) > (reader.get(name) ?? 0), `${name} did not rise`);
            reader.set(name, Number(resourceVersion));
          } else if (event.type === "delete") assert.ok(reader.delete(event.name), `${event.name} was not known`);
        }
      };
      for (const step of steps) {
        version += 1;
        if (step.type === "put") {
          server.set(step.name, version);
          view.put(makeSet(step.name, version));
        } else if (step.type === "delete") {
          server.delete(step.name);
          view.delete({ kind: "GlobalNetworkSet", name: step.name });
        } else if (step.type === "take") await read(step.limit);
        else {
          for (const name of ["a", "b", "c"]) if (!step.names.includes(name)) server.delete(name);
          for (const name of step.names) if (!server.has(name)) server.set(name, version);
          view.replace(
            "GlobalNetworkSet",
            [...server].map(([name, at]) => makeSet(name, at)),
            [],
          );
        }
      }
      await read(100);
      assert.deepEqual(new Map([...reader].toSorted()), new Map([...server].toSorted()));
    }),
    { numRuns: 500 },
  );
});
