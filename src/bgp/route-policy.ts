import { cidrVersion } from "../lib/index.ts";
import { prependAs } from "./as-path.ts";
import type { PathAttributes } from "./attributes.ts";
import type {
  Family,
  LargeCommunity,
  PeerType,
  PrefixRange,
  RouteMatch,
  RoutePolicy,
  RouteRule,
  RouteSet,
} from "./config.ts";
import { versionOf } from "./numbers.ts";
import { type PrefixKey, cidrToKey, keyContains } from "./prefix-key.ts";

/** What a route without LOCAL_PREF counts as. */
const usualLocalPref = 100;

/** What a policy may look at besides the prefix and the attributes. */
export type RouteOrigin = {
  readonly isOwn: boolean;
  /** Of the peer that the route came from; undefined on our own. */
  readonly peerType: PeerType | undefined;
  readonly isFromInternal: boolean | undefined;
};

export type Verdict = {
  readonly isAccepted: boolean;
  /** The rules that changed the route, by their places, in order. The same ones do the same to the same attributes. */
  readonly applied: readonly number[];
};

type PrefixBounds = { readonly key: PrefixKey; readonly least: number; readonly most: number };
type CompiledRule = {
  readonly rule: RouteRule;
  readonly prefixes: readonly PrefixBounds[] | undefined;
  readonly notPrefixes: readonly PrefixBounds[] | undefined;
};

/** One policy for one family. Pure: the verdict depends on nothing but what it is given. */
export class PolicyRunner {
  readonly policy: RoutePolicy;
  /** Without it one verdict serves all prefixes of an attribute set. */
  readonly looksAtPrefix: boolean;
  readonly #rules: readonly CompiledRule[];

  constructor(policy: RoutePolicy, family: Family) {
    this.policy = policy;
    const rules = policy.rules.filter(({ match }) => match.family === undefined || match.family === family);
    this.looksAtPrefix = rules.some(({ match }) => match.prefixes !== undefined || match.notPrefixes !== undefined);
    this.#rules = rules.map((rule) => ({
      rule,
      prefixes: compilePrefixes(rule.match.prefixes, family),
      notPrefixes: compilePrefixes(rule.match.notPrefixes, family),
    }));
  }

  judge(key: PrefixKey, attributes: PathAttributes, origin: RouteOrigin): Verdict {
    let current = attributes;
    const applied: number[] = [];
    for (const [at, compiled] of this.#rules.entries()) {
      const { rule, prefixes, notPrefixes } = compiled;
      if (prefixes !== undefined && !prefixes.some((bounds) => isWithin(key, bounds))) continue;
      if (notPrefixes?.some((bounds) => isWithin(key, bounds)) === true) continue;
      if (!doesMatch(rule.match, current, origin)) continue;
      if (rule.action === "reject") return { isAccepted: false, applied: [] };
      if (rule.set !== undefined) {
        applied.push(at);
        if (rule.action === "next") current = applySet(current, rule.set);
      }
      if (rule.action === "accept") return { isAccepted: true, applied };
    }
    return { isAccepted: this.policy.otherwise === "accept", applied };
  }

  /** What the rules of a verdict make of the attributes. */
  apply(attributes: PathAttributes, applied: readonly number[]): PathAttributes {
    let current = attributes;
    for (const at of applied) {
      const set = this.#rules[at]?.rule.set;
      if (set !== undefined) current = applySet(current, set);
    }
    return current;
  }
}

function compilePrefixes(prefixes: readonly PrefixRange[] | undefined, family: Family): PrefixBounds[] | undefined {
  return prefixes
    ?.filter(({ prefix }) => cidrVersion(prefix) === versionOf(family))
    .map(({ prefix, minLength, maxLength }) => ({ key: cidrToKey(prefix), least: minLength, most: maxLength }));
}

function isWithin(key: PrefixKey, { key: outer, least, most }: PrefixBounds): boolean {
  const bits = key.charCodeAt(0);
  return bits >= least && bits <= most && keyContains(outer, key);
}

function doesMatch(match: RouteMatch, attributes: PathAttributes, origin: RouteOrigin): boolean {
  const { isOwn, isFromInternal, peerTypes, communities, largeCommunities, asPathPrefix, localPref } = match;
  if (isOwn !== undefined && isOwn !== origin.isOwn) return false;
  if (isFromInternal !== undefined && isFromInternal !== origin.isFromInternal) return false;
  if (peerTypes !== undefined && (origin.peerType === undefined || !peerTypes.includes(origin.peerType))) return false;
  if (localPref !== undefined && localPref !== (attributes.localPref ?? usualLocalPref)) return false;
  if (communities?.every((value) => attributes.communities.includes(value)) === false) return false;
  if (largeCommunities?.every((value) => hasLarge(attributes.largeCommunities, value)) === false) return false;
  return asPathPrefix === undefined || beginsWith(attributes, asPathPrefix);
}

function beginsWith({ asPath }: PathAttributes, wanted: readonly number[]): boolean {
  const numbers: number[] = [];
  for (const { type, asNumbers } of asPath) {
    if (type !== "sequence" || numbers.length >= wanted.length) break;
    numbers.push(...asNumbers);
  }
  return wanted.every((asNumber, i) => numbers[i] === asNumber);
}

function applySet(attributes: PathAttributes, set: RouteSet): PathAttributes {
  const { localPref, med, addCommunities = [], removeCommunities = [], prepend = [] } = set;
  const { addLargeCommunities = [], removeLargeCommunities = [] } = set;
  const communities = attributes.communities.filter((value) => !removeCommunities.includes(value));
  for (const value of addCommunities) if (!communities.includes(value)) communities.push(value);
  const largeCommunities = attributes.largeCommunities.filter((value) => !hasLarge(removeLargeCommunities, value));
  for (const value of addLargeCommunities) if (!hasLarge(largeCommunities, value)) largeCommunities.push(value);
  return {
    ...attributes,
    ...(localPref === undefined ? {} : { localPref }),
    ...(med === undefined ? {} : { med }),
    communities,
    largeCommunities,
    asPath: prepend.reduceRight((path, asNumber) => prependAs(path, asNumber), attributes.asPath),
  };
}

function hasLarge(list: readonly LargeCommunity[], [global, first, second]: LargeCommunity): boolean {
  return list.some((one) => one[0] === global && one[1] === first && one[2] === second);
}
