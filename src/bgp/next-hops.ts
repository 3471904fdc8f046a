import type { IpAddress } from "../lib/index.ts";

type NextHop = { uses: number; cost: number | undefined; isTold: boolean };

/** Next hops of learned routes, and what the host's way to each costs. One that is not known yet counts as unreachable. */
export class NextHops {
  readonly #known = new Map<IpAddress, NextHop>();
  /** Whose owner has not been told of their coming or going. */
  readonly #changed = new Set<IpAddress>();
  /** Of which nothing is known yet, not even that there is no way. */
  readonly #unknown = new Set<IpAddress>();

  /** Routes may become usable by an answer that is still to come. */
  get isWaiting(): boolean {
    return this.#unknown.size > 0;
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  /** False when its cost never changes. */
  use(address: IpAddress): boolean {
    if (isLinkLocal(address)) return false;
    const known = this.#known.get(address);
    if (known !== undefined) {
      if (known.uses++ === 0) this.#changed.add(address);
      return true;
    }
    this.#known.set(address, { uses: 1, cost: undefined, isTold: false });
    this.#unknown.add(address);
    this.#changed.add(address);
    return true;
  }

  release(address: IpAddress): void {
    const known = this.#known.get(address);
    if (known === undefined) return;
    known.uses--;
    if (known.uses === 0) this.#changed.add(address);
  }

  /** Of a link-local address the peer's own link is the way, and the session proves it. */
  readonly costOf = (address: IpAddress): number | undefined =>
    isLinkLocal(address) ? 0 : this.#known.get(address)?.cost;

  /** Gives those whose cost is another one now. */
  learn(costs: readonly { readonly nextHop: IpAddress; readonly cost: number | undefined }[]): Set<IpAddress> {
    const changed = new Set<IpAddress>();
    for (const { nextHop, cost } of costs) {
      const known = this.#known.get(nextHop);
      this.#unknown.delete(nextHop);
      if (known === undefined || known.cost === cost) continue;
      known.cost = cost;
      changed.add(nextHop);
    }
    return changed;
  }

  /** What the owner must be told: next hops to be watched from now on, and no more. */
  takeChanges(): { tracked: IpAddress[]; untracked: IpAddress[] } {
    const tracked: IpAddress[] = [];
    const untracked: IpAddress[] = [];
    for (const address of this.#changed) {
      const known = this.#known.get(address);
      if (known === undefined) continue;
      const isUsed = known.uses > 0;
      if (isUsed && !known.isTold) tracked.push(address);
      if (!isUsed && known.isTold) untracked.push(address);
      if (isUsed) known.isTold = true;
      else {
        this.#known.delete(address);
        this.#unknown.delete(address);
      }
    }
    this.#changed.clear();
    return { tracked, untracked };
  }
}

/** fe80::/10. */
function isLinkLocal(address: IpAddress): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}
