import { libc } from "./libc.ts";

/** One piece of what goes with a datagram beside its octets (struct cmsghdr). */
export type ControlItem = { readonly level: number; readonly type: number; readonly value: Uint8Array };

const headerBytes = 56;
const vectorBytes = 16;
const addressBytes = 28;
const controlBytes = 256;
/** struct cmsghdr: length, level, type; values are filled up to 8 octets. */
const itemHeaderBytes = 16;

/**
 * A struct msghdr with all that it points to, used again for one datagram after the other. 64-bit machines only, as node is;
 * musl's and glibc's structures are the same there for numbers this small.
 */
export class MessageBuffer {
  readonly header = own(headerBytes);
  readonly #vector = own(vectorBytes);
  readonly #address = own(addressBytes);
  readonly #control = own(controlBytes);
  readonly #payload: Uint8Array;

  constructor(payloadBytes: number) {
    this.#payload = own(payloadBytes);
    const header = viewOf(this.header);
    header.setBigUint64(0, libc().addressOf(this.#address), true);
    header.setBigUint64(16, libc().addressOf(this.#vector), true);
    header.setBigUint64(24, 1n, true);
    header.setBigUint64(32, libc().addressOf(this.#control), true);
    viewOf(this.#vector).setBigUint64(0, libc().addressOf(this.#payload), true);
  }

  /** Room for whatever may come. */
  prepareReceive(): void {
    this.#setSizes(this.#payload.length, addressBytes, controlBytes);
  }

  /** What is to be sent, and where to: a socket address. */
  prepareSend(payload: Uint8Array, address: Uint8Array, items: readonly ControlItem[]): void {
    this.#payload.set(payload);
    this.#address.set(address);
    const control = viewOf(this.#control);
    this.#control.fill(0);
    let at = 0;
    for (const { level, type, value } of items) {
      control.setBigUint64(at, BigInt(itemHeaderBytes + value.length), true);
      control.setInt32(at + 8, level, true);
      control.setInt32(at + 12, type, true);
      this.#control.set(value, at + itemHeaderBytes);
      at += itemHeaderBytes + aligned(value.length);
    }
    this.#setSizes(payload.length, address.length, at);
  }

  /** A copy of what has come. */
  payload(sizeBytes: number): Uint8Array {
    return this.#payload.slice(0, Math.min(sizeBytes, this.#payload.length));
  }

  /** The socket address of the sender. */
  get address(): Uint8Array {
    return this.#address;
  }

  /** Value of the first item of that kind; of an integer 4 octets in the machine's order. */
  item(level: number, type: number): Uint8Array | undefined {
    const control = viewOf(this.#control);
    const end = Math.min(Number(viewOf(this.header).getBigUint64(40, true)), controlBytes);
    for (let at = 0; at + itemHeaderBytes <= end; ) {
      const length = Number(control.getBigUint64(at, true));
      if (length < itemHeaderBytes) return undefined;
      if (control.getInt32(at + 8, true) === level && control.getInt32(at + 12, true) === type) {
        return this.#control.subarray(at + itemHeaderBytes, at + length);
      }
      at += aligned(length);
    }
    return undefined;
  }

  #setSizes(payload: number, address: number, control: number): void {
    viewOf(this.#vector).setBigUint64(8, BigInt(payload), true);
    const header = viewOf(this.header);
    header.setUint32(8, address, true);
    header.setBigUint64(40, BigInt(control), true);
  }
}

/** Octets that stay where they are for as long as they are held on to: small arrays without a buffer of their own may move. */
function own(sizeBytes: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(sizeBytes));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function aligned(sizeBytes: number): number {
  return (sizeBytes + 7) & ~7;
}
