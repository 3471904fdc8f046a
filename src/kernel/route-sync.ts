import { setImmediate } from "node:timers/promises";
import type { LinkAddress, Neighbour, NextHop, Route, RouteChange, RouteEvent } from "../netlink/index.ts";
import { addressSort, neighbourSort, nextHopSort, routeSort } from "./object-sort.ts";
import type { ChangeFailure, RouteReader, RouteSocket } from "./route-socket.ts";
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

const changesPerBatch = 500;
/** Objects that nothing has to be done about. */
const looksPerTurn = 2000;

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

  /**
   * Reads what the kernel has of ours. Also to be called after TT_KERNEL_OVERRUN, and from time to time. `others` is told
   * of all routes that are there, ours too.
   */
  async resync(others?: RouteReader): Promise<void> {
    const { isOurAddress, isOurNextHop, isOurNeighbour, isOurRoute } = this.#ownership;
    const socket = this.#socket;
    await this.#resyncUnless(async () => {
      if (isOurAddress !== undefined) this.addresses.observeAll((await socket.dumpAddresses()).filter(isOurAddress));
      if (isOurNextHop !== undefined) this.nextHops.observeAll((await socket.dumpNextHops()).filter(isOurNextHop));
      if (isOurNeighbour !== undefined) {
        this.neighbours.observeAll((await socket.dumpNeighbours()).filter(isOurNeighbour));
      }
      if (isOurRoute === undefined) return;
      await socket.readRoutes({
        begin: () => {
          this.routes.beginRead();
          others?.begin();
        },
        take: (route) => {
          if (isOurRoute(route)) this.routes.observe(route);
          others?.take(route);
        },
      });
      this.routes.endRead();
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
    const { addresses, nextHops, neighbours, routes } = this;
    const isAlone = (pending: PendingChange<unknown>) => !isGroup(pending);
    const may = ({ change }: PendingChange<unknown>) => mayDelete(change);
    // What is named stands before what names it; on the way out the other way round.
    await this.#run(round, addresses, "put");
    await this.#run(round, nextHops, "put", isAlone);
    await this.#run(round, nextHops, "put", isGroup);
    await this.#run(round, neighbours, "put");
    await this.#run(round, routes, "put", (pending) => this.#hasNextHop(round, pending));
    await this.#run(round, routes, "delete", (pending) => mayGo(round, pending, may));
    await this.#run(round, neighbours, "delete", (pending) => mayGo(round, pending, may));
    const isLeaving = (pending: PendingChange<unknown>) => may(pending) && this.#isUnused(pending);
    await this.#run(round, nextHops, "delete", (pending) => isGroup(pending) && mayGo(round, pending, isLeaving));
    await this.#run(round, nextHops, "delete", (pending) => isAlone(pending) && mayGo(round, pending, isLeaving));
    await this.#run(round, addresses, "delete", (pending) => mayGo(round, pending, may));
  }

  /**
   * Looks at what is pending only batch by batch: the rest waits as a list, and others have their turns between. While the
   * kernel has one batch the next is made ready.
   */
  async #run<V>(
    round: Round,
    objects: SyncedObjects<V>,
    type: "put" | "delete",
    isMeant: (pending: PendingChange<V>) => boolean = () => true,
  ): Promise<void> {
    const sent: Promise<void>[] = [];
    let batch: PendingChange<V>[] = [];
    let looked = 0;
    const send = async () => {
      const one = this.#send(round, objects, batch);
      // That it failed is told when its turn has come.
      one.catch(() => undefined);
      batch = [];
      looked = 0;
      if (sent.push(one) > 1) await sent.shift();
    };
    try {
      for (const entry of objects.dirty()) {
        const pending = objects.changeOf(entry, type);
        if (pending !== undefined && isMeant(pending)) batch.push(pending);
        if (batch.length === changesPerBatch) await send();
        else if (++looked === looksPerTurn) {
          looked = 0;
          await setImmediate();
        }
      }
      if (batch.length > 0) await send();
      await sent.shift();
    } finally {
      await Promise.allSettled(sent);
    }
  }

  async #send<V>(round: Round, objects: SyncedObjects<V>, batch: readonly PendingChange<V>[]): Promise<void> {
    const failures = await this.#socket.apply(batch.map(({ change }) => change));
    const failureByChange = new Map(failures.map((failure) => [failure.change, failure]));
    for (const pending of batch) {
      const failure = failures.length === 0 ? undefined : failureByChange.get(pending.change);
      if (failure === undefined) {
        objects.done(pending);
        round.applied++;
      } else {
        const key = failureKey(pending);
        round.failing.set(key, failure.errno);
        if (this.#failing.get(key) !== failure.errno) round.failures.push(failure);
      }
    }
  }

  /** Routes by a next hop that could not be made would all fail: they are not tried, and its own failure tells enough. */
  #hasNextHop(round: Round, pending: PendingChange<unknown>): boolean {
    const id = pending.change.type === "putRoute" ? pending.change.route.nextHopId : undefined;
    if (id === undefined || !this.nextHops.isMissing(String(id))) return true;
    round.failing.set(failureKey(pending), "ENOENT");
    return false;
  }

  /** Nothing of ours in the kernel names the next hop. */
  #isUnused({ entry }: PendingChange<unknown>): boolean {
    const id = Number(entry.key);
    return !this.routes.usesNextHop(id) && !this.nextHops.usesNextHop(id);
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

/** What is kept back is counted. */
function mayGo(
  round: Round,
  pending: PendingChange<unknown>,
  may: (pending: PendingChange<unknown>) => boolean,
): boolean {
  const isFree = may(pending);
  if (!isFree) round.held++;
  return isFree;
}

function failureKey(pending: PendingChange<unknown>): string {
  return `${pending.change.type} ${pending.entry.key}`;
}

function isGroup(pending: PendingChange<unknown>): boolean {
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
