import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type koffi from "koffi";
import { addressFromBytes, addressToBytes, addressVersion, parseAddress } from "../../src/lib/index.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW_FLAGS = 3 | 0x80000 | 0x800;
const icmp4 = 1;
const icmp6 = 58;
const sctp = 132;
const ownPort = 40_000;
const scratchBytes = 2048;

type RawAttempt = { readonly protocol: string; readonly from: string; readonly to: string; readonly port: number };
type Endpoint = { readonly fd: number; readonly address: string; readonly protocol: number };
type Settle = (outcome: "open") => void;

/**
 * Pings, and the first two packets of SCTP associations, by raw sockets: the kernel need not know SCTP itself. Answers others' INITs.
 * Looks only when it is told to.
 */
export class RawProbes implements Disposable {
  readonly #libc = load();
  readonly #endpoints: readonly Endpoint[];
  readonly #onPacket: () => void;
  readonly #scratch = new Uint8Array(scratchBytes);
  /** By protocol, remote address and the number that the answer carries. */
  #waiting = new Map<string, Settle>();
  #lastNumber = 0;

  constructor(addresses: readonly string[], onPacket: () => void) {
    this.#onPacket = onPacket;
    this.#endpoints = addresses.flatMap((address) => {
      const isIpv6 = address.includes(":");
      return [isIpv6 ? icmp6 : icmp4, sctp].map((protocol) => ({
        fd: this.#open(address, protocol),
        address,
        protocol,
      }));
    });
  }

  /** Forgets what was waited for. */
  begin(): void {
    this.#waiting = new Map();
  }

  try({ protocol, from, to, port }: RawAttempt, settle: Settle): void {
    const isPing = protocol === "ping";
    const endpoint = this.#endpoints.find((one) => one.address === from && (one.protocol !== sctp) === isPing);
    assert.ok(endpoint !== undefined, `a socket for ${protocol} at ${from}`);
    this.#lastNumber = (this.#lastNumber + 1) & 0xfff;
    const number = this.#lastNumber;
    const source = ownPort + number;
    this.#waiting.set(`${endpoint.protocol} ${to} ${isPing ? number : `${port} ${source}`}`, settle);
    this.#send(endpoint, to, isPing ? echo(endpoint.protocol, number) : chunk(source, port, "init"));
  }

  /** Takes what has come. */
  look(): void {
    for (const endpoint of this.#endpoints) {
      for (let packet = this.#receive(endpoint); packet !== undefined; packet = this.#receive(endpoint)) {
        this.#take(endpoint, packet.remote, packet.payload);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#endpoints) this.#libc.close(fd);
  }

  #take(endpoint: Endpoint, remote: string, payload: Uint8Array): void {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    if (endpoint.protocol === sctp) {
      if (payload.length < 32) return;
      const [source, target] = [view.getUint16(0), view.getUint16(2)];
      if (payload[12] === 1) {
        this.#onPacket();
        this.#send(endpoint, remote, chunk(target, source, "initAck"));
      } else this.#answered(`${sctp} ${remote} ${source} ${target}`);
      return;
    }
    const isAnswer = payload[0] === (endpoint.protocol === icmp4 ? 0 : 129);
    if (isAnswer && payload.length >= 8) this.#answered(`${endpoint.protocol} ${remote} ${view.getUint16(4)}`);
  }

  #answered(key: string): void {
    const settle = this.#waiting.get(key);
    if (settle === undefined) return;
    this.#onPacket();
    settle("open");
  }

  #open(text: string, protocol: number): number {
    const address = toSockaddr(text);
    const fd = this.#libc.socket(text.includes(":") ? AF_INET6 : AF_INET, SOCK_RAW_FLAGS, protocol);
    assert.ok(fd >= 0, `a raw socket: errno ${this.#libc.errno()}`);
    assert.equal(this.#libc.bind(fd, address, address.length), 0, `binding to ${text}: errno ${this.#libc.errno()}`);
    return fd;
  }

  /** A filter of the own host may refuse it, which is as good as a drop. */
  #send({ fd }: Endpoint, to: string, payload: Uint8Array): void {
    const address = toSockaddr(to);
    this.#libc.sendto(fd, payload, payload.length, 0, address, address.length);
  }

  #receive({ fd, address }: Endpoint): { readonly remote: string; readonly payload: Uint8Array } | undefined {
    const isIpv6 = address.includes(":");
    const from = new Uint8Array(28);
    const size = new Uint32Array([from.length]);
    const length = this.#libc.recvfrom(fd, this.#scratch, scratchBytes, 0, from, size);
    if (length < 0) return undefined;
    const whole = this.#scratch.slice(0, length);
    return {
      remote: addressFromBytes(isIpv6 ? from.slice(8, 24) : from.slice(4, 8)),
      // Only IPv4 comes with its header.
      payload: isIpv6 ? whole : whole.subarray(((whole[0] ?? 0) & 15) * 4),
    };
  }
}

/** struct sockaddr_in or sockaddr_in6, without a port. */
function toSockaddr(text: string): Uint8Array {
  const address = parseAddress(text);
  assert.ok(address !== undefined, `${text} is an address`);
  const version = addressVersion(address);
  const bytes = new Uint8Array(version === 4 ? 16 : 28);
  new DataView(bytes.buffer).setUint16(0, version === 4 ? AF_INET : AF_INET6, true);
  bytes.set(addressToBytes(address), version === 4 ? 4 : 8);
  return bytes;
}

function echo(protocol: number, number: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  bytes[0] = protocol === icmp4 ? 8 : 128;
  view.setUint16(4, number);
  // The kernel fills in the checksum of ICMPv6, not that of ICMP.
  if (protocol === icmp4) view.setUint16(2, ~(0x0800 + number) & 0xffff);
  return bytes;
}

/** RFC 9260 section 3.3.2 and 3.3.3, without optional parameters. */
function chunk(source: number, target: number, kind: "init" | "initAck"): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, source);
  view.setUint16(2, target);
  view.setUint32(4, kind === "init" ? 0 : 7);
  bytes[12] = kind === "init" ? 1 : 2;
  view.setUint16(14, 20);
  view.setUint32(16, 7);
  view.setUint32(20, 65_535);
  view.setUint32(24, 0x0001_0001);
  view.setUint32(28, 1);
  view.setUint32(8, crc32c(bytes), true);
  return bytes;
}

/** RFC 9260 appendix A. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f6_3b78);
  }
  return ~crc >>> 0;
}

type Calls = {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, size: number): number;
  sendto(fd: number, bytes: Uint8Array, size: number, flags: number, address: Uint8Array, addressSize: number): number;
  recvfrom(fd: number, bytes: Uint8Array, size: number, flags: number, from: Uint8Array, fromSize: Uint32Array): number;
  close(fd: number): number;
  errno(): number;
};

function load(): Calls {
  const native: typeof koffi = createRequire(import.meta.url)("koffi");
  const library = native.load(null);
  return {
    socket: library.func("int socket(int, int, int)"),
    bind: library.func("int bind(int, const void *, uint32_t)"),
    sendto: library.func("int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)"),
    recvfrom: library.func("int64_t recvfrom(int, void *, size_t, int, void *, uint32_t *)"),
    close: library.func("int close(int)"),
    errno: () => native.errno(),
  };
}
