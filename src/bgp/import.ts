import { type IpAddress, addressToBytes, addressVersion } from "../lib/index.ts";
import { type AsPath, isOfConfederation, prependAs } from "./as-path.ts";
import { type AttributeSet, type PathAttributes, makeAttributeSet } from "./attributes.ts";
import type { Family, RoutePolicy } from "./config.ts";
import { community, versionOf } from "./numbers.ts";
import type { Source } from "./path.ts";
import type { PrefixKey } from "./prefix-key.ts";
import { PolicyRunner, type RouteOrigin } from "./route-policy.ts";

/** All that decides about what a peer tells. */
export type ImportPolicy = {
  readonly family: Family;
  readonly localAs: number;
  /** Our AS number as the peer sees it, when it is another one (RFC 7705). */
  readonly sessionAs: number | undefined;
  readonly allowLocalAs: number;
  readonly routerId: IpAddress;
  /** The clusters that we reflect for. */
  readonly clusters: ReadonlySet<IpAddress>;
  readonly peerAs: number;
  readonly isInternal: boolean;
  /** Our addresses on this session. */
  readonly ownAddresses: readonly IpAddress[];
  readonly hasExtendedNextHop: boolean;
  readonly policy: RoutePolicy | undefined;
  readonly isPolicyRequired: boolean;
};

export type Judgement =
  | { readonly set: AttributeSet; readonly refusal: undefined }
  | { readonly set: undefined; readonly refusal: string };

/**
 * Judges what a peer tells, by the rules of the RFCs and then by its policy, and gives the attributes by which it counts. One set
 * gives one object for each outcome.
 */
export class Importer {
  readonly policy: ImportPolicy;
  /** Prefixes of one set may fare differently. */
  readonly looksAtPrefix: boolean;
  readonly #runner: PolicyRunner | undefined;
  readonly #origin: RouteOrigin;
  readonly #judgementsBySet = new WeakMap<AttributeSet, Map<string, Judgement>>();
  #raw: AttributeSet | undefined;
  #judgements = new Map<string, Judgement>();

  constructor(policy: ImportPolicy, source: Source) {
    this.policy = policy;
    this.#runner = policy.policy === undefined ? undefined : new PolicyRunner(policy.policy, policy.family);
    this.looksAtPrefix = this.#runner?.looksAtPrefix === true;
    this.#origin = { isOwn: false, peerType: source.type, isFromInternal: policy.isInternal };
  }

  judge(key: PrefixKey, raw: AttributeSet): Judgement {
    if (raw !== this.#raw) {
      this.#raw = raw;
      this.#judgements = this.#judgementsBySet.get(raw) ?? new Map<string, Judgement>();
      this.#judgementsBySet.set(raw, this.#judgements);
    }
    const rule = this.#judgements.get("rules") ?? this.#remember("rules", this.#judgeByRules(raw));
    if (rule.set === undefined || this.#runner === undefined) return rule;
    const { isAccepted, applied } = this.#runner.judge(key, rule.set.attributes, this.#origin);
    const name = isAccepted ? `accepted ${applied.join()}` : "rejected";
    return this.#judgements.get(name) ?? this.#remember(name, this.#judgeByPolicy(rule.set, isAccepted, applied));
  }

  #remember(name: string, judgement: Judgement): Judgement {
    this.#judgements.set(name, judgement);
    return judgement;
  }

  #judgeByRules(raw: AttributeSet): Judgement {
    const refusal = refuseRoute(raw, this.policy);
    if (refusal !== undefined) return { set: undefined, refusal };
    const { isInternal, sessionAs } = this.policy;
    if (isInternal) return { set: raw, refusal };
    // RFC 7705 section 3.3: the AS that the peer believes in is on the way.
    const withAs =
      sessionAs === undefined
        ? raw.attributes
        : { ...raw.attributes, asPath: prependAs(raw.attributes.asPath, sessionAs) };
    if (this.#runner !== undefined) return { set: withAs === raw.attributes ? raw : makeAttributeSet(withAs), refusal };
    const attributes = shutDownGracefully(withAs);
    return { set: attributes === raw.attributes ? raw : makeAttributeSet(attributes), refusal };
  }

  #judgeByPolicy(set: AttributeSet, isAccepted: boolean, applied: readonly number[]): Judgement {
    if (!isAccepted) return { set: undefined, refusal: `import policy ${this.policy.policy?.name ?? ""}` };
    const changed = this.#runner?.apply(set.attributes, applied) ?? set.attributes;
    const attributes = this.policy.isInternal ? changed : shutDownGracefully(changed);
    return { set: attributes === set.attributes ? set : makeAttributeSet(attributes), refusal: undefined };
  }
}

/** RFC 8326 section 4: whatever a policy says, a path that is about to go is the last choice. */
function shutDownGracefully(attributes: PathAttributes): PathAttributes {
  return attributes.communities.includes(community.gracefulShutdown) ? { ...attributes, localPref: 0 } : attributes;
}

/** Why a route is as good as withdrawn though its UPDATE was in order; undefined when it may be used. */
function refuseRoute(set: AttributeSet, policy: ImportPolicy): string | undefined {
  const { asPath, originatorId, clusterList, nextHop } = set.attributes;
  const { localAs, sessionAs, allowLocalAs } = policy;
  if (!policy.isInternal && policy.isPolicyRequired && policy.policy === undefined) {
    return "no import policy for an external peer (RFC 8212)";
  }
  // RFC 4271 section 9.1.2 and RFC 4456 section 8: it has been here before.
  const isLooped = count(asPath, localAs) > allowLocalAs;
  if (isLooped || (sessionAs !== undefined && count(asPath, sessionAs) > allowLocalAs)) {
    return "own AS number in the AS path";
  }
  if (originatorId === policy.routerId) return "own identifier as ORIGINATOR_ID";
  if (clusterList.some((cluster) => policy.clusters.has(cluster))) return "own cluster in the CLUSTER_LIST";
  // RFC 5065 section 5; we are in no confederation.
  if (!policy.isInternal && asPath.some(isOfConfederation)) return "segments of a confederation in the AS path";
  // RFC 4271 section 6.3.
  if (!policy.isInternal && set.neighbourAs !== policy.peerAs) return "the AS path does not begin with the peer's AS";
  if (nextHop === undefined || !isUsableNextHop(nextHop, policy)) return "the next hop is no unicast address";
  if (policy.ownAddresses.includes(nextHop)) return "the next hop is our own address";
  return undefined;
}

function count(path: AsPath, asNumber: number): number {
  let found = 0;
  for (const { asNumbers } of path) for (const one of asNumbers) if (one === asNumber) found++;
  return found;
}

function isUsableNextHop(nextHop: IpAddress, { family, hasExtendedNextHop }: ImportPolicy): boolean {
  const isExtended = hasExtendedNextHop && family === "ipv4-unicast" && addressVersion(nextHop) === 6;
  if (addressVersion(nextHop) !== versionOf(family) && !isExtended) return false;
  const octets = addressToBytes(nextHop);
  const first = octets[0] ?? 0;
  if (octets.length === 4) return first !== 0 && first < 224;
  return first !== 0xff && octets.some((octet) => octet !== 0);
}
