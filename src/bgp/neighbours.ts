import { type IpAddress, assert, cidrContains, cidrLength } from "../lib/index.ts";
import type { PeerConfig, PeerRange, SpeakerConfig } from "./config.ts";
import { notification } from "./notification.ts";
import { ceaseSubcode, errorCode } from "./numbers.ts";
import { Peer, isSameSession } from "./peer.ts";
import type { SpeakerContext } from "./speaker-context.ts";

/** Where somebody connects from. A link-local address means something on its link only. */
export type RemotePlace = { readonly address: IpAddress; readonly linkName: string | undefined };

/** Most peers that were there before come by themselves; the rest is called, one after the other. */
const firstCallMs = 2_000;
const betweenCallsMs = 10;

/** The peers by name and by place: those that are configured, and those of ranges for as long as they are there. */
export class Neighbours {
  readonly #context: SpeakerContext;
  readonly #byName = new Map<string, Peer>();
  readonly #byPlace = new Map<string, Peer[]>();
  /** Ranges that peers are of, by the names of the peers. */
  readonly #rangeByPeer = new Map<string, string>();
  readonly #countByRange = new Map<string, number>();
  /** Peers of ranges of which nothing seems to be left. */
  readonly #leaving = new Set<Peer>();
  /** The narrowest first. */
  #ranges: readonly PeerRange[] = [];

  constructor(context: SpeakerContext) {
    this.#context = context;
  }

  get(name: string): Peer | undefined {
    return this.#byName.get(name);
  }

  all(): Iterable<Peer> {
    return this.#byName.values();
  }

  /** Ends the sessions that are wanted no more, or not as they are. Before the context has its new configuration. */
  endUnwanted(config: SpeakerConfig, isSameSpeaker: boolean): void {
    const wanted = new Map(config.peers.map((peer) => [peer.name, peer]));
    assert(wanted.size === config.peers.length && !wanted.has(""), "peers have distinct names");
    const places = new Set(config.peers.map(placeOf));
    const ranges = new Map((config.ranges ?? []).map((range) => [range.name, range]));
    for (const [name, peer] of this.#byName) {
      const rangeName = this.#rangeByPeer.get(name);
      const next = rangeName === undefined ? wanted.get(name) : nextInRange(peer.config, ranges.get(rangeName), places);
      if (next !== undefined && isSameSpeaker && isSameSession(peer.config, next)) continue;
      const subcode = next === undefined ? ceaseSubcode.peerDeconfigured : ceaseSubcode.otherConfigurationChange;
      peer.stop(notification(errorCode.cease, subcode));
      this.#forget(peer);
    }
  }

  /** Takes over the configuration that the context has by now. */
  configure(config: SpeakerConfig, nowMs: number): void {
    this.#ranges = (config.ranges ?? []).toSorted((a, b) => cidrLength(b.prefix) - cidrLength(a.prefix));
    for (const peerConfig of config.peers) {
      const known = this.#byName.get(peerConfig.name);
      if (known === undefined) this.#add(peerConfig, nowMs);
      else known.reconfigure(peerConfig, nowMs);
    }
    const ranges = new Map(this.#ranges.map((range) => [range.name, range]));
    for (const [name, rangeName] of this.#rangeByPeer) {
      const peer = this.#byName.get(name);
      const next = peer === undefined ? undefined : nextInRange(peer.config, ranges.get(rangeName), noPlaces);
      if (next !== undefined) peer?.reconfigure(next, nowMs);
    }
  }

  /** Peers of ranges that were there before we restarted. */
  expect(nowMs: number): void {
    let delayMs = firstCallMs;
    for (const { address, linkName } of this.#ranges.flatMap(({ expected = [] }) => expected)) {
      const place = { address, linkName };
      const peer = this.#at(place)[0] ?? this.#takeIn(place, undefined, nowMs);
      peer?.expect(delayMs, nowMs);
      delayMs += betweenCallsMs;
      if (peer !== undefined) this.forgetIfGone(peer);
    }
  }

  /**
   * Whom a connection belongs to; of several sessions to one address the first that is down is meant. Undefined when
   * nobody there is a peer of ours.
   */
  whoIsAt(place: RemotePlace, localAddress: IpAddress, nowMs: number): Peer | undefined {
    const fit = this.#at(place).filter(
      ({ config }) => config.localAddress === undefined || config.localAddress === localAddress,
    );
    const wanted = fit.filter(({ config }) => config.withheld === undefined);
    return (
      wanted.find(({ isEstablished }) => !isEstablished) ??
      wanted[0] ??
      fit[0] ??
      this.#takeIn(place, localAddress, nowMs)
    );
  }

  /** A peer that was not configured is gone when nothing of it is left. */
  forgetIfGone(peer: Peer): void {
    if (!this.#rangeByPeer.has(peer.config.name) || !peer.isForgettable) return;
    this.#leaving.add(peer);
    this.#context.wantTurn();
  }

  /**
   * To be called when the tables have been decided: one that comes back before is the same peer, so that nobody takes what
   * it told before for another's.
   */
  forgetGone(): void {
    for (const peer of this.#leaving) {
      if (!peer.isForgettable || this.#byName.get(peer.config.name) !== peer) continue;
      peer.stop(undefined);
      this.#forget(peer);
    }
    this.#leaving.clear();
  }

  stopAll(stop: (peer: Peer) => void): void {
    for (const peer of this.#byName.values()) stop(peer);
    this.#byName.clear();
    this.#byPlace.clear();
    this.#rangeByPeer.clear();
    this.#countByRange.clear();
  }

  #at({ address, linkName }: RemotePlace): readonly Peer[] {
    const onLink = linkName === undefined ? undefined : this.#byPlace.get(`${address}%${linkName}`);
    return onLink ?? this.#byPlace.get(address) ?? [];
  }

  #takeIn(place: RemotePlace, localAddress: IpAddress | undefined, nowMs: number): Peer | undefined {
    const range = this.#ranges.find((one) => isInRange(one, place, localAddress));
    if (range === undefined) return undefined;
    const count = this.#countByRange.get(range.name) ?? 0;
    if (count >= range.maxPeers) {
      // Of nobody in particular, so that it is not lost among what concerns one peer.
      this.#context.notice("", "no more peers are taken from the range", `${range.name}, ${place.address}`);
      return undefined;
    }
    const config = makeRangePeer(range, place);
    if (this.#byName.has(config.name)) return undefined;
    this.#rangeByPeer.set(config.name, range.name);
    this.#countByRange.set(range.name, count + 1);
    return this.#add(config, nowMs);
  }

  #add(config: PeerConfig, nowMs: number): Peer {
    const peer = new Peer(config, this.#context, nowMs);
    const place = placeOf(config);
    this.#byName.set(config.name, peer);
    this.#byPlace.set(place, [...(this.#byPlace.get(place) ?? []), peer]);
    peer.start(nowMs);
    return peer;
  }

  #forget(peer: Peer): void {
    const { name } = peer.config;
    const place = placeOf(peer.config);
    this.#byName.delete(name);
    const others = this.#byPlace.get(place)?.filter((one) => one !== peer) ?? [];
    if (others.length === 0) this.#byPlace.delete(place);
    else this.#byPlace.set(place, others);
    const range = this.#rangeByPeer.get(name);
    if (range === undefined) return;
    this.#rangeByPeer.delete(name);
    this.#countByRange.set(range, (this.#countByRange.get(range) ?? 1) - 1);
  }
}

const noPlaces: ReadonlySet<string> = new Set();

function placeOf({ address, linkName }: PeerConfig): string {
  return linkName === undefined ? address : `${address}%${linkName}`;
}

function isInRange(
  { prefix, linkName, session }: PeerRange,
  place: RemotePlace,
  localAddress: IpAddress | undefined,
): boolean {
  if (linkName !== undefined && linkName !== place.linkName) return false;
  const isElsewhere = localAddress !== undefined && session.localAddress !== localAddress;
  if (session.localAddress !== undefined && isElsewhere) return false;
  return cidrContains(prefix, place.address);
}

function makeRangePeer(range: PeerRange, { address, linkName }: RemotePlace): PeerConfig {
  return {
    ...range.session,
    type: "dynamic",
    name: linkName === undefined ? `${range.name}/${address}` : `${range.name}/${address}%${linkName}`,
    address,
    ...(linkName === undefined ? {} : { linkName }),
  };
}

/** What a peer of a range is by a new configuration; undefined when it is out of it, or has been named by now. */
function nextInRange(
  { address, linkName, localAddress }: PeerConfig,
  range: PeerRange | undefined,
  named: ReadonlySet<string>,
): PeerConfig | undefined {
  if (range === undefined) return undefined;
  const next = makeRangePeer(range, { address, linkName });
  const isOut = !isInRange(range, { address, linkName }, localAddress ?? range.session.localAddress ?? address);
  return isOut || named.has(placeOf(next)) || named.has(address) ? undefined : next;
}
