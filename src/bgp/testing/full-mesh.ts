import { type IpAddress, addressToBigInt } from "../../lib/index.ts";
import type { OriginatedRoute } from "../config.ts";
import type { Member } from "./reflected-network.ts";

/** A path as a host uses it. */
export type MeshPath = {
  readonly nextHop: IpAddress | undefined;
  readonly asPath: readonly number[];
  readonly localPref: number | undefined;
  readonly med: number | undefined;
  readonly communities: readonly number[];
  readonly isInternal: boolean;
};

/** The path of a prefix as it came to the AS, or as it began in it. */
type Offer = {
  readonly at: Node;
  readonly route: OriginatedRoute;
  /** The router outside that it came from. */
  readonly from: Node | undefined;
};

type Node = {
  readonly name: string;
  readonly asNumber: number;
  readonly routerId: bigint;
  readonly address4: IpAddress;
  readonly address6: IpAddress;
  readonly peers: readonly string[];
  readonly routes: readonly OriginatedRoute[];
};

/**
 * What hosts would use in the end if all of an AS had sessions with each other: worked out prefix by prefix from what each
 * originates, with none of the speaker's code. Where MEDs and the ways to next hops are all alike the order of paths is
 * the same for everybody, but for preferring what one has oneself, and what one hears from outside oneself.
 */
export class FullMesh {
  readonly #nodeByName = new Map<string, Node>();
  readonly #ownAs: number;

  constructor(members: readonly Member[], routesOf: (name: string) => readonly OriginatedRoute[], ownAs: number) {
    this.#ownAs = ownAs;
    for (const { plan, asNumber, peers } of members) {
      const [address4, address6] = plan.addresses;
      if (address4 === undefined || address6 === undefined) continue;
      const routerId = addressToBigInt(plan.config.routerId);
      const routes = routesOf(plan.name);
      this.#nodeByName.set(plan.name, { name: plan.name, asNumber, routerId, address4, address6, peers, routes });
    }
  }

  /** For each host, what it uses for each prefix: the best path first, then its equals. A prefix of its own has none. */
  tables(): Map<string, Map<string, readonly MeshPath[]>> {
    const tables = new Map([...this.#nodeByName.keys()].map((name) => [name, new Map<string, readonly MeshPath[]>()]));
    const nodes = [...this.#nodeByName.values()];
    const prefixes = new Set(nodes.flatMap(({ routes }) => routes.map(({ prefix }) => String(prefix))));
    for (const prefix of prefixes) {
      const told = this.#tellers(prefix);
      for (const node of nodes) {
        const paths =
          node.asNumber === this.#ownAs ? this.#inside(node, prefix, told) : this.#outside(node, prefix, told);
        if (paths !== undefined) tables.get(node.name)?.set(prefix, paths);
      }
    }
    return tables;
  }

  /** The offers of the AS that their hosts tell the others: those that are best where they are, given all others. */
  #tellers(prefix: string): readonly Offer[] {
    let told = [...this.#nodeByName.values()]
      .filter(({ asNumber }) => asNumber === this.#ownAs)
      .flatMap((node) => this.#offersAt(node, prefix).slice(0, 1));
    for (;;) {
      const best = told.filter((offer) => isSame(this.#ordered(offer.at, prefix, told)[0], offer));
      if (best.length === told.length) return told;
      told = best;
    }
  }

  /** Its own route and those of routers outside, the best first. */
  #offersAt(node: Node, prefix: string): Offer[] {
    const own = routeTo(node, prefix);
    const offers: Offer[] = own === undefined ? [] : [{ at: node, route: own, from: undefined }];
    for (const name of node.peers) {
      const peer = this.#nodeByName.get(name);
      const route = peer === undefined || peer.asNumber === this.#ownAs ? undefined : routeTo(peer, prefix);
      if (route !== undefined) offers.push({ at: node, route, from: peer });
    }
    return offers.sort((a, b) => this.#compare(node, a, b));
  }

  #ordered(node: Node, prefix: string, told: readonly Offer[]): Offer[] {
    const heard = told.filter(({ at }) => at !== node);
    return [...this.#offersAt(node, prefix), ...heard].sort((a, b) => this.#compare(node, a, b));
  }

  #compare(node: Node, a: Offer, b: Offer): number {
    return this.#compareGrade(node, a, b) || Number(idOf(node, a) - idOf(node, b));
  }

  /** Zero: both are used side by side. */
  #compareGrade(node: Node, a: Offer, b: Offer): number {
    const isLearned = (offer: Offer) => Number(offer.at !== node || offer.from !== undefined);
    const isInternal = (offer: Offer) => Number(offer.at !== node);
    const pathLength = (offer: Offer) => Number(offer.from !== undefined);
    return (
      prefOf(b) - prefOf(a) ||
      isLearned(a) - isLearned(b) ||
      pathLength(a) - pathLength(b) ||
      isInternal(a) - isInternal(b)
    );
  }

  #inside(node: Node, prefix: string, told: readonly Offer[]): readonly MeshPath[] | undefined {
    const offers = this.#ordered(node, prefix, told);
    const [best] = offers;
    if (best === undefined) return undefined;
    if (best.at === node && best.from === undefined) return [];
    const equals = offers.filter((offer) => this.#compareGrade(node, best, offer) === 0);
    return equals.map((offer) => this.#pathInside(node, prefix, offer));
  }

  #pathInside(node: Node, prefix: string, { at, from, route }: Offer): MeshPath {
    const isInternal = at !== node;
    const next = isInternal ? at : from;
    return {
      nextHop: nextHopAt(next, prefix),
      asPath: from === undefined ? [] : [from.asNumber],
      localPref: isInternal ? (from === undefined ? route.localPref : 100) : undefined,
      med: route.med,
      communities: route.communities ?? [],
      isInternal,
    };
  }

  /** Of a router outside: what the hosts of the AS that it has sessions with use themselves. */
  #outside(node: Node, prefix: string, told: readonly Offer[]): readonly MeshPath[] | undefined {
    if (routeTo(node, prefix) !== undefined) return [];
    const heard = node.peers.flatMap((name) => {
      const border = this.#nodeByName.get(name);
      const best = border === undefined ? undefined : this.#ordered(border, prefix, told)[0];
      // Not back to where it is from.
      return border === undefined || best === undefined || best.from === node ? [] : [{ border, best }];
    });
    // A MED goes out only from the host that the route is of; without one it counts as 0.
    const medOf = ({ border, best }: (typeof heard)[number]) =>
      best.at === border && best.from === undefined ? best.route.med : undefined;
    const shortest = Math.min(...heard.map(({ best }) => Number(best.from !== undefined)));
    const short = heard.filter(({ best }) => Number(best.from !== undefined) === shortest);
    const leastMed = Math.min(...short.map((one) => medOf(one) ?? 0));
    const equals = short.filter((one) => (medOf(one) ?? 0) === leastMed);
    if (equals.length === 0) return undefined;
    equals.sort((a, b) => Number(a.border.routerId - b.border.routerId));
    return equals.map((one) => ({
      nextHop: nextHopAt(one.border, prefix),
      asPath: [this.#ownAs, ...(one.best.from === undefined ? [] : [one.best.from.asNumber])],
      localPref: undefined,
      med: medOf(one),
      communities: one.best.route.communities ?? [],
      isInternal: false,
    }));
  }
}

function isSame(a: Offer | undefined, b: Offer): boolean {
  return a?.at === b.at && a.from === b.from;
}

function prefOf({ from, route }: Offer): number {
  return from === undefined ? route.localPref : 100;
}

/** The identifier that decides in the end: of whoever told it to the one that compares. */
function idOf(node: Node, { at, from }: Offer): bigint {
  return at === node ? (from?.routerId ?? 0n) : at.routerId;
}

function nextHopAt(node: Node | undefined, prefix: string): IpAddress | undefined {
  return prefix.includes(":") ? node?.address6 : node?.address4;
}

function routeTo({ routes }: Node, prefix: string): OriginatedRoute | undefined {
  return routes.find((route) => route.prefix === prefix);
}
