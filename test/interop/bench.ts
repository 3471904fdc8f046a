import {
  type Family,
  type OriginatedRoute,
  type PeerConfig,
  type SpeakerConfig,
  allFamilies,
} from "../../src/bgp/index.ts";
import { Network, type Place } from "./network.ts";
import { OurSpeaker, type StartOptions } from "./our-speaker.ts";
import {
  type Link,
  type WireEnd,
  address,
  externalAs,
  firstLink,
  internalAs,
  neighborsOf,
  otherRouterId,
  ourOwner,
  ourRoute,
  peersOf,
  prefixOf,
  routerConfig,
  sessionName,
  sourceOwner,
  speakerConfig,
  theirOwner,
  theirRoute,
  wireAddress,
} from "./plan.ts";
import {
  type Neighbor,
  type Router,
  type RouterConfig,
  type RouterName,
  type Told,
  makeRouter,
} from "./routers/index.ts";
import { Unmet, soon } from "./waiting.ts";

export type PairOptions = {
  readonly link?: Partial<Link>;
  /** What all of our sessions with the router, or all of its with us, have besides. */
  readonly ours?: Partial<PeerConfig>;
  readonly theirs?: Partial<Neighbor>;
  readonly speaker?: Partial<SpeakerConfig>;
  readonly router?: Partial<RouterConfig>;
  /** The routes that each end tells in each family; one when absent. */
  readonly told?: (family: Family) => readonly Told[];
  readonly originated?: (family: Family) => readonly OriginatedRoute[];
  readonly start?: StartOptions;
  /** Between the start of the router and that of our speaker. */
  readonly beforeOurs?: (router: Router) => Promise<void>;
};

export type Pair = {
  readonly us: Place;
  readonly them: Place;
  readonly config: SpeakerConfig;
  readonly routerConfig: RouterConfig;
  readonly router: Router;
  /** Another one after a restart. */
  speaker: OurSpeaker;
};

/** Speakers of ours that all tell the same, one prefix of `sourceOwner` in each family by default. */
export type SourceOptions = {
  /** AS numbers: one source each. */
  readonly sources: readonly number[];
  readonly sourceRoutes?: (family: Family) => readonly OriginatedRoute[];
};

/** One feature tried with one router. Families fail one by one: the others go on. */
export class Bench implements AsyncDisposable {
  readonly routerName: RouterName;
  readonly families: readonly Family[];
  readonly failures = new Map<Family, string>();
  readonly #id: string;
  readonly #networks: Network[] = [];

  /** `id` is short and unique in the run. */
  constructor(id: string, routerName: RouterName, families: readonly Family[]) {
    this.routerName = routerName;
    this.families = families;
    this.#id = id;
  }

  /** Goes with the bench. */
  network(): Network {
    const network = new Network(`${this.#id}${this.#networks.length === 0 ? "" : `.${this.#networks.length}`}`);
    this.#networks.push(network);
    return network;
  }

  /** One step, for each family that has not failed yet. */
  async each(step: (family: Family) => Promise<void>): Promise<void> {
    await Promise.all(
      this.families
        .filter((family) => !this.failures.has(family))
        .map((family) => step(family).catch((error: unknown) => this.#fail(family, error))),
    );
    if (this.failures.size === this.families.length) throw new Unmet("all families have failed");
  }

  /** As `each`, with something for every family that later steps need. */
  async make<T>(step: (family: Family) => Promise<T>): Promise<Map<Family, T>> {
    const made = new Map<Family, T>();
    await this.each(async (family) => {
      made.set(family, await step(family));
    });
    return made;
  }

  #fail(family: Family, error: unknown): void {
    this.failures.set(family, error instanceof Error ? error.message : String(error));
  }

  /** The whole scenario went wrong. */
  failRest(error: unknown): void {
    for (const family of this.families) if (!this.failures.has(family)) this.#fail(family, error);
  }

  /** We and the router on wire 1, both new. The sessions are not waited for, here and below. */
  async pair(options: PairOptions = {}): Promise<Pair> {
    const network = this.network();
    const [us, them] = [await network.place("us"), await network.place("them")];
    await network.wire(us, them, 1);
    return await this.startPair(us, them, options);
  }

  async startPair(us: Place, them: Place, options: PairOptions): Promise<Pair> {
    const link = { ...firstLink, ...options.link };
    const router = makeRouter(this.routerName, them);
    const theirs = planRouter(link, options);
    await router.start(theirs);
    await options.beforeOurs?.(router);
    const config = { ...speakerConfig(link.ourEnd, link.ourAs, peersOf(link, options.ours)), ...options.speaker };
    const speaker = await OurSpeaker.start(us, config, options.start);
    await speaker.originate(originatedBy(options));
    return { us, them, config, routerConfig: theirs, router, speaker };
  }

  /** A router that speaks no BGP stands between the two external neighbours: we on wire 1, the router on wire 2. */
  async apart(options: PairOptions): Promise<Pair> {
    const network = this.network();
    const [us, middle, them] = [await network.place("us"), await network.place("mid"), await network.place("them")];
    await network.wire(middle, us, 1);
    await network.wire(middle, them, 2);
    await addDefaultRoutes(us, { wire: 1, host: 1 });
    await addDefaultRoutes(them, { wire: 2, host: 1 });
    const ends = { ourEnd: { wire: 1, host: 2 }, theirEnd: { wire: 2, host: 2 } } as const;
    return await this.startPair(us, them, { ...options, link: { theirAs: externalAs, ...ends, ...options.link } });
  }

  /** We are in the middle: the router on wire 1 and another one of its sort on wire 2, which tells nothing. */
  async between(options: PairOptions, others: Partial<PeerConfig>): Promise<Pair & { readonly other: Router }> {
    const network = this.network();
    const [us, them, place] = [await network.place("us"), await network.place("them"), await network.place("other")];
    await network.wire(us, them, 1);
    await network.wire(us, place, 2);
    await addDefaultRoutes(them, { wire: 1, host: 1 });
    await addDefaultRoutes(place, { wire: 2, host: 1 });
    const link = {
      ...firstLink,
      ...options.link,
      ourEnd: { wire: 2, host: 1 },
      theirEnd: { wire: 2, host: 2 },
    } as const;
    const other = makeRouter(this.routerName, place);
    await other.start({ ...routerConfig(link.theirAs, neighborsOf(link), []), routerId: otherRouterId });
    const first = { ...firstLink, ...options.link };
    const peers = [...peersOf(first, options.ours), ...peersOf({ ...link, prefix: "other_" }, others)];
    const pair = await this.startPair(us, them, { ...options, speaker: { ...options.speaker, peers } });
    return { ...pair, other };
  }

  /** We are in the middle: the router on wire 1, sources on the wires after it. */
  async hub(options: PairOptions & SourceOptions): Promise<Pair> {
    const network = this.network();
    const [us, them] = [await network.place("us"), await network.place("them")];
    await network.wire(us, them, 1);
    await addDefaultRoutes(them, { wire: 1, host: 1 });
    const ourAs = options.link?.ourAs ?? internalAs;
    const links = await this.#startSources(network, us, ourAs, options);
    const peers = [
      ...peersOf({ ...firstLink, ...options.link }, options.ours),
      ...links.flatMap((link) =>
        peersOf({ ...link, ourEnd: link.theirEnd, theirEnd: link.ourEnd, ourAs, theirAs: link.ourAs }),
      ),
    ];
    return await this.startPair(us, them, { ...options, speaker: { ...options.speaker, peers } });
  }

  /** The router is in the middle: we on wire 1, sources on the wires after it. */
  async relay(options: PairOptions & SourceOptions, toSources: Partial<Neighbor> = {}): Promise<Pair> {
    const network = this.network();
    const [us, them] = [await network.place("us"), await network.place("them")];
    await network.wire(us, them, 1);
    const link = { ...firstLink, ...options.link };
    const links = await this.#startSources(network, them, link.theirAs, options);
    const neighbors = [
      ...planRouter(link, options).neighbors,
      ...links.flatMap((source) => neighborsOf(source, toSources)),
    ];
    return await this.startPair(us, them, { ...options, router: { isTransit: true, ...options.router, neighbors } });
  }

  /** Gives the sessions as the sources see them. */
  async #startSources(network: Network, middle: Place, middleAs: number, options: SourceOptions): Promise<Link[]> {
    const { sources, sourceRoutes = defaultSourceRoutes } = options;
    const links: Link[] = [];
    for (const [at, sourceAs] of sources.entries()) {
      const wire = 2 + at;
      const place = await network.place(`src${at}`);
      await network.wire(middle, place, wire);
      await addDefaultRoutes(place, { wire, host: 1 });
      const link: Link = {
        ourAs: sourceAs,
        theirAs: middleAs,
        ourEnd: { wire, host: 2 },
        theirEnd: { wire, host: 1 },
        prefix: `source${at}_`,
      };
      const config = speakerConfig(link.ourEnd, sourceAs, peersOf(link));
      const speaker = await OurSpeaker.start(place, { ...config, routerId: address(`10.255.1.${wire}`) });
      await speaker.originate(allFamilies.flatMap((family) => sourceRoutes(family)));
      links.push(link);
    }
    return links;
  }

  logs(): string {
    return this.#networks.map((network) => network.logs()).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const network of this.#networks) await network[Symbol.asyncDispose]();
  }
}

function defaultSourceRoutes(family: Family): OriginatedRoute[] {
  return [{ prefix: prefixOf(sourceOwner, 1, family), localPref: 100 }];
}

function planRouter(link: Link, options: PairOptions): RouterConfig {
  const told = allFamilies.flatMap((family) => options.told?.(family) ?? [theirRoute(family, link.theirEnd)]);
  return { ...routerConfig(link.theirAs, neighborsOf(link, options.theirs), told), ...options.router };
}

export function originatedBy({ originated }: PairOptions): OriginatedRoute[] {
  return allFamilies.flatMap((family) => originated?.(family) ?? [ourRoute(family)]);
}

async function addDefaultRoutes(place: Place, via: WireEnd): Promise<void> {
  const [v4, v6] = [wireAddress(via, "ipv4-unicast"), wireAddress(via, "ipv6-unicast")];
  await place.shell(`ip route add default via ${v4}; ip -6 route add default via ${v6}`);
}

export type UpOptions = {
  /** What we call the session, when it is not what they do. */
  readonly ourName?: string;
  /** For a peer that is slow to try again. */
  readonly withinMs?: number;
};

/** Both ends say that the session stands. */
export async function untilUp({ speaker, router }: Pair, session: string, options: UpOptions = {}): Promise<void> {
  const { ourName = session, withinMs } = options;
  await soon(
    "our session to be established",
    () => speaker.peer(ourName),
    ({ state }) => state === "established",
    withinMs,
  );
  await soon(
    "the peer to call the session established",
    () => router.isUp(session),
    (isUp) => isUp,
  );
}

/** Our route is at theirs and theirs at ours. */
export async function untilExchanged(
  pair: Pair,
  family: Family,
  session: string = sessionName(family),
  options: UpOptions = {},
): Promise<void> {
  await untilUp(pair, session, options);
  const { ourName = session } = options;
  const [ours, theirs] = [prefixOf(ourOwner, 1, family), prefixOf(theirOwner, 1, family)];
  await soon(
    `the peer to have ${ours}`,
    () => pair.router.seen(session, family),
    (seen) => seen.some(({ prefix }) => prefix === ours),
  );
  await soon(
    `us to have ${theirs}`,
    () => pair.speaker.pathsTo(theirs, ourName),
    (paths) => paths.length === 1,
  );
}
