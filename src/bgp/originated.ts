import { cidrVersion } from "../lib/index.ts";
import { type AttributeSet, emptyAttributes, makeAttributeSet } from "./attributes.ts";
import { type Family, type OriginatedRoute, allFamilies } from "./config.ts";
import { makePath } from "./decision.ts";
import { type PrefixKey, cidrToKey } from "./prefix-key.ts";
import type { RibTable } from "./rib.ts";

/** Our own routes as they were last wanted; a new wanted set changes only what differs. */
export class OriginatedRoutes {
  readonly #tables: Readonly<Record<Family, RibTable>>;
  #setByKey: Readonly<Record<Family, Map<PrefixKey, AttributeSet>>> = emptyMaps();
  #setByText = new Map<string, AttributeSet>();

  constructor(tables: Readonly<Record<Family, RibTable>>) {
    this.#tables = tables;
  }

  replace(routes: readonly OriginatedRoute[]): void {
    const next = emptyMaps();
    const setByText = new Map<string, AttributeSet>();
    for (const route of routes) {
      const text = JSON.stringify([route.localPref, route.med, route.communities, route.largeCommunities]);
      const set = setByText.get(text) ?? this.#setByText.get(text) ?? makeOwnSet(route);
      setByText.set(text, set);
      const family: Family = cidrVersion(route.prefix) === 4 ? "ipv4-unicast" : "ipv6-unicast";
      next[family].set(cidrToKey(route.prefix), set);
    }
    for (const family of allFamilies) this.#apply(family, next[family]);
    this.#setByKey = next;
    this.#setByText = setByText;
  }

  #apply(family: Family, next: ReadonlyMap<PrefixKey, AttributeSet>): void {
    const present = this.#setByKey[family];
    const table = this.#tables[family];
    for (const key of present.keys()) if (!next.has(key)) table.remove(key, undefined);
    for (const [key, set] of next) if (present.get(key) !== set) table.put(key, makePath(undefined, set));
  }
}

function makeOwnSet({ localPref, med, communities, largeCommunities }: OriginatedRoute): AttributeSet {
  return makeAttributeSet({
    ...emptyAttributes,
    localPref,
    ...(med === undefined ? {} : { med }),
    communities: communities ?? [],
    largeCommunities: largeCommunities ?? [],
  });
}

function emptyMaps(): Record<Family, Map<PrefixKey, AttributeSet>> {
  return { "ipv4-unicast": new Map(), "ipv6-unicast": new Map() };
}
