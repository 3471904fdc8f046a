import { cidrVersion } from "../lib/index.ts";
import { type AttributeSet, emptyAttributes, makeAttributeSet } from "./attributes.ts";
import { type Family, type OriginatedRoute, allFamilies } from "./config.ts";
import { type Epoch, Path, ownExportId } from "./path.ts";
import { type PrefixKey, cidrToKey } from "./prefix-key.ts";
import type { RibTable } from "./rib.ts";

/** Our own routes as they were last wanted; a new wanted set changes only what differs. */
export class OriginatedRoutes {
  readonly #tables: Readonly<Record<Family, RibTable>>;
  #pathByKey: Readonly<Record<Family, Map<PrefixKey, Path>>> = emptyMaps();
  #pathByText = new Map<string, Path>();

  constructor(tables: Readonly<Record<Family, RibTable>>) {
    this.#tables = tables;
  }

  replace(routes: readonly OriginatedRoute[]): void {
    const next = emptyMaps();
    const pathByText = new Map<string, Path>();
    for (const route of routes) {
      const text = JSON.stringify([route.localPref, route.med, route.communities, route.largeCommunities]);
      const path = pathByText.get(text) ?? this.#pathByText.get(text) ?? makeOwnPath(route);
      pathByText.set(text, path);
      const family: Family = cidrVersion(route.prefix) === 4 ? "ipv4-unicast" : "ipv6-unicast";
      next[family].set(cidrToKey(route.prefix), path);
    }
    for (const family of allFamilies) this.#apply(family, next[family]);
    this.#pathByKey = next;
    this.#pathByText = pathByText;
  }

  #apply(family: Family, next: ReadonlyMap<PrefixKey, Path>): void {
    const present = this.#pathByKey[family];
    const table = this.#tables[family];
    for (const [key, path] of present) if (!next.has(key)) table.replace(table.at(key), path, undefined);
    for (const [key, path] of next) {
      const before = present.get(key);
      if (before !== path) table.replace(table.at(key), before, path);
    }
  }
}

const ownEpoch: Epoch = { isStale: false, isDue: false, isGone: false, acceptedCount: 0 };

function makeOwnPath(route: OriginatedRoute): Path {
  return new Path({ source: undefined, raw: makeOwnSet(route), exportId: ownExportId, epoch: ownEpoch });
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

function emptyMaps(): Record<Family, Map<PrefixKey, Path>> {
  return { "ipv4-unicast": new Map(), "ipv6-unicast": new Map() };
}
