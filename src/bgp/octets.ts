/**
 * Reads one slice of octets and cannot leave it. Reading beyond the end gives zeros and sets `isFailed`, so that a
 * parser checks once at its end and never throws.
 */
export class OctetReader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #isFailed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get isFailed(): boolean {
    return this.#isFailed;
  }

  u8(): number {
    return this.#has(1) ? this.#next() : 0;
  }

  u16(): number {
    return this.#has(2) ? this.#next() * 0x100 + this.#next() : 0;
  }

  u32(): number {
    return this.#has(4) ? this.u16() * 0x10000 + this.u16() : 0;
  }

  u64(): bigint {
    return this.#has(8) ? (BigInt(this.u32()) << 32n) | BigInt(this.u32()) : 0n;
  }

  /** A view of the next octets; empty when they are not all there. */
  take(count: number): Uint8Array {
    if (!this.#has(count)) return this.#bytes.subarray(0, 0);
    this.#offset += count;
    return this.#bytes.subarray(this.#offset - count, this.#offset);
  }

  rest(): Uint8Array {
    return this.take(this.left);
  }

  #next(): number {
    return this.#bytes[this.#offset++] ?? 0;
  }

  #has(count: number): boolean {
    if (count <= this.left) return true;
    this.#isFailed = true;
    this.#offset = this.#bytes.length;
    return false;
  }
}

/** Octets in network order, in a buffer that grows: a piece of Node's pool, which costs less than one of its own. */
export class OctetWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(sizeBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    const start = this.#grow(1);
    this.#bytes[start] = value;
  }

  u16(value: number): void {
    const start = this.#grow(2);
    this.setU16(start, value);
  }

  u32(value: number): void {
    const start = this.#grow(4);
    this.setU16(start, value >>> 16);
    this.setU16(start + 2, value);
  }

  u64(value: bigint): void {
    this.u32(Number(value >> 32n));
    this.u32(Number(value & 0xffffffffn));
  }

  put(bytes: ArrayLike<number>): void {
    const start = this.#grow(bytes.length);
    this.#bytes.set(bytes, start);
  }

  /** One octet for each character: the text of a PrefixKey. */
  latin1(text: string): void {
    const start = this.#grow(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[start + i] = text.charCodeAt(i);
  }

  setU8(offset: number, value: number): void {
    this.#bytes[offset] = value;
  }

  setU16(offset: number, value: number): void {
    this.#bytes[offset] = value >>> 8;
    this.#bytes[offset + 1] = value;
  }

  /** Makes room for one octet there; what stands behind moves on. */
  insertU8(offset: number, value: number): void {
    const end = this.#grow(1);
    this.#bytes.copyWithin(offset + 1, offset, end);
    this.#bytes[offset] = value;
  }

  /** A copy that later writes do not touch. */
  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#length));
  }

  /** Reserves that many octets and gives their place. It may change the buffer, so it comes before any use of it. */
  #grow(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const bigger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length));
      bigger.set(this.#bytes.subarray(0, start));
      this.#bytes = bigger;
    }
    return start;
  }
}

/** The octets from one place up to another as text of one character each: a key for Maps. */
export function latin1Text(bytes: Uint8Array, from = 0, to = bytes.length): string {
  return Buffer.prototype.latin1Slice.call(bytes, from, to);
}
