import type { Socket } from "node:net";
import type { ConnectionId, SpeakerInput, SpeakerOutput } from "../bgp/index.ts";
import { parseAddress } from "../lib/index.ts";
import { connectTcp } from "../sys/index.ts";

/** How long the other end may take to read our last words. */
const farewellMs = 1000;

type ConnectOutput = Extract<SpeakerOutput, { type: "connect" }>;

/**
 * The sockets by the core's names for them. Reading needs no bound of its own: what is read is worked off before the
 * next read, and the core keeps routes, not messages. Writing has the socket's own: when it is full the core is told.
 */
export class Connections {
  readonly #tell: (input: SpeakerInput) => void;
  readonly #sockets = new Map<ConnectionId, Socket>();
  readonly #connecting = new Map<ConnectionId, AbortController>();
  readonly #corked = new Set<ConnectionId>();
  readonly #leaving = new Set<Promise<void>>();

  constructor(tell: (input: SpeakerInput) => void) {
    this.#tell = tell;
  }

  async connect(output: ConnectOutput): Promise<void> {
    const { connection, localAddress, remoteAddress, port, ttlSecurityHops } = output;
    const controller = new AbortController();
    this.#connecting.set(connection, controller);
    const attempt = await connectTcp({
      remote: remoteAddress,
      port,
      signal: controller.signal,
      ...(localAddress === undefined ? {} : { local: localAddress }),
      // RFC 5082: sent with the greatest TTL, so that the number of hops shows.
      ...(ttlSecurityHops === undefined ? {} : { ttl: 255, minTtl: 256 - ttlSecurityHops }),
    }).then(
      (socket) => ({ socket, reason: "" }),
      (error: unknown) => ({ socket: undefined, reason: error instanceof Error ? error.message : String(error) }),
    );
    // Outside of the task: what goes wrong in the core must not pass for a failed connection.
    setImmediate(() => this.#attempted(output, controller.signal, attempt.socket, attempt.reason));
  }

  #attempted(output: ConnectOutput, signal: AbortSignal, socket: Socket | undefined, reason: string): void {
    const { connection } = output;
    if (signal.aborted) {
      socket?.destroy();
      return;
    }
    this.#connecting.delete(connection);
    const localAddress = output.localAddress ?? parseAddress(socket?.localAddress ?? "");
    if (socket === undefined || localAddress === undefined) {
      socket?.destroy();
      this.#tell({ type: "closed", connection, reason: reason === "" ? "closed by the peer" : reason });
      return;
    }
    this.add(connection, socket);
    this.#tell({ type: "connected", connection, localAddress });
  }

  add(connection: ConnectionId, socket: Socket): void {
    let reason = "closed by the peer";
    this.#sockets.set(connection, socket);
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      if (this.#sockets.has(connection)) this.#tell({ type: "bytes", connection, bytes });
    });
    socket.on("drain", () => {
      if (this.#sockets.has(connection)) this.#tell({ type: "drained", connection });
    });
    socket.on("error", (error) => {
      reason = error.message;
    });
    socket.on("close", () => {
      if (this.#sockets.delete(connection)) this.#tell({ type: "closed", connection, reason });
    });
  }

  /** Held back until `flush`, so that many messages are one system call. */
  write(connection: ConnectionId, bytes: Uint8Array): void {
    const socket = this.#sockets.get(connection);
    if (socket === undefined) return;
    if (!this.#corked.has(connection)) {
      this.#corked.add(connection);
      socket.cork();
    }
    socket.write(bytes);
  }

  flush(): void {
    const written = [...this.#corked];
    this.#corked.clear();
    for (const connection of written) {
      const socket = this.#sockets.get(connection);
      socket?.uncork();
      if (socket?.writableNeedDrain === true) this.#tell({ type: "blocked", connection });
    }
  }

  close(connection: ConnectionId): void {
    this.#connecting.get(connection)?.abort();
    this.#connecting.delete(connection);
    const socket = this.#sockets.get(connection);
    if (socket === undefined) return;
    this.#sockets.delete(connection);
    if (this.#corked.delete(connection)) socket.uncork();
    this.#leave(socket);
  }

  /** Half-closed, not cut: a reset could overtake the NOTIFICATION that was just written. */
  #leave(socket: Socket): void {
    if (socket.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timeout = setTimeout(() => socket.destroy(), farewellMs);
    socket.once("close", () => {
      clearTimeout(timeout);
      this.#leaving.delete(promise);
      resolve();
    });
    this.#leaving.add(promise);
    socket.end();
  }

  async closeAll(): Promise<void> {
    for (const connection of [...this.#sockets.keys(), ...this.#connecting.keys()]) this.close(connection);
    await Promise.all(this.#leaving);
  }
}
