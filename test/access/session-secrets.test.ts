import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Identity } from "../../src/access/index.ts";
import { feedResources } from "../../src/agent/resource-feed.ts";
import { Snapshot } from "../../src/agent/snapshot.ts";
import type { PeerConfig } from "../../src/bgp/index.ts";
import { connect } from "../../src/client/index.ts";
import { TaskGroup, seededRandom, silentLogger } from "../../src/lib/index.ts";
import { apiSource } from "../../src/reflector/index.ts";
import { type Resource, decodeResource } from "../../src/resources/index.ts";
import { recordingLogger, serveTls } from "../../src/server/testing/tls-serve.ts";

const apiVersion = "projectcalico.org/v3";
const canary = "canary-9d2c";
const alice: Identity = { role: "admin", name: "alice" };

function read(json: unknown): Resource {
  const decoded = decodeResource(json);
  assert.ok(decoded.ok, JSON.stringify(decoded));
  return decoded.value;
}

const bgp = { ipv4Address: "192.0.2.10/24", routeReflectorClusterID: "1.0.0.1" };
const password = { secretKeyRef: { name: "bgp", key: "key" } };
const secret = (text: string) =>
  read({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "bgp", namespace: "default", annotations: { last: canary } },
    stringData: { key: text, other: canary },
  });
const resources = [
  read({ apiVersion, kind: "Node", metadata: { name: "rr-1", labels: { rr: "yes" } }, spec: { bgp } }),
  read({ apiVersion, kind: "Node", metadata: { name: "h1" }, spec: { bgp: { ipv4Address: "192.0.2.1/24" } } }),
  read({
    apiVersion,
    kind: "BGPPeer",
    metadata: { name: "to-reflectors" },
    spec: { nodeSelector: "all()", peerSelector: "has(rr)", password, filters: ["f"] },
  }),
  read({ apiVersion, kind: "BGPFilter", metadata: { name: "f" }, spec: { importV4: [{ action: "Reject" }] } }),
];

async function serveCluster(log = silentLogger) {
  const server = await serveTls({ log });
  const admin = connect(server.credentialsOf(alice));
  for (const resource of resources) await admin.create(resource);
  return {
    server,
    admin,
    async setPassword(text: string) {
      const place = { namespace: "default", name: "bgp" };
      if ((await admin.get("Secret", place)) !== undefined) await admin.delete("Secret", place);
      await admin.create(secret(text));
    },
    async [Symbol.asyncDispose]() {
      admin[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("a reflector that is a Node takes filters and passwords from the cluster, and follows them", {
  timeout: 30_000,
}, async () => {
  const lines: string[] = [];
  await using cluster = await serveCluster();
  const stop = new AbortController();
  const source = apiSource({
    node: "rr-1",
    target: cluster.server.credentialsOf({ role: "reflector", name: "rr-1" }),
    log: recordingLogger(lines),
    random: seededRandom(1),
  });
  const configs = source(stop.signal)[Symbol.asyncIterator]();
  const until = async (holds: (peer: PeerConfig) => boolean) => {
    for (;;) {
      const { value, done } = await configs.next();
      const [peer] = done === true ? [] : value.peers;
      if (peer !== undefined && holds(peer)) return peer;
    }
  };
  const first = await until(() => true);
  assert.deepEqual(
    [first.address, first.reflectorCluster, first.importPolicy?.rules.length, first.password],
    ["192.0.2.1", "1.0.0.1", 1, undefined],
  );
  assert.match(first.withheld ?? "", /Secret bgp .* is not there/);
  await cluster.setPassword(`${canary}-1`);
  assert.equal((await until((peer) => peer.password !== undefined)).password, `${canary}-1`);
  await cluster.setPassword(`${canary}-2`);
  assert.equal((await until((peer) => peer.password === `${canary}-2`)).withheld, undefined);
  stop.abort();
  await configs.return?.();
  for (const line of lines) assert.ok(!line.includes(canary), line);
});

test("an agent knows its passwords before it is synced, keeps them for a start without the server, and nothing else", {
  timeout: 30_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tortie-secrets-"));
  using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
  const lines: string[] = [];
  const log = recordingLogger(lines);
  const path = join(folder, "snapshot.jsonl");
  const known = new Map<string, Resource>();
  const isPassword = () => JSON.stringify(known.get("Secret/default/bgp")) ?? "";
  const run = async (client: ReturnType<typeof connect>, until: (source: string) => boolean) => {
    known.clear();
    const done = Promise.withResolvers<void>();
    const sink = {
      onResource: (key: string, resource: Resource | undefined) => {
        if (resource === undefined) known.delete(key);
        else known.set(key, resource);
      },
      onSynced: (source: string) => void (until(source) && done.resolve()),
      onServer: () => undefined,
    };
    await using tasks = new TaskGroup();
    const options = { node: "h1", client, snapshot: new Snapshot(path, log), log, random: seededRandom(1) };
    tasks.start((signal) => feedResources({ ...options, signal }, sink));
    await done.promise;
  };
  {
    await using cluster = await serveCluster(log);
    await cluster.setPassword(`${canary}-1`);
    using client = connect(cluster.server.credentialsOf({ role: "node", name: "h1" }));
    await run(client, (source) => source === "server");
  }
  const encoded = Buffer.from(`${canary}-1`).toString("base64");
  assert.ok(isPassword().includes(encoded));
  assert.ok(!isPassword().includes("other") && !isPassword().includes("annotations"));
  assert.ok(readFileSync(path, "utf8").includes(encoded));
  using nobody = connect({ socketPath: join(folder, "nowhere.sock") });
  await run(nobody, (source) => source === "snapshot");
  assert.ok(isPassword().includes(encoded));
  for (const line of lines) assert.ok(!line.includes(canary) && !line.includes(encoded), line);
});
