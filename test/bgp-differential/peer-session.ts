import { type Socket, connect } from "node:net";
import { capabilities, capability, keepalive, octets, open } from "../bgp-fuzz/wire.ts";
import type { Case } from "./cases.ts";

export type Ending = { readonly notification: string | undefined };

/** Plays one peer of the speaker at `address`: says OPEN, what the case has to say, and listens to how the session ends. */
export class PeerSession {
  readonly #socket: Socket;
  readonly #case: Case;
  #pending: Uint8Array = new Uint8Array(0);
  #notification: string | undefined;
  #hasSpoken = false;
  #isClosed = false;
  readonly said = Promise.withResolvers<void>();

  constructor(one: Case, address: string, localAddress: string) {
    this.#case = one;
    this.#socket = connect({ host: address, port: 179, localAddress });
    this.#socket.setNoDelay(true);
    this.#socket.on("connect", () => this.#socket.write(openOf(one, localAddress)));
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.#isClosed = true;
      this.said.resolve();
    });
  }

  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  /** Undefined while the session stands. */
  get ending(): Ending | undefined {
    return this.#notification !== undefined || this.#isClosed ? { notification: this.#notification } : undefined;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Uint8Array): void {
    this.#pending = octetsOf(this.#pending, chunk);
    for (;;) {
      const length = ((this.#pending[16] ?? 0) << 8) | (this.#pending[17] ?? 0);
      if (this.#pending.length < 19 || this.#pending.length < length || length < 19) return;
      const message = this.#pending.subarray(0, length);
      this.#pending = this.#pending.subarray(length);
      if (message[18] === 1) this.#socket.write(keepalive);
      else if (message[18] === 3) this.#notification ??= `${message[19]}/${message[20]}`;
      else if (message[18] === 4) this.#speak();
    }
  }

  #speak(): void {
    if (this.#hasSpoken) return;
    this.#hasSpoken = true;
    const { before, message, after } = this.#case;
    this.#socket.write(octets([...before], message, after), () => this.said.resolve());
  }
}

function openOf({ dialect }: Case, routerId: string): Uint8Array {
  const { peerAs, isFourOctetAs, addPath4, hasExtendedNextHop } = dialect;
  return open({
    asNumber: peerAs,
    holdTime: 180,
    routerId,
    capabilities: [
      capabilities.multiprotocol(1, 1),
      capabilities.multiprotocol(2, 1),
      capabilities.routeRefresh,
      ...(isFourOctetAs ? [capabilities.fourOctetAs(peerAs)] : []),
      ...(addPath4 ? [capability(69, "00010102 00020102")] : []),
      ...(hasExtendedNextHop ? [capability(5, "000100010002")] : []),
    ],
  });
}

function octetsOf(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
