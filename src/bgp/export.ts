import { type IpAddress, addressToBytes, addressVersion } from "../lib/index.ts";
import { prependAs } from "./as-path.ts";
import { type AttributeSet, type PathAttributes, writeAttributes } from "./attributes.ts";
import type { Family, NextHopMode } from "./config.ts";
import type { Path } from "./decision.ts";
import { community, versionOf } from "./numbers.ts";
import { type PrefixKey, keyContains } from "./prefix-key.ts";
import type { EncodedAttributes } from "./update-writer.ts";

/** All that decides what a peer is told. Peers that agree in it share an exporter: this is the update group to be. */
export type ExportPolicy = {
  readonly family: Family;
  readonly localAs: number;
  readonly isInternal: boolean;
  readonly isFourOctetAs: boolean;
  readonly nextHopMode: NextHopMode;
  /** Our address for the family on this session; without one nothing that needs it can be told. */
  readonly ownNextHop: IpAddress | undefined;
  /** Learned routes go on only inside these. */
  readonly within: readonly PrefixKey[] | "all";
};

/** Decides whether a path is told to the peers of a policy and encodes its attributes, once for each set. */
export class Exporter {
  readonly policy: ExportPolicy;
  readonly #encodedBySet = new WeakMap<AttributeSet, EncodedAttributes | "hidden">();

  constructor(policy: ExportPolicy) {
    this.policy = policy;
  }

  /** Undefined when these peers must not hear of the path. That it does not go back to its source is the caller's care. */
  encode(key: PrefixKey, path: Path): EncodedAttributes | undefined {
    const { isInternal, within } = this.policy;
    if (path.source !== undefined) {
      // RFC 4271 section 9.2. Route reflection (RFC 4456) will lift this for clients.
      if (isInternal && path.source.isInternal) return undefined;
      if (within !== "all" && !within.some((pool) => keyContains(pool, key))) return undefined;
    }
    const known = this.#encodedBySet.get(path.set);
    if (known !== undefined) return known === "hidden" ? undefined : known;
    const encoded = this.#encodeSet(path);
    this.#encodedBySet.set(path.set, encoded ?? "hidden");
    return encoded;
  }

  /** Sets are not shared between our own, internal and external routes, so the set stands for the path here. */
  #encodeSet(path: Path): EncodedAttributes | undefined {
    const { isInternal, isFourOctetAs, family } = this.policy;
    const { attributes } = path.set;
    if (isHiddenFrom(isInternal, attributes.communities)) return undefined;
    const nextHop = this.#nextHop(path);
    if (nextHop === undefined || addressVersion(nextHop.nextHop) !== versionOf(family)) return undefined;
    const { nextHop: _global, linkLocalNextHop: _linkLocal, ...kept } = attributes;
    const told: PathAttributes = isInternal
      ? { ...kept, ...nextHop, localPref: path.localPref }
      : { ...this.#external(kept, path), ...nextHop };
    const octets =
      nextHop.linkLocalNextHop === undefined
        ? addressToBytes(nextHop.nextHop)
        : Uint8Array.of(...addressToBytes(nextHop.nextHop), ...addressToBytes(nextHop.linkLocalNextHop));
    return { bytes: writeAttributes(told, isFourOctetAs), nextHop: octets };
  }

  /** LOCAL_PREF and the reflectors' marks stay inside the AS; another AS's MED does not go on to a third (RFC 4271 5.1.4). */
  #external(attributes: PathAttributes, path: Path): PathAttributes {
    const { localPref: _pref, med, originatorId: _originator, ...kept } = attributes;
    return {
      ...kept,
      ...(path.source === undefined && med !== undefined ? { med } : {}),
      asPath: prependAs(attributes.asPath, this.policy.localAs),
      clusterList: [],
    };
  }

  /** RFC 4271 section 5.1.3: a learned next hop stays between internal peers and becomes ours towards external ones. */
  #nextHop({ source, set }: Path): (Pick<PathAttributes, "linkLocalNextHop"> & { nextHop: IpAddress }) | undefined {
    const { isInternal, nextHopMode, ownNextHop } = this.policy;
    const { nextHop } = set.attributes;
    const isKept = nextHopMode === "keep" || (nextHopMode === "auto" && isInternal);
    // A link-local address means something on the link it came from only.
    if (source !== undefined && nextHop !== undefined && isKept) return { nextHop };
    return ownNextHop === undefined ? undefined : { nextHop: ownNextHop };
  }
}

/** RFC 1997. */
function isHiddenFrom(isInternal: boolean, communities: readonly number[]): boolean {
  if (communities.length === 0) return false;
  if (communities.includes(community.noAdvertise)) return true;
  if (isInternal) return false;
  return communities.includes(community.noExport) || communities.includes(community.noExportSubconfed);
}
