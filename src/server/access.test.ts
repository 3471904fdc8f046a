import assert from "node:assert/strict";
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import type { Identity } from "../access/index.ts";
import {
  type Credentials,
  connect,
  createCredentials,
  createJoinToken,
  formatCredentials,
  joinCluster,
  makeKey,
  parseCredentials,
  renewCredentials,
} from "../client/index.ts";
import { type ErrorCode, TortieError } from "../lib/index.ts";
import { type Kind, type Resource, decodeResource, kindDefinitions } from "../resources/index.ts";
import { memoryStore } from "../store/index.ts";
import { initAuthority, openAuthority } from "./authority.ts";
import { JoinTokens } from "./join-tokens.ts";
import { makeFolder } from "./testing/serve.ts";
import { makeAuthority, recordingLogger, serveTls } from "./testing/tls-serve.ts";

const { signal } = new AbortController();
const h1: Identity = { role: "node", name: "h1" };
const alice: Identity = { role: "admin", name: "alice" };
const bob: Identity = { role: "viewer", name: "bob" };

const fails =
  (code: ErrorCode, pattern = /./) =>
  (error: unknown) =>
    error instanceof TortieError && error.code === code && pattern.test(error.message);

function read(json: unknown): Resource {
  const decoded = decodeResource(json);
  assert.ok(decoded.ok, JSON.stringify(decoded));
  return decoded.value;
}

async function listAs(credentials: Credentials, kind: Kind = "Node") {
  using client = connect(credentials);
  return await client.list(kind);
}

test("init makes keys for their owner only, keeps an authority that is there, and refuses half of one", () => {
  using folder = makeFolder();
  const first = initAuthority({ state: folder.path, names: [] });
  assert.equal(first.isNew, true);
  for (const name of ["ca.key", "ca.crt", "names"])
    assert.equal(statSync(join(folder.path, "pki", name)).mode & 0o777, 0o600);
  const second = initAuthority({ state: folder.path, names: ["api.example.org"] });
  assert.deepEqual([second.isNew, second.authority.hash], [false, first.authority.hash]);
  assert.deepEqual(second.authority.names, ["api.example.org"]);
  assert.throws(() => initAuthority({ state: folder.path, names: ["not a name"] }), fails("TT_CONFIG"));
  writeFileSync(join(folder.path, "pki", "ca.key"), "junk");
  assert.throws(() => openAuthority(join(folder.path, "pki")), fails("TT_CONFIG", /cannot be read/));
});

test("a host joins with a token, once; it may repeat with the same key, and nobody else can use the token", async () => {
  await using server = await serveTls();
  const { token } = await createJoinToken({ socketPath: server.socketPath }, { node: "h1" });
  const join = { server: server.url, token, node: "h1", key: makeKey(), signal };
  await assert.rejects(joinCluster({ ...join, node: "h2" }), fails("TT_API_DENIED", /not for node "h2"/));
  const credentials = await joinCluster(join);
  assert.deepEqual((await listAs(credentials)).items, []);
  assert.deepEqual((await listAs(await joinCluster(join))).items, []);
  await assert.rejects(joinCluster({ ...join, key: makeKey() }), fails("TT_API_DENIED", /has been used/));
});

test("an expired or altered token is refused, and a server of another cluster is told nothing", async () => {
  const lines: string[] = [];
  await using server = await serveTls({ log: recordingLogger(lines) });
  await using other = await serveTls({ log: recordingLogger(lines) });
  const tokens = new JoinTokens(server.store);
  const join = { server: server.url, node: "h1", key: makeKey(), signal };
  const expired = await tokens.create("h1", Date.now() - 1);
  await assert.rejects(joinCluster({ ...join, token: server.tokenOf(expired) }), fails("TT_API_DENIED", /expired/));
  const good = await tokens.create("h1", Date.now() + 60_000);
  const altered = { ...good, secret: `${good.secret.startsWith("A") ? "B" : "A"}${good.secret.slice(1)}` };
  await assert.rejects(joinCluster({ ...join, token: server.tokenOf(altered) }), fails("TT_API_DENIED"));
  const before = lines.length;
  const token = server.tokenOf(good);
  await assert.rejects(
    joinCluster({ ...join, token, server: other.url }),
    fails("TT_API_DENIED", /not of the cluster/),
  );
  assert.equal(lines.length, before);
  await joinCluster({ ...join, token });
  assert.ok(lines.some((line) => line.includes("somebody was turned away")));
  for (const { secret } of [expired, good, altered]) assert.ok(lines.every((line) => !line.includes(secret)));
  for (const { value } of (await server.store.list("")).objects) assert.ok(!value.includes(good.secret));
});

test("certificates that are expired, foreign, altered or missing open nothing", async () => {
  const lines: string[] = [];
  await using server = await serveTls({ log: recordingLogger(lines) });
  using folder = makeFolder();
  const stranger = makeAuthority(folder.path);
  const hour = 3_600_000;
  const expired = server.credentialsOf(alice, { nowMs: Date.now() - 2 * hour, ttlMs: hour });
  await assert.rejects(listAs(expired), fails("TT_API_DENIED", /expired/));
  const foreign = server.credentialsOf(alice, { authority: stranger });
  await assert.rejects(listAs(foreign), fails("TT_API_DENIED", /not one of this cluster/));
  const good = server.credentialsOf(h1);
  await assert.rejects(listAs({ ...good, certificate: alter(good.certificate) }), fails("TT_API_DENIED", /not one of/));
  const nobody = server.credentialsOf({ role: "node", name: "Not A Name" });
  await assert.rejects(listAs(nobody), fails("TT_API_DENIED", /names no role/));
  using bare = connect({ server: server.url, authority: server.authority.certificate });
  await assert.rejects(bare.list("Node"), fails("TT_API_DENIED", /show a certificate/));
  using deceived = connect({ ...good, authority: stranger.certificate });
  await assert.rejects(deceived.list("Node"), fails("TT_API_DENIED", /not one of this cluster/));
  using misled = connect({ ...good, server: server.url.replace("127.0.0.1", "127.0.0.2") });
  await assert.rejects(misled.list("Node"), (error) => error instanceof TortieError);
  assert.equal(lines.filter((line) => line.includes("somebody was turned away")).length, 4);
  assert.ok(lines.every((line) => !line.includes("PRIVATE") && !line.includes("BEGIN")));
});

/** Another name in the same certificate; its signature no longer fits. */
function alter(certificate: string): string {
  const der = Buffer.from(certificate.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  const at = der.indexOf("tortie:node") + "tortie:node".length;
  const name = der.indexOf("h1", at);
  der.write("h2", name);
  return `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`;
}

test("a host that poses as the server, with its own certificate, is told nothing", async () => {
  await using server = await serveTls();
  const { certificate, key } = server.credentialsOf(h1);
  let heard = "";
  const impostor = createTlsServer({ cert: certificate + server.authority.certificate, key }, (socket) => {
    socket.on("data", (data) => (heard += String(data)));
  });
  impostor.on("tlsClientError", () => undefined);
  impostor.listen(0, "127.0.0.1");
  await once(impostor, "listening");
  const address = impostor.address();
  const url = `https://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  await assert.rejects(
    listAs({ ...server.credentialsOf(alice), server: url }),
    fails("TT_API_DENIED", /not one of this/),
  );
  const token = server.tokenOf(await new JoinTokens(server.store).create("h2", Date.now() + 60_000));
  await assert.rejects(joinCluster({ server: url, token, node: "h2", key: makeKey(), signal }), fails("TT_API_DENIED"));
  impostor.close();
  assert.equal(heard, "");
});

test("a node is refused every write that is not its own, and told which and why", async () => {
  await using server = await serveTls();
  using node = connect(server.credentialsOf(h1));
  const own = new Set<Kind>(["BlockAffinity", "IPAMBlock", "IPAMHandle", "Node", "WorkloadEndpoint"]);
  for (const { kind, plural, example, isNamespaced } of kindDefinitions) {
    const resource = read(example);
    const { name } = resource.metadata;
    if (!own.has(kind)) {
      await assert.rejects(
        node.create(resource),
        fails("TT_API_DENIED", new RegExp(`node "h1" cannot create ${plural}`)),
      );
      const id = isNamespaced ? { namespace: "default", name } : { name };
      await assert.rejects(node.delete(kind, id), fails("TT_API_DENIED", new RegExp(`cannot delete ${plural}`)));
      const write = kind === "CalicoNodeStatus" ? undefined : node.update(resource);
      if (write !== undefined)
        await assert.rejects(write, fails("TT_API_DENIED", new RegExp(`cannot update ${plural}`)));
    }
  }
  await assert.rejects(node.list("Secret"), fails("TT_API_DENIED", /cannot list secrets/));
  await assert.rejects(node.get("Secret", { namespace: "default", name: "x" }), fails("TT_API_DENIED"));
  const nodeOf = (name: string) => read({ apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name } });
  await node.create(nodeOf("h1"));
  await assert.rejects(
    node.create(nodeOf("h2")),
    fails("TT_API_DENIED", /"h2" is forbidden: node "h1" cannot create nodes/),
  );
  await assert.rejects(node.delete("Node", { name: "h1" }), fails("TT_API_DENIED"));
});

test("an admin lets people in by a file that kubectl reads too; a viewer reads, but no secrets", async () => {
  await using server = await serveTls();
  const admin = server.credentialsOf(alice);
  const made = await createCredentials(admin, { role: "viewer", name: "bob" });
  const viewer = parseCredentials(formatCredentials(made, "bob"), "bob.json");
  assert.deepEqual(viewer, { ...made, server: server.url });
  assert.equal((await listAs(viewer, "Namespace")).items.length, 1);
  await assert.rejects(listAs(viewer, "Secret"), fails("TT_API_DENIED", /viewer "bob" cannot list secrets/));
  for (const who of [viewer, server.credentialsOf(h1)]) {
    await assert.rejects(createJoinToken(who, { node: "h2" }), fails("TT_API_DENIED"));
    await assert.rejects(createCredentials(who, { role: "admin", name: "eve" }), fails("TT_API_DENIED"));
  }
  await assert.rejects(renewCredentials(viewer, signal), fails("TT_API_DENIED", /cannot renew/));
  await assert.rejects(createCredentials(admin, { role: "node", name: "h1" }), fails("TT_API_INVALID"));
});

test("a renewed certificate is for the same node, and one that has ended renews nothing", async () => {
  await using server = await serveTls();
  const first = server.credentialsOf(h1);
  const second = await renewCredentials(first, signal);
  assert.notEqual(second.key, first.key);
  using node = connect(second);
  await node.create(read({ apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name: "h1" } }));
  const ended = server.credentialsOf(h1, { nowMs: Date.now() - 7_200_000 });
  await assert.rejects(renewCredentials(ended, signal), fails("TT_API_DENIED", /expired/));
});

test("a watch ends in good order with the certificate that opened it", async () => {
  await using server = await serveTls();
  using client = connect(server.credentialsOf(bob, { ttlMs: 2000 }));
  const { resourceVersion } = await client.list("Node");
  const events = await Array.fromAsync(client.watch("Node", { resourceVersion, signal }));
  assert.deepEqual(
    events.map(({ type }) => type),
    ["opened"],
  );
});

test("two servers know each other's tokens by the store, and the hosts by the authority they share", async () => {
  await using store = memoryStore();
  await using first = await serveTls({ store });
  await using second = await serveTls({ store, authority: first.authority });
  const { token } = await createJoinToken({ socketPath: first.socketPath }, { node: "h1" });
  const credentials = await joinCluster({ server: second.url, token, node: "h1", key: makeKey(), signal });
  for (const { url } of [first, second]) assert.deepEqual((await listAs({ ...credentials, server: url })).items, []);
  const again = joinCluster({ server: first.url, token, node: "h1", key: makeKey(), signal });
  await assert.rejects(again, fails("TT_API_DENIED", /has been used/));
});

const quick = { handshakeDeadlineMs: 150, headersDeadlineMs: 150, requestDeadlineMs: 300, keepAliveMs: 100 };

test("whoever is slow in the handshake, the headers, the body or after an answer is cut off", async () => {
  await using server = await serveTls({ limits: quick });
  const silent = connectTcp(server.port, "127.0.0.1").resume();
  const { certificate: cert, key } = server.credentialsOf(alice);
  const open = async (text: string) => {
    const socket = connectTls({ port: server.port, host: "127.0.0.1", ca: server.authority.certificate, cert, key });
    await once(socket, "secureConnect");
    socket.write(text);
    return socket.resume();
  };
  const post = "POST /api/v1/namespaces HTTP/1.1\r\nhost: t\r\ncontent-length: 9\r\n\r\n{";
  const slow = await Promise.all(["", "GET / HT", post, "GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n"].map(open));
  await Promise.all([silent, ...slow].map((socket) => once(socket, "close")));
});

test("old TLS, too many headers and too large a body are refused", async () => {
  await using server = await serveTls();
  const old = connectTls({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, maxVersion: "TLSv1.2" });
  await once(old, "error");
  const { certificate: cert, key } = server.credentialsOf(alice);
  const answerTo = async (text: string) => {
    const socket = connectTls({ port: server.port, host: "127.0.0.1", ca: server.authority.certificate, cert, key });
    socket.write(text);
    const [answer] = await once(socket, "data");
    socket.destroy();
    return String(answer);
  };
  assert.match(
    await answerTo(`GET /healthz HTTP/1.1\r\nhost: t\r\nx: ${"x".repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1.1 431 /,
  );
  const large = `POST /tortie/v1/join HTTP/1.1\r\nhost: t\r\ncontent-length: 99999\r\n\r\n`;
  assert.match(await answerTo(large), /^HTTP\/1.1 413 /);
  const endless = `POST /tortie/v1/join HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n`;
  assert.match(await answerTo(endless), /^HTTP\/1.1 413 /);
});

test("one address without certificates, and one identity, have so many connections and no more", async () => {
  await using server = await serveTls({ limits: { connections: { total: 100, perIdentity: 2, perAddress: 3 } } });
  const { certificate: cert, key } = server.credentialsOf(alice);
  const options = { port: server.port, host: "127.0.0.1", ca: server.authority.certificate, cert, key };
  const own: ReturnType<typeof connectTls>[] = [];
  while (own.length < 3) {
    const socket = connectTls(options).resume();
    await once(socket, "secureConnect");
    own.push(socket);
  }
  await once(own[2]!, "close");
  assert.deepEqual(
    own.map((socket) => socket.closed),
    [false, false, true],
  );
  const strangers = Array.from({ length: 4 }, () => connectTcp(server.port, "127.0.0.1").resume());
  await Promise.race(strangers.map((socket) => once(socket, "close")));
  assert.equal(strangers.filter((socket) => socket.closed).length, 1);
  for (const socket of [...own, ...strangers]) socket.destroy();
});

test("every write leaves a line with who, what and how it ended, and no secret leaves at all", async () => {
  const lines: string[] = [];
  await using server = await serveTls({ log: recordingLogger(lines) });
  const canary = "canary-3f9a";
  const seen: string[] = [];
  using admin = connect(server.credentialsOf(alice));
  using viewer = connect(server.credentialsOf(bob));
  const secret = read({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "bgp", namespace: "default", annotations: { last: canary } },
    stringData: { password: canary },
  });
  await admin.create(secret);
  await assert.rejects(viewer.create(secret), fails("TT_API_DENIED"));
  await assert.rejects(admin.create(secret), fails("TT_API_EXISTS"));
  for (const attempt of [viewer.list("Secret"), viewer.get("Secret", { namespace: "default", name: "bgp" })]) {
    seen.push(String(await attempt.catch((error: unknown) => JSON.stringify(error) + String(error))));
  }
  for (const { kind } of kindDefinitions) if (kind !== "Secret") seen.push(JSON.stringify(await viewer.list(kind)));
  const watch = viewer.watch("Secret", { resourceVersion: "1", signal });
  seen.push(String(await Array.fromAsync(watch).catch((error: unknown) => error)));
  await admin.delete("Secret", { namespace: "default", name: "bgp" });
  const audit = lines.filter((line) => line.includes('"audit"')).map((line) => JSON.parse(line));
  assert.deepEqual(
    audit.map(({ who, verb, resource, name, outcome }) => [who, verb, resource, name, outcome].join(" ")),
    [
      'admin "alice" create secrets  201',
      'viewer "bob" create secrets  403',
      'admin "alice" create secrets  409',
      'viewer "bob" list secrets  403',
      'viewer "bob" get secrets bgp 403',
      'viewer "bob" watch secrets  403',
      'admin "alice" delete secrets bgp 200',
    ],
  );
  const encoded = Buffer.from(canary).toString("base64");
  for (const text of [...lines, ...seen]) assert.ok(!text.includes(canary) && !text.includes(encoded), text);
});
