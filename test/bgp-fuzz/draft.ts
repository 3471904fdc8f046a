import { messageTypes } from "./wire.ts";

/**
 * A message in the making, in a buffer that is used again and again, with marks on what a mutation may want to bend: where
 * each attribute begins and where lengths are written.
 */
export class Draft {
  readonly bytes = new Uint8Array(140_000);
  length = 0;
  /** Offsets of attributes; those of one UPDATE. */
  readonly attributeAt = new Int32Array(96);
  attributeCount = 0;
  /** Offset times two, plus one for a length of two octets. */
  readonly lengthAt = new Int32Array(256);
  lengthCount = 0;
  /** Of an UPDATE: where its attributes begin and end. Both 0 in other messages. */
  attributesStart = 0;
  attributesEnd = 0;

  begin(type: number): void {
    this.bytes.fill(0xff, 0, 16);
    this.bytes[18] = type;
    this.length = 19;
    this.attributeCount = 0;
    this.lengthCount = 0;
    this.attributesStart = 0;
    this.attributesEnd = 0;
    this.markLength(16, true);
  }

  get type(): number {
    return this.bytes[18] ?? 0;
  }

  get isUpdate(): boolean {
    return this.attributesStart > 0 && this.bytes[18] === messageTypes.update;
  }

  u8(value: number): void {
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.bytes[this.length++] = value >> 8;
    this.bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.bytes[this.length++] = value >>> 24;
    this.bytes[this.length++] = value >>> 16;
    this.bytes[this.length++] = value >>> 8;
    this.bytes[this.length++] = value;
  }

  put(value: Uint8Array): void {
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  setU16(offset: number, value: number): void {
    this.bytes[offset] = value >> 8;
    this.bytes[offset + 1] = value;
  }

  getU16(offset: number): number {
    return ((this.bytes[offset] ?? 0) << 8) | (this.bytes[offset + 1] ?? 0);
  }

  markLength(offset: number, isWide: boolean): void {
    if (this.lengthCount < this.lengthAt.length) this.lengthAt[this.lengthCount++] = offset * 2 + Number(isWide);
  }

  /** Two octets of length that `endSection` fills in. */
  beginSection(): number {
    this.markLength(this.length, true);
    this.u16(0);
    return this.length;
  }

  endSection(start: number): void {
    this.setU16(start - 2, this.length - start);
  }

  beginAttributes(): void {
    this.attributesStart = this.beginSection();
  }

  endAttributes(): void {
    this.endSection(this.attributesStart);
    this.attributesEnd = this.length;
  }

  /** Gives the place of the value. An attribute of more than 255 octets must be begun as extended. */
  beginAttribute(flagBits: number, type: number): number {
    if (this.attributeCount < this.attributeAt.length) this.attributeAt[this.attributeCount++] = this.length;
    this.u8(flagBits);
    this.u8(type);
    const isWide = (flagBits & 0x10) !== 0;
    this.markLength(this.length, isWide);
    if (isWide) this.u16(0);
    else this.u8(0);
    return this.length;
  }

  endAttribute(flagBits: number, valueStart: number): void {
    const size = this.length - valueStart;
    if ((flagBits & 0x10) !== 0) {
      this.setU16(valueStart - 2, size);
      return;
    }
    if (size <= 255) {
      this.bytes[valueStart - 1] = size;
      return;
    }
    // It grew beyond one octet of length: make room for the second.
    this.bytes.copyWithin(valueStart + 1, valueStart, this.length);
    this.length++;
    this.bytes[valueStart - 3] = flagBits | 0x10;
    this.setU16(valueStart - 1, size);
  }

  /** Writes the length into the header. */
  finish(): void {
    this.setU16(16, Math.min(this.length, 0xffff));
  }

  copyTo(target: Draft): void {
    target.bytes.set(this.bytes.subarray(0, this.length));
    target.length = this.length;
    target.attributeAt.set(this.attributeAt);
    target.attributeCount = this.attributeCount;
    target.lengthAt.set(this.lengthAt);
    target.lengthCount = this.lengthCount;
    target.attributesStart = this.attributesStart;
    target.attributesEnd = this.attributesEnd;
  }

  /** A copy that nobody else has, from Node's pool: memory of its own for each costs more than the message. */
  take(): Uint8Array {
    return Buffer.from(this.bytes.subarray(0, this.length));
  }
}
