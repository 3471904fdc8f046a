/** The fixed structure in front of the attributes (struct rtmsg, struct ifinfomsg ...), read in host order. */
export class FamilyHeader {
  readonly #body: Uint8Array;

  private constructor(body: Uint8Array) {
    this.#body = body;
  }

  /** Undefined when the message ends before the structure does. */
  static read(body: Uint8Array, sizeBytes: number): FamilyHeader | undefined {
    return body.length < sizeBytes ? undefined : new FamilyHeader(body);
  }

  u8(offset: number): number {
    return this.#body[offset] ?? 0;
  }

  u16(offset: number): number {
    return this.u8(offset) | (this.u8(offset + 1) << 8);
  }

  u32(offset: number): number {
    return (this.u16(offset) | (this.u16(offset + 2) << 16)) >>> 0;
  }
}

/** A 32-bit number as octets in host order. */
export function u32(value: number): [number, number, number, number] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
}
