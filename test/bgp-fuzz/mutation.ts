import type { Dice } from "./dice.ts";
import type { Draft } from "./draft.ts";

const interesting = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 129, 254, 255];
const headerBytes = 19;

/** Bends valid messages: bits, fields, lengths, whole attributes. */
export class Mutator {
  readonly #dice: Dice;
  readonly #spare: Draft;
  /** Attributes of earlier messages, to be planted where they do not belong. */
  readonly #pool: Uint8Array[] = [];

  constructor(dice: Dice, spare: Draft) {
    this.#dice = dice;
    this.#spare = spare;
  }

  /** Remembers an attribute of a valid message now and then. */
  harvest(draft: Draft): void {
    if (draft.attributeCount === 0 || !this.#dice.chance(0.01)) return;
    const [start, end] = this.#attribute(draft);
    this.#pool[this.#dice.int(64)] = draft.bytes.slice(start, end);
  }

  /** Changes the draft in place, once or several times. */
  mutate(draft: Draft): void {
    do this.#once(draft);
    while (this.#dice.chance(0.3));
    if (draft.length > 65_535) draft.length = 65_535;
  }

  #once(draft: Draft): void {
    const dice = this.#dice;
    // What is bent blindly ends the session mostly, and with it what a longer life would show.
    switch (draft.isUpdate && dice.chance(0.88) ? 9 + dice.int(9) : dice.int(9)) {
      case 0:
        this.#flipBits(draft);
        return;
      case 1:
        this.#setOctets(draft);
        return;
      case 2:
      case 3:
        this.#bendLength(draft);
        return;
      case 4:
        draft.length = Math.max(1, dice.int(draft.length));
        this.#settle(draft);
        return;
      case 5:
        for (let i = dice.between(1, 8); i > 0; i--) draft.u8(dice.pick(interesting));
        this.#settle(draft);
        return;
      case 6:
        this.#insert(draft);
        return;
      case 7:
        this.#bendHeader(draft);
        return;
      case 8:
        for (let at = headerBytes; at < draft.length; at++) if (dice.chance(0.3)) draft.bytes[at] = dice.int(256);
        return;
      case 9:
      case 10:
      case 11:
        this.#rearrange(draft);
        return;
      case 12:
      case 13:
        this.#bendFlags(draft);
        return;
      default:
        this.#replaceValue(draft);
    }
  }

  #flipBits(draft: Draft): void {
    const dice = this.#dice;
    for (let i = dice.between(1, 4); i > 0; i--) {
      const at = this.#place(draft);
      draft.bytes[at] = (draft.bytes[at] ?? 0) ^ (1 << dice.int(8));
    }
  }

  #setOctets(draft: Draft): void {
    const dice = this.#dice;
    const at = this.#place(draft);
    for (let i = 0; i < dice.between(1, 4); i++) draft.bytes[at + i] = dice.pick(interesting);
    draft.length = Math.max(draft.length, at + 1);
  }

  /** Behind the header, mostly: a bent header ends the session before anything else is looked at. */
  #place(draft: Draft): number {
    const first = this.#dice.chance(0.97) && draft.length > headerBytes ? headerBytes : 0;
    return first + this.#dice.int(Math.max(1, draft.length - first));
  }

  #bendLength(draft: Draft): void {
    const dice = this.#dice;
    // The header's length comes first in the list; it is left alone mostly.
    const from = draft.lengthCount > 1 && dice.chance(0.95) ? 1 : 0;
    const mark = draft.lengthAt[from + dice.int(Math.max(1, draft.lengthCount - from))] ?? 32;
    const at = mark >> 1;
    const isWide = (mark & 1) !== 0;
    const old = isWide ? draft.getU16(at) : (draft.bytes[at] ?? 0);
    const value =
      [old + 1, old - 1, 0, old + dice.between(-8, 8), 0xffff, dice.int(65536), draft.length - at][dice.int(7)] ?? 0;
    if (isWide) draft.setU16(at, value & 0xffff);
    else draft.bytes[at] = value & 0xff;
  }

  #bendHeader(draft: Draft): void {
    const dice = this.#dice;
    // Rarely, since nothing deeper is reached then.
    if (dice.chance(0.8)) {
      this.#setOctets(draft);
      return;
    }
    const at = dice.pick([dice.int(16), 16, 17, 18]);
    draft.bytes[at] = dice.chance(0.5) ? dice.int(256) : dice.pick(interesting);
  }

  /** Octets where there were none, with lengths that mostly account for them. */
  #insert(draft: Draft): void {
    const dice = this.#dice;
    const at = Math.min(this.#place(draft), draft.length);
    const count = dice.between(1, 6);
    draft.bytes.copyWithin(at + count, at, draft.length);
    for (let i = 0; i < count; i++) draft.bytes[at + i] = dice.chance(0.5) ? dice.int(256) : dice.pick(interesting);
    draft.length += count;
    if (at < draft.attributesEnd) draft.attributesEnd += count;
    if (at < draft.attributesStart) draft.attributesStart += count;
    this.#settle(draft);
  }

  #bendFlags(draft: Draft): void {
    if (draft.attributeCount === 0) return;
    const dice = this.#dice;
    const [start] = this.#attribute(draft);
    const which = dice.int(3);
    if (which === 0) draft.bytes[start] = dice.int(256);
    else if (which === 1) draft.bytes[start] = (draft.bytes[start] ?? 0) ^ (0x80 >> dice.int(4));
    else draft.bytes[start + 1] = dice.chance(0.5) ? dice.between(1, 40) : dice.int(256);
    // An unknown well-known attribute is one way of ending a session, and need not be the most frequent.
    if (dice.chance(0.8)) draft.bytes[start] = (draft.bytes[start] ?? 0) | 0x80;
  }

  /** An attribute whose length is right and whose value is not what it should be. */
  #replaceValue(draft: Draft): void {
    const dice = this.#dice;
    if (draft.attributeCount === 0) return;
    const [start, end] = this.#attribute(draft);
    const flagBits = draft.bytes[start] ?? 0;
    const isWide = (flagBits & 0x10) !== 0;
    const valueStart = start + (isWide ? 4 : 3);
    if (end <= valueStart && dice.chance(0.5)) return;
    const oldSize = Math.max(0, end - valueStart);
    const size = dice.chance(0.5) ? oldSize : Math.min(255, Math.max(0, oldSize + dice.between(-5, 5)));
    this.#resize(draft, end, size - oldSize);
    if (isWide) draft.setU16(start + 2, size);
    else draft.bytes[start + 2] = size;
    const changes = dice.chance(0.3) ? size : Math.min(size, dice.between(1, 3));
    for (let i = 0; i < changes; i++) {
      draft.bytes[valueStart + (changes === size ? i : dice.int(size))] = dice.chance(0.5)
        ? dice.int(256)
        : dice.pick(interesting);
    }
    this.#settle(draft, true);
  }

  /** Makes room at the end of an attribute, or takes some away. */
  #resize(draft: Draft, end: number, by: number): void {
    if (by === 0) return;
    draft.bytes.copyWithin(end + by, end, draft.length);
    if (by > 0) draft.bytes.fill(0, end, end + by);
    draft.length += by;
    draft.attributesEnd += by;
    for (let i = 0; i < draft.attributeCount; i++) {
      if ((draft.attributeAt[i] ?? 0) >= end) draft.attributeAt[i] = (draft.attributeAt[i] ?? 0) + by;
    }
  }

  /** Attributes doubled, dropped, put in another order, or taken from another message. */
  #rearrange(draft: Draft): void {
    const dice = this.#dice;
    const count = draft.attributeCount;
    if (count === 0) return;
    const order = Array.from({ length: count }, (_, at) => at);
    const which = dice.int(4);
    if (which === 0) order.splice(dice.int(count), 1);
    else if (which === 1) order.splice(dice.int(count + 1), 0, dice.int(count));
    else if (which === 2) for (let i = count - 1; i > 0; i--) swap(order, i, dice.int(i + 1));
    const planted = which === 3 ? (this.#pool[dice.int(64)] ?? Uint8Array.of(0xc0, dice.int(256), 0)) : undefined;
    const plantAt = dice.int(count + 1);
    const spare = this.#spare;
    draft.copyTo(spare);
    const { attributesStart, attributesEnd } = spare;
    draft.length = attributesStart;
    draft.attributeCount = 0;
    for (let i = 0; i <= order.length; i++) {
      if (i === plantAt && planted !== undefined) this.#append(draft, planted, 0, planted.length);
      const from = order[i];
      if (from === undefined) break;
      const end = from + 1 < count ? (spare.attributeAt[from + 1] ?? 0) : attributesEnd;
      this.#append(draft, spare.bytes, spare.attributeAt[from] ?? 0, end);
    }
    draft.attributesEnd = draft.length;
    draft.put(spare.bytes.subarray(attributesEnd, spare.length));
    this.#settle(draft, true);
  }

  #append(draft: Draft, source: Uint8Array, start: number, end: number): void {
    if (end < start || draft.length > 70_000 || draft.attributeCount >= draft.attributeAt.length) return;
    draft.attributeAt[draft.attributeCount++] = draft.length;
    draft.put(source.subarray(start, end));
  }

  #attribute(draft: Draft): readonly [start: number, end: number] {
    const which = this.#dice.int(draft.attributeCount);
    const start = draft.attributeAt[which] ?? 0;
    const next = draft.attributeAt[which + 1] ?? 0;
    const last = draft.attributesEnd > 0 ? draft.attributesEnd : draft.length;
    return [start, Math.max(start, which + 1 < draft.attributeCount ? next : last)];
  }

  /** Lengths that fit again: of the header nearly always, of the attributes mostly. */
  #settle(draft: Draft, isSure = false): void {
    const dice = this.#dice;
    if (draft.isUpdate && (isSure || dice.chance(0.7))) {
      const end = Math.min(draft.attributesEnd, draft.length);
      if (end >= draft.attributesStart) draft.setU16(draft.attributesStart - 2, end - draft.attributesStart);
      draft.attributesEnd = end;
    }
    if (isSure || dice.chance(0.95)) draft.finish();
  }
}

function swap(list: number[], a: number, b: number): void {
  const [first, second] = [list[a] ?? 0, list[b] ?? 0];
  list[a] = second;
  list[b] = first;
}
