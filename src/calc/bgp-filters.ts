import type {
  Family,
  LargeCommunity,
  PrefixRange,
  RouteMatch,
  RoutePolicy,
  RouteRule,
  RouteSet,
} from "../bgp/index.ts";
import { type IpVersion, addressBits, cidrLength } from "../lib/index.ts";
import type { BGPFilter, BGPFilterOperation, BGPFilterRule } from "../resources/index.ts";
import type { SessionFilters } from "./messages.ts";

type Direction = "import" | "export";

export type FilterContext = {
  /** Of the BGPPeer, in order. */
  readonly names: readonly string[];
  readonly filters: ReadonlyMap<string, BGPFilter>;
  /** Carried by the session. */
  readonly families: readonly Family[];
  readonly isInternal: boolean;
  /** The speaker puts this AS number before what comes from the peer: the one that the peer has us by (RFC 7705). */
  readonly importedBehind: number | undefined;
  /** What is passed on when no filter has decided. */
  readonly exportWithin: readonly PrefixRange[];
};

/** A route's priority is the metric that it has in the kernel, where less is better; LOCAL_PREF is the difference to this. */
const priorityBase = 2147483647;

/**
 * Filters as policies of the speaker. A route that no rule decides fares as without filters. A filter that is not there
 * decides as well: it turns away what gets as far as to it.
 */
export function computeFilters(context: FilterContext): SessionFilters {
  if (context.names.length === 0) return {};
  const imported = policyOf("import", context);
  const exported = policyOf("export", context);
  const problem = problemOf(context);
  return {
    ...(imported === undefined ? {} : { importPolicy: imported }),
    ...(exported === undefined ? {} : { exportPolicy: exported, isExportFree: true }),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** Those of the filters that are there and have rules for this version and direction. */
export function filtersInForce(
  { names, filters }: Pick<FilterContext, "names" | "filters">,
  direction: Direction,
  version: IpVersion,
): string[] {
  return names.filter((name) => rulesOf(filters.get(name), direction, version).length > 0);
}

function policyOf(direction: Direction, context: FilterContext): RoutePolicy | undefined {
  const { names, filters, families, exportWithin } = context;
  const rules: RouteRule[] = [];
  const called: string[] = [];
  for (const name of names) {
    const filter = filters.get(name);
    if (filter === undefined) {
      rules.push({ match: {}, action: "reject" });
      called.push(`${name} (which is not there)`);
      break;
    }
    const ofFilter = families.flatMap((family) =>
      rulesOf(filter, direction, versionOf(family)).flatMap((rule) => compileRule(rule, direction, family, context)),
    );
    if (ofFilter.length > 0) called.push(name);
    rules.push(...ofFilter);
  }
  if (rules.length === 0) return undefined;
  const name = called.join(", ");
  if (direction === "import") return { name, rules, otherwise: "accept" };
  // What the speaker does without a policy, since with this one it looks at nothing else.
  const usual: RouteRule[] = [
    { match: { isOwn: true }, action: "accept" },
    { match: { peerTypes: ["workload"] }, action: "accept" },
    { match: { prefixes: exportWithin }, action: "accept" },
  ];
  return { name, rules: [...rules, ...usual], otherwise: "reject" };
}

/** None when it can never hold on this session. */
function compileRule(rule: BGPFilterRule, direction: Direction, family: Family, context: FilterContext): RouteRule[] {
  const { peerType, action, operations } = rule;
  if (peerType !== undefined && (peerType === "iBGP") !== context.isInternal) return [];
  const match = { family, ...prefixMatch(rule, family), ...attributeMatch(rule, direction, context) };
  if (action === "Reject") return [{ match, action: "reject" }];
  const set = operations === undefined ? {} : { set: routeSet(operations) };
  return [{ match, action: "accept", ...set }];
}

/** The length narrows every comparison, also that for equality. */
function prefixMatch({ cidr, matchOperator, prefixLength }: BGPFilterRule, family: Family): RouteMatch {
  if (cidr === undefined) return {};
  const own = cidrLength(cidr);
  const isExact = matchOperator === "Equal" || matchOperator === "NotEqual";
  const most = isExact ? own : addressBits[versionOf(family)];
  const range: PrefixRange = {
    prefix: cidr,
    minLength: Math.max(own, prefixLength?.min ?? own),
    maxLength: Math.min(most, prefixLength?.max ?? most),
  };
  return matchOperator === "Equal" || matchOperator === "In" ? { prefixes: [range] } : { notPrefixes: [range] };
}

function attributeMatch(rule: BGPFilterRule, direction: Direction, { importedBehind }: FilterContext): RouteMatch {
  const { source, communities, asPathPrefix, priority } = rule;
  const { standard, large } = splitCommunities(communities?.values ?? []);
  const before = direction === "import" && importedBehind !== undefined ? [importedBehind] : [];
  return {
    ...(source === undefined ? {} : { isOwn: false }),
    ...(standard.length === 0 ? {} : { communities: standard }),
    ...(large.length === 0 ? {} : { largeCommunities: large }),
    ...(asPathPrefix === undefined ? {} : { asPathPrefix: [...before, ...asPathPrefix] }),
    ...(priority === undefined ? {} : { localPref: priorityBase - priority }),
  };
}

/** Done one after the other: what is put before the path last stands first. */
function routeSet(operations: readonly BGPFilterOperation[]): RouteSet {
  const { standard, large } = splitCommunities(operations.flatMap(({ addCommunity }) => addCommunity?.value ?? []));
  const prepend = operations.toReversed().flatMap(({ prependASPath }) => prependASPath?.prefix ?? []);
  const priority = operations.findLast(({ setPriority }) => setPriority !== undefined)?.setPriority?.value;
  return {
    ...(standard.length === 0 ? {} : { addCommunities: standard }),
    ...(large.length === 0 ? {} : { addLargeCommunities: large }),
    ...(prepend.length === 0 ? {} : { prepend }),
    ...(priority === undefined ? {} : { localPref: priorityBase - priority }),
  };
}

/** `a:b` is one number, `a:b:c` three. */
function splitCommunities(texts: readonly string[]): { standard: number[]; large: LargeCommunity[] } {
  const standard: number[] = [];
  const large: LargeCommunity[] = [];
  for (const text of texts) {
    const [first = 0, second = 0, third] = text.split(":").map(Number);
    if (third === undefined) standard.push(first * 65_536 + second);
    else large.push([first, second, third]);
  }
  return { standard, large };
}

/** The speaker does not know the interface of a route: a rule that asks for it would decide about the wrong ones. */
function problemOf({ names, filters, families }: FilterContext): string | undefined {
  const found = names.find((name) =>
    families.some((family) =>
      (["import", "export"] as const).some((direction) =>
        rulesOf(filters.get(name), direction, versionOf(family)).some((rule) => rule.interface !== undefined),
      ),
    ),
  );
  return found === undefined ? undefined : `its BGPFilter ${found} asks for interfaces, which is not heeded yet`;
}

function rulesOf(filter: BGPFilter | undefined, direction: Direction, version: IpVersion): readonly BGPFilterRule[] {
  const { importV4, importV6, exportV4, exportV6 } = filter?.spec ?? {};
  const rules = direction === "import" ? { 4: importV4, 6: importV6 } : { 4: exportV4, 6: exportV6 };
  return rules[version] ?? [];
}

function versionOf(family: Family): IpVersion {
  return family === "ipv4-unicast" ? 4 : 6;
}
