import assert from "node:assert/strict";
import { test } from "node:test";
import type { Identity } from "../access/index.ts";
import { type ApiClient, SessionSecrets, connect } from "../client/index.ts";
import { TaskGroup, TortieError, seededRandom } from "../lib/index.ts";
import { type Resource, type Secret, decodeResource, keyOf, secretText } from "../resources/index.ts";
import { recordingLogger, serveTls } from "./testing/tls-serve.ts";

const apiVersion = "projectcalico.org/v3";
const canary = "canary-5b1e";
const alice: Identity = { role: "admin", name: "alice" };

function read(json: unknown): Resource {
  const decoded = decodeResource(json);
  assert.ok(decoded.ok, JSON.stringify(decoded));
  return decoded.value;
}

const secret = (name: string, text = canary, namespace = "default", more: object = {}) =>
  read({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, annotations: { last: canary } },
    stringData: { key: text, other: canary, ...more },
  });
const node = (name: string, last: number, labels: object, bgp: object = {}) =>
  read({
    apiVersion,
    kind: "Node",
    metadata: { name, labels },
    spec: { bgp: { ipv4Address: `192.0.2.${last}/24`, ipv6Address: `2001:db8::${last}/64`, ...bgp } },
  });
const peer = (name: string, spec: object, secretName = name) =>
  read({
    apiVersion,
    kind: "BGPPeer",
    metadata: { name },
    spec: { ...spec, password: { secretKeyRef: { name: secretName, key: "key" } } },
  });
const configuration = (spec: object) =>
  read({ apiVersion, kind: "BGPConfiguration", metadata: { name: "default" }, spec });

async function createAll(client: ApiClient, resources: readonly Resource[]): Promise<void> {
  for (const resource of resources) await client.create(resource);
}

const tor = { peerIP: "192.0.2.254", asNumber: 65000 };

test("a node and its reflector read the Secrets of their own BGP sessions, each by its name, and no others", async () => {
  await using server = await serveTls();
  using admin = connect(server.credentialsOf(alice));
  const names = ["mesh", "rack-1", "rack-2", "by-name", "hub", "hub-at", "other-as", "manual", "workload", "unused"];
  await createAll(admin, [
    read({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } }),
    node("h1", 1, { rack: "r1", hub: "yes" }),
    node("h2", 2, { rack: "r2" }),
    node("rr", 3, {}, { routeReflectorClusterID: "1.0.0.1" }),
    ...names.map((name) => secret(name)),
    secret("rack-1", canary, "shop"),
    configuration({ nodeMeshPassword: { secretKeyRef: { name: "mesh", key: "key" } } }),
    peer("rack-1", { ...tor, nodeSelector: "rack == 'r1'" }),
    peer("rack-2", { ...tor, nodeSelector: "rack == 'r2'" }),
    peer("by-name", { ...tor, node: "h1" }),
    peer("hub", { peerSelector: "has(hub)", node: "h2" }),
    peer("hub-at", { peerIP: "2001:db8::1", node: "h2" }),
    peer("other-as", { peerIP: "192.0.2.1", asNumber: 65000, node: "h2" }),
    peer("manual", { peerSelector: "has(hub)", node: "h2", reversePeering: "Manual" }),
    peer("workload", { localWorkloadSelector: "all()", asNumber: 65000, node: "h1" }),
    peer("everywhere", { ...tor, peerIP: "192.0.2.253" }, "not-there"),
  ]);
  const expected: [Identity, string[]][] = [
    [{ role: "node", name: "h1" }, ["mesh", "rack-1", "by-name", "hub", "hub-at"]],
    [{ role: "node", name: "h2" }, ["mesh", "rack-2", "hub", "hub-at", "other-as", "manual"]],
    [{ role: "node", name: "rr" }, []],
    [{ role: "reflector", name: "h1" }, ["mesh", "rack-1", "by-name", "hub", "hub-at"]],
    [{ role: "reflector", name: "rr" }, []],
    [{ role: "node", name: "stranger" }, []],
    [{ role: "cni", name: "h1" }, []],
    [{ role: "viewer", name: "bob" }, []],
  ];
  for (const [identity, own] of expected) {
    using client = connect(server.credentialsOf(identity));
    const denied = (error: unknown) =>
      error instanceof TortieError && error.code === "TT_API_DENIED" && !JSON.stringify(error).includes(canary);
    for (const name of names) {
      const place = { namespace: "default", name };
      const selection = { namespace: "default", fieldSelector: `metadata.name=${name}` };
      const watch = () =>
        client.watch("Secret", { ...selection, resourceVersion: "1", signal: AbortSignal.timeout(5000) });
      if (own.includes(name)) {
        assert.equal((await client.get("Secret", place))?.metadata.name, name);
        assert.deepEqual(
          (await client.list("Secret", selection)).items.map(({ metadata }) => metadata.name),
          [name],
        );
        for await (const event of watch()) {
          if (event.type === "put") assert.equal(event.resource.metadata.name, name);
          if (event.type === "put") break;
        }
      } else {
        await assert.rejects(client.get("Secret", place), denied, `${identity.role} ${identity.name} ${name}`);
        await assert.rejects(client.list("Secret", selection), denied);
        await assert.rejects(Array.fromAsync(watch()), denied);
      }
    }
    await assert.rejects(client.get("Secret", { namespace: "shop", name: "rack-1" }), denied);
    for (const selection of [
      {},
      { namespace: "default" },
      { fieldSelector: "metadata.name=mesh" },
      { namespace: "default", fieldSelector: "metadata.name!=mesh" },
      { namespace: "default", fieldSelector: "metadata.name=mesh,metadata.name!=rack-1" },
      { namespace: "default", fieldSelector: "metadata.namespace=default" },
      { namespace: "default", labelSelector: "a=b" },
    ]) {
      await assert.rejects(client.list("Secret", selection), denied, JSON.stringify(selection));
    }
    await assert.rejects(client.create(secret("mine")), denied);
    await assert.rejects(client.delete("Secret", { namespace: "default", name: "mesh" }), denied);
  }
  // What is not there is no secret, to who may know.
  using h1 = connect(server.credentialsOf({ role: "node", name: "h1" }));
  assert.equal(await h1.get("Secret", { namespace: "default", name: "not-there" }), undefined);
});

test("the passwords of a node's sessions are followed: nothing else of a Secret, and no longer than they are asked for", async () => {
  const lines: string[] = [];
  await using server = await serveTls({ log: recordingLogger(lines) });
  using admin = connect(server.credentialsOf(alice));
  using client = connect(server.credentialsOf({ role: "node", name: "h1" }));
  const own = node("h1", 1, {});
  const asked = peer("tor", tor);
  const [first, other] = [secret("tor", "sesame"), secret("unrelated")];
  await createAll(admin, [own, asked, first, other]);
  const seen = new Map<string, Secret | undefined>();
  let wake = Promise.withResolvers<void>();
  const until = async (holds: () => boolean) => {
    while (!holds()) await wake.promise;
  };
  const log = recordingLogger(lines);
  await using tasks = new TaskGroup(AbortSignal.timeout(20_000));
  const secrets = new SessionSecrets({
    node: "h1",
    client,
    log,
    random: seededRandom(1),
    tasks,
    onSecret: (key, found) => {
      seen.set(key, found);
      wake.resolve();
      wake = Promise.withResolvers();
    },
  });
  const place = "Secret/default/tor";
  const textOf = (key: string) => {
    const found = seen.get(place);
    return found && secretText(found, key);
  };
  assert.equal(secrets.onResource(keyOf(own), own), true);
  assert.equal(secrets.onResource(keyOf(asked), asked), true);
  assert.equal(secrets.onResource(keyOf(other), undefined), false);
  secrets.refresh();
  await secrets.answered();
  assert.deepEqual([...seen.keys()], [place]);
  assert.deepEqual(
    [textOf("key"), textOf("other"), seen.get(place)?.metadata.annotations],
    ["sesame", undefined, undefined],
  );
  const present = await admin.get("Secret", { namespace: "default", name: "tor" });
  assert.ok(present !== undefined);
  const next = { key: new TextEncoder().encode("simsim").toBase64() };
  await admin.update({ ...present, data: { ...present.data, ...next } });
  await until(() => textOf("key") === "simsim");
  await admin.delete("Secret", { namespace: "default", name: "tor" });
  await until(() => seen.get(place) === undefined);
  await admin.create(secret("tor", "third"));
  await until(() => textOf("key") === "third");
  secrets.onResource(keyOf(asked), undefined);
  secrets.refresh();
  assert.equal(seen.get(place), undefined);
  for (const line of lines) assert.ok(!/canary-5b1e|sesame|simsim|third/.test(line), line);
});

test("a Secret that the server no longer lets be read is gone, and a snapshot's is kept while there is no server", async () => {
  await using server = await serveTls();
  using admin = connect(server.credentialsOf(alice));
  using client = connect(server.credentialsOf({ role: "node", name: "h1" }));
  const [own, asked, held] = [node("h1", 1, {}), peer("tor", tor), secret("tor", "sesame")];
  await createAll(admin, [own, held]);
  const told: (string | undefined)[] = [];
  const options = {
    node: "h1",
    log: recordingLogger([]),
    random: seededRandom(1),
    onSecret: (_key: string, found: Secret | undefined) => told.push(found?.metadata.name),
  };
  for (const [target, expected] of [
    [client, [undefined]],
    [connect({ socketPath: "/nowhere/api.sock" }), []],
  ] as const) {
    told.length = 0;
    await using tasks = new TaskGroup(AbortSignal.timeout(20_000));
    const secrets = new SessionSecrets({ ...options, client: target, tasks });
    for (const resource of [own, asked, held]) secrets.onResource(keyOf(resource), resource);
    secrets.refresh();
    await secrets.answered();
    assert.deepEqual(told, expected);
  }
});
