import { setImmediate } from "node:timers/promises";
import type { LinkAddress, Neighbour, NextHop, Route, RouteChange, RouteEvent } from "../netlink/index.ts";
import { addressSort, neighbourSort, nextHopSort, routeSort } from "./object-sort.ts";
import type { ChangeFailure, RouteSocket } from "./route-socket.ts";
import { type PendingChange, SyncedObjects } from "./synced-objects.ts";

/** How to know what is ours. A sort without its predicate is neither read nor written. */
export type Ownership = {
  readonly isOurAddress?: (address: LinkAddress) => boolean;
  readonly isOurNextHop?: (nextHop: NextHop) => boolean;
  readonly isOurNeighbour?: (neighbour: Neighbour) => boolean;
  readonly isOurRoute?: (route: Route) => boolean;
};

export type SyncReport = {
  /** Changes that the kernel made. */
  readonly applied: number;
  /** Those that fail since this call, or otherwise than before: each is reported once, and tried again by every call. */
  readonly failures: readonly ChangeFailure[];
  /** All that fail at present. */
  readonly failing: number;
  /** Deletions that `mayDelete` keeps back. */
  readonly held: number;
};

const changesPerBatch = 100;

/** Failures that say: the kernel does not look as we remember it. */
const surpriseErrnos = new Set(["EEXIST", "EINVAL", "ENOENT"]);

/**
 * Brings the kernel from what it has to what is wanted, touching only what differs.
 *
 *     want, unwant, wantAll -> SyncedObjects (4) -> apply: addresses, next hops, groups, neighbours, routes -> RouteSocket
 *     resync (dumps), observe (monitor events) -^          then, if allowed, deletions in the opposite order
 *
 * Make one, say what is wanted, `resync` once, then `apply` after each change and from time to time. One call at a time.
 */
export class RouteSync {
  readonly addresses = new SyncedObjects(addressSort);
  readonly nextHops = new SyncedObjects(nextHopSort);
  readonly neighbours = new SyncedObjects(neighbourSort);
  readonly routes = new SyncedObjects(routeSort);
  readonly #socket: RouteSocket;
  readonly #ownership: Ownership;
  /** Errno by key of what fails. */
  #failing = new Map<string, string>();
  #mustResync = true;

  constructor(socket: RouteSocket, ownership: Ownership) {
    this.#socket = socket;
    this.#ownership = ownership;
  }

  /** Reads what the kernel has of ours. Also to be called after TT_KERNEL_OVERRUN, and from time to time. */
  async resync(): Promise<void> {
    const { isOurAddress, isOurNextHop, isOurNeighbour, isOurRoute } = this.#ownership;
    this.#mustResync = false;
    if (isOurAddress !== undefined) {
      this.addresses.observeAll((await this.#socket.dumpAddresses()).filter(isOurAddress));
    }
    if (isOurNextHop !== undefined) this.nextHops.observeAll((await this.#socket.dumpNextHops()).filter(isOurNextHop));
    if (isOurNeighbour !== undefined) {
      this.neighbours.observeAll((await this.#socket.dumpNeighbours()).filter(isOurNeighbour));
    }
    if (isOurRoute !== undefined) this.routes.observeAll((await this.#socket.dumpRoutes()).filter(isOurRoute));
  }

  /**
   * Takes note of what the kernel told; the next `apply` mends what differs. Our own changes are known already.
   * Needs the monitor groups of the owned sorts and, since IPv4 routes go without a word when their link does, of links.
   */
  observe(events: readonly RouteEvent[]): void {
    for (const event of events) this.#observeOne(event);
  }

  /** `mayDelete` is asked for each deletion: no, as long as it is not known for certain that nobody wants the object. */
  async apply(options: { readonly mayDelete: (deletion: RouteChange) => boolean }): Promise<SyncReport> {
    if (this.#mustResync) await this.resync();
    const { ready, held } = this.#plan(options.mayDelete);
    const stillFailing = new Map<string, string>();
    const failures: ChangeFailure[] = [];
    for (let start = 0; start < ready.length; start += changesPerBatch) {
      if (start > 0) await setImmediate();
      const batch = ready.slice(start, start + changesPerBatch);
      const failed = new Map(
        (await this.#socket.apply(batch.map(({ change }) => change))).map((failure) => [failure.change, failure]),
      );
      for (const pending of batch) {
        const failure = failed.get(pending.change);
        if (failure === undefined) {
          pending.done();
          continue;
        }
        const key = `${failure.change.type} ${pending.key}`;
        stillFailing.set(key, failure.errno);
        if (this.#failing.get(key) === failure.errno) continue;
        failures.push(failure);
        if (surpriseErrnos.has(failure.errno)) this.#mustResync = true;
      }
    }
    this.#failing = stillFailing;
    return { applied: ready.length - stillFailing.size, failures, failing: stillFailing.size, held };
  }

  #plan(mayDelete: (deletion: RouteChange) => boolean): { ready: PendingChange[]; held: number } {
    // The order of the puts: what is named before what names it.
    const inOrder = [
      ...this.addresses.pending(),
      ...this.nextHops.pending().toSorted((a, b) => Number(isGroup(a)) - Number(isGroup(b))),
      ...this.neighbours.pending(),
      ...this.routes.pending(),
    ];
    const deletions = inOrder.filter((pending) => pending.type === "delete").toReversed();
    const allowed = deletions.filter(({ change }) => mayDelete(change));
    const puts = inOrder.filter((pending) => pending.type === "put");
    return { ready: [...puts, ...allowed], held: deletions.length - allowed.length };
  }

  #observeOne(event: RouteEvent): void {
    const { isOurAddress, isOurNextHop, isOurNeighbour, isOurRoute } = this.#ownership;
    if (event.type === "newLink" || event.type === "delLink") {
      const isUp = event.type === "newLink" && event.link.isUp;
      if (!isUp) this.#forgetLink(event.link.index);
      // Next-hop objects go with the carrier already, and take their routes along.
      if (!isUp || !event.link.isRunning) this.#mustResync ||= this.nextHops.presentOnLink(event.link.index).length > 0;
      return;
    }
    if (event.portId === this.#socket.portId) return;
    switch (event.type) {
      case "newAddress":
      case "delAddress":
        return note(this.addresses, event.address, event.type === "newAddress", isOurAddress);
      case "newNeighbour":
      case "delNeighbour":
        return note(this.neighbours, event.neighbour, event.type === "newNeighbour", isOurNeighbour);
      case "newRoute":
      case "delRoute":
        return note(this.routes, event.route, event.type === "newRoute", isOurRoute);
      case "newNextHop":
      case "delNextHop":
        note(this.nextHops, event.nextHop, event.type === "newNextHop", isOurNextHop);
        // Its routes went with it, and the groups it was in have changed.
        if (event.type === "delNextHop" && isOurNextHop?.(event.nextHop) === true) this.#mustResync = true;
    }
  }

  /** A link that went down or away: what the kernel drops then it does not always tell. */
  #forgetLink(linkIndex: number): void {
    for (const neighbour of this.neighbours.presentOnLink(linkIndex)) this.neighbours.observeGone(neighbour);
    for (const route of this.routes.presentOnLink(linkIndex)) {
      // A route of several ways may have kept the others.
      if (route.nextHops === undefined) this.routes.observeGone(route);
      else this.#mustResync = true;
    }
  }
}

function isGroup(pending: PendingChange): boolean {
  const { change } = pending;
  return (change.type === "putNextHop" || change.type === "deleteNextHop") && change.nextHop.group !== undefined;
}

function note<V>(
  objects: SyncedObjects<V>,
  value: V,
  isThere: boolean,
  isOurs: ((value: V) => boolean) | undefined,
): void {
  if (isOurs === undefined) return;
  if (isThere && isOurs(value)) objects.observe(value);
  // A new one that is not ours has taken the place of the one that was.
  else if (isThere || isOurs(value)) objects.observeGone(value);
}
