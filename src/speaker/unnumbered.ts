import type { PeerConfig, PeerRange, SpeakerConfig } from "../bgp/index.ts";
import { type IpAddress, type Logger, type Random, cidrContains, parseCidr } from "../lib/index.ts";
import { type RouterAdvertiser, openRouterAdvertiser } from "./router-advertiser.ts";

type UnnumberedOptions = {
  readonly log: Logger;
  readonly random: Random;
  readonly netns: string | undefined;
  /** Neighbours were found: `withFound` gives more than before. */
  onFound(): void;
};

type Search = { readonly range: PeerRange; readonly controller: AbortController; found: IpAddress | undefined };

const linkLocal = parseCidr("fe80::/10");

/**
 * Peers known by nothing but the link they are on: a range of link-local addresses. Routers find each other by their
 * advertisements, so we send some there; and where we are not to wait we look for the neighbour and call it.
 */
export class Unnumbered implements AsyncDisposable {
  readonly #options: UnnumberedOptions;
  readonly #searchByLink = new Map<string, Search>();
  #advertiser: RouterAdvertiser | undefined;

  constructor(options: UnnumberedOptions) {
    this.#options = options;
  }

  configure({ ranges = [] }: SpeakerConfig): void {
    const rangeByLink = new Map<string, PeerRange>();
    for (const range of ranges) {
      if (range.linkName === undefined || linkLocal === undefined) continue;
      if (cidrContains(linkLocal, range.prefix)) rangeByLink.set(range.linkName, range);
    }
    for (const [linkName, search] of this.#searchByLink) {
      const range = rangeByLink.get(linkName);
      if (range !== undefined && range.session.isPassive === search.range.session.isPassive) continue;
      search.controller.abort();
      this.#searchByLink.delete(linkName);
    }
    if (rangeByLink.size === 0 && this.#advertiser === undefined) return;
    this.#advertiser ??= openRouterAdvertiser(advertiserOptions(this.#options));
    this.#advertiser.configure([...rangeByLink.keys()]);
    for (const [linkName, range] of rangeByLink) this.#search(this.#advertiser, linkName, range);
  }

  /** The configuration with the neighbours that were found in the place of the ranges that stand for them. */
  withFound(config: SpeakerConfig): SpeakerConfig {
    const found = [...this.#searchByLink].flatMap(([linkName, search]): PeerConfig[] => {
      const { range, found } = search;
      if (found === undefined || !cidrContains(range.prefix, found)) return [];
      // By the name that it would have if it had called us.
      return [{ ...range.session, name: `${range.name}/${found}%${linkName}`, address: found, linkName }];
    });
    if (config.ranges === undefined || this.#searchByLink.size === 0) return config;
    const isCalled = ({ name, session }: PeerRange) =>
      !session.isPassive && [...this.#searchByLink.values()].some(({ range }) => range.name === name);
    return {
      ...config,
      peers: [...config.peers, ...found],
      ranges: config.ranges.filter((range) => !isCalled(range)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { controller } of this.#searchByLink.values()) controller.abort();
    this.#searchByLink.clear();
    await this.#advertiser?.[Symbol.asyncDispose]();
  }

  #search(advertiser: RouterAdvertiser, linkName: string, range: PeerRange): void {
    const known = this.#searchByLink.get(linkName);
    const search: Search = { range, controller: known?.controller ?? new AbortController(), found: known?.found };
    this.#searchByLink.set(linkName, search);
    if (known !== undefined || range.session.isPassive) return;
    const { signal } = search.controller;
    advertiser.discover({
      linkName,
      signal,
      onNeighbour: (address) => {
        const current = this.#searchByLink.get(linkName);
        if (signal.aborted || current === undefined || current.found === address) return;
        this.#options.log.info("BGP neighbour found on a link", { link: linkName, address });
        current.found = address;
        this.#options.onFound();
      },
    });
  }
}

function advertiserOptions({ log, random, netns }: UnnumberedOptions): Parameters<typeof openRouterAdvertiser>[0] {
  return { log, random, ...(netns === undefined ? {} : { netns }) };
}
