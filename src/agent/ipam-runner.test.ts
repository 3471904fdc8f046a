import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiClient } from "../client/index.ts";
import { type AssignInput, assignForHandle, releaseByHandle } from "../ipam/index.ts";
import { TortieError, parseCidr } from "../lib/index.ts";
import { type Resource, resourceKey } from "../resources/index.ts";
import { runIpam } from "./ipam-runner.ts";

const signal = new AbortController().signal;

type TestClient = {
  readonly client: ApiClient;
  readonly objects: Map<string, Resource>;
  /** Which call from now on finds the connection lost: 1 is the next; 0 is none. */
  failAt: number;
};

/** An API in memory that answers later, so that operations overlap, and refuses as the client does. */
function openClient(...initial: Resource[]): TestClient {
  const objects = new Map<string, Resource>();
  let revision = 0;
  const store = (resource: Resource) => {
    const metadata = { ...resource.metadata, resourceVersion: String(++revision) };
    const stored = { ...resource, metadata } as Resource;
    objects.set(resourceKey({ kind: resource.kind, name: metadata.name }), stored);
    return stored;
  };
  for (const resource of initial) store(resource);
  const check = (key: string, resourceVersion: string | undefined) => {
    const stored = objects.get(key);
    if (stored === undefined) throw new TortieError("TT_API_NOT_FOUND", key);
    if (stored.metadata.resourceVersion !== resourceVersion) throw new TortieError("TT_API_CONFLICT", key);
  };
  const respond = async (call: () => unknown) => {
    await Promise.resolve();
    if (--opened.failAt === 0) throw new TortieError("TT_API_UNAVAILABLE", "the connection is lost");
    return call() as never;
  };
  const client: ApiClient = {
    get: (kind, { name }) => respond(() => objects.get(resourceKey({ kind, name }))),
    list: (kind) =>
      respond(() => ({
        items: [...objects.values()].filter((one) => one.kind === kind),
        unreadable: [],
        resourceVersion: "1",
      })),
    create: (resource) =>
      respond(() => {
        const key = resourceKey({ kind: resource.kind, name: resource.metadata.name });
        if (objects.has(key)) throw new TortieError("TT_API_EXISTS", key);
        return store(resource);
      }),
    update: (resource) =>
      respond(() => {
        check(resourceKey({ kind: resource.kind, name: resource.metadata.name }), resource.metadata.resourceVersion);
        return store(resource);
      }),
    delete: (kind, { name, resourceVersion }) =>
      respond(() => {
        check(resourceKey({ kind, name }), resourceVersion);
        objects.delete(resourceKey({ kind, name }));
      }),
    patch: () => {
      throw new Error("addresses are not patched");
    },
    watch: () => {
      throw new Error("addresses are not watched");
    },
    version: async () => "",
    [Symbol.dispose]: () => undefined,
  };
  const opened: TestClient = { client, objects, failAt: 0 };
  return opened;
}

function openWithPool(): TestClient {
  return openClient(
    { apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name: "host-1" }, spec: {} },
    {
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "pool" },
      spec: {
        cidr: parseCidr("10.65.0.0/24")!,
        blockSize: 28,
        ipipMode: "Never",
        vxlanMode: "Never",
        nodeSelector: "all()",
        allowedUses: ["Workload"],
        assignmentMode: "Automatic",
      },
    },
  );
}

function ask(handleId: string): AssignInput {
  return { node: "host-1", handleId, attributes: {}, use: "Workload", num4: 1, num6: 0, nowMs: 1_700_000_000_000 };
}

test("operations that overlap get different addresses, and their release leaves nothing but the host's blocks", async () => {
  const { client, objects } = openWithPool();
  const handles = Array.from({ length: 20 }, (_, i) => `w${i}`);
  const results = await Promise.all(handles.map((handle) => runIpam(assignForHandle(ask(handle)), client, { signal })));
  const addresses = results.flatMap((result) => (result.ok ? result.value : []));
  assert.equal(new Set(addresses).size, 20);
  for (const handle of handles) await runIpam(releaseByHandle(handle), client, { signal });
  const kinds = new Set([...objects.values()].map((one) => one.kind));
  assert.deepEqual([...kinds].toSorted(), ["BlockAffinity", "IPAMBlock", "IPPool", "Node"]);
});

test("a lost connection ends the operation at any call, and a repeat completes it", async () => {
  for (let call = 1; ; call++) {
    const opened = openWithPool();
    opened.failAt = call;
    const isLost = await runIpam(assignForHandle(ask("w")), opened.client, { signal }).then(
      () => false,
      (error: unknown) => {
        assert.ok(error instanceof TortieError && error.code === "TT_API_UNAVAILABLE");
        return true;
      },
    );
    opened.failAt = 0;
    const result = await runIpam(assignForHandle(ask("w")), opened.client, { signal });
    assert.ok(result.ok && result.value.length === 1);
    if (isLost) continue;
    assert.ok(call > 8);
    return;
  }
});

test("an operation stops at its next request once the signal aborts", async () => {
  const { client, objects } = openWithPool();
  const controller = new AbortController();
  const running = runIpam(assignForHandle(ask("w")), client, { signal: controller.signal });
  controller.abort(new Error("the agent stops"));
  await assert.rejects(running, /the agent stops/);
  assert.equal(objects.size, 2);
});
