import type { Direction, EndpointTier, HostSettings, LocalEndpoint } from "../calc/index.ts";
import { differing } from "../lib/index.ts";
import type { Chain } from "../nft/index.ts";
import { sharedChainName } from "./chain-names.ts";
import { sharedChain } from "./endpoint-chains.ts";
import type { KnownRules } from "./tier-rules.ts";

/** Names of the chains that an endpoint has to jump to. */
export type SharedNames = Readonly<Record<Direction, string>>;

/** Endpoints that have the same policies and profiles in one direction. */
type Group = {
  /** The arrangement that it was last part of. */
  round: number;
  /** The first of them, by which the chain is named. */
  endpoint: LocalEndpoint | undefined;
  chain: Chain | undefined;
};

/** An endpoint in its groups, with its own chains for the names that it jumps to. */
type Place = Readonly<Record<Direction, Group>> & {
  readonly endpoint: LocalEndpoint;
  names: SharedNames;
  own: readonly Chain[];
};

const directions = ["ingress", "egress"] as const;
const noNames: SharedNames = { ingress: "", egress: "" };

/**
 * One chain for all endpoints that have the same policies and profiles in one direction: what changes for all of them changes
 * once. It has its name by the first of them, so that it keeps it when what they have changes, and after a restart too.
 * Endpoints that stay cost no search: one look at each.
 */
export class SharedChains {
  readonly #known: KnownRules;
  readonly #makeOwn: (endpoint: LocalEndpoint, names: SharedNames) => readonly Chain[];
  /** By what policies and profiles come down to. */
  readonly #groups: Readonly<Record<Direction, Map<string, Group>>> = { ingress: new Map(), egress: new Map() };
  #endpoints: readonly LocalEndpoint[] = [];
  /** One for each of them. */
  #places: readonly Place[] = [];
  #round = 0;

  /** `makeOwn`: the chains of one endpoint alone. */
  constructor(known: KnownRules, makeOwn: (endpoint: LocalEndpoint, names: SharedNames) => readonly Chain[]) {
    this.#known = known;
    this.#makeOwn = makeOwn;
  }

  /** The chains that these endpoints share, and those that they have to themselves. */
  arrange(
    endpoints: readonly LocalEndpoint[],
    settings: HostSettings,
  ): { readonly shared: readonly Chain[]; readonly own: readonly Chain[] } {
    this.#place(endpoints);
    const round = ++this.#round;
    const shared: Readonly<Record<Direction, Chain[]>> = { ingress: [], egress: [] };
    const own: Chain[] = [];
    const nameOf = (place: Place, direction: Direction): string => {
      const group = place[direction];
      if (group.round !== round || group.chain === undefined) {
        group.round = round;
        group.endpoint = place.endpoint;
        const name = sharedChainName(place.endpoint.interfaceName, direction);
        if (group.chain?.name !== name)
          group.chain = sharedChain(name, place.endpoint, direction, this.#known, settings);
        shared[direction].push(group.chain);
      }
      return group.chain.name;
    };
    for (const place of this.#places) {
      const [ingress, egress] = [nameOf(place, "ingress"), nameOf(place, "egress")];
      if (place.names.ingress !== ingress || place.names.egress !== egress) {
        place.names = { ingress, egress };
        place.own = this.#makeOwn(place.endpoint, place.names);
      }
      for (const chain of place.own) own.push(chain);
    }
    for (const direction of directions) this.#dropUnused(this.#groups[direction]);
    return { shared: [...shared.ingress, ...shared.egress], own };
  }

  /** Chains of endpoints like this are made anew next time. */
  forget(isMeant: (endpoint: LocalEndpoint) => boolean): void {
    for (const direction of directions)
      for (const group of this.#groups[direction].values())
        if (group.endpoint !== undefined && isMeant(group.endpoint)) group.chain = undefined;
  }

  /** All chains are made anew next time, those of single endpoints too. */
  forgetAll(): void {
    this.forget(() => true);
    for (const place of this.#places) place.names = noNames;
  }

  #place(endpoints: readonly LocalEndpoint[]): void {
    const before = this.#places;
    const { head, a, b } = differing(this.#endpoints, endpoints);
    const known = new Map(before.slice(head, head + a.length).map((place) => [place.endpoint, place]));
    const places = b.map((endpoint) => known.get(endpoint) ?? this.#placeOf(endpoint));
    this.#places = before.slice(0, head).concat(places, before.slice(head + a.length));
    this.#endpoints = endpoints;
  }

  #placeOf(endpoint: LocalEndpoint): Place {
    const keys = keysOf(endpoint);
    const groupOf = (direction: Direction): Group => {
      let group = this.#groups[direction].get(keys[direction]);
      if (group === undefined) {
        group = { round: 0, endpoint: undefined, chain: undefined };
        this.#groups[direction].set(keys[direction], group);
      }
      return group;
    };
    return { endpoint, ingress: groupOf("ingress"), egress: groupOf("egress"), names: noNames, own: [] };
  }

  #dropUnused(groups: Map<string, Group>): void {
    for (const [key, { round }] of groups) if (round !== this.#round) groups.delete(key);
  }
}

type Keys = Readonly<Record<Direction, string>>;

/** Equal for endpoints that share a chain. */
function keysOf({ tiers, profileIds }: LocalEndpoint): Keys {
  let keys = keysOfTiers.get(tiers);
  if (keys === undefined) {
    const key = (direction: Direction) => {
      const asked = tiers.filter((tier) => tier[direction].length > 0);
      return JSON.stringify(asked.map((tier) => [tier.name, tier.defaultAction, tier[direction]]));
    };
    keys = { ingress: key("ingress"), egress: key("egress") };
    keysOfTiers.set(tiers, keys);
  }
  const profiles = JSON.stringify(profileIds);
  return { ingress: `${keys.ingress} ${profiles}`, egress: `${keys.egress} ${profiles}` };
}

/** Many endpoints have the very same tiers. */
const keysOfTiers = new WeakMap<readonly EndpointTier[], Keys>();
