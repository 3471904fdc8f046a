import type { ConnectionId, SpeakerInput, SpeakerOutput } from "../bgp/index.ts";
import { type IpAddress, TortieError } from "../lib/index.ts";
import { type Poller, type Readiness, TcpSocket, type Watch, inNamespace } from "../sys/index.ts";
import { minTtlWithin, sessionSocket } from "./session-socket.ts";
import { Stream } from "./stream.ts";

/** How long the other end may take to read our last words. */
const farewellMs = 1000;
/** Of connections that are over and wait for that; beyond it the oldest is cut, so that strangers cannot use them up. */
const maxLeaving = 1024;
/** As much as is read at once: one message of the greatest length, or some 10,000 routes, which is a few milliseconds of work. */
const readBytes = 64 * 1024;

type ConnectOutput = Extract<SpeakerOutput, { type: "connect" }>;

/**
 * The sockets by the core's names for them. What is read is worked off before the next read, and is in a buffer that all
 * share: who wants to keep octets has to copy them. Writing waits until `flush`, so that many messages are one system call.
 */
export class Connections {
  readonly #poller: Poller;
  readonly #tell: (input: SpeakerInput) => void;
  readonly #netns: string | undefined;
  readonly #now: () => number;
  readonly #buffer = new Uint8Array(readBytes);
  readonly #streams = new Map<ConnectionId, Stream>();
  readonly #connecting = new Map<ConnectionId, { readonly socket: TcpSocket; readonly watch: Watch }>();
  readonly #leaving = new Map<Stream, () => void>();
  #dirty: Stream[] = [];
  #failed: { readonly connection: ConnectionId; readonly reason: string }[] = [];
  #isEmpty = Promise.withResolvers<void>();

  /** `tell` may be called from every method but `connect`, `add`, `write` and `close`, which the core's outputs lead to. */
  constructor(
    poller: Poller,
    tell: (input: SpeakerInput) => void,
    netns: string | undefined,
    now: () => number = () => performance.now(),
  ) {
    this.#poller = poller;
    this.#tell = tell;
    this.#netns = netns;
    this.#now = now;
  }

  /** Something that was written has not been given to the kernel yet. */
  get isDirty(): boolean {
    return this.#dirty.length > 0;
  }

  get hasFailures(): boolean {
    return this.#failed.length > 0;
  }

  connect(output: ConnectOutput): void {
    const { connection, localAddress, remoteAddress, port, linkName, ttlSecurityHops, password } = output;
    const options = {
      ...sessionSocket,
      remote: remoteAddress,
      port,
      ...(localAddress === undefined ? {} : { local: localAddress }),
      ...(linkName === undefined ? {} : { linkName }),
      ...(ttlSecurityHops === undefined ? {} : { minTtl: minTtlWithin(ttlSecurityHops) }),
      ...(password === undefined ? {} : { password }),
    };
    let socket: TcpSocket | undefined;
    try {
      const open = () => TcpSocket.connect(options);
      socket = this.#netns === undefined ? open() : inNamespace(this.#netns, open);
      const watch = this.#poller.watch(socket.fd, true, () => this.#attempted(connection));
      this.#connecting.set(connection, { socket, watch });
    } catch (error) {
      socket?.[Symbol.dispose]();
      this.#failed.push({ connection, reason: reasonOf(error) });
    }
  }

  /** Whatever does not take the new password goes: it must not live on with the old one. */
  rekey(connection: ConnectionId, password: string): void {
    const stream = this.#streams.get(connection);
    const attempt = this.#connecting.get(connection);
    try {
      stream?.socket.setKey(password);
      attempt?.socket.setKey(password);
    } catch (error) {
      if (stream !== undefined) this.#streams.delete(connection);
      if (attempt !== undefined) this.#connecting.delete(connection);
      attempt?.watch[Symbol.dispose]();
      attempt?.socket[Symbol.dispose]();
      stream?.[Symbol.dispose]();
      this.#failed.push({ connection, reason: reasonOf(error) });
    }
  }

  /** Takes over a connection that was accepted. */
  add(connection: ConnectionId, socket: TcpSocket): void {
    const stream: Stream = new Stream(
      connection,
      socket,
      this.#poller.watch(socket.fd, false, (readiness) => this.#ready(stream, readiness)),
    );
    this.#streams.set(connection, stream);
  }

  write(connection: ConnectionId, bytes: Uint8Array): void {
    const stream = this.#streams.get(connection);
    if (stream === undefined) return;
    stream.write(bytes);
    this.#markDirty(stream);
  }

  /** What was written before is still sent. */
  close(connection: ConnectionId): void {
    const attempt = this.#connecting.get(connection);
    if (attempt !== undefined) {
      this.#connecting.delete(connection);
      attempt.watch[Symbol.dispose]();
      attempt.socket[Symbol.dispose]();
    }
    const stream = this.#streams.get(connection);
    if (stream === undefined) return;
    this.#streams.delete(connection);
    // Strangers are not spoken to, and there may be many of them.
    if (stream.hasSpoken) this.#leave(stream);
    else stream[Symbol.dispose]();
  }

  /** Reads what has come for this one, before the others. */
  readNow(connection: ConnectionId): void {
    const stream = this.#streams.get(connection);
    if (stream !== undefined) this.#read(stream);
  }

  /** Attempts that failed at once. */
  tellFailures(): void {
    const failed = this.#failed;
    this.#failed = [];
    for (const { connection, reason } of failed) this.#tell({ type: "closed", connection, reason });
  }

  /** Gives the kernel what has been written, in the order of the first writing, for as long as `mayGoOn` says so. */
  flush(mayGoOn: () => boolean): void {
    let done = 0;
    for (const stream of this.#dirty) {
      if (!mayGoOn()) break;
      done++;
      stream.isDirty = false;
      this.#flush(stream, !stream.isWaiting);
    }
    this.#dirty = this.#dirty.slice(done);
  }

  /** Ends when everybody has read our last words, or has had the time for it. */
  async closeAll(): Promise<void> {
    for (const connection of [...this.#streams.keys(), ...this.#connecting.keys()]) this.close(connection);
    this.flush(() => true);
    if (this.#leaving.size > 0) await this.#isEmpty.promise;
  }

  #attempted(connection: ConnectionId): void {
    const attempt = this.#connecting.get(connection);
    if (attempt === undefined) return;
    this.#connecting.delete(connection);
    attempt.watch[Symbol.dispose]();
    const localAddress = this.#finish(connection, attempt.socket);
    if (localAddress === undefined) this.tellFailures();
    else this.#tell({ type: "connected", connection, localAddress });
  }

  /** The own address; undefined when the attempt has failed. */
  #finish(connection: ConnectionId, socket: TcpSocket): IpAddress | undefined {
    try {
      socket.finishConnect();
      const localAddress = socket.localAddress();
      this.add(connection, socket);
      return localAddress;
    } catch (error) {
      socket[Symbol.dispose]();
      this.#failed.push({ connection, reason: reasonOf(error) });
      return undefined;
    }
  }

  #ready(stream: Stream, { isReadable, isWritable }: Readiness): void {
    if (isWritable) this.#flush(stream);
    if (isReadable) this.#read(stream);
  }

  #read(stream: Stream): void {
    const size = this.#try(stream, () => stream.socket.read(this.#buffer));
    if (size === undefined) return;
    if (size === 0) this.#end(stream, "closed by the peer");
    else if (!this.#leaving.has(stream))
      this.#tell({ type: "bytes", connection: stream.id, bytes: this.#buffer.subarray(0, size) });
  }

  /** Without `isTaken` the kernel is known to be full. */
  #flush(stream: Stream, isTaken = true): void {
    const nowMs = this.#now();
    const change = this.#try(stream, () => (isTaken ? stream.flush(nowMs) : stream.wait(nowMs)));
    if (stream.isClosed) return;
    if (!this.#leaving.has(stream)) {
      if (change !== undefined) this.#tell({ type: change, connection: stream.id });
    } else if (stream.isEmpty) {
      // Half-closed, not cut: a reset could overtake the NOTIFICATION that was just written.
      stream.socket.end();
    }
  }

  /** Undefined also when the connection is broken, which is told, or over already. */
  #try<T>(stream: Stream, call: () => T): T | undefined {
    if (stream.isClosed) return undefined;
    try {
      return call();
    } catch (error) {
      this.#end(stream, reasonOf(error));
      return undefined;
    }
  }

  #leave(stream: Stream): void {
    const timeout = setTimeout(() => this.#forget(stream), farewellMs);
    this.#leaving.set(stream, () => clearTimeout(timeout));
    this.#markDirty(stream);
    const [oldest] = this.#leaving.keys();
    if (this.#leaving.size > maxLeaving && oldest !== undefined) this.#forget(oldest);
  }

  #markDirty(stream: Stream): void {
    if (stream.isDirty) return;
    stream.isDirty = true;
    this.#dirty.push(stream);
  }

  /** Whatever was left to be done with it cannot be. */
  #end(stream: Stream, reason: string): void {
    if (this.#leaving.has(stream)) {
      this.#forget(stream);
      return;
    }
    stream[Symbol.dispose]();
    this.#streams.delete(stream.id);
    this.#tell({ type: "closed", connection: stream.id, reason });
  }

  #forget(stream: Stream): void {
    this.#leaving.get(stream)?.();
    this.#leaving.delete(stream);
    stream[Symbol.dispose]();
    if (this.#leaving.size > 0) return;
    this.#isEmpty.resolve();
    this.#isEmpty = Promise.withResolvers();
  }
}

/** Anything but a failure of the world is a bug of ours, and must not pass for a lost connection. */
function reasonOf(error: unknown): string {
  if (error instanceof TortieError) return error.message;
  throw error;
}
