import { type IpAddress, addressFromBytes } from "../lib/index.ts";
import {
  type AttributeContext,
  type AttributeReading,
  type RawAttributes,
  readAttributes,
} from "./attribute-reader.ts";
import { type AttributeSet, makeAttributeSet } from "./attributes.ts";
import { attributeType } from "./numbers.ts";
import { latin1Text } from "./octets.ts";

/** Attribute octets that came once are read once. */
export type InternedAttributes = {
  readonly reading: AttributeReading;
  /** With the next hop of the NEXT_HOP attribute. */
  readonly set: AttributeSet;
  readonly setByNextHop: Map<string, AttributeSet>;
};

/**
 * Attribute sets by their raw octets. Bounded: when it is full it forgets everything, which costs reading again and
 * some packing, since equal sets are then two objects for a while. Nobody relies on identity for being right.
 */
export class AttributeTable {
  readonly #interned = new Map<string, InternedAttributes>();
  readonly #maxEntries: number;

  constructor(maxEntries = 100_000) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#interned.size;
  }

  read(raw: RawAttributes, context: AttributeContext): InternedAttributes {
    if (raw.isCut) return intern(readAttributes(raw, context));
    let key = `${context.isInternal ? "i" : "e"}${context.isFourOctetAs ? "4" : "2"}`;
    for (const { type, whole } of raw.list) {
      if (type !== attributeType.mpReach && type !== attributeType.mpUnreach) key += latin1Text(whole);
    }
    const known = this.#interned.get(key);
    if (known !== undefined) return known;
    const fresh = intern(readAttributes(detach(raw), context));
    if (this.#interned.size >= this.#maxEntries) this.#interned.clear();
    this.#interned.set(key, fresh);
    return fresh;
  }
}

/** The same attributes with the next hop of MP_REACH_NLRI: 16 octets, or 32 with a link-local address behind. */
export function setWithNextHop(interned: InternedAttributes, nextHop: Uint8Array): AttributeSet {
  const key = latin1Text(nextHop);
  const known = interned.setByNextHop.get(key);
  if (known !== undefined) return known;
  const { nextHop: _, ...attributes } = interned.reading.attributes;
  const addresses: { nextHop: IpAddress; linkLocalNextHop?: IpAddress } =
    nextHop.length === 32
      ? { nextHop: addressFromBytes(nextHop.subarray(0, 16)), linkLocalNextHop: addressFromBytes(nextHop.subarray(16)) }
      : { nextHop: addressFromBytes(nextHop) };
  const set = makeAttributeSet({ ...attributes, ...addresses });
  interned.setByNextHop.set(key, set);
  return set;
}

function intern(reading: AttributeReading): InternedAttributes {
  return { reading, set: makeAttributeSet(reading.attributes), setByNextHop: new Map() };
}

/** Values that are kept must not keep the receive buffer. */
function detach(raw: RawAttributes): RawAttributes {
  return { ...raw, list: raw.list.map((attribute) => ({ ...attribute, value: attribute.value.slice() })) };
}
