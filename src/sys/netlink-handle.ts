import { TortieError } from "../lib/index.ts";
import { checkCall, systemError } from "./errno.ts";
import { FdWatcher } from "./fd-watcher.ts";
import { hearOnly } from "./netlink-filter.ts";
import { libc } from "./libc.ts";
import { inNamespace } from "./namespace.ts";
import {
  MSG_TRUNC,
  SOCK_FLAGS,
  SOCK_RAW,
  SOL_SOCKET,
  SO_SNDBUF,
  getOption,
  int32,
  setBufferSize,
  setOption,
} from "./socket-options.ts";

const AF_NETLINK = 16;
const protocols = { route: 0, netfilter: 12 } as const;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const EAGAIN = 11;
const EINTR = 4;
const ENOBUFS = 105;

/** The kernel never hands out more than 32 KiB at once. */
const datagramBytes = 65536;
const scratch = new Uint8Array(datagramBytes);

export type NetlinkOptions = {
  readonly protocol: "route" | "netfilter";
  /** Path of the network namespace to work in; default: the own one. The socket stays there for life. */
  readonly netns?: string | undefined;
  /** Numbers of multicast groups (RTNLGRP_, NFNLGRP_). */
  readonly groups?: readonly number[];
  readonly receiveBufferBytes?: number;
  readonly sendBufferBytes?: number;
  /** Messages that the socket of this number has caused are dropped by the kernel already, but for those of these types. */
  readonly deaf?: { readonly toPortId: number; readonly butTypes: readonly number[] } | undefined;
};

/** An open netlink socket: NETLINK_CAP_ACK and NETLINK_EXT_ACK on, route sockets check dump requests strictly. */
export interface NetlinkHandle extends Disposable {
  /** nlmsg_pid of this socket: what it causes is told to others under this number. */
  readonly portId: number;
  /** The longest datagram that `send` can take; longer ones fail with EMSGSIZE. */
  readonly maxSendBytes: number;
  /** One sendmsg: what is in `bytes` reaches the kernel as a whole or not at all. */
  send(bytes: Uint8Array): void;
  /**
   * The same on another thread: the kernel may be at it for long. `bytes` must have a buffer of their own, and stay as they are
   * until it is done. A call costs about 50 us more than `send`.
   */
  sendAside(bytes: Uint8Array): Promise<void>;
  /**
   * The next datagram; waits for it. TT_KERNEL_OVERRUN when the kernel dropped messages because we were slow (ENOBUFS):
   * state must be read again. Rejects when the signal aborts or the socket is closed. One receiver at a time.
   */
  receive(signal?: AbortSignal): Promise<Uint8Array>;
  /** The next datagram if one is there. The kernel's answers are there as soon as `send` is back. */
  receiveNow(): Uint8Array | undefined;
  close(): void;
}

export function openNetlink(options: NetlinkOptions): NetlinkHandle {
  const open = () => new NetlinkSocket(options);
  return options.netns === undefined ? open() : inNamespace(options.netns, open);
}

class NetlinkSocket implements NetlinkHandle {
  readonly portId: number;
  readonly maxSendBytes: number;
  readonly #fd: number;
  readonly #watcher: FdWatcher;
  readonly #protocol: string;
  #isClosed = false;
  /** Calls that other threads are at. */
  #aside = 0;

  constructor(options: NetlinkOptions) {
    this.#protocol = options.protocol;
    this.#fd = checkCall(
      libc().socket(AF_NETLINK, SOCK_RAW | SOCK_FLAGS, protocols[options.protocol]),
      `opening a netlink socket (${options.protocol})`,
    );
    this.#watcher = new FdWatcher(this.#fd);
    try {
      this.#configure(options);
      this.portId = this.#bind();
      // Only now: a bind takes the socket out of the groups that its address does not name.
      for (const group of options.groups ?? []) {
        setOption(this.#fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group, `joining netlink group ${group}`);
      }
      // netlink_sendmsg: EMSGSIZE when longer than the buffer less 32 octets.
      this.maxSendBytes = getOption(this.#fd, SOL_SOCKET, SO_SNDBUF, "reading a socket's buffer size") - 32;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #configure(options: NetlinkOptions): void {
    const isRoute = options.protocol === "route";
    const set = (name: number, value: number) =>
      setOption(this.#fd, SOL_NETLINK, name, value, `setting netlink option ${name} (${options.protocol})`);
    set(NETLINK_CAP_ACK, 1);
    set(NETLINK_EXT_ACK, 1);
    if (isRoute) set(NETLINK_GET_STRICT_CHK, 1);
    if (options.deaf !== undefined) hearOnly(this.#fd, options.deaf);
    if (options.receiveBufferBytes !== undefined) setBufferSize(this.#fd, "receive", options.receiveBufferBytes);
    if (options.sendBufferBytes !== undefined) setBufferSize(this.#fd, "send", options.sendBufferBytes);
  }

  /** Binds to port 0: the kernel picks a free one. */
  #bind(): number {
    const address = new Uint8Array(12);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, true);
    checkCall(libc().bind(this.#fd, address, address.length), "binding a netlink socket");
    checkCall(libc().getsockname(this.#fd, address, int32(address.length)), "reading a netlink socket's port");
    return view.getUint32(4, true);
  }

  send(bytes: Uint8Array): void {
    this.#assertOpen();
    checkCall(libc().send(this.#fd, bytes, bytes.length, 0), `sending to the kernel (${this.#protocol})`, {
      sizeBytes: bytes.length,
      maxBytes: this.maxSendBytes,
    });
  }

  async sendAside(bytes: Uint8Array): Promise<void> {
    this.#assertOpen();
    this.#aside++;
    let size: number;
    try {
      size = await libc().sendAside(this.#fd, bytes, bytes.length, 0);
    } finally {
      this.#aside--;
      // The descriptor's number must not be another's while a thread may still use it.
      if (this.#isClosed && this.#aside === 0) libc().close(this.#fd);
    }
    // What was refused has done nothing: the second time says why, or succeeds.
    if (size < 0) this.send(bytes);
  }

  async receive(signal?: AbortSignal): Promise<Uint8Array> {
    for (;;) {
      signal?.throwIfAborted();
      const datagram = this.receiveNow();
      if (datagram !== undefined) return datagram;
      await this.#watcher.wait("readable", signal);
    }
  }

  receiveNow(): Uint8Array | undefined {
    this.#assertOpen();
    for (;;) {
      const size = libc().recv(this.#fd, scratch, datagramBytes, MSG_TRUNC);
      if (size > datagramBytes) throw new TortieError("TT_KERNEL", `a netlink message of ${size} octets was cut off`);
      if (size >= 0) return scratch.slice(0, size);
      const errno = libc().errno();
      if (errno === EAGAIN) return undefined;
      if (errno === ENOBUFS) {
        throw new TortieError("TT_KERNEL_OVERRUN", `the kernel dropped netlink messages (${this.#protocol})`);
      }
      if (errno !== EINTR) throw systemError(`receiving from the kernel (${this.#protocol})`, errno);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watcher[Symbol.dispose]();
    if (this.#aside === 0) libc().close(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new TortieError("TT_KERNEL", `the netlink socket (${this.#protocol}) is closed`);
  }
}
