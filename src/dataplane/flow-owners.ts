import type { IpAddress } from "../lib/index.ts";

/**
 * Remembers which interface has which workload address, to tell whose tracked connections are over: those of an address
 * that has gone, or is on another interface now (spec felix.md section 7).
 */
export class FlowOwners {
  readonly #linkByAddress = new Map<IpAddress, number>();
  readonly #stale = new Set<IpAddress>();
  #isFirst = true;

  /** Routes to workloads that an agent before us left in the kernel: what goes over them goes on. */
  adopt(present: Iterable<readonly [IpAddress, linkIndex: number]>): void {
    for (const [address, linkIndex] of present) this.#linkByAddress.set(address, linkIndex);
  }

  /**
   * All that have an interface from now on. Gives the addresses whose connections are to be cut before anything leads there
   * again: also those of before that are not settled, and, the first time, those nobody knows the past of.
   */
  update(owners: ReadonlyMap<IpAddress, number>): readonly IpAddress[] {
    for (const [address, linkIndex] of this.#linkByAddress) {
      if (owners.get(address) === linkIndex) continue;
      this.#stale.add(address);
      this.#linkByAddress.delete(address);
    }
    for (const [address, linkIndex] of owners) {
      if (this.#isFirst && !this.#linkByAddress.has(address)) this.#stale.add(address);
      this.#linkByAddress.set(address, linkIndex);
    }
    this.#isFirst = false;
    return [...this.#stale];
  }

  /** The connections of these addresses are cut. */
  settle(addresses: Iterable<IpAddress>): void {
    for (const address of addresses) this.#stale.delete(address);
  }
}
