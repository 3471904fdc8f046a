/** The fixed structure in front of the attributes (struct rtmsg, struct ifinfomsg ...), read in host order. */
export class FamilyHeader {
  readonly #view: DataView;

  private constructor(view: DataView) {
    this.#view = view;
  }

  /** Undefined when the message ends before the structure does. */
  static read(body: Uint8Array, sizeBytes: number): FamilyHeader | undefined {
    if (body.length < sizeBytes) return undefined;
    return new FamilyHeader(new DataView(body.buffer, body.byteOffset, sizeBytes));
  }

  u8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }
}

/** A 32-bit number as octets in host order. */
export function u32(value: number): [number, number, number, number] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
}
