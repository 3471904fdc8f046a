import type { CalcMessage, LocalEndpoint } from "../calc/index.ts";
import { type Chain, type NftSet, type Table, interfaceMap } from "../nft/index.ts";
import { baseChains, dispatchNames, dispatchSets } from "./base-chains.ts";
import { endpointChainName } from "./chain-names.ts";
import { endpointChain, finalDrop } from "./endpoint-chains.ts";
import { MemberSets } from "./member-sets.ts";
import { tableName } from "./ownership.ts";
import { type RuleChains, policyChains, profileChains } from "./rule-chains.ts";

type EndpointChains = { readonly endpoint: LocalEndpoint; readonly chains: readonly Chain[] };

/**
 * The nft table that puts the policies of this host into force. A chain or set that has not changed is the same object
 * as in the table before, and so is the table itself.
 */
export class PolicyTable {
  readonly #memberSets = new MemberSets();
  readonly #policies = new Map<string, RuleChains>();
  readonly #profiles = new Map<string, RuleChains>();
  /** By interface name. */
  readonly #endpoints = new Map<string, EndpointChains>();
  #activeEndpoints: readonly LocalEndpoint[] = [];
  #dispatchSets: readonly NftSet[] = dispatchSets([]);
  #table: Table | undefined;

  /** Sets, policies, profiles; endpoints come by `setEndpoints`. */
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
        this.#setRules(this.#policies, message.policy.id, policyChains(message.policy));
        break;
      case "policyRemove":
        this.#setRules(this.#policies, message.id, undefined);
        break;
      case "profileUpdate":
        this.#setRules(this.#profiles, message.profile.id, profileChains(message.profile));
        break;
      case "profileRemove":
        this.#setRules(this.#profiles, message.id, undefined);
        break;
      case "endpointUpdate":
      case "endpointRemove":
      case "advertUpdate":
      case "bgpUpdate":
        return;
    }
    this.#table = undefined;
  }

  /** The endpoints that have rules: one for each interface. */
  setEndpoints(endpoints: readonly LocalEndpoint[]): void {
    if (isSameList(endpoints, this.#activeEndpoints)) return;
    this.#activeEndpoints = endpoints;
    this.#dispatchSets = dispatchSets(endpoints);
    const names = new Set(endpoints.map(({ interfaceName }) => interfaceName));
    for (const name of this.#endpoints.keys()) if (!names.has(name)) this.#endpoints.delete(name);
    this.#table = undefined;
  }

  table(): Table {
    this.#table ??= this.#build();
    return this.#table;
  }

  #build(): Table {
    const endpointChains = this.#activeEndpoints.flatMap((endpoint) => this.#chainsOf(endpoint));
    const rules = [...this.#policies.values(), ...this.#profiles.values()];
    // Constant sets are named by what is in them: those of one name are equal.
    const constantSets = new Map(rules.flatMap(({ sets }) => sets.map((set) => [set.name, set])));
    return {
      family: "inet",
      name: tableName,
      chains: [...baseChains, ...rules.flatMap(({ chains }) => chains), ...endpointChains],
      sets: [...this.#dispatchSets, ...this.#memberSets.nftSets(), ...constantSets.values()],
    };
  }

  #chainsOf(endpoint: LocalEndpoint): readonly Chain[] {
    const built = this.#endpoints.get(endpoint.interfaceName);
    if (built?.endpoint === endpoint) return built.chains;
    const known = {
      hasPolicy: (id: string) => this.#policies.has(id),
      hasProfile: (id: string) => this.#profiles.has(id),
    };
    const chains = (["ingress", "egress"] as const).map((direction) => endpointChain(endpoint, direction, known));
    this.#endpoints.set(endpoint.interfaceName, { endpoint, chains });
    return chains;
  }

  /** Endpoints jump to the rules by name: their own chains change only when those come or go. */
  #setRules(target: Map<string, RuleChains>, id: string, rules: RuleChains | undefined): void {
    const wasThere = target.has(id);
    if (rules === undefined) target.delete(id);
    else target.set(id, rules);
    if (wasThere === (rules !== undefined)) return;
    for (const [name, { endpoint }] of this.#endpoints) {
      if (refersTo(endpoint, id)) this.#endpoints.delete(name);
    }
  }
}

/** Says of endpoints whether a table, as dumped or as confirmed, has their rules in force. */
export class RulesInForce {
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #dispatched: ReadonlySet<string>;

  constructor(table: Table | undefined) {
    const isHooked = (hook: string) =>
      table?.chains.some((chain) => chain.hook?.hook === hook && chain.rules.length > 0) === true;
    const isInForce = table?.isDormant !== true && isHooked("prerouting") && isHooked("forward") && isHooked("input");
    this.#chains = new Map(isInForce ? table?.chains.map((chain) => [chain.name, chain]) : []);
    const keysOf = (name: string) =>
      new Set<string>(table?.sets.find((set) => set.name === name)?.elements.map(({ key }) => key));
    this.#dispatched = keysOf(dispatchNames.workloads)
      .intersection(keysOf(dispatchNames.from))
      .intersection(keysOf(dispatchNames.to));
  }

  /** The chains of its interface are this endpoint's, not those of one that had the interface before. */
  has(endpoint: LocalEndpoint): boolean {
    const [key] = interfaceMap("", [[endpoint.interfaceName, { type: "drop" }]]).elements;
    return (
      key !== undefined &&
      this.#dispatched.has(key.key) &&
      (["ingress", "egress"] as const).every((direction) => {
        const chain = this.#chains.get(endpointChainName(endpoint.interfaceName, direction));
        return chain?.rules.at(-1)?.comment === finalDrop(endpoint.id, direction).comment;
      })
    );
  }
}

function refersTo({ tiers, profileIds }: LocalEndpoint, id: string): boolean {
  return profileIds.includes(id) || tiers.some(({ ingress, egress }) => ingress.includes(id) || egress.includes(id));
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
