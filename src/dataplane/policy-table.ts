import {
  type ActivePolicy,
  type CalcMessage,
  type EndpointTier,
  type HostSettings,
  type LocalEndpoint,
  type LocalHostEndpoint,
  type NatSource,
  defaultSettings,
} from "../calc/index.ts";
import { differing } from "../lib/index.ts";
import type { Chain, NftSet, Table } from "../nft/index.ts";
import { DispatchSets, baseChains } from "./base-chains.ts";
import { endpointChain, spoofChain } from "./endpoint-chains.ts";
import { type HostInterfaces, hostDispatch, hostEndpointChains } from "./host-chains.ts";
import { MemberSets } from "./member-sets.ts";
import { natSets } from "./nat-sets.ts";
import { tableName, workloadPrefixes } from "./ownership.ts";
import { type RuleChains, policyChains, profileChains } from "./rule-chains.ts";
import { SharedChains, type SharedNames } from "./shared-chains.ts";
import { type KnownRules, jumpKey } from "./tier-rules.ts";

/** `shared`: where they jump to. */
type EndpointChains = {
  readonly endpoint: LocalEndpoint;
  readonly shared: SharedNames;
  readonly chains: readonly Chain[];
};

/** Rules as calc told them, and what became of them under the present settings. */
type Rules = { readonly source: ActivePolicy; readonly rendered: RuleChains };

const noInterfaces: HostInterfaces = { named: new Map(), rest: undefined };

/**
 * The nft table that puts the policies of this host into force. A chain or set that has not changed is the same object
 * as in the table before, and so is the table itself.
 */
export class PolicyTable {
  readonly #memberSets = new MemberSets();
  readonly #policies = new Map<string, Rules>();
  readonly #profiles = new Map<string, Rules>();
  /** By interface name. */
  readonly #endpoints = new Map<string, EndpointChains>();
  #settings: HostSettings = defaultSettings;
  #nat: NatSource = { natPools: [], pools: [] };
  #natSets: readonly NftSet[] = [];
  #activeEndpoints: readonly LocalEndpoint[] = [];
  #refused: readonly string[] = [];
  #hasOddNames = false;
  readonly #dispatchSets = new DispatchSets();
  #endpointParts: ReturnType<SharedChains["arrange"]> | undefined;
  /** Of policies and profiles. */
  #ruleParts: RuleChains | undefined;
  #hostInterfaces = noInterfaces;
  /** Those of the base, of dispatch and of host endpoints: few, and made anew together. */
  #hostParts: HostParts | undefined;
  #table: Table | undefined;
  /** With the lists that its chains were put together from. */
  #lastTable: { readonly table: Table; readonly chains: readonly (readonly Chain[])[] } | undefined;

  /** Sets, policies, profiles, settings, pools; endpoints come by `setEndpoints` and `setHostInterfaces`. */
  onCalc(message: CalcMessage): void {
    switch (message.type) {
      case "setUpdate":
        this.#memberSets.update(message.id, message.members);
        break;
      case "setChange":
        this.#memberSets.change(message.id, message.added, message.removed);
        break;
      case "setRemove":
        this.#memberSets.remove(message.id);
        break;
      case "policyUpdate":
        this.#setRules(this.#policies, message.policy.id, this.#renderPolicy(message.policy));
        break;
      case "policyRemove":
        this.#setRules(this.#policies, message.id, undefined);
        for (const direction of ["ingress", "egress"] as const)
          this.#known.jumps.delete(jumpKey(message.id, direction));
        break;
      case "profileUpdate":
        this.#setRules(this.#profiles, message.profile.id, this.#renderProfile(message.profile));
        break;
      case "profileRemove":
        this.#setRules(this.#profiles, message.id, undefined);
        break;
      case "settingsUpdate":
        this.#applySettings(message);
        break;
      case "natUpdate":
        this.#nat = message;
        this.#natSets = natSets(message);
        this.#hostParts = undefined;
        break;
      case "endpointUpdate":
      case "endpointRemove":
      case "hostEndpointUpdate":
      case "hostEndpointRemove":
      case "advertUpdate":
      case "bgpUpdate":
        return;
    }
    this.#table = undefined;
  }

  /** The endpoints that have rules, one for each interface; and interfaces of workloads that get none and stay closed. */
  setEndpoints(endpoints: readonly LocalEndpoint[], refused: readonly string[] = []): void {
    if (isSameList(endpoints, this.#activeEndpoints) && isSameList(refused, this.#refused)) return;
    const { a: before, b: after } = differing(this.#activeEndpoints, endpoints);
    const names = new Set([...after.map(({ interfaceName }) => interfaceName), ...refused]);
    const gone = [...before.map(({ interfaceName }) => interfaceName), ...this.#refused];
    for (const name of gone) if (!names.has(name)) this.#dispatchSets.delete(name);
    for (const { interfaceName } of before) if (!names.has(interfaceName)) this.#endpoints.delete(interfaceName);
    for (const endpoint of withoutAlike(before, after)) this.#dispatchSets.forget(endpoint);
    for (const endpoint of withoutAlike(after, before)) this.#dispatchSets.put(endpoint);
    for (const name of refused) this.#dispatchSets.refuse(name);
    if (refused.length > 0 !== this.#refused.length > 0) this.#hostParts = undefined;
    this.#activeEndpoints = endpoints;
    this.#refused = refused;
    this.#lookForOddNames();
    this.#endpointParts = undefined;
    this.#table = undefined;
  }

  setHostInterfaces(interfaces: HostInterfaces): void {
    if (isSameInterfaces(interfaces, this.#hostInterfaces)) return;
    this.#hostInterfaces = interfaces;
    this.#hostParts = undefined;
    this.#table = undefined;
  }

  #lookForOddNames(): void {
    const prefixes = workloadPrefixes(this.#settings);
    const isOdd = (name: string) => !prefixes.some((prefix) => name.startsWith(prefix));
    const hasOddNames =
      this.#activeEndpoints.some(({ interfaceName }) => isOdd(interfaceName)) || this.#refused.some(isOdd);
    if (hasOddNames === this.#hasOddNames) return;
    this.#hasOddNames = hasOddNames;
    this.#hostParts = undefined;
  }

  /** How many there are of each. */
  get sizes(): { readonly policies: number; readonly profiles: number; readonly sets: number } {
    return { policies: this.#policies.size, profiles: this.#profiles.size, sets: this.#memberSets.size };
  }

  table(): Table {
    this.#table ??= this.#build();
    return this.#table;
  }

  #build(): Table {
    const before = this.#lastTable;
    this.#hostParts ??= this.#buildHostParts();
    this.#endpointParts ??= this.#shared.arrange(this.#activeEndpoints, this.#settings);
    this.#ruleParts ??= this.#buildRuleParts();
    const chains = [
      this.#hostParts.baseChains,
      this.#ruleParts.chains,
      this.#endpointParts.shared,
      this.#endpointParts.own,
      this.#hostParts.hostChains,
    ];
    const sets = [
      this.#dispatchSets.nftSets(),
      this.#hostParts.sets,
      this.#natSets,
      this.#memberSets.nftSets(),
      this.#ruleParts.sets,
    ];
    const hasSameChains = before !== undefined && isSameList(chains, before.chains);
    const table: Table = {
      family: "inet",
      name: tableName,
      chains: hasSameChains ? before.table.chains : join(chains),
      sets: join(sets),
    };
    this.#lastTable = { table, chains };
    return table;
  }

  #buildRuleParts(): RuleChains {
    const rules = [...this.#policies.values(), ...this.#profiles.values()].map(({ rendered }) => rendered);
    // Constant sets are named by what is in them: those of one name are equal.
    const constantSets = new Map(rules.flatMap(({ sets }) => sets.map((set) => [set.name, set])));
    return { chains: rules.flatMap(({ chains }) => chains), sets: [...constantSets.values()] };
  }

  #hostEndpoints(): readonly LocalHostEndpoint[] {
    const { named, rest } = this.#hostInterfaces;
    return [...new Set([...named.values(), ...(rest === undefined ? [] : [rest])])];
  }

  #buildHostParts(): HostParts {
    const all = this.#hostEndpoints();
    const hasHostEndpoints = all.length > 0;
    const dispatch = hasHostEndpoints ? hostDispatch(this.#hostInterfaces) : { chains: [], sets: [] };
    return {
      baseChains: baseChains({
        settings: this.#settings,
        hasHostEndpoints,
        hasUntracked: all.some(({ untracked }) => hasPolicies(untracked)),
        hasPreDnat: all.some(({ preDnat }) => hasPolicies(preDnat)),
        hasNat: this.#nat.natPools.length > 0,
        hasRefused: this.#refused.length > 0,
        hasOddNames: this.#hasOddNames,
      }),
      hostChains: [
        ...all.flatMap((endpoint) => hostEndpointChains(endpoint, this.#known, this.#settings)),
        ...dispatch.chains,
      ],
      sets: dispatch.sets,
    };
  }

  readonly #known: KnownRules = {
    hasPolicy: (id) => this.#policies.has(id),
    hasProfile: (id) => this.#profiles.has(id),
    jumps: new Map(),
  };

  readonly #shared = new SharedChains(this.#known, (endpoint, names) => this.#chainsOf(endpoint, names));

  #chainsOf(endpoint: LocalEndpoint, shared: SharedNames): readonly Chain[] {
    const built = this.#endpoints.get(endpoint.interfaceName);
    const { ingress, egress } = shared;
    const hasSameShared = built?.shared.ingress === ingress && built.shared.egress === egress;
    if (hasSameShared && isAlikeButForRules(built.endpoint, endpoint)) return built.chains;
    const chains = (["ingress", "egress"] as const).map((direction) =>
      endpointChain(endpoint, direction, shared[direction], this.#settings),
    );
    if (endpoint.spoofable.length > 0) chains.push(spoofChain(endpoint));
    this.#endpoints.set(endpoint.interfaceName, { endpoint, shared, chains });
    return chains;
  }

  #renderPolicy(source: ActivePolicy): Rules {
    return { source, rendered: policyChains(source, this.#settings) };
  }

  #renderProfile(source: ActivePolicy): Rules {
    return { source, rendered: profileChains(source, this.#settings) };
  }

  /** Chains jump to the rules by name: they change only when those come or go. */
  #setRules(target: Map<string, Rules>, id: string, rules: Rules | undefined): void {
    const wasThere = target.has(id);
    this.#ruleParts = undefined;
    if (rules === undefined) target.delete(id);
    else target.set(id, rules);
    if (wasThere === (rules !== undefined)) return;
    if (this.#hostEndpoints().some((endpoint) => hostRefersTo(endpoint, id))) this.#hostParts = undefined;
    this.#shared.forget((endpoint) => refersTo(endpoint, id));
    this.#endpointParts = undefined;
  }

  /** Settings are in every rule. */
  #applySettings(settings: HostSettings): void {
    this.#settings = settings;
    this.#lookForOddNames();
    for (const [id, { source }] of this.#policies) this.#policies.set(id, this.#renderPolicy(source));
    for (const [id, { source }] of this.#profiles) this.#profiles.set(id, this.#renderProfile(source));
    this.#endpoints.clear();
    this.#shared.forgetAll();
    this.#endpointParts = undefined;
    this.#ruleParts = undefined;
    this.#hostParts = undefined;
  }
}

type HostParts = {
  readonly baseChains: readonly Chain[];
  readonly hostChains: readonly Chain[];
  readonly sets: readonly NftSet[];
};

function hasPolicies(tiers: readonly EndpointTier[]): boolean {
  return tiers.some(({ ingress, egress }) => ingress.length > 0 || egress.length > 0);
}

function isSameInterfaces(a: HostInterfaces, b: HostInterfaces): boolean {
  const isSame = (named: ReadonlyMap<string, LocalHostEndpoint>) =>
    [...a.named].every(([name, endpoint]) => named.get(name) === endpoint);
  return a.rest === b.rest && a.named.size === b.named.size && isSame(b.named);
}

/** Those of `list` that `others` has not, or with something else about them than policies. */
function withoutAlike(list: readonly LocalEndpoint[], others: readonly LocalEndpoint[]): LocalEndpoint[] {
  const byInterface = new Map(others.map((endpoint) => [endpoint.interfaceName, endpoint]));
  return list.filter((endpoint) => {
    const other = byInterface.get(endpoint.interfaceName);
    return other === undefined || !isAlikeButForRules(endpoint, other);
  });
}

function isAlikeButForRules(a: LocalEndpoint, b: LocalEndpoint): boolean {
  if (a === b) return true;
  const isSameName = a.id === b.id && a.interfaceName === b.interfaceName;
  return isSameName && isSameList(a.addresses, b.addresses) && isSameList(a.spoofable, b.spoofable);
}

function refersTo({ tiers, profileIds }: Pick<LocalEndpoint, "tiers" | "profileIds">, id: string): boolean {
  return profileIds.includes(id) || tiers.some(({ ingress, egress }) => ingress.includes(id) || egress.includes(id));
}

function hostRefersTo({ profileIds, ...places }: LocalHostEndpoint, id: string): boolean {
  const { normal, forward, untracked, preDnat } = places;
  return [normal, forward, untracked, preDnat].some((tiers) => refersTo({ tiers, profileIds }, id));
}

/** Faster than flat, which looks at every one. */
function join<T>(lists: readonly (readonly T[])[]): readonly T[] {
  return new Array<T>().concat(...lists);
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
