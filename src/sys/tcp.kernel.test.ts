import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { TortieError, parseAddress } from "../lib/index.ts";
import { type ConnectOptions, connectTcp, inNamespace, listenTcp, makeNamespace, removeNamespace } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "tortie-"));
const netns = join(folder, "netns");
const address = (text: string) => parseAddress(text)!;
const never = new AbortController().signal;

before(() => {
  makeNamespace(netns);
  ip("link set lo up");
  ip("link add va type veth peer name vb");
  ip("link set va up");
  ip("link set vb up");
  ip("addr add 10.0.0.1/24 dev va");
  ip("addr add fe80::1/64 dev va nodad");
  ip("neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev va nud permanent");
});

after(() => {
  removeNamespace(netns);
  rmSync(folder, { recursive: true });
});

function ip(words: string): void {
  inNamespace(netns, () => execFileSync("ip", words.split(" ")));
}

async function listen(options: Partial<Parameters<typeof listenTcp>[0]>): Promise<Server> {
  const server = await inNamespace(netns, () => listenTcp({ port: 0, backlog: 16, ...options }));
  // A test that fails leaves its server open: it must not keep the process.
  return server.unref();
}

function connect(options: Omit<ConnectOptions, "signal"> & { signal?: AbortSignal }): Promise<Socket> {
  return inNamespace(netns, () => connectTcp({ signal: never, ...options }));
}

/** Asked in the namespace, since node looks up the name of a link-local address's interface. */
const portOf = (server: Server) => inNamespace(netns, () => server.address() as AddressInfo).port;

async function accept(server: Server): Promise<Socket> {
  const [socket] = await once(server, "connection");
  return socket;
}

async function exchange(client: Socket, accepted: Socket): Promise<void> {
  client.end("ping");
  assert.equal(String((await once(accepted, "data"))[0]), "ping");
  accepted.end("pong");
  assert.equal(String((await once(client, "data"))[0]), "pong");
}

for (const [version, loopback, local] of [
  [4, "127.0.0.1", "127.0.0.77"],
  [6, "::1", "::1"],
] as const) {
  test(`a connection over IPv${version} has the source address that is asked for`, async () => {
    const server = await listen({ address: address(loopback) });
    const [client, accepted] = await Promise.all([
      connect({ local: address(local), remote: address(loopback), port: portOf(server), ttl: 255 }),
      accept(server),
    ]);
    assert.equal(client.localAddress, local);
    assert.equal(accepted.remoteAddress, local);
    await exchange(client, accepted);
    server.close();
  });

  test(`a refused connection over IPv${version} names both ends and the errno`, async () => {
    const server = await listen({ address: address(loopback) });
    const port = portOf(server);
    server.close();
    await once(server, "close");
    const end = version === 4 ? `127.0.0.1:${port}` : `[::1]:${port}`;
    await assert.rejects(
      connect({ local: address(local), remote: address(loopback), port }),
      (error) =>
        error instanceof TortieError &&
        error.message === `connecting to ${end} from ${local}: ECONNREFUSED` &&
        error.fields["errno"] === "ECONNREFUSED",
    );
  });

  test(`with a least TTL packets from further away than that do not get in over IPv${version}`, async () => {
    const server = await listen({ address: address(loopback), minTtl: 255 });
    const port = portOf(server);
    const far = connect({ remote: address(loopback), port, ttl: 64, signal: AbortSignal.timeout(300) });
    await assert.rejects(far, (error) => error instanceof DOMException && error.name === "TimeoutError");
    const [client, accepted] = await Promise.all([
      connect({ remote: address(loopback), port, ttl: 255, minTtl: 64 }),
      accept(server),
    ]);
    await exchange(client, accepted);
    server.close();
  });
}

test("a listener without an address serves both IP versions on one port", async () => {
  const server = await listen({ minTtl: 64 });
  for (const remote of ["127.0.0.1", "::1"]) {
    const [client, accepted] = await Promise.all([
      connect({ remote: address(remote), port: portOf(server) }),
      accept(server),
    ]);
    assert.equal(parseAddress(accepted.remoteAddress!), remote);
    await exchange(client, accepted);
  }
  server.close();
});

test("listeners of both IP versions share a port when each has an address", async () => {
  const four = await listen({ address: address("0.0.0.0") });
  const six = await listen({ address: address("::"), port: portOf(four) });
  await assert.rejects(
    listen({ address: address("127.0.0.1"), port: portOf(four) }),
    (error) =>
      error instanceof TortieError && error.fields["errno"] === "EADDRINUSE" && /127.0.0.1:/.test(error.message),
  );
  four.close();
  six.close();
});

test("an own address that is not there yet is an error, unless bound freely", async () => {
  const local = address("192.0.2.7");
  const remote = address("127.0.0.1");
  await assert.rejects(
    connect({ local, remote, port: 179 }),
    (error) => error instanceof TortieError && error.fields["errno"] === "EADDRNOTAVAIL",
  );
  for (const own of ["192.0.2.7", "2001:db8::7"]) {
    const server = await listen({ address: address(own), isFreebind: true });
    server.close();
  }
});

test("a connection attempt ends at once when the signal aborts", async () => {
  const controller = new AbortController();
  // Nobody answers there.
  const attempt = connect({ remote: address("10.0.0.2"), port: 179, signal: controller.signal });
  controller.abort(new Error("changed our mind"));
  await assert.rejects(attempt, /changed our mind/);
  await assert.rejects(
    connect({ remote: address("10.0.0.2"), port: 179, signal: controller.signal }),
    /changed our mind/,
  );
});

test("where there is no route the errno says so at once", async () => {
  await assert.rejects(
    connect({ remote: address("203.0.113.1"), port: 179 }),
    (error) => error instanceof TortieError && error.fields["errno"] === "ENETUNREACH",
  );
});

test("a link-local peer is reached through the interface that is named", async () => {
  const server = await listen({ address: address("fe80::1"), linkName: "va" });
  const [client, accepted] = await Promise.all([
    connect({ remote: address("fe80::1"), port: portOf(server), linkName: "va" }),
    accept(server),
  ]);
  await exchange(client, accepted);
  server.close();
  await assert.rejects(
    connect({ remote: address("fe80::1"), port: 179, linkName: "nope" }),
    (error) => error instanceof TortieError && error.fields["errno"] === "ENODEV",
  );
});
