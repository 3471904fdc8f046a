import type { Flow, FlowFilter } from "../../src/conntrack/index.ts";
import type { ChangeFailure, FlowSocket, NftSocket, RouteSocket } from "../../src/kernel/index.ts";
import { TortieError } from "../../src/lib/index.ts";
import type { RouteChange } from "../../src/netlink/index.ts";
import type { NftChange } from "../../src/nft/index.ts";

/** What stands between the agent and the kernel; `next` asks the kernel. Not there: nothing does. */
export type Faults = {
  nft?: ((changes: readonly NftChange[], next: () => Promise<void>) => Promise<void>) | undefined;
  routes?:
    | ((changes: readonly RouteChange[], next: () => Promise<ChangeFailure[]>) => Promise<ChangeFailure[]>)
    | undefined;
  flows?: ((filter: FlowFilter, next: () => Promise<Flow[]>) => Promise<Flow[]>) | undefined;
};

/** How often the agent asked the kernel for something. */
export type Calls = {
  nft: number;
  readonly nftChanges: NftChange[];
  readonly routeChanges: RouteChange[];
  flows: number;
};

export function faultyNft(real: NftSocket, faults: Faults, calls: Calls): NftSocket {
  return {
    portId: real.portId,
    dumpTable: (name) => real.dumpTable(name),
    apply: (changes) => {
      calls.nft++;
      calls.nftChanges.push(...changes);
      const next = () => real.apply(changes);
      return faults.nft === undefined ? next() : faults.nft(changes, next);
    },
    [Symbol.dispose]: () => real[Symbol.dispose](),
  };
}

export function faultyRoutes(real: RouteSocket, faults: Faults, calls: Calls): RouteSocket {
  return {
    portId: real.portId,
    dumpLinks: () => real.dumpLinks(),
    findLink: (name) => real.findLink(name),
    readLink: (index) => real.readLink(index),
    dumpAddresses: () => real.dumpAddresses(),
    dumpRoutes: (filter) => real.dumpRoutes(filter),
    readRoutes: (reader) => real.readRoutes(reader),
    dumpNeighbours: () => real.dumpNeighbours(),
    dumpNextHops: () => real.dumpNextHops(),
    apply: (changes) => {
      calls.routeChanges.push(...changes);
      const next = () => real.apply(changes);
      return faults.routes === undefined ? next() : faults.routes(changes, next);
    },
    [Symbol.dispose]: () => real[Symbol.dispose](),
  };
}

export function faultyFlows(real: FlowSocket, faults: Faults, calls: Calls): FlowSocket {
  return {
    dump: (filter) => {
      calls.flows++;
      const next = () => real.dump(filter);
      return faults.flows === undefined ? next() : faults.flows(filter, next);
    },
    cut: (flows) => real.cut(flows),
    [Symbol.dispose]: () => real[Symbol.dispose](),
  };
}

export function refusal(what: string, errno: string): TortieError {
  return new TortieError("TT_KERNEL", `${what}: ${errno}`, { fields: { errno } });
}
