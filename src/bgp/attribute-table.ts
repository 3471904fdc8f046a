import { type IpAddress, addressFromBytes } from "../lib/index.ts";
import { type AttributeContext, type AttributeReading, readAttributes, splitAttributes } from "./attribute-reader.ts";
import { type AttributeScan, scanText } from "./attribute-scan.ts";
import { type AttributeSet, type PathAttributes, makeAttributeSet } from "./attributes.ts";
import { latin1Text } from "./octets.ts";

/** Attribute octets that came once are read once. */
export type InternedAttributes = {
  readonly reading: AttributeReading;
  /** With the next hop of the NEXT_HOP attribute. */
  readonly set: AttributeSet;
  /** With a next hop of MP_REACH_NLRI, by its octets. */
  readonly setByNextHop: Map<string, AttributeSet>;
  /** Memory, roughly. */
  readonly sizeBytes: number;
};

/** `byContext`: the same octets mean something else to another sort of session. */
type Generation = { readonly byContext: readonly Map<string, InternedAttributes>[]; spentBytes: number };

/** What an entry takes beside its octets, roughly. */
const entryBytes = 500;
/** Next hops of one set of attributes that are taken along when the table forgets. */
const maxKeptNextHops = 64;
/** Of longer texts the engine hashes the length alone, so that all of one length would be compared with each other. */
const longestKey = 16_000;

/**
 * Attribute sets by their raw octets. Bounded: what was not asked for while the table filled up once is forgotten, which
 * costs reading again and some packing, since equal sets are then two objects for a while. Nobody relies on identity for
 * being right.
 */
export class AttributeTable {
  readonly #maxBytes: number;
  #young: Generation = emptyGeneration();
  #old: Generation = emptyGeneration();

  constructor(maxBytes = 64 * 1024 * 1024) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return [...this.#young.byContext, ...this.#old.byContext].reduce((sum, { size }) => sum + size, 0);
  }

  /** All attributes of the UPDATE but MP_REACH_NLRI and MP_UNREACH_NLRI. */
  read(bytes: Uint8Array, scan: AttributeScan, context: AttributeContext): InternedAttributes {
    const key = scanText(bytes, scan);
    if (key.length > longestKey) return readInterned(key, context);
    const known = mapOf(this.#young, context).get(key);
    if (known !== undefined) return known;
    const entry = this.#recall(key, context) ?? readInterned(key, context);
    this.#spend(entry.sizeBytes);
    mapOf(this.#young, context).set(key, entry);
    return entry;
  }

  /** The same attributes with the next hop of MP_REACH_NLRI: 4 or 16 octets, or 32 with a link-local address behind. */
  withNextHop(interned: InternedAttributes, nextHop: Uint8Array): AttributeSet {
    const key = latin1Text(nextHop);
    const known = interned.setByNextHop.get(key);
    if (known !== undefined) return known;
    const { nextHop: _, ...attributes } = interned.reading.attributes;
    const set = makeAttributeSet({ ...attributes, ...readNextHop(nextHop) });
    this.#spend(entryBytes);
    interned.setByNextHop.set(key, set);
    return set;
  }

  #recall(key: string, context: AttributeContext): InternedAttributes | undefined {
    const map = mapOf(this.#old, context);
    const known = map.get(key);
    if (known === undefined) return undefined;
    map.delete(key);
    return known.setByNextHop.size <= maxKeptNextHops ? known : { ...known, setByNextHop: new Map() };
  }

  #spend(bytes: number): void {
    this.#young.spentBytes += bytes;
    if (this.#young.spentBytes <= this.#maxBytes) return;
    this.#old = this.#young;
    this.#young = emptyGeneration();
  }
}

const noMap = new Map<string, InternedAttributes>();

function mapOf({ byContext }: Generation, { isInternal, isFourOctetAs }: AttributeContext) {
  return byContext[(isInternal ? 2 : 0) + (isFourOctetAs ? 1 : 0)] ?? noMap;
}

function emptyGeneration(): Generation {
  return { byContext: [new Map(), new Map(), new Map(), new Map()], spentBytes: 0 };
}

/** From octets of their own: what is kept must not keep the receive buffer. */
function readInterned(text: string, context: AttributeContext): InternedAttributes {
  const reading = readAttributes(splitAttributes(new Uint8Array(Buffer.from(text, "latin1"))), context);
  const sizeBytes = entryBytes + 2 * text.length + estimateBytes(reading.attributes);
  return { reading, set: makeAttributeSet(reading.attributes), setByNextHop: new Map(), sizeBytes };
}

/** Of the values: they may take twenty times the octets that they came in. */
function estimateBytes(attributes: PathAttributes): number {
  const { asPath, communities, extendedCommunities, largeCommunities, clusterList, unknown } = attributes;
  let asNumberCount = 0;
  for (const { asNumbers } of asPath) asNumberCount += asNumbers.length;
  return (
    240 * asPath.length +
    16 * (asNumberCount + communities.length) +
    44 * extendedCommunities.length +
    96 * largeCommunities.length +
    72 * clusterList.length +
    180 * unknown.length
  );
}

function readNextHop(octets: Uint8Array): { nextHop: IpAddress; linkLocalNextHop?: IpAddress } {
  if (octets.length !== 32) return { nextHop: addressFromBytes(octets) };
  const linkLocalNextHop = addressFromBytes(octets.subarray(16));
  // A link with link-local addresses only: BIRD leaves the place of the global one empty.
  if (octets.subarray(0, 16).every((octet) => octet === 0)) return { nextHop: linkLocalNextHop };
  return { nextHop: addressFromBytes(octets.subarray(0, 16)), linkLocalNextHop };
}
