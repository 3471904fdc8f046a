import { networkInterfaces } from "node:os";
import { type IpAddress, type Logger, type Random, TaskGroup, TortieError, parseAddress } from "../lib/index.ts";
import { type Icmp6Socket, inNamespace, openIcmp6 } from "../sys/index.ts";
import { AdvertisedLink, type LinkOutput } from "./advertised-link.ts";
import { type LinkMessage, decodeLinkMessage, encodeLinkMessage, icmp6Type } from "./router-advert.ts";

export type RouterAdvertiserOptions = {
  readonly log: Logger;
  readonly random: Random;
  /** Path of the network namespace to work in; default: the own one. */
  readonly netns?: string;
};

type DiscoverOptions = {
  readonly linkName: string;
  /** Ends the search. */
  readonly signal: AbortSignal;
  /** The link-local address of whoever is at the other end; again when that is another one. */
  onNeighbour(address: IpAddress): void;
};

/** Links that are not there, or not up, are tried again and again. */
export interface RouterAdvertiser extends AsyncDisposable {
  /** All the links to send router advertisements on; of a lifetime of 0, so that nobody takes us for a default router. */
  configure(linkNames: readonly string[]): void;
  /** Looks for the router at the other end of a link, whose address nobody told us. */
  discover(options: DiscoverOptions): void;
}

export function openRouterAdvertiser(options: RouterAdvertiserOptions): RouterAdvertiser {
  return new Advertiser(options);
}

class Advertiser implements RouterAdvertiser {
  readonly #options: RouterAdvertiserOptions;
  readonly #linkByName = new Map<string, LinkRunner>();
  #advertised: readonly string[] = [];
  #isClosed = false;

  constructor(options: RouterAdvertiserOptions) {
    this.#options = options;
  }

  configure(linkNames: readonly string[]): void {
    if (this.#isClosed) return;
    this.#advertised = linkNames;
    for (const name of linkNames) this.#linkOf(name);
    for (const [name, link] of this.#linkByName) {
      link.setAdvertising(linkNames.includes(name));
      this.#release(name, link);
    }
  }

  discover({ linkName, signal, onNeighbour }: DiscoverOptions): void {
    if (signal.aborted || this.#isClosed) return;
    const link = this.#linkOf(linkName);
    link.seek(onNeighbour);
    signal.addEventListener(
      "abort",
      () => {
        link.stopSeeking(onNeighbour);
        this.#release(linkName, link);
      },
      { once: true },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#linkByName.values()].map((link) => link[Symbol.asyncDispose]()));
    this.#linkByName.clear();
  }

  #linkOf(name: string): LinkRunner {
    const known = this.#linkByName.get(name);
    if (known !== undefined) return known;
    const link = new LinkRunner(name, this.#options);
    this.#linkByName.set(name, link);
    return link;
  }

  #release(name: string, link: LinkRunner): void {
    if (this.#advertised.includes(name) || link.isSeeking) return;
    if (this.#linkByName.get(name) === link) this.#linkByName.delete(name);
    void link[Symbol.asyncDispose]();
  }
}

const allNodes = multicast("ff02::1");
const allRouters = multicast("ff02::2");
/** RFC 4861 section 6.1: from elsewhere than this link it would have less. */
const ownHopLimit = 255;
const retryMs = { first: 1000, most: 10_000 };
/** Messages read before others have their turn. */
const maxReads = 100;

/** One link's socket and timer. */
class LinkRunner implements AsyncDisposable {
  readonly #name: string;
  readonly #options: RouterAdvertiserOptions;
  readonly #link: AdvertisedLink;
  readonly #seekers = new Set<(address: IpAddress) => void>();
  readonly #tasks = new TaskGroup();
  /** Echo replies to others than us are not ours. */
  readonly #identifier: number;
  #socket: Icmp6Socket | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #failureCount = 0;
  #retryAtMs = 0;

  constructor(name: string, options: RouterAdvertiserOptions) {
    this.#name = name;
    this.#options = options;
    this.#link = new AdvertisedLink(options.random);
    this.#identifier = Math.floor(options.random() * 0x10000);
  }

  get isSeeking(): boolean {
    return this.#link.isSeeking;
  }

  setAdvertising(isAdvertising: boolean): void {
    this.#link.setAdvertising(isAdvertising, performance.now());
    this.#schedule();
  }

  seek(onNeighbour: (address: IpAddress) => void): void {
    this.#seekers.add(onNeighbour);
    this.#link.setSeeking(true, performance.now());
    this.#schedule();
    const { neighbour } = this.#link;
    if (neighbour !== undefined) onNeighbour(neighbour);
  }

  stopSeeking(onNeighbour: (address: IpAddress) => void): void {
    this.#seekers.delete(onNeighbour);
    if (this.#seekers.size === 0) this.#link.setSeeking(false, performance.now());
    this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timeout);
    this.#seekers.clear();
    this.#close();
    await this.#tasks[Symbol.asyncDispose]();
  }

  #schedule(): void {
    clearTimeout(this.#timeout);
    const atMs = Math.max(this.#link.deadlineMs, this.#retryAtMs);
    if (atMs === Infinity || this.#tasks.signal.aborted) return;
    this.#timeout = setTimeout(() => this.#wake(), Math.max(0, atMs - performance.now()));
  }

  #wake(): void {
    const self = ownLink(this.#name, this.#options.netns);
    if (self === undefined) {
      this.#failed("the link has no link-local address, or is not up");
    } else {
      try {
        this.#open();
        for (const output of this.#link.wake(performance.now())) this.#execute(output, self);
        this.#failureCount = 0;
        this.#retryAtMs = 0;
      } catch (error) {
        if (!(error instanceof TortieError)) throw error;
        this.#failed(error.message);
      }
    }
    this.#schedule();
  }

  #failed(reason: string): void {
    if (this.#failureCount === 0) {
      this.#options.log.debug("cannot speak with the neighbours of a link", { link: this.#name, reason });
    }
    this.#close();
    const now = performance.now();
    this.#link.restart(now);
    this.#retryAtMs = now + Math.min(retryMs.most, retryMs.first * 2 ** this.#failureCount);
    this.#failureCount = Math.min(this.#failureCount + 1, 10);
  }

  #open(): void {
    if (this.#socket !== undefined) return;
    const types = [icmp6Type.solicit, icmp6Type.advert, icmp6Type.echoReply];
    const socket = openIcmp6({ linkName: this.#name, types, groups: [allRouters], netns: this.#options.netns });
    this.#socket = socket;
    this.#tasks.start((signal) => this.#listen(socket, signal));
  }

  #close(): void {
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }

  async #listen(socket: Icmp6Socket, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#socket === socket) {
      await socket.wait(signal);
      try {
        this.#read(socket);
      } catch (error) {
        if (!(error instanceof TortieError)) throw error;
        this.#failed(error.message);
      }
      this.#schedule();
    }
  }

  #read(socket: Icmp6Socket): void {
    const self = ownLink(this.#name, this.#options.netns);
    for (let reads = 0; reads < maxReads; reads++) {
      const datagram = socket.receiveNow();
      if (datagram === undefined || this.#socket !== socket) return;
      const { bytes, remoteAddress, ttl } = datagram;
      const decoded = decodeLinkMessage(bytes);
      if (!decoded.ok || !isLinkLocal(remoteAddress) || remoteAddress === self?.address) continue;
      if (!this.#isHeard(decoded.value, ttl)) continue;
      for (const output of this.#link.receive(decoded.value, remoteAddress, performance.now())) {
        if (output.type === "neighbour") this.#tellNeighbour(output.address);
      }
    }
  }

  #isHeard(message: LinkMessage, ttl: number): boolean {
    if (message.type === "echoReply") return message.identifier === this.#identifier;
    return ttl === ownHopLimit;
  }

  #execute(output: LinkOutput, { address, linkAddress }: OwnLink): void {
    const send = (message: LinkMessage, to: IpAddress) =>
      this.#socket?.sendTo(encodeLinkMessage(message, linkAddress), to, address);
    switch (output.type) {
      case "advertise":
        send({ type: "advert", lifetimeSeconds: 0 }, output.to === "all" ? allNodes : output.to);
        return;
      case "solicit":
        send({ type: "solicit" }, allRouters);
        send({ type: "echoRequest", identifier: this.#identifier }, allNodes);
        return;
      case "neighbour":
        this.#tellNeighbour(output.address);
    }
  }

  #tellNeighbour(address: IpAddress): void {
    this.#options.log.info("neighbour found on a link", { link: this.#name, address });
    for (const onNeighbour of this.#seekers) onNeighbour(address);
  }
}

type OwnLink = { readonly address: IpAddress; readonly linkAddress?: Uint8Array };

/** Undefined while the link is not there, has no carrier or has no link-local address. */
function ownLink(name: string, netns: string | undefined): OwnLink | undefined {
  const links = netns === undefined ? networkInterfaces() : inNamespace(netns, networkInterfaces);
  for (const { address: text, mac } of links[name] ?? []) {
    const address = parseAddress(text);
    if (address === undefined || !isLinkLocal(address)) continue;
    const linkAddress = Uint8Array.from(mac.split(":"), (octet) => Number.parseInt(octet, 16));
    return linkAddress.every((octet) => octet === 0) ? { address } : { address, linkAddress };
  }
  return undefined;
}

/** fe80::/10 */
function isLinkLocal(address: IpAddress): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}

function multicast(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`assertion failed: ${text} is no address`);
  return address;
}
