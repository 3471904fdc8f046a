import type { IpAddress } from "../lib/index.ts";
import type { BfdConfig, SpeakerConfig } from "./config.ts";
import type { Peer } from "./peer.ts";

type BfdPeer = {
  readonly name: string;
  readonly address: IpAddress;
  readonly localAddress?: IpAddress;
  readonly linkName?: string;
  readonly bfd: BfdConfig;
};

/** The sessions that BFD should watch, told when they are others than before. */
export class BfdWatch {
  #isOutdated = false;
  #isWanted = false;
  #told = "[]";

  configure({ peers, ranges = [] }: SpeakerConfig): void {
    const has = ({ bfd }: { readonly bfd?: BfdConfig }) => bfd !== undefined;
    this.#isOutdated = true;
    this.#isWanted = peers.some(has) || ranges.some(({ session }) => has(session));
  }

  /** A session came or went. */
  outdate(): void {
    if (this.#isWanted) this.#isOutdated = true;
  }

  /** Undefined when nothing has changed. */
  look(peers: Iterable<Peer>): BfdPeer[] | undefined {
    if (!this.#isOutdated) return undefined;
    this.#isOutdated = false;
    const watched: BfdPeer[] = [];
    for (const { config, localAddress } of peers) {
      const { name, address, linkName, bfd, withheld } = config;
      if (bfd === undefined || withheld !== undefined) continue;
      watched.push({
        name,
        address,
        ...(localAddress === undefined ? {} : { localAddress }),
        ...(linkName === undefined ? {} : { linkName }),
        bfd,
      });
    }
    const text = JSON.stringify(watched);
    if (text === this.#told) return undefined;
    this.#told = text;
    return watched;
  }
}
