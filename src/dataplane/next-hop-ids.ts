import type { NextHop } from "../netlink/index.ts";
import { isOwnNextHop } from "./ownership.ts";

/** Ours start here, so that people know them at sight; any id that somebody has is left to him. */
const firstId = 122_000_001;

/**
 * Numbers for next-hop objects. One that says the same as an object that is in the kernel already, left by the agent
 * before, gets that object's number: then the routes that name it need no change.
 */
export class NextHopIds {
  readonly #idByKey = new Map<string, number>();
  /** Ids in the kernel when it was last looked at. */
  #present: ReadonlySet<number> = new Set();
  #next = firstId;

  observe(dump: readonly NextHop[]): void {
    this.#present = new Set(dump.map(({ id }) => id));
    const given = new Set(this.#idByKey.values());
    for (const nextHop of dump.filter(isOwnNextHop).sort((a, b) => a.id - b.id)) {
      const key = keyOf(nextHop);
      if (!this.#idByKey.has(key) && !given.has(nextHop.id)) this.#idByKey.set(key, nextHop.id);
    }
  }

  idOf(nextHop: Omit<NextHop, "id">): number {
    const key = keyOf(nextHop);
    let id = this.#idByKey.get(key);
    if (id === undefined) {
      // Never one that was given before: its object may not be deleted yet.
      while (this.#present.has(this.#next)) this.#next++;
      id = this.#next++;
      this.#idByKey.set(key, id);
    }
    return id;
  }

  /** Forgets what is neither in use nor in the kernel. */
  forgetAllBut(used: ReadonlySet<number>): void {
    for (const [key, id] of this.#idByKey) {
      if (!used.has(id) && !this.#present.has(id)) this.#idByKey.delete(key);
    }
  }
}

/** Equal for objects that do the same. */
function keyOf({ version, linkIndex, gateway, isOnlink, isBlackhole, group }: Omit<NextHop, "id">): string {
  if (group !== undefined)
    return `group ${group
      .map(({ id, weight }) => `${id}:${weight}`)
      .toSorted()
      .join(" ")}`;
  return JSON.stringify([version, linkIndex, gateway, isOnlink === true, isBlackhole === true]);
}
