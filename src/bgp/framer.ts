import { type Notification, notification } from "./notification.ts";
import { errorCode, headerBytes, maxExtendedMessageBytes, maxMessageBytes, messageType } from "./numbers.ts";

/** Least and greatest length of each type, header included (RFC 4271 section 6.1; RFC 8654). */
const lengthLimits = new Map<number, readonly [least: number, most: number]>([
  [messageType.open, [29, maxMessageBytes]],
  [messageType.update, [23, maxExtendedMessageBytes]],
  [messageType.notification, [21, maxExtendedMessageBytes]],
  [messageType.keepalive, [headerBytes, headerBytes]],
  [messageType.routeRefresh, [23, maxExtendedMessageBytes]],
]);

const markerBytes = 16;
const nothing = new Uint8Array(0);

/**
 * Cuts a stream of octets into messages. A message that lies in one chunk is a view of it; one that does not is put
 * together in a buffer of its own, each octet copied once. So memory is bounded by the longest message allowed, and what
 * waits for its rest does not hold a chunk.
 */
export class Framer {
  #chunk: Uint8Array = nothing;
  #offset = 0;
  /** The front of a message whose rest has not come: first its header, then as long as the header says. */
  #partial: Uint8Array = nothing;
  #partialLength = 0;
  /** Raised to 65,535 once both ends have agreed (RFC 8654). */
  maxBytes = maxMessageBytes;

  /** All messages of a chunk are to be taken before the next chunk comes. */
  push(chunk: Uint8Array): void {
    if (this.#left > 0) {
      const joined = new Uint8Array(this.#left + chunk.length);
      joined.set(this.#chunk.subarray(this.#offset));
      joined.set(chunk, this.#left);
      this.#chunk = joined;
    } else {
      this.#chunk = chunk;
    }
    this.#offset = 0;
  }

  /**
   * The next whole message, a fault of its header, or undefined when more octets are needed. A message is valid until the
   * chunk that it came in is written over.
   */
  next(): Uint8Array | Notification | undefined {
    if (this.#partialLength > 0) return this.#complete();
    if (this.#left < headerBytes) return this.#keep(headerBytes);
    const length = readLength(this.#chunk, this.#offset, this.maxBytes);
    if (typeof length !== "number") return length;
    if (this.#left < length) return this.#keep(length);
    const message = this.#chunk.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return message;
  }

  get #left(): number {
    return this.#chunk.length - this.#offset;
  }

  #complete(): Uint8Array | Notification | undefined {
    if (this.#partialLength < headerBytes) {
      this.#fill();
      if (this.#partialLength < headerBytes) return undefined;
    }
    if (this.#partial.length === headerBytes) {
      const length = readLength(this.#partial, 0, this.maxBytes);
      if (typeof length !== "number") return length;
      const whole = new Uint8Array(length);
      whole.set(this.#partial);
      this.#partial = whole;
    }
    this.#fill();
    if (this.#partialLength < this.#partial.length) return undefined;
    const message = this.#partial;
    this.#partial = nothing;
    this.#partialLength = 0;
    return message;
  }

  /** As much of the chunk as the message put together has room for. */
  #fill(): void {
    const count = Math.min(this.#left, this.#partial.length - this.#partialLength);
    this.#partial.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#partialLength);
    this.#partialLength += count;
    this.#offset += count;
    this.#release();
  }

  #keep(length: number): undefined {
    if (this.#left > 0) {
      this.#partial = new Uint8Array(length);
      this.#fill();
    }
    this.#release();
    return undefined;
  }

  #release(): void {
    if (this.#left > 0) return;
    this.#chunk = nothing;
    this.#offset = 0;
  }
}

/** Length of the message whose header stands there, or what is wrong with the header. */
function readLength(bytes: Uint8Array, at: number, maxBytes: number): number | Notification {
  for (let i = at; i < at + markerBytes; i++) if (bytes[i] !== 0xff) return notification(errorCode.header, 1);
  const [high = 0, low = 0, type = 0] = [bytes[at + 16], bytes[at + 17], bytes[at + 18]];
  const length = high * 256 + low;
  if (length < headerBytes || length > maxBytes) return notification(errorCode.header, 2, [high, low]);
  const limits = lengthLimits.get(type);
  if (limits === undefined) return notification(errorCode.header, 3, [type]);
  return length < limits[0] || length > limits[1] ? notification(errorCode.header, 2, [high, low]) : length;
}
