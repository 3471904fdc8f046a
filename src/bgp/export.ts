import { type IpAddress, addressVersion, compareBytes } from "../lib/index.ts";
import { prependAs } from "./as-path.ts";
import { type PathAttributes, addressOctets, writeAttributes } from "./attributes.ts";
import type { Family, NextHopMode, RoutePolicy } from "./config.ts";
import { community, versionOf } from "./numbers.ts";
import type { Path, Source } from "./path.ts";
import { type PrefixKey, keyContains } from "./prefix-key.ts";
import { PolicyRunner, type RouteOrigin } from "./route-policy.ts";
import { type EncodedAttributes, type UpdateFormat, nlriBytes, roomFor } from "./update-writer.ts";

/** All that decides what a peer is told, and in which octets. Peers that agree in it are an update group. */
export type ExportPolicy = {
  readonly family: Family;
  readonly localAs: number;
  /** Our AS number as the peers see it, when it is another one (RFC 7705). */
  readonly sessionAs: number | undefined;
  readonly isInternal: boolean;
  /** The peers are clients of ours in this cluster (RFC 4456). */
  readonly cluster: IpAddress | undefined;
  readonly isFourOctetAs: boolean;
  readonly maxMessageBytes: number;
  /** Paths told a prefix, with identifiers (RFC 7911); undefined: the best one, without. */
  readonly maxPaths: number | undefined;
  readonly nextHopMode: NextHopMode;
  /** Our address for the family on this session; without one nothing that needs it can be told. */
  readonly ownNextHop: IpAddress | undefined;
  /** IPv4 prefixes may have IPv6 next hops (RFC 8950). */
  readonly hasExtendedNextHop: boolean;
  /** The peers know what LLGR_STALE means (RFC 9494). */
  readonly knowsLongLived: boolean;
  /** Learned routes go on only inside these. */
  readonly within: readonly PrefixKey[] | "all";
  readonly policy: RoutePolicy | undefined;
  /** There should be one (RFC 8212): nothing is told. */
  readonly isPolicyMissing: boolean;
};

/** What the peers of a group are told of a path: one object for all prefixes that share the path. */
export type Told = {
  readonly path: Path;
  readonly encoded: EncodedAttributes;
  /** Octets for prefixes in a message. */
  readonly roomBytes: number;
};

/** What one group found out about a path. */
export type ToldMemo = {
  readonly exporterId: number;
  readonly told: Told | undefined;
  /** With a policy that looks at prefixes instead: by the rules that changed the path. */
  readonly byOutcome: Map<string, Told | undefined> | undefined;
};

/** Decides whether a path is told to the peers of a policy and encodes its attributes, once for each path. */
export class Exporter {
  readonly policy: ExportPolicy;
  readonly format: UpdateFormat;
  readonly #id: number;
  readonly #slot: number;
  readonly #runner: PolicyRunner | undefined;

  /** `id` is never used again; `slot` is small and nobody else's meanwhile: the place of its memos. */
  constructor(policy: ExportPolicy, id: number, slot: number) {
    this.policy = policy;
    this.#id = id;
    this.#slot = slot;
    this.#runner = policy.policy === undefined ? undefined : new PolicyRunner(policy.policy, policy.family);
    this.format = {
      family: policy.family,
      hasPathIds: policy.maxPaths !== undefined,
      maxMessageBytes: policy.maxMessageBytes,
    };
  }

  /** Undefined when these peers must not hear of the path. That it does not go back to its source is the caller's care. */
  tell(key: PrefixKey, path: Path): Told | undefined {
    const { within } = this.policy;
    const isFree = within === "all" || path.source === undefined || path.source.type === "workload";
    if (!isFree && !within.some((pool) => keyContains(pool, key))) return undefined;
    const { told, byOutcome } = this.#memoOf(key, path);
    if (byOutcome === undefined) return told;
    const passed = this.#pass(key, path);
    if (passed === undefined) return undefined;
    if (!byOutcome.has(passed.outcome)) byOutcome.set(passed.outcome, this.#finish(path, passed.attributes));
    return byOutcome.get(passed.outcome);
  }

  /** Whether a message has room for the prefix beside the attributes. */
  fits(key: PrefixKey, told: Told): boolean {
    return nlriBytes(key, this.format) <= told.roomBytes;
  }

  /** For people: what `tell` wrote, as values. */
  attributesOf(key: PrefixKey, path: Path): PathAttributes | undefined {
    const passed = this.#pass(key, path);
    return passed === undefined ? undefined : this.#afterPolicy(path, passed.attributes);
  }

  #memoOf(key: PrefixKey, path: Path): ToldMemo {
    path.toldMemos ??= [];
    const known = path.toldMemos[this.#slot];
    if (known?.exporterId === this.#id) return known;
    const memo = this.#makeMemo(key, path);
    path.toldMemos[this.#slot] = memo;
    return memo;
  }

  #makeMemo(key: PrefixKey, path: Path): ToldMemo {
    const exporterId = this.#id;
    if (this.#runner?.looksAtPrefix === true) return { exporterId, told: undefined, byOutcome: new Map() };
    const passed = this.#pass(key, path);
    const told = passed === undefined ? undefined : this.#finish(path, passed.attributes);
    return { exporterId, told, byOutcome: undefined };
  }

  /** What the policy makes of the path. Equal outcomes stand for equal attributes. */
  #pass(key: PrefixKey, path: Path): { readonly outcome: string; readonly attributes: PathAttributes } | undefined {
    const before = this.#beforePolicy(path);
    if (before === undefined) return undefined;
    if (this.#runner === undefined) return { outcome: "", attributes: before };
    const { isAccepted, applied } = this.#runner.judge(key, before, originOf(path.source));
    if (!isAccepted) return undefined;
    return { outcome: applied.join(), attributes: this.#runner.apply(before, applied) };
  }

  /** The path as a policy sees it; undefined when it is none of these peers' business. */
  #beforePolicy({ source, set }: Path): PathAttributes | undefined {
    const { isInternal, isPolicyMissing, cluster } = this.policy;
    const { attributes } = set;
    if (isPolicyMissing) return undefined;
    // RFC 4271 section 9.2, RFC 4456 section 6: between internal peers only to and from clients.
    const isReflected = source?.isInternal === true && isInternal;
    if (isReflected && source.cluster === undefined && cluster === undefined) return undefined;
    if (isHiddenFrom(isInternal, attributes.communities)) return undefined;
    const { communities } = attributes;
    if (communities.includes(community.llgrStale) && !this.policy.knowsLongLived) {
      // RFC 9494 section 4.6: within the AS as a last resort that goes nowhere else.
      if (!isInternal) return undefined;
      const kept = communities.includes(community.noExport) ? communities : [...communities, community.noExport];
      return { ...attributes, localPref: 0, communities: kept };
    }
    // Another AS's MED does not go on to a third (RFC 4271 section 5.1.4), but a policy may set one.
    if (isInternal || source === undefined || attributes.med === undefined) return attributes;
    const { med: _med, ...rest } = attributes;
    return rest;
  }

  #finish(path: Path, attributes: PathAttributes): Told | undefined {
    const told = this.#afterPolicy(path, attributes);
    if (told?.nextHop === undefined) return undefined;
    const encoded = this.#encode(told, told.nextHop);
    return { path, encoded, roomBytes: roomFor(encoded, this.format) };
  }

  #encode(attributes: PathAttributes, nextHop: IpAddress): EncodedAttributes {
    const bytes = writeAttributes(attributes, this.policy.isFourOctetAs);
    return { bytes, nextHop: addressVersion(nextHop) === 4 ? undefined : addressOctets(nextHop) };
  }

  #afterPolicy(path: Path, attributes: PathAttributes): PathAttributes | undefined {
    const nextHop = this.#nextHop(path);
    if (nextHop === undefined) return undefined;
    const { nextHop: _global, linkLocalNextHop: _linkLocal, ...kept } = attributes;
    if (!this.policy.isInternal) return { ...this.#external(kept), nextHop };
    const { source } = path;
    const localPref = attributes.localPref ?? path.localPref;
    if (source?.isInternal !== true) return { ...kept, nextHop, localPref };
    return { ...kept, nextHop, localPref, ...this.#reflection(source, kept) };
  }

  /** RFC 4456 section 8. A route that goes from a client of one cluster to one of another passes both. */
  #reflection(source: Source, { originatorId, clusterList }: PathAttributes): Partial<PathAttributes> {
    const { cluster } = this.policy;
    const passed = [cluster, source.cluster].filter((one, i, both) => one !== undefined && both.indexOf(one) === i);
    return {
      originatorId: originatorId ?? source.routerId,
      clusterList: [...passed.flatMap((one) => (one === undefined ? [] : [one])), ...clusterList],
    };
  }

  /** LOCAL_PREF and the reflectors' marks stay inside the AS. */
  #external(attributes: PathAttributes): PathAttributes {
    const { localPref: _pref, originatorId: _originator, ...kept } = attributes;
    const { localAs, sessionAs } = this.policy;
    const withOwn = prependAs(attributes.asPath, localAs);
    // RFC 7705 section 3.2: the AS that the peer knows us by stands before the one that we are.
    const asPath = sessionAs === undefined ? withOwn : prependAs(withOwn, sessionAs);
    // RFC 4360 section 6: those that are not transitive stay inside, too.
    const extendedCommunities = kept.extendedCommunities.filter((one) => ((one >> 62n) & 1n) === 0n);
    return { ...kept, asPath, clusterList: [], extendedCommunities };
  }

  /**
   * RFC 4271 section 5.1.3: a learned next hop stays between internal peers and becomes ours towards external ones. A
   * link-local address beside it means something on the link that it came from only. We tell none of our own: by RFC 2545
   * section 3 it stands beside a global one only when the peer shares that one's subnet, which an address of the host does
   * not; BIRD refuses a next hop that is not on the link.
   */
  #nextHop({ source, set }: Path): IpAddress | undefined {
    const { isInternal, nextHopMode, ownNextHop } = this.policy;
    const { nextHop } = set.attributes;
    const isKept = nextHopMode === "keep" || (nextHopMode === "auto" && isInternal);
    const told = source !== undefined && nextHop !== undefined && isKept ? nextHop : ownNextHop;
    return told !== undefined && this.#canCarry(told) ? told : undefined;
  }

  #canCarry(nextHop: IpAddress): boolean {
    const { family, hasExtendedNextHop } = this.policy;
    return addressVersion(nextHop) === versionOf(family) || hasExtendedNextHop;
  }
}

function originOf(source: Source | undefined): RouteOrigin {
  return { isOwn: source === undefined, peerType: source?.type, isFromInternal: source?.isInternal };
}

/** Whether peers that know the one need not hear the other. */
export function isSameTold(a: Told | undefined, b: Told | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return a.path.source === b.path.source && isSameEncoding(a.encoded, b.encoded);
}

/** One object in most cases; after a change of policy perhaps two that say the same. */
export function isSameEncoding(a: EncodedAttributes, b: EncodedAttributes): boolean {
  if (a === b) return true;
  if (a.bytes.length !== b.bytes.length || a.nextHop?.length !== b.nextHop?.length) return false;
  if (compareBytes(a.bytes, b.bytes) !== 0) return false;
  return a.nextHop === undefined || b.nextHop === undefined || compareBytes(a.nextHop, b.nextHop) === 0;
}

/** RFC 1997. */
function isHiddenFrom(isInternal: boolean, communities: readonly number[]): boolean {
  if (communities.length === 0) return false;
  if (communities.includes(community.noAdvertise)) return true;
  if (isInternal) return false;
  return communities.includes(community.noExport) || communities.includes(community.noExportSubconfed);
}
