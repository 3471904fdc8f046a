import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type koffi from "koffi";
import { type IpAddress, type IpVersion, addressToBytes, addressVersion } from "../../src/lib/index.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW_CLOEXEC = 3 | 0x80000;
/** The caller writes the IP header himself. */
const IPPROTO_RAW = 255;

/** Sends whole IP packets from the host that it was opened on, as the host's own programs would. */
export class RawIpSocket implements Disposable {
  readonly #libc = load();
  readonly #fds: Readonly<Record<IpVersion, number>>;

  constructor() {
    const open = (family: number) => {
      const fd = this.#libc.socket(family, SOCK_RAW_CLOEXEC, IPPROTO_RAW);
      assert.ok(fd >= 0, `a raw socket: errno ${this.#libc.errno()}`);
      return fd;
    };
    this.#fds = { 4: open(AF_INET), 6: open(AF_INET6) };
  }

  /** False: the packet filter refused it, which the kernel tells a sender at once. */
  send(packet: Uint8Array, destination: IpAddress): boolean {
    const version = addressVersion(destination);
    // struct sockaddr_in and sockaddr_in6, without a port.
    const address = new Uint8Array(version === 4 ? 16 : 28);
    new DataView(address.buffer).setUint16(0, version === 4 ? AF_INET : AF_INET6, true);
    address.set(addressToBytes(destination), version === 4 ? 4 : 8);
    return this.#libc.sendto(this.#fds[version], packet, packet.length, 0, address, address.length) >= 0;
  }

  [Symbol.dispose](): void {
    for (const fd of Object.values(this.#fds)) this.#libc.close(fd);
  }
}

type Calls = {
  socket(family: number, type: number, protocol: number): number;
  sendto(fd: number, bytes: Uint8Array, size: number, flags: number, address: Uint8Array, addressSize: number): number;
  close(fd: number): number;
  errno(): number;
};

function load(): Calls {
  const native: typeof koffi = createRequire(import.meta.url)("koffi");
  const library = native.load(null);
  return {
    socket: library.func("int socket(int, int, int)"),
    sendto: library.func("int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)"),
    close: library.func("int close(int)"),
    errno: () => native.errno(),
  };
}
