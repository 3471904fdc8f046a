import type { Flow, FlowFilter } from "../conntrack/index.ts";
import { FlowOwners, isWorkloadRoute } from "../dataplane/index.ts";
import type { FlowSocket } from "../kernel/index.ts";
import { type IpAddress, type Logger, TortieError, addressVersion, cidrAddress } from "../lib/index.ts";
import type { Route } from "../netlink/index.ts";

/** From so many on one look at all connections costs less than one for each address. */
const manyAddresses = 8;

/** Ends the connections of addresses that have gone or moved, before anything leads there again. */
export class StaleFlows {
  readonly #socket: FlowSocket;
  readonly #log: Logger;
  readonly #owners = new FlowOwners();
  #routes: readonly Route[] | undefined;
  #isSettled = false;
  #count = 0;

  constructor(socket: FlowSocket, log: Logger) {
    this.#socket = socket;
    this.#log = log;
  }

  /** Connections ended so far. */
  get count(): number {
    return this.#count;
  }

  /** The kernel had this route when the agent came up. */
  adopt(route: Route): void {
    if (this.#routes === undefined) this.#owners.adopt(ownersOf([route]));
  }

  /** `routes` are to be in force next; they must not be before this is over. What went wrong, for people. */
  async settle(routes: readonly Route[]): Promise<string[]> {
    if (routes === this.#routes && this.#isSettled) return [];
    this.#routes = routes;
    const stale = this.#owners.update(new Map(ownersOf(routes)));
    try {
      if (stale.length > 0) await this.#cut(stale);
      this.#owners.settle(stale);
      this.#isSettled = true;
      return [];
    } catch (error) {
      if (!(error instanceof TortieError)) throw error;
      this.#isSettled = false;
      return [error.message];
    }
  }

  async #cut(addresses: readonly IpAddress[]): Promise<void> {
    let count = 0;
    for (const version of [4, 6] as const) {
      const wanted = new Set(addresses.filter((address) => addressVersion(address) === version));
      if (wanted.size === 0) continue;
      const filters: readonly FlowFilter[] =
        version === 4 && wanted.size < manyAddresses
          ? [...wanted].flatMap((source) => [
              { direction: "original", source },
              { direction: "reply", source },
            ])
          : [{ version }];
      const flows = new Map<number, Flow>();
      for (const filter of filters) {
        for (const flow of await this.#socket.dump(filter))
          if (wanted.has(flow.original.source) || wanted.has(flow.reply.source)) flows.set(flow.id, flow);
      }
      count += await this.#socket.cut([...flows.values()]);
    }
    this.#count += count;
    if (count > 0) this.#log.info("connections of addresses that have gone were ended", { count });
  }
}

function ownersOf(routes: readonly Route[]): [IpAddress, number][] {
  return routes.flatMap((route) =>
    isWorkloadRoute(route) && route.linkIndex !== undefined ? [[cidrAddress(route.destination), route.linkIndex]] : [],
  );
}
