import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TortieError, parseAddress, parseCidr } from "../lib/index.ts";
import {
  type AcceptedTcp,
  type ConnectOptions,
  type ListenOptions,
  Poller,
  TcpListener,
  TcpSocket,
  inNamespace,
  makeNamespace,
  removeNamespace,
} from "./index.ts";
import { getOption } from "./socket-options.ts";

const folder = mkdtempSync(join(tmpdir(), "tortie-"));
const netns = join(folder, "netns");
const address = (text: string) => parseAddress(text)!;
const prefix = (text: string) => parseCidr(text)!;
const always = () => true;
const poller = new Poller(() => setImmediate(() => poller.dispatch(always)));

before(() => {
  makeNamespace(netns);
  ip("link set lo up");
  ip("link add va type veth peer name vb");
  ip("link set va up");
  ip("link set vb up");
  ip("addr add 10.0.0.1/24 dev va");
  ip("addr add fe80::1/64 dev va nodad");
  ip("addr add 2001:db8::7/128 dev lo");
  ip("neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev va nud permanent");
});

after(() => {
  poller[Symbol.dispose]();
  removeNamespace(netns);
  rmSync(folder, { recursive: true });
});

function ip(words: string): void {
  inNamespace(netns, () => execFileSync("ip", words.split(" ")));
}

function listen(options: Partial<ListenOptions> & Pick<ListenOptions, "address">): TcpListener {
  return inNamespace(netns, () => new TcpListener({ port: 0, backlog: 16, ...options }));
}

/** Ends also after `patienceMs`, when nothing comes. */
async function untilReady(fd: number, patienceMs: number, isWriteWanted = false): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  using _watch = poller.watch(fd, isWriteWanted, () => resolve(true));
  const ended = new AbortController();
  const late = sleep(patienceMs, false, { signal: ended.signal }).catch(() => false);
  const isReady = await Promise.race([promise, late]);
  ended.abort();
  return isReady;
}

/** Undefined: not within the time. */
async function connect(options: ConnectOptions, patienceMs = 5000): Promise<TcpSocket | undefined> {
  const socket = inNamespace(netns, () => TcpSocket.connect(options));
  try {
    if (await untilReady(socket.fd, patienceMs, true)) {
      socket.finishConnect();
      return socket;
    }
  } catch (error) {
    socket[Symbol.dispose]();
    throw error;
  }
  socket[Symbol.dispose]();
  return undefined;
}

async function accept(listener: TcpListener): Promise<AcceptedTcp> {
  assert.ok(await untilReady(listener.fd, 5000), "somebody connects");
  return listener.accept() ?? assert.fail("nobody has connected");
}

async function receive(socket: TcpSocket): Promise<string> {
  assert.ok(await untilReady(socket.fd, 5000), "something comes");
  const buffer = new Uint8Array(100);
  return new TextDecoder().decode(buffer.subarray(0, socket.read(buffer)));
}

async function meet(
  listener: TcpListener,
  options: Omit<ConnectOptions, "port">,
): Promise<{ client: TcpSocket; accepted: AcceptedTcp }> {
  const [client, accepted] = await Promise.all([connect({ ...options, port: listener.port() }), accept(listener)]);
  return { client: client ?? assert.fail("not connected"), accepted };
}

async function exchange({ client, accepted }: { client: TcpSocket; accepted: AcceptedTcp }): Promise<void> {
  using left = client;
  using right = accepted.socket;
  assert.equal(left.write(new TextEncoder().encode("ping"), false), 4);
  assert.equal(await receive(right), "ping");
  right.write(new TextEncoder().encode("pong"), false);
  right.end();
  assert.equal(await receive(left), "pong");
  assert.equal(await receive(left), "", "the other end has ended");
}

const isErrno = (errno: string) => (error: unknown) => error instanceof TortieError && error.fields["errno"] === errno;

for (const [version, loopback, local] of [
  [4, "127.0.0.1", "127.0.0.77"],
  [6, "::1", "2001:db8::7"],
] as const) {
  const remote = address(loopback);

  test(`a connection over IPv${version} has the source address that is asked for`, async () => {
    using listener = listen({ address: remote });
    const met = await meet(listener, { local: address(local), remote });
    assert.equal(met.client.localAddress(), local);
    assert.equal(met.accepted.remote, local);
    assert.equal(met.accepted.local, loopback);
    assert.equal(met.accepted.linkName, undefined);
    await exchange(met);
  });

  test(`what is there is read by pieces, and nothing is no error, over IPv${version}`, async () => {
    using listener = listen({ address: remote });
    const { client, accepted } = await meet(listener, { remote });
    using left = client;
    using right = accepted.socket;
    const buffer = new Uint8Array(3);
    assert.equal(right.read(buffer), undefined);
    left.write(Uint8Array.of(1, 2), true);
    left.write(Uint8Array.of(3, 4, 5), false);
    assert.ok(await untilReady(right.fd, 5000));
    assert.equal(right.read(buffer), 3);
    assert.deepEqual([...buffer], [1, 2, 3]);
    assert.equal(right.read(buffer), 2);
    assert.equal(right.read(buffer), undefined);
  });

  test(`a full kernel takes less than it is given, or nothing, over IPv${version}`, async () => {
    using listener = listen({ address: remote });
    const { client, accepted } = await meet(listener, { remote, maxUnsentBytes: 4096 });
    using left = client;
    using _right = accepted.socket;
    const bytes = new Uint8Array(1 << 20);
    let size = bytes.length;
    for (let count = 0; size > 0 && count < 100; count++) size = left.write(bytes, false);
    assert.equal(size, 0);
  });

  test(`a refused connection over IPv${version} tells the errno`, async () => {
    const listener = listen({ address: remote });
    const port = listener.port();
    listener[Symbol.dispose]();
    await assert.rejects(connect({ local: address(local), remote, port }), isErrno("ECONNREFUSED"));
  });

  test(`with a least TTL packets from further away than that do not get in over IPv${version}`, async () => {
    using listener = listen({ address: remote, minTtl: 255 });
    const port = listener.port();
    assert.equal(await connect({ remote, port, ttl: 64 }, 300), undefined);
    await exchange(await meet(listener, { remote, ttl: 255, minTtl: 64 }));
  });

  test(`the TTL of the first packet of a connection is known over IPv${version}`, async () => {
    using listener = listen({ address: remote });
    for (const ttl of [255, 3]) {
      const met = await meet(listener, { remote, ttl });
      assert.equal(met.accepted.socket.firstTtl(), ttl);
      await exchange(met);
    }
  });

  test(`an accepted connection gets a least TTL of its own over IPv${version}`, async () => {
    using listener = listen({ address: remote, ttl: 255 });
    const met = await meet(listener, { remote, ttl: 64 });
    met.accepted.socket.setMinTtl(255);
    met.client.write(Uint8Array.of(1), false);
    assert.equal(await untilReady(met.accepted.socket.fd, 300), false);
    met.client[Symbol.dispose]();
    met.accepted.socket[Symbol.dispose]();
  });

  test(`the listener's options are those of its connections over IPv${version}`, async () => {
    using listener = listen({ address: remote, ttl: 255, trafficClass: 0xc0, maxUnsentBytes: 12_345 });
    const met = await meet(listener, { remote });
    const option = (level: number, name: number) => getOption(met.accepted.socket.fd, level, name, "test");
    assert.equal(version === 4 ? option(0, 2) : option(41, 16), 255, "the TTL");
    assert.equal(version === 4 ? option(0, 1) : option(41, 67), 0xc0, "the traffic class");
    assert.equal(option(6, 1), 1, "TCP_NODELAY");
    assert.equal(option(6, 25), 12_345, "TCP_NOTSENT_LOWAT");
    await exchange(met);
  });

  const host = prefix(`${loopback}/${version === 4 ? 32 : 128}`);

  test(`only who has the password gets in over IPv${version}, and a new one holds from then on`, async () => {
    using listener = listen({ address: remote });
    const port = listener.port();
    listener.setKey(host, "sesame");
    assert.equal(await connect({ remote, port }, 300), undefined, "without");
    assert.equal(await connect({ remote, port, password: "simsim" }, 300), undefined, "with a wrong one");
    const before = await meet(listener, { remote, password: "sesame" });
    listener.setKey(host, "simsim");
    await exchange(before);
    assert.equal(await connect({ remote, port, password: "sesame" }, 300), undefined, "with that of before");
    await exchange(await meet(listener, { remote, password: "simsim" }));
    listener.setKey(host, undefined);
    listener.setKey(host, undefined);
    await exchange(await meet(listener, { remote }));
  });

  test(`a password may be for a whole prefix over IPv${version}, and the longest prefix counts`, async () => {
    using listener = listen({ address: remote });
    const port = listener.port();
    const wide = prefix(version === 4 ? "127.0.0.0/8" : "2001:db8::/32");
    listener.setKey(wide, "for all");
    const from = { remote, local: address(local) };
    assert.equal(await connect({ ...from, port }, 300), undefined);
    await exchange(await meet(listener, { ...from, password: "for all" }));
    listener.setKey(prefix(`${local}/${version === 4 ? 32 : 128}`), "for one");
    assert.equal(await connect({ ...from, port, password: "for all" }, 300), undefined);
    await exchange(await meet(listener, { ...from, password: "for one" }));
  });
}

test("a password longer than the kernel takes is refused, and is not in the error", () => {
  using listener = listen({ address: { any: 4 } });
  listener.setKey(prefix("192.0.2.1/32"), "x".repeat(80));
  for (const password of ["", "secret".repeat(14)]) {
    assert.throws(
      () => listener.setKey(prefix("192.0.2.1/32"), password),
      (error) => isErrno("EINVAL")(error) && !String(error).includes("secret"),
    );
  }
});

test("listeners of both IP versions share a port, and none has it twice", async () => {
  using four = listen({ address: { any: 4 } });
  using six = listen({ address: { any: 6 }, port: four.port() });
  assert.equal(six.port(), four.port());
  assert.throws(
    () => listen({ address: address("127.0.0.1"), port: four.port() }),
    (error) => isErrno("EADDRINUSE")(error) && /127.0.0.1:/.test(String(error)),
  );
  await exchange(await meet(four, { remote: address("127.0.0.1") }));
  await exchange(await meet(six, { remote: address("::1") }));
});

test("an own address that is not there yet can be listened on, but not connected from", () => {
  const local = address("192.0.2.7");
  assert.throws(
    () => inNamespace(netns, () => TcpSocket.connect({ local, remote: address("127.0.0.1"), port: 179 })),
    (error) => isErrno("EADDRNOTAVAIL")(error) && /127.0.0.1:179 from 192.0.2.7/.test(String(error)),
  );
  for (const own of ["192.0.2.7", "2001:db8::9"]) listen({ address: address(own) })[Symbol.dispose]();
});

test("where there is no route the errno says so at once", () => {
  assert.throws(
    () => inNamespace(netns, () => TcpSocket.connect({ remote: address("203.0.113.1"), port: 179 })),
    isErrno("ENETUNREACH"),
  );
});

test("a link-local peer is reached through the interface that is named, and told by it, with a password too", async () => {
  const remote = address("fe80::1");
  using listener = listen({ address: { any: 6 } });
  for (const password of [undefined, "sesame"]) {
    if (password !== undefined) listener.setKey(prefix("fe80::1/128"), password);
    const met = await meet(listener, { remote, linkName: "va", ...(password === undefined ? {} : { password }) });
    assert.equal(met.accepted.remote, "fe80::1");
    assert.equal(met.accepted.linkName, "va");
    await exchange(met);
  }
  const port = listener.port();
  assert.equal(await connect({ remote, port, linkName: "va" }, 300), undefined);
  await assert.rejects(connect({ remote, port, linkName: "nope" }), isErrno("ENODEV"));
});

test("of many sockets that are ready each is told, and those that had no turn come first the next time", async () => {
  using listener = listen({ address: address("127.0.0.1"), backlog: 400 });
  const remote = address("127.0.0.1");
  const port = listener.port();
  const ends: TcpSocket[] = [];
  for (let i = 0; i < 300; i++) {
    ends.push((await connect({ remote, port })) ?? assert.fail());
    ends.push((await accept(listener)).socket);
  }
  const clients = ends.filter((_, i) => i % 2 === 0);
  const told: number[] = [];
  // One that only this test asks.
  using quiet = new Poller(() => undefined);
  const watches = clients.map((socket, i) => quiet.watch(socket.fd, true, () => told.push(i)));
  let turns = 0;
  quiet.dispatch(() => turns++ < 100);
  assert.equal(told.length, 100);
  quiet.dispatch(always);
  assert.equal(new Set(told).size, 300);
  assert.ok(told.length <= 400, `${told.length} calls`);
  quiet.dispatch(always);
  told.length = 0;
  for (const watch of watches.slice(0, 250)) watch.wantWrite(false);
  for (const watch of watches.slice(250, 275)) watch[Symbol.dispose]();
  quiet.dispatch(always);
  assert.deepEqual(
    told.toSorted((a, b) => a - b),
    Array.from({ length: 25 }, (_, i) => 275 + i),
  );
  for (const socket of ends) socket[Symbol.dispose]();
});
