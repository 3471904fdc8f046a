import { type IpAddress, addressToCidr, addressVersion } from "../lib/index.ts";
import { checkCall, systemError } from "./errno.ts";
import { libc } from "./libc.ts";
import { addressAndPort, emptySocketAddress, readSocketAddress, socketAddress } from "./socket-address.ts";
import { SOL_SOCKET, SO_ERROR, getOption, int32 } from "./socket-options.ts";
import { setTcpKey } from "./tcp-key.ts";
import { type TcpOptions, bindTcp, openTcp, setMinTtl } from "./tcp-options.ts";

const EINTR = 4;
const EAGAIN = 11;
const EINPROGRESS = 115;
const MSG_NOSIGNAL = 0x4000;
const MSG_MORE = 0x8000;
const SHUT_WR = 1;
const IPPROTO_TCP = 6;
const TCP_SAVED_SYN = 28;
/** Of IP and TCP together. */
const minHeaderBytes = 40;
const maxHeaderBytes = 512;

export type ConnectOptions = TcpOptions & {
  /** The source address; default: the kernel's choice. */
  readonly local?: IpAddress;
  readonly remote: IpAddress;
  readonly port: number;
  /** For TCP's MD5 signatures (RFC 2385). */
  readonly password?: string;
};

/**
 * One end of a TCP connection, by bare system calls: nothing waits and nothing is kept here. Whoever holds it asks a `Poller` when
 * it can go on. Failures are TT_KERNEL with the errno (`fields.errno`).
 */
export class TcpSocket implements Disposable {
  readonly fd: number;
  readonly remote: IpAddress;
  #isClosed = false;

  /** Takes over the descriptor. */
  constructor(fd: number, remote: IpAddress) {
    this.fd = fd;
    this.remote = remote;
  }

  /** Begins to connect: once the socket can be written to, `finishConnect` tells how it went. */
  static connect(options: ConnectOptions): TcpSocket {
    const { local, remote, port, password } = options;
    const what = `connecting to ${addressAndPort(remote, port)}${local === undefined ? "" : ` from ${local}`}`;
    const fd = openTcp(addressVersion(remote), options, what);
    try {
      if (password !== undefined) setTcpKey(fd, addressToCidr(remote), password);
      if (local !== undefined) bindTcp(fd, local, 0, what);
      const address = socketAddress(remote, port);
      if (libc().connect(fd, address, address.length) < 0) {
        const errno = libc().errno();
        if (errno !== EINPROGRESS) throw systemError(what, errno);
      }
      return new TcpSocket(fd, remote);
    } catch (error) {
      libc().close(fd);
      throw error;
    }
  }

  /** Throws when the connection could not be made. */
  finishConnect(): void {
    const errno = getOption(this.fd, SOL_SOCKET, SO_ERROR, "connecting");
    if (errno !== 0) throw systemError("connecting", errno);
  }

  /** The own address of the connection. */
  localAddress(): IpAddress {
    const bytes = emptySocketAddress();
    checkCall(libc().getsockname(this.fd, bytes, int32(bytes.length)), "reading a connection's own address");
    return readSocketAddress(bytes).address;
  }

  /** Of an accepted connection the TTL of the packet that asked for it; undefined when the kernel has not kept it (SYN cookies). */
  firstTtl(): number | undefined {
    const header = new Uint8Array(maxHeaderBytes);
    const size = int32(header.length);
    if (libc().getsockopt(this.fd, IPPROTO_TCP, TCP_SAVED_SYN, header, size) < 0) return undefined;
    if (new DataView(size.buffer).getInt32(0, true) < minHeaderBytes) return undefined;
    return (header[0] ?? 0) >> 4 === 4 ? header[8] : header[7];
  }

  /** From now on packets that come with less are dropped (RFC 5082). */
  setMinTtl(minTtl: number): void {
    setMinTtl(this.fd, addressVersion(this.remote), minTtl, "setting the least TTL of a connection");
  }

  /** From now on segments are signed with this password, of 1 to 80 octets (RFC 2385), and must be. */
  setKey(password: string): void {
    setTcpKey(this.fd, addressToCidr(this.remote), password);
  }

  /** Reads what has come into the buffer: how many octets; 0 when the peer has ended; undefined when there is nothing yet. */
  read(into: Uint8Array): number | undefined {
    for (;;) {
      const size = libc().recv(this.fd, into, into.length, 0);
      if (size >= 0) return size;
      const errno = libc().errno();
      if (errno === EAGAIN) return undefined;
      if (errno !== EINTR) throw systemError("receiving", errno);
    }
  }

  /** Tells how many octets the kernel took: fewer than given, or 0, when its buffer is full. `hasMore`: more follows at once. */
  write(bytes: Uint8Array, hasMore: boolean): number {
    for (;;) {
      const size = libc().send(this.fd, bytes, bytes.length, hasMore ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL);
      if (size >= 0) return size;
      const errno = libc().errno();
      if (errno === EAGAIN) return 0;
      if (errno !== EINTR) throw systemError("sending", errno);
    }
  }

  /** Nothing more will be written. What was written is still delivered. */
  end(): void {
    // The peer may have ended the connection already, which is as good.
    libc().shutdown(this.fd, SHUT_WR);
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    libc().close(this.fd);
  }
}
