import { type IpAddress, addressToBytes } from "../lib/index.ts";
import type { AttributeSet } from "./attributes.ts";
import type { BestPath, PeerType } from "./config.ts";
import { community } from "./numbers.ts";
import type { ToldMemo } from "./export.ts";

/** A peer as the decision process sees it. Its fields change with each session; its paths stay with it. */
export type Source = {
  readonly name: string;
  readonly address: IpAddress;
  readonly linkName?: string;
  /** The address as octets, since ties are broken by it. */
  readonly octets: Uint8Array;
  type: PeerType;
  isInternal: boolean;
  routerId: IpAddress;
  /** The cluster in which it is a client of ours (RFC 4456). */
  cluster: IpAddress | undefined;
  /** Counted up when what it is has changed, so that its paths must be looked at anew. */
  version: number;
};

/**
 * Stands for all that a peer told between two turns of its life. Paths of an epoch share it, so that marking them all
 * costs nothing.
 */
export type Epoch = {
  /** The session went down and may come back (RFC 4724). */
  isStale: boolean;
  /** The peer is telling everything again, and what it does not tell goes (RFC 7313). */
  isDue: boolean;
  /** As good as withdrawn; the table has still to be told. */
  isGone: boolean;
  /** Its paths in the table, unless it is gone. */
  acceptedCount: number;
};

/** One way to destinations: all prefixes of an UPDATE share it. It never changes; what is told anew is another path. */
export class Path {
  /** Undefined for a route of our own. */
  readonly source: Source | undefined;
  /** As it came, before any policy. */
  readonly raw: AttributeSet;
  /** As it counts here. */
  readonly set: AttributeSet;
  /** Why it is no candidate. */
  readonly refusal: string | undefined;
  readonly epoch: Epoch;
  /** Version of the source. */
  readonly version: number;
  /** As the peer named it (RFC 7911). */
  readonly pathId: number | undefined;
  /** As we name it to others: the same for as long as the source has a path of this name, and nobody else's. */
  readonly exportId: number;
  readonly localPref: number;
  /** ORIGINATOR_ID or the peer's identifier, as a number (RFC 4456 section 9). */
  readonly identifier: number;
  /** Of last resort: every other path is better (RFC 9494 section 4.3). */
  readonly isLast: boolean;
  /** The list of this path alone, for the many prefixes that have no other. */
  readonly alone: readonly Path[];
  /** What update groups found out about it, by the group's slot. */
  toldMemos: (ToldMemo | undefined)[] | undefined;
  /** As it stands in the routes that are told to our owner. */
  shown: readonly BestPath[] | undefined;

  constructor(fields: PathFields) {
    const { source, raw, set = raw, refusal, pathId, exportId, epoch } = fields;
    const { localPref, originatorId, communities } = set.attributes;
    const identifier = originatorId ?? source?.routerId;
    this.source = source;
    this.raw = raw;
    this.set = set;
    this.refusal = refusal;
    this.epoch = epoch;
    this.version = source?.version ?? 0;
    this.pathId = pathId;
    this.exportId = exportId;
    this.localPref = localPref ?? defaultLocalPref;
    this.identifier = identifier === undefined ? 0 : addressNumber(identifier);
    // A policy may have taken the mark off.
    this.isLast = communities.includes(community.llgrStale) || raw.attributes.communities.includes(community.llgrStale);
    this.alone = [this];
    this.toldMemos = undefined;
    this.shown = undefined;
  }
}

export type PathFields = {
  readonly source: Source | undefined;
  readonly raw: AttributeSet;
  readonly set?: AttributeSet;
  readonly refusal?: string | undefined;
  readonly pathId?: number | undefined;
  readonly exportId: number;
  readonly epoch: Epoch;
};

/** What an external route has, and an internal one that does not say. */
const defaultLocalPref = 100;

/** The path identifier of our own routes. */
export const ownExportId = 1;

/** Gives out path identifiers; one for all peers of a speaker. */
export class PathIdSource {
  #last = ownExportId;

  next(): number {
    this.#last++;
    return this.#last;
  }
}

/** The identifiers under which the paths of one peer and family are told to others. */
export class PathIds {
  readonly #ids: PathIdSource;
  #plain = 0;
  #byPathId = new Map<number, number>();

  constructor(ids: PathIdSource) {
    this.#ids = ids;
  }

  get size(): number {
    return this.#byPathId.size;
  }

  exportIdOf(pathId: number | undefined): number {
    if (pathId === undefined) {
      if (this.#plain === 0) this.#plain = this.#ids.next();
      return this.#plain;
    }
    const known = this.#byPathId.get(pathId);
    if (known !== undefined) return known;
    const fresh = this.#ids.next();
    this.#byPathId.set(pathId, fresh);
    return fresh;
  }

  /** Forgets all but these. */
  keep(pathIds: ReadonlySet<number>): void {
    for (const pathId of this.#byPathId.keys()) if (!pathIds.has(pathId)) this.#byPathId.delete(pathId);
  }
}

/** An IPv4 address as an unsigned number. */
export function addressNumber(address: IpAddress): number {
  return addressToBytes(address).reduce((value, octet) => value * 256 + octet, 0);
}

/**
 * Where the host must have a way to. Over a link that only the peer is at, the link-local address that came along (RFC 2545)
 * is used, and the session proves it; nobody need have a way to the global one.
 */
export function trackedNextHop({ source, set }: Path): IpAddress | undefined {
  const { nextHop, linkLocalNextHop } = set.attributes;
  return source?.linkName === undefined ? nextHop : (linkLocalNextHop ?? nextHop);
}

/** Whether nothing about the two makes a difference to anybody. */
export function isSamePath(a: Path | undefined, b: Path | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return (
    a.source === b.source &&
    a.set === b.set &&
    a.pathId === b.pathId &&
    a.version === b.version &&
    a.isLast === b.isLast &&
    a.identifier === b.identifier
  );
}
