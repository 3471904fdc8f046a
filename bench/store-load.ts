// The client of the store bench, in a process of its own: node store-load.ts SOCKET write|list|fan CLIENTS COUNT PREFIX
import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { createInterface } from "node:readline";

const [socketPath = "", work, clientsText, countText, prefix] = process.argv.slice(2);
const [clients, count] = [Number(clientsText), Number(countText)];
const sets = "/apis/projectcalico.org/v3/globalnetworksets";

type Reply = { readonly code: number; readonly body: string };

/** One keep-alive connection: the least that can speak HTTP, so that the client's own work stays small. */
class Connection {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on("error", (error) => {
      throw error;
    });
  }

  async request(method: string, path: string, body: string): Promise<Reply> {
    const length = Buffer.byteLength(body);
    this.socket.write(
      `${method} ${path} HTTP/1.1\r\nhost: tortie\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`,
    );
    for (;;) {
      const reply = this.#takeReply();
      if (reply !== undefined) return reply;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  #takeReply(): Reply | undefined {
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const head = this.#received.toString("latin1", 0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#received.length < end + 4 + length) return undefined;
    const body = this.#received.toString("utf8", end + 4, end + 4 + length);
    this.#received = this.#received.subarray(end + 4 + length);
    return { code: Number(head.slice(9, 12)), body };
  }
}

function versionOf({ body }: Reply): string {
  return /"resourceVersion":"(\d+)"/.exec(body)?.[1] ?? "";
}

async function open(): Promise<Connection> {
  const socket = connect(socketPath);
  await once(socket, "connect");
  return new Connection(socket);
}

function manifest(name: string, resourceVersion: string | undefined, nets: number): string {
  const metadata = { name, labels: { role: "bench", tier: "one" }, resourceVersion };
  const spec = { nets: Array.from({ length: nets }, (_, index) => `198.51.${index}.0/24`) };
  return JSON.stringify({ apiVersion: "projectcalico.org/v3", kind: "GlobalNetworkSet", metadata, spec });
}

async function writeAll(): Promise<void> {
  const connections = await Promise.all(Array.from({ length: clients }, open));
  const versions: string[] = [];
  const each = async (write: (connection: Connection, index: number) => Promise<void>): Promise<number> => {
    let next = 0;
    const started = performance.now();
    await Promise.all(
      connections.map(async (connection) => {
        while (next < count) await write(connection, next++);
      }),
    );
    return performance.now() - started;
  };
  const created = await each(async (connection, index) => {
    const { code, body } = await connection.request(
      "POST",
      sets,
      manifest(`${prefix}-${clients}-${index}`, undefined, 12),
    );
    if (code !== 201) throw new Error(body);
    versions[index] = versionOf({ code, body });
  });
  const updated = await each(async (connection, index) => {
    const name = `${prefix}-${clients}-${index}`;
    const { code, body } = await connection.request("PUT", `${sets}/${name}`, manifest(name, versions[index], 11));
    if (code !== 200) throw new Error(body);
  });
  console.log(`${created} ${updated}`);
  for (const { socket } of connections) socket.destroy();
}

async function list(): Promise<void> {
  const socket = connect(socketPath);
  await once(socket, "connect");
  const started = performance.now();
  socket.write(`GET ${sets} HTTP/1.1\r\nhost: tortie\r\nconnection: close\r\n\r\n`);
  let firstMs: number | undefined;
  let sizeBytes = 0;
  for await (const chunk of socket) {
    firstMs ??= performance.now() - started;
    sizeBytes += chunk.length;
  }
  console.log(`${firstMs} ${performance.now() - started} ${sizeBytes}`);
}

async function fan(): Promise<void> {
  const writer = await open();
  const present = await writer.request("GET", `${sets}/set-000000`, "");
  let version = versionOf(present);
  // Written once, so that its version is one that watches may begin at.
  version = versionOf(await writer.request("PUT", `${sets}/set-000000`, manifest("set-000000", version, 11)));
  let [told, opened] = [0, 0];
  let wake: () => void = () => undefined;
  for (let at = 0; at < clients; at++) {
    const socket = connect(socketPath);
    socket.write(`GET ${sets}?watch=1&resourceVersion=${version} HTTP/1.1\r\nhost: tortie\r\n\r\n`);
    socket.on("data", (chunk: Buffer) => {
      if (chunk.includes("HTTP/1.1 200")) opened += 1;
      if (chunk.includes('"MODIFIED"')) told += 1;
      wake();
    });
    // A listening socket takes 511 at once.
    if (at % 200 === 199) await until(() => opened > at - 200);
  }
  await until(() => opened === clients);
  await new Promise((resolve) => setTimeout(resolve, 300));
  console.log("ready");
  await once(createInterface({ input: process.stdin }), "line");
  for (let round = 0; round < count; round++) {
    told = 0;
    const started = performance.now();
    const writing = writer.request("PUT", `${sets}/set-000000`, manifest("set-000000", version, 1 + (round % 11)));
    await until(() => told === clients);
    console.log(performance.now() - started);
    version = versionOf(await writing);
  }
  process.exit(0);

  async function until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  }
}

if (work === "write") await writeAll();
else if (work === "list") await list();
else await fan();
