import type { LocalEndpoint } from "../calc/index.ts";
import { differing } from "../lib/index.ts";
import { type Chain, type NftSet, type Table, diffElements, interfaceOfKey } from "../nft/index.ts";
import { dispatchNames } from "./base-chains.ts";
import { endpointChainName, interfaceOfChain } from "./chain-names.ts";
import { finalComment } from "./endpoint-chains.ts";

const dispatchSets = [dispatchNames.workloads, dispatchNames.from, dispatchNames.to];
const hooks = ["prerouting", "forward", "input"] as const;

/** Says of endpoints whether a table, as dumped or as confirmed, has their rules in force. */
export class RulesInForce {
  #table: Table | undefined;
  #isInForce = false;
  /** What the last rules of chains say. */
  readonly #lastComments = new Map<string, string | undefined>();
  /** Interfaces, by the set or map that has them. */
  readonly #dispatched = new Map(dispatchSets.map((name) => [name, new Set<string>()]));
  readonly #sets = new Map<string, NftSet>();
  readonly #signs = new WeakMap<LocalEndpoint, Signs>();

  /** The kernel has this table now. Gives the interfaces of endpoints for which that may change something. */
  update(table: Table | undefined): Touched {
    const before = this.#table;
    this.#table = table;
    if (before === table) return new Set();
    const touched = this.#updateSets(table);
    const chains = differing(before?.chains ?? [], table?.chains ?? []);
    for (const { name } of chains.a) this.#lastComments.delete(name);
    for (const { name, rules } of chains.b) this.#lastComments.set(name, rules.at(-1)?.comment);
    for (const { name } of [...chains.a, ...chains.b]) {
      const link = interfaceOfChain(name);
      if (link !== undefined) touched.add(link);
    }
    const wasInForce = this.#isInForce;
    this.#isInForce = table !== undefined && table.isDormant !== true && hooks.every((hook) => hasRules(table, hook));
    return this.#isInForce === wasInForce ? touched : "all";
  }

  /** The chains of its interface are this endpoint's, not those of one that had the interface before. */
  has(endpoint: LocalEndpoint): boolean {
    if (!this.#isInForce) return false;
    let signs = this.#signs.get(endpoint);
    if (signs === undefined) this.#signs.set(endpoint, (signs = signsOf(endpoint)));
    for (const [chain, comment] of signs) if (this.#lastComments.get(chain) !== comment) return false;
    for (const interfaces of this.#dispatched.values()) if (!interfaces.has(endpoint.interfaceName)) return false;
    return true;
  }

  #updateSets(table: Table | undefined): Set<string> {
    const touched = new Set<string>();
    for (const name of dispatchSets) {
      const before = this.#sets.get(name);
      const after = table?.sets.find((set) => set.name === name);
      if (before === after) continue;
      const { added, deleted } = diffElements(before ?? empty, after ?? empty);
      const interfaces = this.#dispatched.get(name);
      for (const { key } of deleted) {
        const link = interfaceOfKey(key);
        interfaces?.delete(link);
        touched.add(link);
      }
      for (const { key } of added) {
        const link = interfaceOfKey(key);
        interfaces?.add(link);
        touched.add(link);
      }
      if (after === undefined) this.#sets.delete(name);
      else this.#sets.set(name, after);
    }
    return touched;
  }
}

/** Names of interfaces. */
export type Touched = ReadonlySet<string> | "all";

/** Chains, and what their last rules must say. */
type Signs = readonly (readonly [chain: string, comment: string])[];

function signsOf({ id, interfaceName }: LocalEndpoint): Signs {
  return (["ingress", "egress"] as const).map((direction) => [
    endpointChainName(interfaceName, direction),
    finalComment(id, direction),
  ]);
}

const empty: NftSet = { name: "", keyType: ["ifname"], isInterval: false, isVerdictMap: false, elements: [] };

function hasRules(table: Table, hook: string): boolean {
  return table.chains.some((chain: Chain) => chain.hook?.hook === hook && chain.rules.length > 0);
}
