import type { Cidr } from "../lib/index.ts";

export type BlockOfHost = { readonly host: string; readonly cidr: Cidr };
export type MissingRoute = { readonly host: string; readonly block: BlockOfHost };

/** Which hosts still lack a route to which block of another host. */
export function missingRoutes(
  prefixesByHost: ReadonlyMap<string, ReadonlySet<Cidr>>,
  blocks: readonly BlockOfHost[],
): MissingRoute[] {
  return [...prefixesByHost].flatMap(([host, prefixes]) =>
    blocks.filter((block) => block.host !== host && !prefixes.has(block.cidr)).map((block) => ({ host, block })),
  );
}
