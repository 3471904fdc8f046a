import { type IpAddress, type Random, assert } from "../lib/index.ts";
import { DeadlineQueue } from "./deadline-queue.ts";
import { type BfdDiagnostic, type BfdState, decodeBfdPacket } from "./packet.ts";
import { BfdSession, type BfdTiming } from "./session.ts";

/** Between which addresses packets go. */
export type BfdPath = {
  readonly address: IpAddress;
  readonly localAddress?: IpAddress;
  /** The only link; needed for link-local addresses. */
  readonly linkName?: string;
  /** Across routers (RFC 5883): another UDP port, and any TTL. */
  readonly isMultihop: boolean;
};

/** Whom to watch. Peers that are reached in the same way share a session, at the fastest of their paces. */
export type BfdPeer = {
  readonly name: string;
  readonly address: IpAddress;
  readonly localAddress?: IpAddress;
  readonly linkName?: string;
  readonly bfd: BfdTiming & { readonly isMultihop: boolean };
};

export type BfdInput =
  /** All peers; sessions with those that are named no more end without being taken for failed. */
  | { readonly type: "configure"; readonly peers: readonly BfdPeer[] }
  | {
      readonly type: "packet";
      readonly bytes: Uint8Array;
      readonly remoteAddress: IpAddress;
      readonly localAddress: IpAddress;
      readonly linkName: string;
      readonly isMultihop: boolean;
      /** TTL or hop limit that it came with. */
      readonly ttl: number;
    }
  /** About as late as the last `wakeAt` said, which is thereby used up. All packets that have arrived must have been given before. */
  | { readonly type: "wake" }
  /** For good: the other ends are told that this is no failure. */
  | { readonly type: "stop" };

export type BfdOutput =
  /**
   * Packets of a session leave from one port of its own, 49152 to 65535 (RFC 5881 section 4). The own address may become
   * known in its course.
   */
  | { readonly type: "send"; readonly session: number; readonly path: BfdPath; readonly bytes: Uint8Array }
  /** Nothing more will be sent for the session. */
  | { readonly type: "end"; readonly session: number }
  /** Replaces the time that was asked for before; Infinity: not at all. */
  | { readonly type: "wakeAt"; readonly atMs: number }
  /** `adminDown`: the other end has switched BFD off, which says nothing about the path (RFC 5882 section 3.2). */
  | {
      readonly type: "state";
      readonly peer: string;
      readonly state: "up" | "down" | "adminDown";
      readonly diagnostic: BfdDiagnostic;
    };

export type BfdSessionStatus = {
  readonly peers: readonly string[];
  readonly path: BfdPath;
  readonly state: BfdState;
  readonly remoteState: BfdState;
  readonly diagnostic: BfdDiagnostic;
  readonly remoteDiagnostic: BfdDiagnostic;
  /** Between packets of ours, and of silence that counts as a failure. */
  readonly intervalMs: number;
  readonly detectionMs: number;
};

export type BfdStatus = {
  readonly sessions: readonly BfdSessionStatus[];
  /** Packets of nobody, or malformed, or with a TTL that shows that they crossed a router. */
  readonly packetsRefused: number;
};

type Watched = { path: BfdPath; readonly session: BfdSession; names: readonly string[] };

/** RFC 5881 section 5: only a packet that crossed no router has it. */
const directTtl = 255;

/**
 *   configure ─> Watched (path, names) ── BfdSession ─> send, state
 *   packet ──> by discriminator, else by address ──^  ^
 *   wake ──> DeadlineQueue ───────────────────────────┘
 *
 * All sessions of a host, without I/O.
 */
export class BfdCore {
  readonly #random: Random;
  readonly #watchedByPath = new Map<string, Watched>();
  /** Those that are ending included. */
  readonly #watchedByDiscriminator = new Map<number, Watched>();
  /** By the other end's address, for packets of those who do not know our discriminator yet. */
  readonly #watchedByAddress = new Map<IpAddress, Watched[]>();
  readonly #deadlines = new DeadlineQueue<Watched>();
  readonly #outbox: BfdOutput[] = [];
  #wakeAtMs = Infinity;
  #refusedCount = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  step(input: BfdInput, nowMs: number): BfdOutput[] {
    switch (input.type) {
      case "configure":
        this.#configure(input.peers, nowMs);
        break;
      case "packet":
        this.#receive(input, nowMs);
        break;
      case "wake":
        this.#wakeAtMs = Infinity;
        this.#wake(nowMs);
        break;
      case "stop":
        for (const watched of this.#watchedByPath.values()) this.#shut(watched, nowMs);
    }
    if (this.#deadlines.nextMs !== this.#wakeAtMs) {
      this.#wakeAtMs = this.#deadlines.nextMs;
      this.#outbox.push({ type: "wakeAt", atMs: this.#wakeAtMs });
    }
    return this.#outbox.splice(0);
  }

  status(): BfdStatus {
    const sessions = [...this.#watchedByPath.values()].map(({ path, session, names }) => ({
      peers: names,
      path,
      state: session.state,
      remoteState: session.remoteState,
      diagnostic: session.diagnostic,
      remoteDiagnostic: session.remoteDiagnostic,
      intervalMs: session.intervalMs,
      detectionMs: session.detectionMs,
    }));
    return { sessions, packetsRefused: this.#refusedCount };
  }

  #configure(peers: readonly BfdPeer[], nowMs: number): void {
    const wanted = Map.groupBy(peers, (peer) => pathKey(pathOf(peer)));
    const kept = new Set<Watched>();
    const fresh: (readonly [BfdPeer, ...BfdPeer[]])[] = [];
    for (const [key, [first, ...more]] of wanted) {
      if (first === undefined) continue;
      const known = this.#watchedByPath.get(key) ?? this.#findSimilar(pathOf(first), wanted, kept);
      if (known === undefined) {
        fresh.push([first, ...more]);
        continue;
      }
      kept.add(known);
      this.#change(known, [first, ...more], nowMs);
    }
    for (const watched of this.#watchedByPath.values()) if (!kept.has(watched)) this.#shut(watched, nowMs);
    for (const group of fresh) this.#watch(group, nowMs);
  }

  /** One that is the same but for the own address, which the one or the other leaves open. */
  #findSimilar(path: BfdPath, wanted: ReadonlyMap<string, unknown>, kept: Set<Watched>): Watched | undefined {
    return this.#watchedByAddress.get(path.address)?.find((watched) => {
      const other = watched.path;
      const isOpen = path.localAddress === undefined || other.localAddress === undefined;
      const isSame = path.linkName === other.linkName && path.isMultihop === other.isMultihop;
      return isOpen && isSame && !kept.has(watched) && !wanted.has(pathKey(other));
    });
  }

  #change(watched: Watched, group: readonly [BfdPeer, ...BfdPeer[]], nowMs: number): void {
    const { session } = watched;
    const path = pathOf(group[0]);
    if (path.localAddress !== undefined && path.localAddress !== watched.path.localAddress) {
      this.#watchedByPath.delete(pathKey(watched.path));
      watched.path = path;
      this.#watchedByPath.set(pathKey(path), watched);
    }
    session.setTiming(timingOf(group), nowMs);
    const names = group.map(({ name }) => name);
    const fresh = names.filter((name) => !watched.names.includes(name));
    watched.names = names;
    if (session.state === "up") for (const peer of fresh) this.#tell(peer, "up", session);
    this.#settle(watched, nowMs);
  }

  #watch(group: readonly [BfdPeer, ...BfdPeer[]], nowMs: number): void {
    const path = pathOf(group[0]);
    const key = pathKey(path);
    // An old session on the same path that is still taking its leave would be heard as this one's end.
    for (const old of this.#watchedByDiscriminator.values()) if (pathKey(old.path) === key) this.#forget(old);
    const discriminator = this.#freeDiscriminator();
    const hooks = {
      random: this.#random,
      send: (bytes: Uint8Array) =>
        this.#outbox.push({ type: "send", session: discriminator, path: watched.path, bytes }),
      changed: (session: BfdSession, before: BfdState) => this.#changed(watched, session, before),
    };
    const session = new BfdSession(discriminator, timingOf(group), hooks, nowMs);
    const watched: Watched = { path, names: group.map(({ name }) => name), session };
    this.#watchedByPath.set(key, watched);
    this.#watchedByDiscriminator.set(discriminator, watched);
    this.#watchedByAddress.set(path.address, [...(this.#watchedByAddress.get(path.address) ?? []), watched]);
    this.#settle(watched, nowMs);
  }

  /** Hard to guess, and another one than before a restart: late packets to that session must not reach this one. */
  #freeDiscriminator(): number {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const discriminator = Math.floor(this.#random() * 0x100000000) >>> 0;
      if (discriminator !== 0 && !this.#watchedByDiscriminator.has(discriminator)) return discriminator;
    }
    assert(false, "random numbers repeat themselves");
  }

  #receive(packet: Extract<BfdInput, { type: "packet" }>, nowMs: number): void {
    const decoded = decodeBfdPacket(packet.bytes);
    const isDirect = packet.isMultihop || packet.ttl === directTtl;
    const isFor = ({ path }: Watched) =>
      path.address === packet.remoteAddress &&
      path.isMultihop === packet.isMultihop &&
      (path.localAddress === undefined || path.localAddress === packet.localAddress) &&
      (path.linkName === undefined || path.linkName === packet.linkName);
    if (!decoded.ok || !isDirect) {
      this.#refusedCount++;
      return;
    }
    const named = decoded.value.yourDiscriminator;
    const watched =
      named === 0
        ? this.#watchedByAddress.get(packet.remoteAddress)?.find(isFor)
        : this.#watchedByDiscriminator.get(named);
    if (watched === undefined || !isFor(watched)) {
      this.#refusedCount++;
      return;
    }
    watched.session.receive(decoded.value, nowMs);
    this.#settle(watched, nowMs);
  }

  #wake(nowMs: number): void {
    for (;;) {
      const watched = this.#deadlines.take(nowMs);
      if (watched === undefined) return;
      this.#settle(watched, nowMs);
    }
  }

  /** Does what is due and asks to be woken for the rest. */
  #settle(watched: Watched, nowMs: number): void {
    const { session } = watched;
    if (session.isOver(nowMs)) {
      this.#forget(watched);
      return;
    }
    if (session.deadlineMs <= nowMs) session.wake(nowMs);
    this.#deadlines.add(watched, session.deadlineMs);
  }

  #shut(watched: Watched, nowMs: number): void {
    const { path, session } = watched;
    watched.names = [];
    this.#watchedByPath.delete(pathKey(path));
    const rest = (this.#watchedByAddress.get(path.address) ?? []).filter((other) => other !== watched);
    if (rest.length > 0) this.#watchedByAddress.set(path.address, rest);
    else this.#watchedByAddress.delete(path.address);
    session.shut(nowMs);
    this.#settle(watched, nowMs);
  }

  #forget(watched: Watched): void {
    this.#watchedByDiscriminator.delete(watched.session.discriminator);
    this.#deadlines.delete(watched);
    this.#outbox.push({ type: "end", session: watched.session.discriminator });
  }

  #changed(watched: Watched, session: BfdSession, before: BfdState): void {
    const isUp = session.state === "up";
    if (!isUp && before !== "up") return;
    const state = isUp ? "up" : session.remoteState === "adminDown" ? "adminDown" : "down";
    for (const peer of watched.names) this.#tell(peer, state, session);
  }

  #tell(peer: string, state: "up" | "down" | "adminDown", session: BfdSession): void {
    this.#outbox.push({ type: "state", peer, state, diagnostic: session.diagnostic });
  }
}

function pathOf({ address, localAddress, linkName, bfd }: BfdPeer): BfdPath {
  return {
    address,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(linkName === undefined ? {} : { linkName }),
    isMultihop: bfd.isMultihop,
  };
}

function pathKey({ address, localAddress, linkName, isMultihop }: BfdPath): string {
  return [address, localAddress ?? "", linkName ?? "", isMultihop ? "multihop" : "direct"].join("|");
}

/** The fastest of each. */
function timingOf(group: readonly BfdPeer[]): BfdTiming {
  return {
    minTxMs: Math.min(...group.map(({ bfd }) => bfd.minTxMs)),
    minRxMs: Math.min(...group.map(({ bfd }) => bfd.minRxMs)),
    multiplier: Math.min(...group.map(({ bfd }) => bfd.multiplier)),
  };
}
