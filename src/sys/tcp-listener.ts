import { type Cidr, type IpAddress, type IpVersion, addressFromBytes, addressVersion } from "../lib/index.ts";
import { checkCall, systemError } from "./errno.ts";
import { libc } from "./libc.ts";
import { addressAndPort, emptySocketAddress, readSocketAddress } from "./socket-address.ts";
import { SOCK_FLAGS, SOL_SOCKET, SO_REUSEADDR, int32, linkNameOf, setOption } from "./socket-options.ts";
import { setTcpKey } from "./tcp-key.ts";
import { type TcpOptions, bindTcp, openTcp } from "./tcp-options.ts";
import { TcpSocket } from "./tcp-socket.ts";

const IPPROTO_IP = 0;
const IPPROTO_TCP = 6;
const IPPROTO_IPV6 = 41;
const IP_FREEBIND = 15;
const IPV6_V6ONLY = 26;
const IPV6_FREEBIND = 78;
const TCP_SAVE_SYN = 27;
const EAGAIN = 11;
const anyAddress = { 4: addressFromBytes(new Uint8Array(4)), 6: addressFromBytes(new Uint8Array(16)) } as const;
/** EINTR, EPROTO, ECONNABORTED, ECONNRESET: gone between coming and being taken; the next one is asked for. */
const passingErrnos = new Set([4, 71, 103, 104]);

export type ListenOptions = TcpOptions & {
  /** The own address, which need not be there yet; `any`: all of that IP version. */
  readonly address: IpAddress | { readonly any: IpVersion };
  /** 0: a free one. */
  readonly port: number;
  readonly backlog: number;
};

export type AcceptedTcp = {
  readonly socket: TcpSocket;
  readonly local: IpAddress;
  readonly remote: IpAddress;
  /** Of a link-local address. */
  readonly linkName?: string;
};

/** Waits for TCP connections, which have the listener's options. */
export class TcpListener implements Disposable {
  readonly fd: number;
  readonly #what: string;
  #isClosed = false;

  /** Listens from now on. Fails with TT_KERNEL that names the place. */
  constructor(options: ListenOptions) {
    const { address, port, backlog } = options;
    const version = typeof address === "string" ? addressVersion(address) : address.any;
    const place = typeof address === "string" ? addressAndPort(address, port) : `port ${port} (IPv${version})`;
    this.#what = `listening on ${place}`;
    this.fd = openTcp(version, options, this.#what);
    try {
      setOption(this.fd, SOL_SOCKET, SO_REUSEADDR, 1, this.#what);
      if (version === 6) setOption(this.fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, this.#what);
      if (version === 6) setOption(this.fd, IPPROTO_IPV6, IPV6_FREEBIND, 1, this.#what);
      else setOption(this.fd, IPPROTO_IP, IP_FREEBIND, 1, this.#what);
      setOption(this.fd, IPPROTO_TCP, TCP_SAVE_SYN, 1, this.#what);
      bindTcp(this.fd, typeof address === "string" ? address : anyAddress[version], port, this.#what);
      checkCall(libc().listen(this.fd, backlog), this.#what);
    } catch (error) {
      libc().close(this.fd);
      throw error;
    }
  }

  /** The port that it listens on. */
  port(): number {
    const bytes = emptySocketAddress();
    checkCall(libc().getsockname(this.fd, bytes, int32(bytes.length)), this.#what);
    return readSocketAddress(bytes).port;
  }

  /** See `setTcpKey`. Connections that wait to be taken were made without it. */
  setKey(prefix: Cidr, password: string | undefined): void {
    setTcpKey(this.fd, prefix, password);
  }

  /** The next connection that waits, if there is one. */
  accept(): AcceptedTcp | undefined {
    for (;;) {
      const bytes = emptySocketAddress();
      const fd = libc().accept4(this.fd, bytes, int32(bytes.length), SOCK_FLAGS);
      if (fd >= 0) {
        const accepted = describeAccepted(fd, bytes);
        if (accepted !== undefined) return accepted;
        continue;
      }
      const errno = libc().errno();
      if (errno === EAGAIN) return undefined;
      if (!passingErrnos.has(errno)) throw systemError(`accepting a connection, ${this.#what}`, errno);
    }
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    libc().close(this.fd);
  }
}

/** Undefined: it is gone already. */
function describeAccepted(fd: number, remoteBytes: Uint8Array): AcceptedTcp | undefined {
  const { address: remote, linkIndex } = readSocketAddress(remoteBytes);
  const socket = new TcpSocket(fd, remote);
  try {
    const linkName = linkIndex === 0 ? undefined : linkNameOf(fd, linkIndex);
    return {
      socket,
      remote,
      local: socket.localAddress(),
      ...(linkName === undefined ? {} : { linkName }),
    };
  } catch {
    socket[Symbol.dispose]();
    return undefined;
  }
}
