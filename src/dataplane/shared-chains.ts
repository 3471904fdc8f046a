import type { Direction, HostSettings, LocalEndpoint } from "../calc/index.ts";
import type { Chain } from "../nft/index.ts";
import { sharedChainName } from "./chain-names.ts";
import { sharedChain } from "./endpoint-chains.ts";
import type { KnownRules } from "./tier-rules.ts";

/** What the policies and profiles of an endpoint come down to: alike for endpoints that share a chain. */
type Keys = Readonly<Record<Direction, string>>;

type Shared = { readonly endpoint: LocalEndpoint; readonly chain: Chain };

type SharedByKey = Readonly<Record<Direction, Map<string, Shared>>>;

/** Names of the chains that an endpoint has to jump to. */
export type SharedNames = Readonly<Record<Direction, string>>;

/**
 * One chain for all endpoints that have the same policies and profiles in one direction: what changes for all of them changes
 * once. It has its name by the first of them, so that it keeps it when what they have changes, and after a restart too.
 */
export class SharedChains {
  readonly #known: KnownRules;
  readonly #keys = new WeakMap<LocalEndpoint, Keys>();
  #byKey: SharedByKey = { ingress: new Map(), egress: new Map() };

  constructor(known: KnownRules) {
    this.#known = known;
  }

  /** The chains of these endpoints, and for each endpoint the names of those it is to jump to. */
  arrange(
    endpoints: readonly LocalEndpoint[],
    settings: HostSettings,
  ): { readonly chains: readonly Chain[]; readonly names: ReadonlyMap<LocalEndpoint, SharedNames> } {
    const byKey: SharedByKey = { ingress: new Map(), egress: new Map() };
    const share = (endpoint: LocalEndpoint, direction: Direction): string => {
      const key = this.#keysOf(endpoint)[direction];
      const present = byKey[direction].get(key);
      if (present !== undefined) return present.chain.name;
      const name = sharedChainName(endpoint.interfaceName, direction);
      const before = this.#byKey[direction].get(key);
      const chain =
        before?.chain.name === name ? before.chain : sharedChain(name, endpoint, direction, this.#known, settings);
      byKey[direction].set(key, { endpoint, chain });
      return name;
    };
    const names = new Map(
      endpoints.map((endpoint) => [
        endpoint,
        { ingress: share(endpoint, "ingress"), egress: share(endpoint, "egress") },
      ]),
    );
    this.#byKey = byKey;
    const chains = Object.values(byKey).flatMap((shared) => Array.from(shared.values(), ({ chain }) => chain));
    return { chains, names };
  }

  /** Chains of endpoints like this are made anew next time. */
  forget(isMeant: (endpoint: LocalEndpoint) => boolean): void {
    for (const byKey of Object.values(this.#byKey))
      for (const [key, { endpoint }] of byKey) if (isMeant(endpoint)) byKey.delete(key);
  }

  #keysOf(endpoint: LocalEndpoint): Keys {
    let keys = this.#keys.get(endpoint);
    if (keys === undefined) this.#keys.set(endpoint, (keys = keysOf(endpoint)));
    return keys;
  }
}

function keysOf({ tiers, profileIds }: LocalEndpoint): Keys {
  const key = (direction: Direction) => {
    const asked = tiers.filter((tier) => tier[direction].length > 0);
    return JSON.stringify([asked.map((tier) => [tier.name, tier.defaultAction, tier[direction]]), profileIds]);
  };
  return { ingress: key("ingress"), egress: key("egress") };
}
