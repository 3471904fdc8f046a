import type { NatSource } from "../calc/index.ts";
import { type IpVersion, cidrVersion } from "../lib/index.ts";
import { type NftSet, netSet } from "../nft/index.ts";

/** `nat`: pools whose workloads leave under the address of their host. `pools`: where nobody changes his address. */
export function natSetName(what: "nat" | "pools", version: IpVersion): string {
  return `${what}${version}`;
}

/** None when no pool asks for it. */
export function natSets({ natPools, pools }: NatSource): NftSet[] {
  if (natPools.length === 0) return [];
  return ([4, 6] as const).flatMap((version) =>
    (
      [
        ["nat", natPools],
        ["pools", pools],
      ] as const
    ).map(([what, nets]) =>
      netSet(
        natSetName(what, version),
        version,
        nets.filter((net) => cidrVersion(net) === version),
      ),
    ),
  );
}
