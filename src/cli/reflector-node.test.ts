import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { SpeakerConfig } from "../bgp/index.ts";
import { connect } from "../client/index.ts";
import { seededRandom, silentLogger } from "../lib/index.ts";
import { apiSource } from "../reflector/index.ts";
import { decodeResource } from "../resources/index.ts";
import { startServer } from "../server/index.ts";
import { memoryStore } from "../store/index.ts";

function resource(kind: string, name: string, spec: object) {
  const decoded = decodeResource({ apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec });
  return decoded.ok ? decoded.value : assert.fail(JSON.stringify(decoded.problems));
}

test("a reflector that is a Node has the sessions that the resources say, and follows them", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "tortie-rr-node-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const socketPath = join(folder, "api.sock");
  const controller = new AbortController();
  const store = stack.use(memoryStore());
  stack.use(await startServer({ store, socketPath, log: silentLogger, signal: controller.signal }));
  using client = connect({ socketPath });
  const node = (name: string, bgp: object) => client.create(resource("Node", name, { bgp }));
  await client.create(resource("BGPConfiguration", "default", { nodeToNodeMeshEnabled: false, listenPort: 1179 }));
  await node("rr-1", { ipv4Address: "192.0.2.10/24", routeReflectorClusterID: "10.0.0.99" });
  await node("a", { ipv4Address: "192.0.2.21/24" });
  await client.create(resource("BGPPeer", "to-rr", { nodeSelector: "all()", peerIP: "192.0.2.10" }));
  await client.create(resource("IPPool", "pool", { cidr: "10.65.0.0/16" }));

  const options = { node: "rr-1", target: { socketPath }, log: silentLogger, random: seededRandom(1) };
  const configs = apiSource(options)(controller.signal)[Symbol.asyncIterator]();
  const next = async (): Promise<SpeakerConfig> => (await configs.next()).value ?? assert.fail("the end");
  const first = await next();
  assert.deepEqual(
    [first.localAs, first.routerId, first.listenPort, first.exportWithin],
    [64512, "192.0.2.10", 1179, ["10.65.0.0/16"]],
  );
  assert.deepEqual(
    first.peers.map(({ address, reflectorCluster }) => [address, reflectorCluster]),
    [["192.0.2.21", "10.0.0.99"]],
  );
  await node("b", { ipv4Address: "192.0.2.22/24" });
  const second = await next();
  assert.deepEqual(
    second.peers.map(({ address }) => address),
    ["192.0.2.21", "192.0.2.22"],
  );
  controller.abort();
  assert.equal((await configs.next()).done, true);
});
