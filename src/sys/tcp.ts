import { once } from "node:events";
import { type Server, Socket, createServer } from "node:net";
import { setImmediate } from "node:timers/promises";
import { type IpAddress, TortieError, addressVersion } from "../lib/index.ts";
import { checkCall, systemError } from "./errno.ts";
import { FdWatcher } from "./fd-watcher.ts";
import { libc } from "./libc.ts";
import { AF_INET, AF_INET6, addressAndPort, socketAddress } from "./socket-address.ts";
import {
  SOCK_FLAGS,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_ERROR,
  SO_REUSEADDR,
  bindToDevice,
  getOption,
  setOption,
} from "./socket-options.ts";

const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_TTL = 2;
const IP_FREEBIND = 15;
const IP_MINTTL = 21;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_MINHOPCOUNT = 73;
const IPV6_FREEBIND = 78;
const EINPROGRESS = 115;

export type TcpOptions = {
  /** 1 to 255, of the packets sent. */
  readonly ttl?: number;
  /** Packets that come with less are dropped by the kernel (RFC 5082). */
  readonly minTtl?: number;
  /** The own address need not be there yet. */
  readonly isFreebind?: boolean;
  /** Name of the only interface to use; needed for link-local addresses. */
  readonly linkName?: string;
};

export type ConnectOptions = TcpOptions & {
  /** The source address; default: the kernel's choice. */
  readonly local?: IpAddress;
  readonly remote: IpAddress;
  readonly port: number;
  /** Ends the attempt, not the connection. */
  readonly signal: AbortSignal;
};

export type ListenOptions = TcpOptions & {
  /** Default: every address of both IP versions; IPv4 peers then show as ::ffff:a.b.c.d. */
  readonly address?: IpAddress;
  /** 0: a free one. */
  readonly port: number;
  readonly backlog: number;
};

/**
 * Opens a TCP connection with options that node's own sockets do not have. The socket belongs to the network namespace
 * in which this is called. Fails with TT_KERNEL naming both ends and the errno (`fields.errno`), or with the signal's reason.
 */
export async function connectTcp(options: ConnectOptions): Promise<Socket> {
  const { local, remote, port, signal } = options;
  signal.throwIfAborted();
  const what = `connecting to ${addressAndPort(remote, port)}${local === undefined ? "" : ` from ${local}`}`;
  const fd = openTcp(addressVersion(remote), what);
  try {
    setTcpOptions(fd, options, [addressVersion(remote)], what);
    if (local !== undefined) bind(fd, local, 0, what);
    await finishConnect(fd, socketAddress(remote, port), what, signal);
  } catch (error) {
    libc().close(fd);
    throw error;
  }
  return new Socket({ fd, readable: true, writable: true });
}

async function finishConnect(fd: number, address: Uint8Array, what: string, signal: AbortSignal): Promise<void> {
  if (libc().connect(fd, address, address.length) < 0) {
    const errno = libc().errno();
    if (errno !== EINPROGRESS) throw systemError(what, errno);
    using watcher = new FdWatcher(fd);
    await watcher.wait("writable", signal);
  }
  // libuv lets go of the descriptor in its next turn; only then may it be given to it as a stream.
  await setImmediate();
  signal.throwIfAborted();
  const errno = getOption(fd, SOL_SOCKET, SO_ERROR, what);
  if (errno !== 0) throw systemError(what, errno);
}

/** Listens; accepted connections have the same options. The errors are those of `connectTcp`. */
export async function listenTcp(options: ListenOptions): Promise<Server> {
  const { address, port, backlog } = options;
  const what = `listening on ${address === undefined ? `port ${port}` : addressAndPort(address, port)}`;
  const fd = openListener(options, what);
  const server = createServer();
  server.listen({ fd, backlog });
  try {
    await once(server, "listening");
  } catch (error) {
    throw new TortieError("TT_KERNEL", what, { cause: error });
  }
  return server;
}

function openListener(options: ListenOptions, what: string): number {
  const { address, port } = options;
  const versions = address === undefined ? ([6, 4] as const) : [addressVersion(address)];
  const fd = openTcp(versions[0] ?? 4, what);
  try {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, what);
    if (versions.includes(6)) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, versions.includes(4) ? 0 : 1, what);
    setTcpOptions(fd, options, versions, what);
    if (address !== undefined) bind(fd, address, port, what);
    else bindToAny(fd, port, what);
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

function openTcp(version: 4 | 6, what: string): number {
  return checkCall(libc().socket(version === 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_FLAGS, 0), what);
}

function bind(fd: number, address: IpAddress, port: number, what: string): void {
  const bytes = socketAddress(address, port);
  checkCall(libc().bind(fd, bytes, bytes.length), what);
}

function bindToAny(fd: number, port: number, what: string): void {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port, false);
  checkCall(libc().bind(fd, bytes, bytes.length), what);
}

/** `versions`: those that the socket speaks; a socket for both has the options of both. */
function setTcpOptions(fd: number, options: TcpOptions, versions: readonly (4 | 6)[], what: string): void {
  for (const version of versions) {
    const level = version === 4 ? IPPROTO_IP : IPPROTO_IPV6;
    const set = (name: number, value: number) => setOption(fd, level, name, value, what);
    if (options.ttl !== undefined) set(version === 4 ? IP_TTL : IPV6_UNICAST_HOPS, options.ttl);
    if (options.minTtl !== undefined) set(version === 4 ? IP_MINTTL : IPV6_MINHOPCOUNT, options.minTtl);
    if (options.isFreebind === true) set(version === 4 ? IP_FREEBIND : IPV6_FREEBIND, 1);
  }
  if (options.linkName !== undefined) bindToDevice(fd, options.linkName);
}
