/**
 * Reads one slice of octets and cannot leave it. Reading beyond the end gives zeros and sets `isFailed`, so that a
 * parser checks once at its end and never throws.
 */
export class OctetReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;
  #isFailed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
    return this.#has(1) ? this.#view.getUint8(this.#offset++) : 0;
  }

  u16(): number {
    if (!this.#has(2)) return 0;
    this.#offset += 2;
    return this.#view.getUint16(this.#offset - 2);
  }

  u32(): number {
    if (!this.#has(4)) return 0;
    this.#offset += 4;
    return this.#view.getUint32(this.#offset - 4);
  }

  u64(): bigint {
    if (!this.#has(8)) return 0n;
    this.#offset += 8;
    return this.#view.getBigUint64(this.#offset - 8);
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

  #has(count: number): boolean {
    if (count <= this.left) return true;
    this.#isFailed = true;
    this.#offset = this.#bytes.length;
    return false;
  }
}

/** Octets in network order, in a buffer that grows. */
export class OctetWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(sizeBytes = 256) {
    this.#bytes = new Uint8Array(sizeBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    const start = this.#grow(1);
    this.#view.setUint8(start, value);
  }

  u16(value: number): void {
    const start = this.#grow(2);
    this.#view.setUint16(start, value);
  }

  u32(value: number): void {
    const start = this.#grow(4);
    this.#view.setUint32(start, value);
  }

  u64(value: bigint): void {
    const start = this.#grow(8);
    this.#view.setBigUint64(start, value);
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
    this.#view.setUint8(offset, value);
  }

  setU16(offset: number, value: number): void {
    this.#view.setUint16(offset, value);
  }

  /** Makes room for one octet there; what stands behind moves on. */
  insertU8(offset: number, value: number): void {
    const end = this.#grow(1);
    this.#bytes.copyWithin(offset + 1, offset, end);
    this.#bytes[offset] = value;
  }

  /** A copy that later writes do not touch. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Reserves that many octets and gives their place. It may change the buffer, so it comes before any use of it. */
  #grow(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      bigger.set(this.#bytes.subarray(0, start));
      this.#bytes = bigger;
      this.#view = new DataView(bigger.buffer);
    }
    return start;
  }
}

/** The octets from one place up to another as text of one character each: a key for Maps. */
export function latin1Text(bytes: Uint8Array, from = 0, to = bytes.length): string {
  return Buffer.prototype.latin1Slice.call(bytes, from, to);
}
