import assert from "node:assert/strict";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { type Server, type Socket, connect, createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import type { SpeakerInput } from "../bgp/index.ts";
import { parseAddress, seededRandom } from "../lib/index.ts";
import { Poller, TcpListener } from "../sys/index.ts";
import { Connections } from "./connections.ts";

const address = (text: string) => parseAddress(text) ?? assert.fail(text);

/** Connections with a loop of their own, and all that they told. */
class Driver implements AsyncDisposable {
  readonly told: SpeakerInput[] = [];
  readonly connections: Connections;
  readonly #poller = new Poller(() => setImmediate(() => this.turn()));
  #waiting: { readonly isSo: () => boolean; readonly resolve: () => void }[] = [];

  constructor(now?: () => number) {
    this.connections = new Connections(
      this.#poller,
      // Octets are in a place that is used again.
      (input) => void this.told.push(structuredClone(input)),
      undefined,
      now,
    );
  }

  turn(): void {
    this.connections.tellFailures();
    this.#poller.dispatch(() => true);
    this.connections.flush(() => true);
    for (const { isSo, resolve } of this.#waiting) if (isSo()) resolve();
    this.#waiting = this.#waiting.filter(({ isSo }) => !isSo());
  }

  async until(isSo: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ isSo, resolve });
    this.turn();
    await promise;
  }

  count(type: SpeakerInput["type"]): number {
    return this.told.filter((input) => input.type === type).length;
  }

  connect(connection: string, port: number): void {
    this.connections.connect({ type: "connect", connection, remoteAddress: address("127.0.0.1"), port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connections.closeAll();
    this.#poller[Symbol.dispose]();
  }
}

async function listen(): Promise<{ server: Server; port: number; accepted: Promise<Socket> }> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const place = server.address();
  assert.ok(typeof place === "object" && place !== null);
  const accepted = once(server, "connection").then(([socket]: Socket[]) => {
    server.close();
    return socket ?? assert.fail();
  });
  return { server, port: place.port, accepted };
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await once(socket, "end");
  return Buffer.concat(chunks);
}

function sockets(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;
}

/** Octets of connections of the port that the kernel holds: `tx:rx` of /proc/net/tcp. */
function heldBytes(port: number): number {
  const text = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  const queues = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, own, other]) => `${own} ${other} `.includes(`${text} `));
  return queues.reduce(
    (sum, [, , , , queue = ""]) => sum + Number.parseInt(queue.slice(0, 8), 16) + Number.parseInt(queue.slice(9), 16),
    0,
  );
}

/** In small pieces; gives how many octets it took until the core was told to wait. */
function writeUntilBlocked(driver: Driver, afterPiece: () => void = () => undefined): number {
  const piece = new Uint8Array(8192);
  let written = 0;
  while (driver.count("blocked") === 0) {
    assert.ok(written < 100_000_000, "the kernel is full by now");
    driver.connections.write("out:0", piece);
    driver.connections.flush(() => true);
    written += piece.length;
    afterPiece();
  }
  return written;
}

test("who does not read at all is told to the core though little waits for it (RFC 9687)", async () => {
  let nowMs = 0;
  await using driver = new Driver(() => nowMs);
  const { port, accepted } = await listen();
  driver.connect("out:0", port);
  const socket = await accepted;
  await driver.until(() => driver.count("connected") === 1);
  const written = writeUntilBlocked(driver, () => (nowMs += 3000));
  // What is on its way is counted at both ends.
  const waiting = written - heldBytes(port);
  assert.ok(waiting < 130_000, `${waiting} octets wait`);
  const reading = readAll(socket);
  await driver.until(() => driver.count("drained") === 1);
  driver.connections.close("out:0");
  driver.turn();
  assert.equal((await reading).length, written);
  assert.equal(driver.count("blocked"), 1);
  socket.end();
});

test("the core is told when much waits, however small the pieces that it came in", async () => {
  await using driver = new Driver(() => 0);
  const { port, accepted } = await listen();
  driver.connect("out:0", port);
  const socket = await accepted;
  await driver.until(() => driver.count("connected") === 1);
  const written = writeUntilBlocked(driver);
  assert.ok(written - heldBytes(port) < 300_000);
  socket.destroy();
});

test("who reads slowly gets everything in order, and the core is told to wait and to go on", async () => {
  await using driver = new Driver();
  const { port, accepted } = await listen();
  driver.connect("out:0", port);
  const socket = await accepted;
  await driver.until(() => driver.count("connected") === 1);
  const random = seededRandom(1);
  const pieces = Array.from({ length: 3000 }, (_, i) => {
    const longest = [50, 5_000, 40_000][Math.floor(random() * 3)] ?? 0;
    return new Uint8Array(1 + Math.floor(random() * longest)).fill(i & 0xff);
  });
  for (const [i, piece] of pieces.entries()) {
    driver.connections.write("out:0", piece);
    // Every now and then a turn ends.
    if (i % 100 === 0) driver.connections.flush(() => true);
  }
  driver.connections.flush(() => true);
  assert.equal(driver.count("blocked"), 1);
  assert.equal(driver.count("drained"), 0);
  const reading = readAll(socket);
  await driver.until(() => driver.count("drained") === 1);
  driver.connections.close("out:0");
  driver.turn();
  const sum = Buffer.concat(pieces);
  assert.ok(sum.equals(await reading), "the octets are those that were written");
  assert.ok(
    pieces.every((piece, i) => piece.every((octet) => octet === (i & 0xff))),
    "pieces are left as they were",
  );
  assert.equal(driver.count("blocked"), 1);
  socket.end();
});

test("the last words arrive, and nothing is told of what the core has closed", async () => {
  await using driver = new Driver();
  const { port, accepted } = await listen();
  driver.connect("out:0", port);
  const socket = await accepted;
  await driver.until(() => driver.count("connected") === 1);
  // Unread octets on our side would turn a plain close into a reset.
  socket.write("a question");
  driver.connections.write("out:0", Buffer.from("farewell"));
  driver.connections.close("out:0");
  driver.connections.write("out:0", Buffer.from("and another thing"));
  driver.turn();
  assert.equal(String(await readAll(socket)), "farewell");
  socket.end();
  await driver.connections.closeAll();
  assert.deepEqual(
    driver.told.map(({ type }) => type),
    ["connected"],
  );
});

test("an end by the peer, a reset and a refusal are told once, each with its reason", async () => {
  await using driver = new Driver();
  for (const [id, end] of [
    ["out:0", (socket: Socket) => socket.end()],
    ["out:1", (socket: Socket) => socket.resetAndDestroy()],
  ] as const) {
    const { port, accepted } = await listen();
    driver.connect(id, port);
    const socket = await accepted;
    await driver.until(() => driver.told.some((input) => input.type === "connected" && input.connection === id));
    end(socket);
    await driver.until(() => driver.told.some((input) => input.type === "closed" && input.connection === id));
    socket.destroy();
  }
  const { port, server } = await listen();
  server.close();
  await once(server, "close");
  driver.connect("out:2", port);
  await driver.until(() => driver.count("closed") === 3);
  // Fails in the call itself.
  driver.connections.connect({
    type: "connect",
    connection: "out:3",
    remoteAddress: address("127.0.0.1"),
    localAddress: address("192.0.2.1"),
    port,
  });
  assert.equal(driver.count("closed"), 3, "not from within");
  driver.turn();
  driver.turn();
  const reasons = driver.told.flatMap((input) =>
    input.type === "closed" ? [`${input.connection}: ${input.reason}`] : [],
  );
  assert.deepEqual(reasons, [
    "out:0: closed by the peer",
    "out:1: receiving: ECONNRESET",
    "out:2: connecting: ECONNREFUSED",
    `out:3: connecting to 127.0.0.1:${port} from 192.0.2.1: EADDRNOTAVAIL`,
  ]);
});

test("no socket is left, however connections end", async () => {
  const before = sockets();
  {
    await using driver = new Driver();
    using listener = new TcpListener({ address: address("127.0.0.1"), port: 0, backlog: 100 });
    const port = listener.port();
    for (let i = 0; i < 60; i++) {
      driver.connect(`out:${i}`, port);
      // Given up on the way.
      if (i % 3 === 0) driver.connections.close(`out:${i}`);
    }
    await driver.until(() => driver.count("connected") === 40);
    for (let accepted = listener.accept(), i = 0; accepted !== undefined; accepted = listener.accept(), i++) {
      driver.connections.add(`in:${i}`, accepted.socket);
    }
    for (let i = 0; i < 60; i++) {
      driver.connections.write(`in:${i}`, Uint8Array.of(1));
      if (i % 2 === 0) driver.connections.close(`in:${i}`);
    }
    driver.turn();
    assert.ok(sockets() > before + 50);
  }
  assert.ok(sockets() <= before);
});

test("with thousands of strangers who do not hang up the oldest are cut off", async () => {
  await using driver = new Driver();
  using listener = new TcpListener({ address: address("127.0.0.1"), port: 0, backlog: 2000 });
  const port = listener.port();
  const strangers: Socket[] = [];
  const before = sockets();
  for (let i = 0; i < 1300; i++) {
    const stranger = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    stranger.on("error", () => undefined);
    strangers.push(stranger);
    await once(stranger, "connect");
    driver.connections.add(`in:${i}`, (listener.accept() ?? assert.fail()).socket);
    if (i % 10 === 0) {
      // Not spoken to: gone at once.
      const now = sockets();
      driver.connections.close(`in:${i}`);
      assert.equal(sockets(), now - 1);
      continue;
    }
    driver.connections.write(`in:${i}`, Uint8Array.of(1));
    driver.connections.close(`in:${i}`);
  }
  driver.turn();
  assert.ok(sockets() - before - strangers.length <= 1030);
  for (const stranger of strangers) stranger.destroy();
});
