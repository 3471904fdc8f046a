import { checkCall, systemError } from "./errno.ts";
import { FdWatcher } from "./fd-watcher.ts";
import { libc } from "./libc.ts";
import { inNamespace } from "./namespace.ts";
import { MSG_TRUNC, SOCK_FLAGS, SOCK_RAW, int32, setBufferSize } from "./socket-options.ts";

const AF_PACKET = 17;
const ETH_P_ALL = 3;
const PACKET_OUTGOING = 4;
const EAGAIN = 11;
const EINTR = 4;
/** struct sockaddr_ll. */
const addressBytes = 20;
/** Longer than any frame, those joined by GRO included. */
const frameBytes = 65536 + 256;
const receiveBufferBytes = 8 * 1024 * 1024;

export type PacketSocketOptions = {
  readonly linkName: string;
  /** Path of a network namespace; default: the own one. */
  readonly netns?: string | undefined;
};

export type Frame = {
  /** From the Ethernet header on. */
  readonly bytes: Uint8Array;
  readonly direction: "in" | "out";
};

/** Sees every frame that goes through a link, and can send some. */
export interface PacketSocket extends Disposable {
  /** The next frame; waits for it. Rejects when the signal aborts. One receiver at a time. */
  receive(signal?: AbortSignal): Promise<Frame>;
  receiveNow(): Frame | undefined;
  send(frame: Uint8Array): void;
}

export function openPacketSocket(options: PacketSocketOptions): PacketSocket {
  const open = () => new LinkPacketSocket(options.linkName);
  return options.netns === undefined ? open() : inNamespace(options.netns, open);
}

class LinkPacketSocket implements PacketSocket {
  readonly #fd: number;
  readonly #what: string;
  readonly #watcher: FdWatcher;
  readonly #buffer = new Uint8Array(frameBytes);
  #isClosed = false;

  constructor(linkName: string) {
    this.#what = `capturing on the interface ${linkName}`;
    // Protocol 0: nothing is seen before the bind, so that frames of other links never get in.
    this.#fd = checkCall(libc().socket(AF_PACKET, SOCK_RAW | SOCK_FLAGS, 0), this.#what);
    this.#watcher = new FdWatcher(this.#fd);
    try {
      const index = libc().ifNameToIndex(linkName);
      if (index === 0) throw systemError(this.#what, libc().errno(), { link: linkName });
      setBufferSize(this.#fd, "receive", receiveBufferBytes);
      const address = new Uint8Array(addressBytes);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_PACKET, true);
      view.setUint16(2, ETH_P_ALL, false);
      view.setInt32(4, index, true);
      checkCall(libc().bind(this.#fd, address, addressBytes), this.#what, { link: linkName });
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  async receive(signal?: AbortSignal): Promise<Frame> {
    for (;;) {
      signal?.throwIfAborted();
      const frame = this.receiveNow();
      if (frame !== undefined) return frame;
      await this.#watcher.wait("readable", signal);
    }
  }

  receiveNow(): Frame | undefined {
    const address = new Uint8Array(addressBytes);
    for (;;) {
      const size = libc().recvfrom(this.#fd, this.#buffer, frameBytes, MSG_TRUNC, address, int32(addressBytes));
      if (size >= 0) {
        const direction = address[10] === PACKET_OUTGOING ? "out" : "in";
        return { bytes: this.#buffer.slice(0, Math.min(size, frameBytes)), direction };
      }
      const errno = libc().errno();
      if (errno === EAGAIN) return undefined;
      if (errno !== EINTR) throw systemError(this.#what, errno);
    }
  }

  send(frame: Uint8Array): void {
    checkCall(libc().send(this.#fd, frame, frame.length, 0), this.#what);
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watcher[Symbol.dispose]();
    libc().close(this.#fd);
  }
}
