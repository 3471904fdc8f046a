import type { LocalEndpoint } from "../calc/index.ts";
import { type IpAddress, type IpVersion, addressVersion } from "../lib/index.ts";
import { LivingSet, type NftSet, interfaceAddressElement, interfaceAddressShape } from "../nft/index.ts";

/** Name of the set of interfaces with the sources that workloads behind them have. */
export function sourceSetName(version: IpVersion): string {
  return `sources-${version}`;
}

/**
 * Which source belongs to which interface: one look says what a search for the way back would say, for less. An address that
 * several interfaces claim is in none: there the way back decides.
 */
export class SourceSets {
  readonly #sets = {
    4: new LivingSet(interfaceAddressShape(sourceSetName(4), 4)),
    6: new LivingSet(interfaceAddressShape(sourceSetName(6), 6)),
  };
  readonly #claims = new Map<IpAddress, Set<string>>();

  put({ interfaceName, addresses }: Pick<LocalEndpoint, "interfaceName" | "addresses">): void {
    for (const address of addresses) {
      const names = this.#claims.get(address) ?? new Set();
      this.#change(address, names, () => names.add(interfaceName));
    }
  }

  delete({ interfaceName, addresses }: Pick<LocalEndpoint, "interfaceName" | "addresses">): void {
    for (const address of addresses) {
      const names = this.#claims.get(address);
      if (names !== undefined) this.#change(address, names, () => names.delete(interfaceName));
    }
  }

  nftSets(): NftSet[] {
    return [this.#sets[4].version(), this.#sets[6].version()];
  }

  #change(address: IpAddress, names: Set<string>, change: () => void): void {
    const set = this.#sets[addressVersion(address)];
    const only = () => (names.size === 1 ? [...names] : []);
    for (const name of only()) set.delete(interfaceAddressElement(name, address).key);
    change();
    for (const name of only()) set.put(interfaceAddressElement(name, address));
    if (names.size === 0) this.#claims.delete(address);
    else this.#claims.set(address, names);
  }
}
