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
    const socket = this.#socket;
    await this.#resyncUnless(async () => {
      if (isOurAddress !== undefined) this.addresses.observeAll((await socket.dumpAddresses()).filter(isOurAddress));
      if (isOurNextHop !== undefined) this.nextHops.observeAll((await socket.dumpNextHops()).filter(isOurNextHop));
      if (isOurNeighbour !== undefined) {
        this.neighbours.observeAll((await socket.dumpNeighbours()).filter(isOurNeighbour));
      }
      if (isOurRoute !== undefined) this.routes.observeAll((await socket.dumpRoutes()).filter(isOurRoute));
    });
  }

  /**
   * Takes note of what the kernel told; the next `apply` mends what differs. Our own changes are known already.
   * Needs the monitor groups of the owned sorts and, since IPv4 routes go without a word when their link does, of links.
   */
  observe(events: readonly RouteEvent[]): void {
    for (const event of events) this.#observeOne(event);
  }

  /**
   * `mayDelete` is asked for each deletion: no, as long as it is not known for certain that nobody wants the object.
   * A next hop that a route of ours still uses is never deleted: the kernel would delete the route with it.
   */
  async apply(options: { readonly mayDelete: (deletion: RouteChange) => boolean }): Promise<SyncReport> {
    if (this.#mustResync) await this.resync();
    const round: Round = { applied: 0, failures: [], failing: new Map(), held: 0 };
    await this.#resyncUnless(() => this.#applyAll(round, options.mayDelete));
    this.#mustResync ||= round.failures.some(({ errno }) => surpriseErrnos.has(errno));
    this.#failing = round.failing;
    return { applied: round.applied, failures: round.failures, failing: round.failing.size, held: round.held };
  }

  async #applyAll(round: Round, mayDelete: (deletion: RouteChange) => boolean): Promise<void> {
    const addresses = this.addresses.pending();
    const nextHops = this.nextHops.pending();
    const neighbours = this.neighbours.pending();
    const routes = this.routes.pending();
    const deletions = (pending: readonly PendingChange[]) =>
      held(
        round,
        pending.filter(({ type }) => type === "delete"),
        ({ change }) => mayDelete(change),
      );
    // What is named stands before what names it; on the way out the other way round.
    await this.#run(round, puts(addresses));
    await this.#run(round, puts(nextHops.filter((pending) => !isGroup(pending))));
    await this.#run(round, [...puts(nextHops.filter(isGroup)), ...puts(neighbours)]);
    await this.#run(round, this.#withNextHop(round, puts(routes)));
    await this.#run(round, [...deletions(routes), ...deletions(neighbours)]);
    const leaving = deletions(nextHops);
    await this.#run(round, this.#unused(round, leaving.filter(isGroup)));
    await this.#run(
      round,
      this.#unused(
        round,
        leaving.filter((pending) => !isGroup(pending)),
      ),
    );
    await this.#run(round, deletions(addresses));
  }

  async #run(round: Round, changes: readonly PendingChange[]): Promise<void> {
    for (let start = 0; start < changes.length; start += changesPerBatch) {
      if (start > 0) await setImmediate();
      const batch = changes.slice(start, start + changesPerBatch);
      const failures = await this.#socket.apply(batch.map(({ change }) => change));
      const failureByChange = new Map(failures.map((failure) => [failure.change, failure]));
      for (const pending of batch) {
        const failure = failureByChange.get(pending.change);
        if (failure === undefined) {
          pending.done();
          round.applied++;
        } else {
          const key = failureKey(pending);
          round.failing.set(key, failure.errno);
          if (this.#failing.get(key) !== failure.errno) round.failures.push(failure);
        }
      }
    }
  }

  /** Routes by a next hop that could not be made would all fail: they are not tried, and its own failure tells enough. */
  #withNextHop(round: Round, routes: readonly PendingChange[]): PendingChange[] {
    return routes.filter((pending) => {
      const id = pending.change.type === "putRoute" ? pending.change.route.nextHopId : undefined;
      if (id === undefined || !this.nextHops.isMissing(String(id))) return true;
      round.failing.set(failureKey(pending), "ENOENT");
      return false;
    });
  }

  /** Of next hops that are to go, those that nothing of ours in the kernel names. */
  #unused(round: Round, leaving: readonly PendingChange[]): PendingChange[] {
    if (leaving.length === 0) return [];
    const used = new Set<string>();
    for (const { nextHopId } of this.routes.present()) if (nextHopId !== undefined) used.add(String(nextHopId));
    for (const { group } of this.nextHops.present()) for (const { id } of group ?? []) used.add(String(id));
    return held(round, leaving, ({ key }) => !used.has(key));
  }

  /** When this fails half-way nobody knows what the kernel has: it is read again. */
  async #resyncUnless(isDone: () => Promise<void>): Promise<void> {
    this.#mustResync = false;
    try {
      await isDone();
    } catch (error) {
      this.#mustResync = true;
      throw error;
    }
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

/** What one call of `apply` has come to. */
type Round = { applied: number; failures: ChangeFailure[]; failing: Map<string, string>; held: number };

function puts(pending: readonly PendingChange[]): PendingChange[] {
  return pending.filter(({ type }) => type === "put");
}

/** Those that may go on; the others are counted as held. */
function held(
  round: Round,
  pending: readonly PendingChange[],
  mayGo: (pending: PendingChange) => boolean,
): PendingChange[] {
  const ready = pending.filter(mayGo);
  round.held += pending.length - ready.length;
  return ready;
}

function failureKey(pending: PendingChange): string {
  return `${pending.change.type} ${pending.key}`;
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
