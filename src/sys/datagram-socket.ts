import { type IpAddress, type IpVersion, addressFromBytes, addressToBytes, addressVersion } from "../lib/index.ts";
import { checkCall, systemError } from "./errno.ts";
import { FdWatcher } from "./fd-watcher.ts";
import { libc } from "./libc.ts";
import { type ControlItem, MessageBuffer } from "./message-buffer.ts";
import { inNamespace } from "./namespace.ts";
import { AF_INET, AF_INET6, addressAndPort, readSocketAddress, socketAddress } from "./socket-address.ts";
import { MSG_TRUNC, SOCK_FLAGS, SOCK_RAW, bindToDevice, linkNameOf, setOption } from "./socket-options.ts";

const SOCK_DGRAM = 2;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IPPROTO_ICMPV6 = 58;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_PKTINFO = 8;
const IP_RECVTTL = 12;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;
const ICMP6_FILTER = 1;
const EINTR = 4;
const EAGAIN = 11;
const ECONNREFUSED = 111;
const MSG_NOSIGNAL = 0x4000;
/** Class selector 6, that of routing protocols (RFC 4594 section 3.2). */
const networkControl = 0xc0;
/** Longer than any packet of the protocols that are spoken here; of longer ones the rest is cut off. */
const payloadBytes = 2048;
/** Links may change their names; they are asked for them no more often than this. */
const namesLastMs = 1000;

export type Datagram = {
  readonly bytes: Uint8Array;
  readonly remoteAddress: IpAddress;
  /** The address that it came to: a multicast one, perhaps. */
  readonly localAddress: IpAddress;
  /** The link that it came over; empty when that is gone already. */
  readonly linkName: string;
  /** TTL or hop limit that it came with. */
  readonly ttl: number;
};

type InNamespace = {
  /** Path of a network namespace; default: the own one. */
  readonly netns?: string | undefined;
};

/** Datagrams of a port or of a link, each with where it came from, where to, over which link and with what TTL. */
export interface DatagramReceiver extends Disposable {
  /** The next datagram if one is there. */
  receiveNow(): Datagram | undefined;
  /** Waits until one is there; one waiter at a time. Ends also when the signal aborts or the socket is closed. */
  wait(signal?: AbortSignal): Promise<void>;
}

/** Sends to one place from one port; packets are marked as those of routing protocols. */
export interface DatagramSender extends Disposable {
  /** Fails with TT_KERNEL when there is no way, or when the own address or the link is not there. */
  send(bytes: Uint8Array): void;
}

/** Receives at a UDP port on all addresses of one IP version, from all links. */
export function openUdpReceiver(options: InNamespace & { version: IpVersion; port: number }): DatagramReceiver {
  const { version, port, netns } = options;
  const what = `receiving UDP over IPv${version} at port ${port}`;
  const any = addressFromBytes(new Uint8Array(version === 4 ? 4 : 16));
  return within(netns, () =>
    build(version === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, what, (fd) => {
      if (version === 6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, what);
      tellOrigins(fd, version, what);
      bind(fd, socketAddress(any, port), what);
      return new Receiver(fd, version, what);
    }),
  );
}

export type UdpSenderOptions = InNamespace & {
  readonly remote: IpAddress;
  readonly remotePort: number;
  /** Default: the address that the kernel chooses for the way there. */
  readonly local?: IpAddress | undefined;
  readonly localPort: number;
  /** The only link to use; needed for link-local addresses. */
  readonly linkName?: string | undefined;
  /** 1 to 255. */
  readonly ttl: number;
};

/** The port is in use: TT_KERNEL with `fields.errno` EADDRINUSE. */
export function openUdpSender(options: UdpSenderOptions): DatagramSender {
  const { remote, remotePort, local, localPort, linkName, ttl, netns } = options;
  const version = addressVersion(remote);
  const what = `sending UDP to ${addressAndPort(remote, remotePort)}`;
  const source = local ?? addressFromBytes(new Uint8Array(version === 4 ? 4 : 16));
  return within(netns, () =>
    build(version === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, what, (fd) => {
      const [level, ttlName, classOption] =
        version === 4 ? [IPPROTO_IP, IP_TTL, IP_TOS] : [IPPROTO_IPV6, IPV6_UNICAST_HOPS, IPV6_TCLASS];
      setOption(fd, level, ttlName, ttl, what);
      setOption(fd, level, classOption, networkControl, what);
      if (linkName !== undefined) bindToDevice(fd, linkName);
      const linkIndex = linkName === undefined ? 0 : libc().ifNameToIndex(linkName);
      bind(fd, socketAddress(source, localPort, linkIndex), what);
      const address = socketAddress(remote, remotePort, linkIndex);
      checkCall(libc().connect(fd, address, address.length), what);
      return new Sender(fd, what);
    }),
  );
}

export type Icmp6Options = InNamespace & {
  readonly linkName: string;
  /** Types of messages to receive; the kernel has checked their checksums. */
  readonly types: readonly number[];
  /** Multicast groups to be a member of, beside those that every node is in. */
  readonly groups: readonly IpAddress[];
};

export interface Icmp6Socket extends DatagramReceiver {
  /** On its link, with a hop limit of 255; the kernel fills in the checksum. Fails with TT_KERNEL while `from` may not be used. */
  sendTo(bytes: Uint8Array, to: IpAddress, from: IpAddress): void;
}

/** ICMPv6 on one link. TT_KERNEL with `fields.errno` ENODEV when there is no such link. */
export function openIcmp6(options: Icmp6Options): Icmp6Socket {
  const { linkName, types, groups, netns } = options;
  const what = `speaking ICMPv6 on the interface ${linkName}`;
  return within(netns, () =>
    build(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, what, (fd) => {
      // Before anything else, so that nothing is received that is not wanted.
      setFilter(fd, types, what);
      bindToDevice(fd, linkName);
      const linkIndex = libc().ifNameToIndex(linkName);
      if (linkIndex === 0) throw systemError(what, libc().errno(), { link: linkName });
      tellOrigins(fd, 6, what);
      setOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255, what);
      setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255, what);
      setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0, what);
      for (const group of groups) joinGroup(fd, group, linkIndex, what);
      return new Icmp6(fd, linkIndex, what);
    }),
  );
}

function within<T>(netns: string | undefined, open: () => T): T {
  return netns === undefined ? open() : inNamespace(netns, open);
}

/** Makes a socket; closes it again when making it ready fails. */
function build<T>(family: number, type: number, protocol: number, what: string, prepare: (fd: number) => T): T {
  const fd = checkCall(libc().socket(family, type | SOCK_FLAGS, protocol), what);
  try {
    return prepare(fd);
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

function bind(fd: number, address: Uint8Array, what: string): void {
  checkCall(libc().bind(fd, address, address.length), what);
}

function tellOrigins(fd: number, version: IpVersion, what: string): void {
  const [level, names] =
    version === 4 ? [IPPROTO_IP, [IP_PKTINFO, IP_RECVTTL]] : [IPPROTO_IPV6, [IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT]];
  for (const name of names) setOption(fd, level, name, 1, what);
}

/** struct icmp6_filter: a set bit keeps a type out. */
function setFilter(fd: number, types: readonly number[], what: string): void {
  const words = new Uint32Array(8).fill(0xffffffff);
  for (const type of types) words[type >> 5] = (words[type >> 5] ?? 0) & ~(1 << (type & 31));
  const value = new Uint8Array(words.buffer);
  checkCall(libc().setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, value, value.length), what);
}

/** struct ipv6_mreq. */
function joinGroup(fd: number, group: IpAddress, linkIndex: number, what: string): void {
  const request = new Uint8Array(20);
  request.set(addressToBytes(group));
  new DataView(request.buffer).setUint32(16, linkIndex, true);
  checkCall(libc().setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, request, request.length), what);
}

class OpenSocket implements Disposable {
  protected readonly fd: number;
  protected readonly what: string;
  protected isClosed = false;

  constructor(fd: number, what: string) {
    this.fd = fd;
    this.what = what;
  }

  [Symbol.dispose](): void {
    if (this.isClosed) return;
    this.isClosed = true;
    libc().close(this.fd);
  }
}

class Sender extends OpenSocket implements DatagramSender {
  send(bytes: Uint8Array): void {
    const trySend = () => libc().send(this.fd, bytes, bytes.length, MSG_NOSIGNAL);
    if (trySend() >= 0) return;
    const errno = libc().errno();
    // Nobody was there for the packet before: told now, and this one is not sent for it.
    if (errno === ECONNREFUSED) checkCall(trySend(), this.what);
    // A full queue is a lost packet, as on the way.
    else if (errno !== EAGAIN && errno !== EINTR) throw systemError(this.what, errno);
  }
}

class Receiver extends OpenSocket implements DatagramReceiver {
  protected readonly message = new MessageBuffer(payloadBytes);
  readonly #watcher: FdWatcher;
  readonly #version: IpVersion;
  readonly #nameByLink = new Map<number, string>();
  #namesSince = 0;

  constructor(fd: number, version: IpVersion, what: string) {
    super(fd, what);
    this.#version = version;
    this.#watcher = new FdWatcher(fd);
  }

  receiveNow(): Datagram | undefined {
    while (!this.isClosed) {
      this.message.prepareReceive();
      const size = libc().recvmsg(this.fd, this.message.header, MSG_TRUNC);
      if (size >= 0) return this.#read(size);
      const errno = libc().errno();
      if (errno === EAGAIN) return undefined;
      if (errno !== EINTR) throw systemError(this.what, errno);
    }
    return undefined;
  }

  async wait(signal?: AbortSignal): Promise<void> {
    await this.#watcher.wait("readable", signal);
  }

  override [Symbol.dispose](): void {
    this.#watcher[Symbol.dispose]();
    super[Symbol.dispose]();
  }

  #read(size: number): Datagram {
    const { address } = readSocketAddress(this.message.address);
    const isV4 = this.#version === 4;
    const info =
      (isV4 ? this.message.item(IPPROTO_IP, IP_PKTINFO) : this.message.item(IPPROTO_IPV6, IPV6_PKTINFO)) ??
      new Uint8Array(20);
    // struct in_pktinfo: link, source to answer from, address in the packet. struct in6_pktinfo: address, link.
    const link = new DataView(info.buffer, info.byteOffset).getUint32(isV4 ? 0 : 16, true);
    const ttl = isV4 ? this.message.item(IPPROTO_IP, IP_TTL) : this.message.item(IPPROTO_IPV6, IPV6_HOPLIMIT);
    return {
      bytes: this.message.payload(size),
      remoteAddress: address,
      localAddress: addressFromBytes(isV4 ? info.subarray(8, 12) : info.subarray(0, 16)),
      linkName: this.#linkName(link),
      ttl: ttl?.[0] ?? 0,
    };
  }

  #linkName(linkIndex: number): string {
    const now = performance.now();
    if (now - this.#namesSince > namesLastMs) {
      this.#namesSince = now;
      this.#nameByLink.clear();
    }
    const known = this.#nameByLink.get(linkIndex);
    if (known !== undefined) return known;
    const name = linkNameOf(this.fd, linkIndex) ?? "";
    this.#nameByLink.set(linkIndex, name);
    return name;
  }
}

class Icmp6 extends Receiver implements Icmp6Socket {
  readonly #linkIndex: number;
  readonly #outgoing = new MessageBuffer(payloadBytes);

  constructor(fd: number, linkIndex: number, what: string) {
    super(fd, 6, what);
    this.#linkIndex = linkIndex;
  }

  sendTo(bytes: Uint8Array, to: IpAddress, from: IpAddress): void {
    const info = new Uint8Array(20);
    info.set(addressToBytes(from));
    new DataView(info.buffer).setUint32(16, this.#linkIndex, true);
    const items: ControlItem[] = [{ level: IPPROTO_IPV6, type: IPV6_PKTINFO, value: info }];
    this.#outgoing.prepareSend(bytes, socketAddress(to, 0, this.#linkIndex), items);
    checkCall(libc().sendmsg(this.fd, this.#outgoing.header, MSG_NOSIGNAL), this.what);
  }
}
