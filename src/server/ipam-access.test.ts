import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApiClient, connect } from "../client/index.ts";
import {
  type IpamRequest,
  type IpamResponse,
  type IpamStep,
  assignForHandle,
  autoAssign,
  releaseByHandle,
} from "../ipam/index.ts";
import { TortieError } from "../lib/index.ts";
import { decodeResource } from "../resources/index.ts";
import { serveTls } from "./testing/tls-serve.ts";

const responses = { TT_API_CONFLICT: "conflict", TT_API_EXISTS: "exists", TT_API_NOT_FOUND: "notFound" } as const;

/** As an agent does it. */
async function run<T>(step: IpamStep<T>, client: ApiClient): Promise<T> {
  let next = step.next();
  while (next.done !== true) next = step.next(await answer(next.value, client));
  return next.value;
}

async function answer(request: IpamRequest, client: ApiClient): Promise<IpamResponse> {
  try {
    switch (request.type) {
      case "get": {
        const resource = await client.get(request.kind, { name: request.name });
        return resource === undefined ? { type: "notFound" } : { type: "resource", resource };
      }
      case "list":
        return { type: "list", items: (await client.list(request.kind)).items };
      case "create":
        return { type: "resource", resource: await client.create(request.resource) };
      case "update":
        return { type: "resource", resource: await client.update(request.resource) };
      case "delete":
        await client.delete(request.kind, request);
        return { type: "deleted" };
    }
  } catch (error) {
    const type = error instanceof TortieError ? Reflect.get(responses, error.code) : undefined;
    if (type === undefined) throw error;
    return { type };
  }
}

test("with a node's rights alone hosts take addresses, give them back and take over idle blocks; a block in use stays", {
  timeout: 60_000,
}, async () => {
  await using server = await serveTls();
  using admin = connect({ socketPath: server.socketPath });
  const v3 = "projectcalico.org/v3";
  const objects = [
    // Two blocks of two addresses for three hosts.
    { apiVersion: v3, kind: "IPPool", metadata: { name: "p" }, spec: { cidr: "10.65.0.0/30", blockSize: 31 } },
    ...["h1", "h2", "h3"].map((name) => ({ apiVersion: v3, kind: "Node", metadata: { name }, spec: {} })),
  ];
  for (const json of objects) {
    const decoded = decodeResource(json);
    assert.ok(decoded.ok, JSON.stringify(decoded));
    await admin.create(decoded.value);
  }
  // Claims are older than what is left alone.
  const nowMs = Date.now() - 120_000;
  const input = (node: string, handleId: string, now: number) =>
    ({ node, handleId, attributes: { node }, use: "Workload", num4: 1, num6: 0, nowMs: now }) as const;
  const clients = new Map(
    ["h1", "h2", "h3"].map((name) => [name, connect(server.credentialsOf({ role: "node", name }))] as const),
  );
  const as = <T>(node: string, step: IpamStep<T>) => run(step, clients.get(node)!);
  for (const round of ["a", "b"]) {
    for (const node of ["h1", "h2"]) {
      const given = await as(node, assignForHandle(input(node, `${node}.${round}`, nowMs)));
      assert.ok(given.ok, JSON.stringify(given));
    }
  }
  const none = await as("h3", autoAssign(input("h3", "h3.a", nowMs + 120_000)));
  assert.deepEqual(none.addresses, []);
  // Whose address it is does not depend on who asks; but a host takes nothing from another.
  await assert.rejects(
    as("h3", releaseByHandle("h1.a")),
    (error) => error instanceof TortieError && error.code === "TT_API_DENIED",
  );
  await as("h1", releaseByHandle("h1.a"));
  await as("h1", releaseByHandle("h1.b"));
  const taken = await as("h3", autoAssign(input("h3", "h3.a", nowMs + 120_000)));
  assert.equal(taken.addresses.length, 1);
  const { items } = await admin.list("IPAMBlock");
  assert.deepEqual(items.map(({ spec }) => spec.affinity).toSorted(), ["host:h2", "host:h3"]);
  assert.deepEqual((await admin.list("IPAMHandle")).items.map(({ spec }) => spec.handleID).toSorted(), [
    "h2.a",
    "h2.b",
    "h3.a",
  ]);
  for (const client of clients.values()) client[Symbol.dispose]();
});
