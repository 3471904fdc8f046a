import { setImmediate } from "node:timers/promises";
import type { HostDataplane, LocalWanted } from "../dataplane/index.ts";
import type { RouteSync, SyncedObjects } from "../kernel/index.ts";
import { differing } from "../lib/index.ts";

/** Routes that may have changed, that are looked at in one turn of the event loop. */
const routesPerTurn = 1000;

/** Tells the sync what the data plane wants, as far as it is new. */
export class SyncFeed {
  readonly #sync: RouteSync;
  /** What was told last of the host's own. */
  #told: LocalWanted | undefined;

  constructor(sync: RouteSync) {
    this.#sync = sync;
  }

  /** `wanted` comes from the data plane's `local`. Nothing may be told to the data plane of BGP until this is over. */
  async tell(dataplane: HostDataplane, wanted: LocalWanted): Promise<void> {
    const { addresses, neighbours, nextHops, routes } = this.#sync;
    const told = this.#told;
    this.#told = wanted;
    replace(addresses, told?.addresses, wanted.addresses);
    replace(neighbours, told?.neighbours, wanted.neighbours);
    // A key may go over from BGP to the host itself or back: the new owner comes last.
    const own = changesBetween(told?.routes, wanted.routes);
    for (const route of own.gone) routes.unwant(route);
    let count = 0;
    for (const { before, after } of dataplane.learnedChanges()) {
      if (before !== after) {
        if (before !== undefined) routes.unwant(before);
        if (after !== undefined) routes.want(after);
      }
      if (++count % routesPerTurn === 0) await setImmediate();
    }
    for (const route of own.come) routes.want(route);
    const { put, gone } = dataplane.nextHopChanges();
    for (const nextHop of put) nextHops.want(nextHop);
    for (const id of gone) nextHops.unwantKey(String(id));
  }
}

type Changes<V> = { readonly gone: readonly V[]; readonly come: readonly V[] };

/** What stays is the same object in both. */
function changesBetween<V>(before: readonly V[] = [], after: readonly V[]): Changes<V> {
  const { a, b } = differing(before, after);
  const [old, fresh] = [new Set(a), new Set(b)];
  return { gone: a.filter((value) => !fresh.has(value)), come: b.filter((value) => !old.has(value)) };
}

function replace<V>(objects: SyncedObjects<V>, before: readonly V[] | undefined, after: readonly V[]): void {
  const { gone, come } = changesBetween(before, after);
  for (const value of gone) objects.unwant(value);
  for (const value of come) objects.want(value);
}
