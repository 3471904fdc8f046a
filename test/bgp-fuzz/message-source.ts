import type { MessageContext } from "../../src/bgp/index.ts";
import { Dice } from "./dice.ts";
import type { Draft } from "./draft.ts";
import { messageTypes } from "./wire.ts";

/** What both ends of a session have agreed on, as far as the form of messages depends on it. */
export type Dialect = {
  readonly isInternal: boolean;
  readonly isFourOctetAs: boolean;
  readonly peerAs: number;
  readonly hasIpv4: boolean;
  readonly hasIpv6: boolean;
  /** Prefixes that the fuzzer sends carry path identifiers. */
  readonly addPath4: boolean;
  readonly addPath6: boolean;
  readonly hasExtendedNextHop: boolean;
  readonly hasExtendedMessages: boolean;
};

/** As the decoder wants to know it. */
export function contextOf(dialect: Dialect): MessageContext {
  const { isInternal, isFourOctetAs, addPath4, addPath6, hasExtendedNextHop } = dialect;
  const addPath = [...(addPath4 ? ["ipv4-unicast" as const] : []), ...(addPath6 ? ["ipv6-unicast" as const] : [])];
  return { isInternal, isFourOctetAs, addPath, hasExtendedNextHop };
}

/** What an OPEN offers. */
export type Offer = {
  readonly asNumber: number;
  readonly routerId: number;
  readonly holdTime: number;
  readonly hasIpv4: boolean;
  readonly hasIpv6: boolean;
  readonly hasFourOctetAs: boolean;
  readonly hasExtendedMessages: boolean;
  readonly hasExtendedNextHop: boolean;
  readonly canSendPaths: boolean;
  readonly canReceivePaths: boolean;
};

/** Prefixes as they stand on the wire. */
export type PrefixPool = { readonly four: readonly Uint8Array[]; readonly six: readonly Uint8Array[] };

/** Writes valid messages into a draft: whatever a well-behaved speaker may send, and rare forms more often than it would. */
export class MessageSource {
  #dice: Dice;
  readonly #inner = new Dice(0);
  readonly #pool: PrefixPool | undefined;

  /** With a pool, prefixes are taken from there alone. */
  constructor(dice: Dice, pool?: PrefixPool) {
    this.#dice = dice;
    this.#pool = pool;
  }

  keepalive(draft: Draft): void {
    draft.begin(messageTypes.keepalive);
    draft.finish();
  }

  notification(draft: Draft): void {
    const dice = this.#dice;
    draft.begin(messageTypes.notification);
    draft.u8(dice.chance(0.7) ? 6 : dice.between(1, 9));
    draft.u8(dice.chance(0.7) ? dice.between(1, 10) : dice.int(256));
    if (dice.chance(0.5)) {
      const size = dice.chance(0.9) ? dice.int(40) : dice.int(255);
      if (dice.chance(0.8)) draft.u8(size);
      this.#noise(draft, size);
    }
    draft.finish();
  }

  refresh(draft: Draft): void {
    const dice = this.#dice;
    draft.begin(messageTypes.routeRefresh);
    draft.u16(dice.chance(0.9) ? dice.between(1, 2) : dice.int(65536));
    draft.u8(dice.chance(0.7) ? 0 : dice.chance(0.8) ? dice.between(1, 2) : dice.int(256));
    draft.u8(dice.chance(0.9) ? 1 : dice.int(256));
    draft.finish();
  }

  open(draft: Draft, offer: Offer): void {
    const dice = this.#dice;
    draft.begin(messageTypes.open);
    draft.u8(4);
    draft.u16(offer.asNumber > 0xffff ? 23456 : offer.asNumber);
    draft.u16(offer.holdTime);
    draft.u32(offer.routerId);
    const isLong = dice.chance(0.15);
    // RFC 9072: both octets 255, then two octets for each length.
    if (isLong) draft.put(Uint8Array.of(255, 255));
    draft.markLength(draft.length, isLong);
    if (isLong) draft.u16(0);
    else draft.u8(0);
    const start = draft.length;
    const isJoined = dice.chance(0.5);
    const parameter = isJoined ? this.#beginParameter(draft, isLong) : 0;
    for (const [code, write] of this.#capabilities(draft, offer)) {
      const own = isJoined ? 0 : this.#beginParameter(draft, isLong);
      draft.attributeAt[draft.attributeCount++] = draft.length;
      draft.u8(code);
      draft.markLength(draft.length, false);
      draft.u8(0);
      const value = draft.length;
      write();
      draft.bytes[value - 1] = draft.length - value;
      if (!isJoined) endParameter(draft, own, isLong);
    }
    if (isJoined) endParameter(draft, parameter, isLong);
    if (isLong) draft.setU16(start - 2, draft.length - start);
    else draft.bytes[start - 1] = draft.length - start;
    draft.finish();
  }

  #beginParameter(draft: Draft, isLong: boolean): number {
    draft.u8(2);
    draft.markLength(draft.length, isLong);
    if (isLong) draft.u16(0);
    else draft.u8(0);
    return draft.length;
  }

  #capabilities(draft: Draft, offer: Offer): (readonly [code: number, write: () => void])[] {
    const dice = this.#dice;
    const list: (readonly [number, () => void])[] = [];
    const family = (afi: number, last: number) => {
      draft.u16(afi);
      draft.u8(1);
      draft.u8(last);
    };
    if (offer.hasIpv4) list.push([1, () => draft.u32(0x00010001)]);
    if (offer.hasIpv6) list.push([1, () => draft.u32(0x00020001)]);
    if (dice.chance(0.9)) list.push([2, () => {}]);
    if (offer.hasFourOctetAs) list.push([65, () => draft.u32(offer.asNumber)]);
    if (offer.hasExtendedMessages) list.push([6, () => {}]);
    if (offer.hasExtendedNextHop) list.push([5, () => draft.put(Uint8Array.of(0, 1, 0, 1, 0, 2))]);
    if (dice.chance(0.5)) list.push([70, () => {}]);
    if (offer.canSendPaths || offer.canReceivePaths) {
      const mode = Number(offer.canReceivePaths) | (Number(offer.canSendPaths) << 1);
      list.push([69, () => [1, 2].forEach((afi) => family(afi, mode))]);
    }
    if (dice.chance(0.5)) {
      const flags = dice.int(4) << 14;
      const families = dice.int(3);
      list.push([
        64,
        () =>
          [flags | dice.int(600), 1, 2]
            .slice(0, 1 + families)
            .forEach((value, at) => (at === 0 ? draft.u16(value) : family(value, dice.int(2) << 7))),
      ]);
    }
    if (dice.chance(0.2))
      list.push([71, () => (family(1, dice.int(2) << 7), draft.put(Uint8Array.of(0, 0, dice.int(256))))]);
    if (dice.chance(0.2))
      list.push([1, () => draft.u32(dice.pick([0x00010002, 0x00010080, 0x00190046, 0x40040047, 0x00010085]))]);
    if (dice.chance(0.2)) list.push([73, () => this.#text(draft)]);
    if (dice.chance(0.2)) list.push([75, () => this.#text(draft)]);
    if (dice.chance(0.1)) list.push([9, () => draft.u8(dice.int(5))]);
    if (dice.chance(0.1))
      list.push([dice.pick([3, 4, 8, 67, 68, 77, 128, 131, 239]), () => this.#noise(draft, dice.int(20))]);
    return list;
  }

  #text(draft: Draft): void {
    const size = this.#dice.int(30);
    draft.u8(size);
    this.#noise(draft, size);
  }

  #noise(draft: Draft, count: number): void {
    for (let i = 0; i < count; i++) draft.u8(this.#dice.int(256));
  }

  update(draft: Draft, dialect: Dialect): void {
    const dice = this.#dice;
    draft.begin(messageTypes.update);
    const form = dice.int(20);
    const withdrawn = draft.beginSection();
    if (dialect.hasIpv4 && (form === 0 || dice.chance(0.15))) this.#prefixes(draft, dialect, 4, dice.between(1, 4));
    draft.endSection(withdrawn);
    draft.beginAttributes();
    // End-of-RIB of IPv4 has nothing at all.
    if (form === 0) {
      if (dialect.hasIpv6 && dice.chance(0.4)) this.#unreach(draft, dialect);
      draft.endAttributes();
      draft.finish();
      return;
    }
    const canPlain = dialect.hasIpv4;
    const hasReach =
      dialect.hasIpv6 || (dialect.hasIpv4 && dialect.hasExtendedNextHop) ? dice.chance(canPlain ? 0.4 : 1) : false;
    const hasPlain = canPlain && (!hasReach || dice.chance(0.5));
    const isMpFirst = dice.chance(0.7);
    if (isMpFirst && hasReach) this.#reach(draft, dialect);
    if (dialect.hasIpv6 && dice.chance(0.1)) this.#unreach(draft, dialect);
    this.#commonAttributes(draft, dialect, hasPlain || dice.chance(0.1));
    if (!isMpFirst && hasReach) this.#reach(draft, dialect);
    draft.endAttributes();
    if (hasPlain) this.#prefixes(draft, dialect, 4, this.#count());
    draft.finish();
  }

  /** Mostly few, sometimes as many as go into 4,096 octets. */
  #count(): number {
    const dice = this.#dice;
    return dice.chance(0.98) ? dice.between(1, 3) : dice.between(4, 180);
  }

  #prefixes(draft: Draft, dialect: Dialect, version: 4 | 6, count: number): void {
    const dice = this.#dice;
    const hasPathId = version === 4 ? dialect.addPath4 : dialect.addPath6;
    for (let i = 0; i < count; i++) {
      if (hasPathId) draft.u32(dice.int(4));
      if (this.#pool !== undefined) {
        draft.put(dice.pick(version === 4 ? this.#pool.four : this.#pool.six));
        continue;
      }
      const value = dice.bits();
      if (version === 4) {
        const bits = (value & 15) !== 0 ? 24 + 2 * ((value >>> 4) & 3) + 2 * ((value >>> 6) & 1) : value % 33;
        draft.u8(bits);
        // Inside 10.0.0.0/8 but for the very short ones; few enough that the same ones come again.
        const octets = (bits + 7) >> 3;
        if (octets > 0) draft.u8(bits < 8 ? 0 : 10);
        if (octets > 1) draft.u8(0);
        if (octets > 2) draft.u8((value >>> 12) & 7);
        if (octets > 3) draft.u8(((value >>> 20) & 7) << 5);
      } else {
        const bits = (value & 15) !== 0 ? 64 + 16 * ((value >>> 4) & 3) : value % 129;
        draft.u8(bits);
        const octets = (bits + 7) >> 3;
        const start = draft.length;
        for (let at = 0; at < octets; at++) draft.u8(0);
        if (octets > 0) draft.bytes[start] = bits < 8 ? 0 : 0xfd;
        if (octets > 5) draft.bytes[start + 5] = (value >>> 12) & 7;
        if (octets > 9) draft.bytes[start + 9] = (value >>> 20) & 7;
      }
    }
  }

  #reach(draft: Draft, dialect: Dialect): void {
    const dice = this.#dice;
    const start = draft.beginAttribute(0x90, 14);
    const isIpv4 = dialect.hasIpv4 && dialect.hasExtendedNextHop && (!dialect.hasIpv6 || dice.chance(0.4));
    draft.u16(isIpv4 ? 1 : 2);
    draft.u8(1);
    const isDouble = dice.chance(0.3);
    draft.markLength(draft.length, false);
    draft.u8(isDouble ? 32 : 16);
    this.#address6(draft, 0x20010db8);
    if (isDouble) this.#address6(draft, 0xfe800000);
    draft.u8(0);
    this.#prefixes(draft, dialect, isIpv4 ? 4 : 6, dice.chance(0.98) ? dice.between(1, 3) : dice.between(4, 100));
    draft.endAttribute(0x90, start);
  }

  #address6(draft: Draft, first: number): void {
    draft.u32(first);
    draft.u32(0);
    draft.u32(0);
    draft.u32(1 + this.#dice.int(50));
  }

  #unreach(draft: Draft, dialect: Dialect): void {
    const dice = this.#dice;
    const start = draft.beginAttribute(0x90, 15);
    draft.u16(2);
    draft.u8(1);
    if (dice.chance(0.9)) this.#prefixes(draft, dialect, 6, dice.between(1, 4));
    draft.endAttribute(0x90, start);
  }

  /** Most messages have one of a few sets of attributes, as many routes of one peer have in life. */
  #commonAttributes(draft: Draft, dialect: Dialect, hasNextHop: boolean): void {
    const outer = this.#dice;
    if (this.#pool === undefined && outer.chance(0.75)) {
      this.#inner.seed(outer.int(32));
      this.#dice = this.#inner;
    }
    this.#writeAttributes(draft, dialect, hasNextHop);
    this.#dice = outer;
  }

  #writeAttributes(draft: Draft, dialect: Dialect, hasNextHop: boolean): void {
    const dice = this.#dice;
    const { isInternal } = dialect;
    this.#attribute(draft, 0x40, 1, () => draft.u8(dice.int(3)));
    this.#attribute(draft, dice.chance(0.05) ? 0x50 : 0x40, 2, () => this.#asPath(draft, dialect));
    if (hasNextHop) this.#attribute(draft, 0x40, 3, () => draft.u32(0xc0000200 + 1 + dice.int(100)));
    const kinds = dice.bits();
    const has = (bit: number) => (kinds & (3 << (bit * 2))) === 0;
    if (has(0)) this.#attribute(draft, 0x80, 4, () => draft.u32(dice.int(1000)));
    if (isInternal && dice.chance(0.9)) this.#attribute(draft, 0x40, 5, () => draft.u32(dice.int(300)));
    if (has(1)) this.#attribute(draft, 0x40, 6, () => {});
    if (has(1)) this.#attribute(draft, 0xc0, 7, () => this.#aggregator(draft, dialect.isFourOctetAs));
    if (has(2))
      this.#list(draft, 0xc0, 8, 1, () => draft.u32(dice.chance(0.1) ? 0xffffff01 + dice.int(3) : dice.bits()));
    if (isInternal && has(3)) this.#attribute(draft, 0x80, 9, () => draft.u32(0x0a000000 + dice.int(1000)));
    if (isInternal && has(3)) this.#list(draft, 0x80, 10, 1, () => draft.u32(0x0a000000 + dice.int(1000)));
    if (has(4)) this.#list(draft, 0xc0, 16, 2, () => draft.u32(dice.bits()));
    if (!dialect.isFourOctetAs && has(5))
      this.#attribute(draft, 0xc0, 17, () => this.#segments(draft, true, dice.between(1, 4)));
    if (has(6)) this.#list(draft, 0xc0, 32, 3, () => draft.u32(dice.bits()));
    if (has(7)) this.#stranger(draft);
  }

  /** Attributes that other speakers know, or that nobody does. Some are rightly formed by chance only. */
  #stranger(draft: Draft): void {
    const dice = this.#dice;
    const type = dice.pick([20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 33, 34, 35, 36, 37, 39, 40, 41, 128, 200, 255]);
    const isLarge = dice.chance(0.02);
    const isTransitive = dice.chance(0.7);
    const flagBits = (isTransitive ? 0xc0 | (dice.int(2) << 5) : 0x80) | (isLarge ? 0x10 : 0);
    this.#attribute(draft, flagBits, type, () => this.#noise(draft, isLarge ? dice.between(256, 900) : dice.int(24)));
  }

  #attribute(draft: Draft, flagBits: number, type: number, write: () => void): void {
    const start = draft.beginAttribute(flagBits, type);
    write();
    draft.endAttribute(flagBits, start);
  }

  #list(draft: Draft, flagBits: number, type: number, parts: number, writePart: () => void): void {
    const dice = this.#dice;
    const count = parts * (dice.chance(0.97) ? dice.between(1, 5) : dice.between(6, 90));
    const isWide = count * 4 > 255;
    this.#attribute(draft, isWide ? flagBits | 0x10 : flagBits, type, () => {
      for (let i = 0; i < count; i++) writePart();
    });
  }

  #aggregator(draft: Draft, isFourOctetAs: boolean): void {
    if (isFourOctetAs) draft.u32(65000 + this.#dice.int(100));
    else draft.u16(65000 + this.#dice.int(100));
    draft.u32(0x0a000001);
  }

  #asPath(draft: Draft, dialect: Dialect): void {
    const dice = this.#dice;
    const isWide = dialect.isFourOctetAs;
    if (!dialect.isInternal) {
      const count = dice.between(1, 5);
      draft.u8(2);
      draft.u8(count);
      this.#asNumber(draft, isWide, dialect.peerAs);
      for (let i = 1; i < count; i++) this.#asNumber(draft, isWide);
      if (dice.chance(0.9)) return;
    }
    this.#segments(draft, isWide, dice.int(3));
  }

  #segments(draft: Draft, isWide: boolean, count: number): void {
    const dice = this.#dice;
    for (let i = 0; i < count; i++) {
      draft.u8(dice.chance(0.8) ? 2 : dice.between(1, 2));
      const size = dice.chance(0.99) ? dice.between(1, 6) : 255;
      draft.u8(size);
      for (let at = 0; at < size; at++) this.#asNumber(draft, isWide);
    }
  }

  #asNumber(draft: Draft, isWide: boolean, value = 60000 + this.#dice.int(4000)): void {
    if (isWide) draft.u32(this.#dice.chance(0.05) ? value + 0x10000 : value);
    else draft.u16(value > 0xffff ? 23456 : value);
  }
}

function endParameter(draft: Draft, start: number, isLong: boolean): void {
  const size = draft.length - start;
  if (isLong) draft.setU16(start - 2, size);
  else draft.bytes[start - 1] = size;
}
