/** What a receiver of our messages is, as far as it decides what may be in them. */
export type Receiver = {
  readonly isInternal: boolean;
  readonly speakerAs: number;
  readonly maxBytes: number;
  /** Keep the attributes of every route, not of the healthy peers' alone. */
  readonly isCurious: boolean;
};

/** Optional and transitive bits of the attributes that a speaker may originate. */
const flagsByType: Readonly<Record<number, number>> = {
  1: 0x40,
  2: 0x40,
  3: 0x40,
  4: 0x80,
  5: 0x40,
  6: 0x40,
  7: 0xc0,
  8: 0xc0,
  9: 0x80,
  10: 0x80,
  14: 0x80,
  15: 0x80,
  16: 0xc0,
  32: 0xc0,
};

type Reach = { readonly at: number; readonly end: number };

class Flaw extends Error {}

/**
 * Reads what the speaker sends as an unforgiving peer with four-octet AS numbers would, and keeps the table that follows
 * from it. Made from the RFCs alone, it shares nothing with the codec that it judges.
 */
export class StrictReader {
  readonly #receiver: Receiver;
  /** `4` or `6` and the prefix octets as text, to the octets of its attributes. */
  readonly routes = new Map<string, string>();
  #messages = 0;
  /** The number of the UPDATE in which a type of attribute was seen last. */
  readonly #stampByType = new Uint32Array(256);
  #stamp = 0;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  get messages(): number {
    return this.#messages;
  }

  /** What is wrong with the messages; undefined when nothing is. Each write holds whole messages. */
  read(bytes: Uint8Array): string | undefined {
    try {
      let at = 0;
      while (at < bytes.length) at = this.#message(bytes, at);
      return undefined;
    } catch (error) {
      if (error instanceof Flaw) return `${error.message} in ${bytes.toHex()}`;
      throw error;
    }
  }

  #message(bytes: Uint8Array, at: number): number {
    if (at + 19 > bytes.length) throw new Flaw("half a header");
    for (let i = at; i < at + 16; i++) if (bytes[i] !== 0xff) throw new Flaw("a bad marker");
    const end = at + u16(bytes, at + 16);
    if (end - at > this.#receiver.maxBytes) throw new Flaw(`a message of ${end - at} octets`);
    if (end > bytes.length) throw new Flaw("half a message");
    this.#messages++;
    const type = bytes[at + 18];
    if (type === 2) this.#update(bytes, at + 19, end);
    else if (type === 3) throw new Flaw("a NOTIFICATION");
    else if (type === 4 && end - at !== 19) throw new Flaw("a long KEEPALIVE");
    else if (type === 5 && end - at !== 23) throw new Flaw("a ROUTE-REFRESH of another length");
    else if (type !== 1 && type !== 4 && type !== 5) throw new Flaw(`type ${type}`);
    return end;
  }

  #update(bytes: Uint8Array, start: number, end: number): void {
    const withdrawnEnd = start + 2 + u16(bytes, start);
    if (withdrawnEnd + 2 > end) throw new Flaw("withdrawn routes over the end");
    const attributesStart = withdrawnEnd + 2;
    const attributesEnd = attributesStart + u16(bytes, withdrawnEnd);
    if (attributesEnd > end) throw new Flaw("attributes over the end");
    this.#prefixes(bytes, start + 2, withdrawnEnd, "4", undefined);
    const reach = this.#attributes(bytes, attributesStart, attributesEnd, attributesEnd < end);
    const text = () => attributesText(bytes, attributesStart, attributesEnd);
    if (attributesEnd < end) this.#prefixes(bytes, attributesEnd, end, "4", text);
    if (reach !== undefined) this.#reach(bytes, reach, text);
  }

  #attributes(bytes: Uint8Array, start: number, end: number, hasNlri: boolean): Reach | undefined {
    this.#stamp++;
    let reach: Reach | undefined;
    let at = start;
    while (at < end) {
      const flagBits = bytes[at] ?? 0;
      const type = bytes[at + 1] ?? 0;
      const isWide = (flagBits & 0x10) !== 0;
      const valueAt = at + (isWide ? 4 : 3);
      const next = valueAt + (isWide ? u16(bytes, at + 2) : (bytes[at + 2] ?? 0));
      if (valueAt > end || next > end) throw new Flaw(`attribute ${type} over the end`);
      if ((flagBits & 0x0f) !== 0) throw new Flaw(`attribute ${type} with undefined flags`);
      if (this.#stampByType[type] === this.#stamp) throw new Flaw(`attribute ${type} twice`);
      this.#stampByType[type] = this.#stamp;
      this.#flags(flagBits, type);
      this.#value(bytes, type, valueAt, next);
      if (type === 14) reach = { at: valueAt, end: next };
      at = next;
    }
    if (hasNlri || reach !== undefined) this.#mandatory(hasNlri);
    return reach;
  }

  #flags(flagBits: number, type: number): void {
    const expected = flagsByType[type];
    if (expected !== undefined) {
      // RFC 4271 section 4.3: Partial may be set on optional transitive attributes only.
      const allowed = expected === 0xc0 ? 0xe0 : 0xc0;
      if ((flagBits & 0xc0) !== expected || (flagBits & 0xe0 & ~allowed) !== 0) {
        throw new Flaw(`attribute ${type} with flags ${flagBits}`);
      }
      return;
    }
    // RFC 4271 section 5: unrecognised ones go on only when optional and transitive, and then with the Partial bit.
    if ((flagBits & 0xe0) !== 0xe0) throw new Flaw(`unknown attribute ${type} with flags ${flagBits}`);
  }

  #value(bytes: Uint8Array, type: number, at: number, end: number): void {
    const size = end - at;
    const fail = () => {
      throw new Flaw(`attribute ${type} malformed`);
    };
    if (type === 1 && (size !== 1 || (bytes[at] ?? 9) > 2)) fail();
    else if (type === 2) this.#asPath(bytes, at, end);
    else if ((type === 3 || type === 4 || type === 5 || type === 9) && size !== 4) fail();
    else if (type === 6 && size !== 0) fail();
    else if (type === 7 && size !== 8) fail();
    else if ((type === 8 || type === 10) && (size === 0 || size % 4 !== 0)) fail();
    else if (type === 16 && (size === 0 || size % 8 !== 0)) fail();
    else if (type === 32 && (size === 0 || size % 12 !== 0)) fail();
    else if (type === 15) this.#unreach(bytes, at, end);
    const isForInternal = type === 5 || type === 9 || type === 10;
    if (isForInternal && !this.#receiver.isInternal) throw new Flaw(`attribute ${type} for an external peer`);
  }

  #asPath(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const type = bytes[at] ?? 0;
      const count = bytes[at + 1] ?? 0;
      const next = at + 2 + 4 * count;
      if (type < 1 || type > 4 || count === 0 || next > end) throw new Flaw("a bad AS path");
      if (type > 2 && !this.#receiver.isInternal) throw new Flaw("confederation segments for an external peer");
      for (let i = at + 2; i < next; i += 4) if (u32(bytes, i) === 0) throw new Flaw("AS 0");
      at = next;
    }
    if (this.#receiver.isInternal) return;
    const isOurs = bytes[start] === 2 && u32(bytes, start + 2) === this.#receiver.speakerAs;
    if (end === start || !isOurs) throw new Flaw("an AS path that does not begin with ours");
  }

  #mandatory(hasNlri: boolean): void {
    const has = (type: number) => this.#stampByType[type] === this.#stamp;
    if (!has(1) || !has(2)) throw new Flaw("no ORIGIN or no AS_PATH");
    if (hasNlri && !has(3)) throw new Flaw("no NEXT_HOP");
    if (this.#receiver.isInternal && !has(5)) throw new Flaw("no LOCAL_PREF");
  }

  #unreach(bytes: Uint8Array, at: number, end: number): void {
    const afi = u16(bytes, at);
    if ((afi !== 1 && afi !== 2) || bytes[at + 2] !== 1) throw new Flaw("MP_UNREACH of a family not agreed on");
    this.#prefixes(bytes, at + 3, end, afi === 1 ? "4" : "6", undefined);
  }

  #reach(bytes: Uint8Array, { at, end }: Reach, text: () => string): void {
    const afi = u16(bytes, at);
    const nextHopSize = bytes[at + 3] ?? 0;
    if (afi !== 2 || bytes[at + 2] !== 1) throw new Flaw("MP_REACH of a family not agreed on");
    if (nextHopSize !== 16 && nextHopSize !== 32) throw new Flaw(`a next hop of ${nextHopSize} octets`);
    const nlri = at + 5 + nextHopSize;
    if (nlri >= end) throw new Flaw("MP_REACH without prefixes");
    this.#prefixes(bytes, nlri, end, "6", text);
  }

  /** With the text of their attributes: announced; without: withdrawn. */
  #prefixes(bytes: Uint8Array, start: number, end: number, version: "4" | "6", text: (() => string) | undefined): void {
    let at = start;
    while (at < end) {
      const bits = bytes[at] ?? 0;
      const next = at + 1 + ((bits + 7) >> 3);
      if (bits > (version === "4" ? 32 : 128) || next > end) throw new Flaw("a bad prefix");
      if ((bits & 7) !== 0 && ((bytes[next - 1] ?? 0) & (0xff >> (bits & 7))) !== 0)
        throw new Flaw("bits beyond a prefix");
      const key = version + latin1(bytes, at, next);
      if (text === undefined) this.routes.delete(key);
      else this.routes.set(key, this.#receiver.isCurious || isWatched(bytes, at, version) ? text() : "");
      at = next;
    }
  }
}

/** Attributes are kept of the routes of healthy peers only: 172.16.0.0/12 and 2001:db8::/32. */
function isWatched(bytes: Uint8Array, at: number, version: "4" | "6"): boolean {
  if (version === "4") return bytes[at + 1] === 172 && ((bytes[at + 2] ?? 0) & 0xf0) === 16;
  return bytes[at + 1] === 0x20 && bytes[at + 2] === 0x01 && bytes[at + 3] === 0x0d && bytes[at + 4] === 0xb8;
}

/** All attributes, of MP_REACH_NLRI the next hop alone, so that it does not matter which prefixes travel together. */
function attributesText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  while (at < end) {
    const isWide = ((bytes[at] ?? 0) & 0x10) !== 0;
    const valueAt = at + (isWide ? 4 : 3);
    const next = valueAt + (isWide ? u16(bytes, at + 2) : (bytes[at + 2] ?? 0));
    const type = bytes[at + 1];
    if (type === 14) text += latin1(bytes, valueAt + 3, valueAt + 4 + (bytes[valueAt + 3] ?? 0));
    else if (type !== 15) text += latin1(bytes, at, next);
    at = next;
  }
  return text;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function u32(bytes: Uint8Array, at: number): number {
  return ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}
