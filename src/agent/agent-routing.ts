import { isDeepStrictEqual } from "node:util";
import type { Family, OriginatedRoute, PeerStatus, RibRow, RouteUpdate, SpeakerConfig } from "../bgp/index.ts";
import type { BgpWanted } from "../calc/index.ts";
import type { Logger, Random } from "../lib/index.ts";
import { type BgpView, type Speaker, openSpeaker } from "../speaker/index.ts";
import type { NextHopCosts } from "./next-hop-costs.ts";

/** How long peers keep our routes while we are away (RFC 4724); as BIRD does. */
const restartTimeSeconds = 120;

/** Peers in one line of the log. */
const maxNamed = 10;

type RoutingOptions = {
  /** The kernel still holds BGP routes of the run before. */
  readonly isRestart: boolean;
  readonly log: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly nextHops: NextHopCosts;
  /** Is given all that happens to the speaker, line by line. */
  readonly record?: (line: string) => void;
  onRoutes(updates: readonly RouteUpdate[]): void;
  /** Until then BGP routes in the kernel that no peer has told yet may still be good. */
  onRestartEnd(family: Family): void;
};

/** The host's BGP speaker: opened when it is known how, then kept at what calc and the data plane want. */
export class AgentRouting implements AsyncDisposable {
  readonly #options: RoutingOptions;
  #speaker: Speaker | undefined;
  #config: SpeakerConfig | undefined;
  #adverts: readonly OriginatedRoute[] | undefined;
  /** Names of peers. */
  readonly #established = new Set<string>();
  /** Reasons by the names of peers, as told in the log. */
  #withheld: ReadonlyMap<string, string> = new Map();

  constructor(options: RoutingOptions) {
    this.#options = options;
  }

  get config(): SpeakerConfig | undefined {
    return this.#config;
  }

  /** When it fails, as for a port that somebody has, nothing is remembered: it is to be called again. */
  async configure(wanted: BgpWanted): Promise<void> {
    const config = speakerConfig(wanted);
    if (isDeepStrictEqual(config, this.#config)) return;
    if (this.#speaker === undefined) {
      this.#speaker = await openSpeaker({
        ...this.#options,
        config,
        trackNextHops: (onCosts) => this.#options.nextHops.follow(onCosts),
        onPeer: (status) => this.#logPeer(status),
      });
      if (this.#adverts !== undefined) this.#speaker.originate(this.#adverts);
    } else {
      this.#speaker.configure(config);
    }
    this.#config = config;
    this.#logWithheld(config);
  }

  /** The whole set of own routes. The first call also says that they are complete: peers then drop what is not in it. */
  originate(adverts: readonly OriginatedRoute[]): void {
    if (this.#adverts !== undefined && isDeepStrictEqual(adverts, this.#adverts)) return;
    this.#adverts = adverts;
    this.#speaker?.originate(adverts);
  }

  peers(): readonly PeerStatus[] {
    return this.#speaker?.status() ?? [];
  }

  routes(): Iterable<RibRow> {
    return this.#speaker?.routes() ?? [];
  }

  /** For whoever asks about BGP; undefined while there is no speaker. */
  view(): BgpView | undefined {
    const [config, speaker] = [this.#config, this.#speaker];
    if (config === undefined || speaker === undefined) return undefined;
    return {
      localAs: config.localAs,
      routerId: config.routerId,
      status: () => speaker.status(),
      routes: (query) => speaker.routes(query),
      received: (peerName) => speaker.received(peerName),
      advertised: (peerName) => speaker.advertised(peerName),
    };
  }

  /** Sessions end without a word, so that peers keep our routes: we mean to come back. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#speaker?.[Symbol.asyncDispose]();
    this.#speaker = undefined;
  }

  /** One line for all that have the same reason: it may be that of a whole mesh. */
  #logWithheld({ peers }: SpeakerConfig): void {
    const before = this.#withheld;
    this.#withheld = new Map(peers.flatMap(({ name, withheld }) => (withheld === undefined ? [] : [[name, withheld]])));
    const fresh = [...this.#withheld].filter(([peer, reason]) => before.get(peer) !== reason);
    for (const [reason, withheld] of Map.groupBy(fresh, ([, why]) => why)) {
      const named = withheld.slice(0, maxNamed).map(([peer]) => peer);
      this.#options.log.warn("BGP sessions withheld", { reason, count: withheld.length, peers: named.join(", ") });
    }
  }

  /** The speaker tells of sessions that come up; what operators want to know besides is when one that stood goes. */
  #logPeer({ name, address, state, lastError }: PeerStatus): void {
    if (state === "established") this.#established.add(name);
    else if (this.#established.delete(name))
      this.#options.log.warn("BGP session down", { peer: name, address, reason: lastError });
  }
}

function speakerConfig({
  sessions,
  localAs,
  routerId,
  listenPort,
  listenAddresses,
  nextHop4,
  nextHop6,
  exportWithin,
}: BgpWanted): SpeakerConfig {
  return {
    localAs,
    routerId,
    listenPort,
    restartTimeSeconds,
    exportWithin,
    hasNextHopTracking: true,
    peers: sessions,
    ...(listenAddresses === undefined ? {} : { listenAddresses }),
    ...(nextHop4 === undefined ? {} : { nextHop4 }),
    ...(nextHop6 === undefined ? {} : { nextHop6 }),
  };
}
