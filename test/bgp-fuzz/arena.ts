import { type SpeakerConfig, SpeakerCore, type SpeakerInput, type SpeakerOutput } from "../../src/bgp/index.ts";
import { type IpAddress, parseAddress } from "../../src/lib/index.ts";
import { Dice } from "./dice.ts";
import { cidr, healthyRange, isHealthyKey, isHealthyPrefix } from "./healthy.ts";
import { StrictReader } from "./strict-reader.ts";
import { attributes, capabilities, ip6, keepalive, open, octets, prefix, update } from "./wire.ts";

/** One thing that happens to the speaker. Connections of the fuzzer are numbered; all of it can be written as a word. */
export type Action =
  | { readonly do: "accept"; readonly slot: number; readonly connection: number }
  /** `expected`: the NOTIFICATION that must be the answer, as `3/1`, or `none`. */
  | { readonly do: "bytes"; readonly connection: number; readonly bytes: Uint8Array; readonly expected?: string }
  | { readonly do: "close"; readonly connection: number }
  | { readonly do: "block"; readonly connection: number }
  | { readonly do: "drain"; readonly connection: number }
  /** The answer to the speaker's own attempt to connect. */
  | { readonly do: "connected"; readonly slot: number; readonly connection: number }
  | { readonly do: "refused"; readonly slot: number }
  | { readonly do: "turn" }
  | { readonly do: "wait"; readonly ms: number };

/** What became of a connection of the fuzzer. */
export type Fate = { readonly notification: { readonly code: number; readonly subcode: number } | undefined };

/** Runs one step, and may look at the clock before and after. */
export type Around = (run: () => SpeakerOutput[]) => SpeakerOutput[];

/** Something happened that must not, whatever peers send. */
export class Violation extends Error {}

type PeerRange = NonNullable<SpeakerConfig["ranges"]>[number];
type PeerConfig = SpeakerConfig["peers"][number];
type SessionConfig = PeerRange["session"];
type RoutePolicy = NonNullable<SessionConfig["importPolicy"]>;

const localAs = 64512;

/** The fuzzer's peers may say what they like, but not speak for the healthy ones. */
const importPolicy: RoutePolicy = {
  name: "not-for-the-healthy",
  rules: [
    {
      match: {
        prefixes: healthyRange.map(({ prefix: text, least, most }) => ({
          prefix: cidr(text),
          minLength: least,
          maxLength: most,
        })),
      },
      action: "reject",
    },
  ],
  otherwise: "accept",
};

/** Peers whose tables are nobody's concern are told nothing, which saves most of the time; one of them hears all. */
const silence: RoutePolicy = { name: "silence", rules: [], otherwise: "reject" };

const base: Omit<SessionConfig, "asNumber"> = {
  type: "nodePeer",
  port: 179,
  isPassive: true,
  families: ["ipv4-unicast", "ipv6-unicast"],
  nextHopMode: "auto",
};

const paths = { canSend: true, canReceive: true, maxSent: 3 };
const cluster = address("10.0.0.1");

/** A peer that the fuzzer plays: how we see it, and what it may be. */
export type Slot = {
  readonly name: string;
  readonly asNumber: number;
  readonly session: SessionConfig;
  readonly address: IpAddress;
  /** A range: each connection comes from another address. */
  readonly range?: string;
  /** The peer never offers four-octet AS numbers. */
  readonly isNarrow?: boolean;
};

const external = { ...base, importPolicy };
const internal = { ...base, asNumber: localAs, importPolicy };

export const slots: readonly Slot[] = [
  slot("client", "192.0.2.21", {
    ...internal,
    reflectorCluster: cluster,
    addPath: paths,
    hasExtendedNextHop: true,
  }),
  slot("inner", "192.0.2.22", { ...internal, families: ["ipv4-unicast"] }),
  slot("outer", "192.0.2.23", { ...external, asNumber: 65001 }),
  { ...slot("narrow", "192.0.2.24", { ...external, asNumber: 65002 }), isNarrow: true },
  slot("six", "2001:db8:ffff::25", { ...internal, reflectorCluster: cluster, families: ["ipv6-unicast"] }),
  {
    ...slot("anyone", "198.51.100.1", { ...external, asNumber: "external" }),
    range: "198.51.100.",
    asNumber: 65003,
  },
  {
    ...slot("clients", "203.0.113.1", {
      ...base,
      asNumber: "internal",
      importPolicy,
      reflectorCluster: cluster,
      addPath: { canSend: false, canReceive: true, maxSent: 1 },
    }),
    range: "203.0.113.",
  },
  slot("odd", "192.0.2.27", {
    ...external,
    asNumber: 65004,
    localAs: 64999,
    allowLocalAs: 2,
    maxPrefixes: { count: 60, action: "end", retryMs: 50 },
    longLivedStaleSeconds: 60,
    addPath: paths,
    hasExtendedNextHop: true,
    exportPolicy: {
      name: "prepended",
      rules: [{ match: {}, action: "next", set: { prepend: [64512, 64512], addCommunities: [0xfc000001] } }],
      otherwise: "accept",
    },
  }),
  slot("called", "192.0.2.28", { ...external, asNumber: 65005, isPassive: false, holdTimeSeconds: 9 }),
  slot("rough", "192.0.2.29", {
    ...internal,
    holdTimeSeconds: 0,
    maxPrefixes: { count: 100, action: "warn" },
  }),
];

function slot(name: string, at: string, session: SessionConfig): Slot {
  const asNumber = typeof session.asNumber === "number" ? session.asNumber : localAs;
  return { name, asNumber, session, address: address(at) };
}

type Healthy = {
  readonly name: string;
  readonly address: string;
  readonly asNumber: number;
  readonly index: number;
  readonly isObserver: boolean;
  readonly session: SessionConfig;
};

const healthyPeers: readonly Healthy[] = [
  healthy(1, true, { ...base, asNumber: localAs, reflectorCluster: cluster }),
  healthy(2, false, { ...base, asNumber: localAs, reflectorCluster: cluster }),
  healthy(3, true, { ...base, asNumber: localAs }),
  healthy(4, true, { ...base, asNumber: 65100 }),
];

function healthy(index: number, isObserver: boolean, session: SessionConfig): Healthy {
  const asNumber = typeof session.asNumber === "number" ? session.asNumber : localAs;
  return { name: `healthy${index}`, address: `192.0.2.${10 + index}`, asNumber, index, isObserver, session };
}

const ownAddress = address("192.0.2.1");
const ownAddress6 = address("2001:db8:ffff::1");

const common: Omit<SpeakerConfig, "peers"> = {
  localAs,
  routerId: address("10.0.0.1"),
  listenPort: 179,
  restartTimeSeconds: 120,
  exportWithin: "all",
  nextHop4: ownAddress,
  nextHop6: ownAddress6,
};

/** Every fourth speaker has all healthy peers and tells one of the others its table; the rest is for speed. */
function isRich(seed: number): boolean {
  return seed % 4 === 0;
}

function healthyOf(seed: number): readonly Healthy[] {
  return isRich(seed) ? healthyPeers : healthyPeers.slice(0, 2);
}

function configure(seed: number): SpeakerConfig {
  const told = isRich(seed) ? slots[(seed / 4) % slots.length] : undefined;
  const sessionOf = (one: Slot): SessionConfig =>
    one === told ? one.session : { ...one.session, exportPolicy: silence };
  return {
    ...common,
    hasNextHopTracking: seed % 3 === 0,
    peers: [
      ...healthyOf(seed).map(
        (peer): PeerConfig => ({ ...peer.session, name: peer.name, address: address(peer.address) }),
      ),
      ...slots
        .filter(({ range }) => range === undefined)
        .map((one): PeerConfig => ({ ...sessionOf(one), name: one.name, address: one.address })),
    ],
    ranges: slots.flatMap((one): PeerRange[] =>
      one.range === undefined
        ? []
        : [{ name: one.name, prefix: cidr(`${one.range}0/24`), session: sessionOf(one), maxPeers: 250 }],
    ),
  };
}

/** Under this time healthy peers are heard again: their hold time is 90 s. */
const longestSilenceMs = 25_000;

/**
 * A speaker with two or four healthy peers, whose sessions and routes must not suffer, and places for peers that misbehave.
 * Time is virtual. Throws `Violation` when something happens that must not.
 */
export class Arena {
  readonly core: SpeakerCore;
  readonly fates = new Map<number, Fate>();
  /** Slots that the speaker is calling, with the connection's name. */
  readonly calls = new Map<number, string>();
  readonly #readers = new Map<string, StrictReader>();
  readonly #names = new Map<number, string>();
  readonly #numbers = new Map<string, number>();
  readonly #words = new Map<number, Fate["notification"]>();
  readonly #timers = new Map<string, number>();
  readonly #tracked = new Set<IpAddress>();
  /** The watch on a step: before and after. */
  readonly #around: Around;
  readonly #healthy: readonly Healthy[];
  readonly #isCurious: boolean;
  readonly #receiveBuffer = new Uint8Array(140_000);
  #dueMs = Infinity;
  #spokenMs = 0;
  #isSettled = false;
  #expected = "";
  isTurnWanted = false;
  nowMs = 1000;
  outputs = 0;

  constructor(seed: number, around: Around, isCurious = false) {
    this.#around = around;
    this.#isCurious = isCurious;
    this.core = new SpeakerCore({ isRestart: false, random: new Dice(seed).real });
    this.#input({ type: "configure", config: configure(seed) });
    this.#input({
      type: "originate",
      routes: ["172.16.255.0/24", "2001:db8:255::/48"].map((text) => ({ prefix: cidr(text), localPref: 100 })),
    });
    this.#healthy = healthyOf(seed);
    for (const peer of this.#healthy) this.#greet(peer);
    this.turn();
    for (const peer of this.#healthy) this.#announce(peer);
    this.turn();
    this.#isSettled = true;
    this.#expected = this.#picture();
  }

  apply(action: Action): void {
    switch (action.do) {
      case "accept":
        this.#accept(action.slot, action.connection);
        return;
      case "connected": {
        const name = this.calls.get(action.slot);
        if (name === undefined) return;
        this.calls.delete(action.slot);
        this.#know(action.connection, name);
        this.#input({ type: "connected", connection: name, localAddress: ownAddress });
        return;
      }
      case "refused": {
        const name = this.calls.get(action.slot);
        if (name === undefined) return;
        this.calls.delete(action.slot);
        this.#input({ type: "closed", connection: name, reason: "refused" });
        return;
      }
      case "bytes":
        this.#bytes(action.connection, action.bytes, action.expected);
        return;
      case "close":
        this.#lose(action.connection);
        return;
      case "block":
      case "drain": {
        const name = this.#names.get(action.connection);
        if (name === undefined) return;
        this.#input({ type: action.do === "block" ? "blocked" : "drained", connection: name });
        return;
      }
      case "turn":
        this.turn();
        return;
      case "wait":
        this.wait(action.ms);
    }
  }

  /** What a healthy peer was told: by `4` or `6` and the prefix, the attributes. All as text of one character an octet. */
  toldTo(name: string): ReadonlyMap<string, string> {
    return this.#readers.get(name)?.routes ?? new Map<string, string>();
  }

  turn(): void {
    for (let i = 0; this.isTurnWanted; i++) {
      if (i > 10_000) throw new Violation("turns without end");
      this.isTurnWanted = false;
      this.#input({ type: "turn" });
    }
  }

  wait(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + longestSilenceMs, Math.max(this.#dueMs, this.nowMs + 1));
      if (this.nowMs >= this.#dueMs) this.#fireTimers();
      if (this.nowMs - this.#spokenMs >= longestSilenceMs - 1) this.#speak();
    }
  }

  /** Ends all that is left of the fuzzer's peers, lets every memory of them run out and looks whether all is as before. */
  checkRest(): void {
    for (const connection of this.#names.keys()) this.#lose(connection);
    for (const at of this.calls.keys()) this.apply({ do: "refused", slot: at });
    // Longest time a restarting peer may ask for, and the time of the long-lived ones behind it.
    this.wait(4_200_000);
    for (const at of this.calls.keys()) this.apply({ do: "refused", slot: at });
    this.turn();
    this.checkHealthy();
    const rows = this.core.routes().filter(({ prefix }) => !isHealthyPrefix(prefix));
    if (rows.length > 0)
      throw new Violation(`${rows.length} routes are left of peers that are gone, ${rows[0]?.prefix}`);
    for (const [name, reader] of this.#readers) {
      for (const key of reader.routes.keys()) {
        if (!isHealthyKey(key))
          throw new Violation(`${name} still holds a route of a peer that is gone: ${hexOf(key)}`);
      }
    }
    if (this.#tracked.size > 30) throw new Violation(`${this.#tracked.size} next hops are still tracked`);
    if (this.#timers.size > 60) throw new Violation(`${this.#timers.size} timers are left`);
  }

  /** Sessions up, table and peers' tables as they were. */
  checkHealthy(): void {
    for (const status of this.core.status(this.nowMs)) {
      if (!status.name.startsWith("healthy")) continue;
      if (status.state !== "established" || status.lastError !== "" || status.uptimeMs < this.nowMs - 2000) {
        throw new Violation(`${status.name} suffered: ${status.state} ${status.lastError}`);
      }
    }
    const picture = this.#picture();
    if (picture !== this.#expected) {
      throw new Violation(`healthy routes changed: ${firstDifference(this.#expected, picture)}`);
    }
  }

  /** The healthy peers' routes as the speaker holds them and as each observer was told. */
  #picture(): string {
    const rows = this.core.routes().filter(({ prefix }) => isHealthyPrefix(prefix));
    const told = [...this.#readers].map(([name, { routes }]) => {
      const own = [...routes].filter(([key]) => isHealthyKey(key)).map(([key, text]) => `${hexOf(key)}=${hexOf(text)}`);
      return `${name}: ${own.sort().join(" ")}`;
    });
    return [...rows.map((row) => JSON.stringify(row)).sort(), ...told].join("\n");
  }

  #greet(peer: Healthy): void {
    if (peer.isObserver) {
      const isInternal = peer.asNumber === localAs;
      this.#readers.set(
        peer.name,
        new StrictReader({ isInternal, speakerAs: localAs, maxBytes: 4096, isCurious: this.#isCurious }),
      );
    }
    const connection = peer.name;
    this.#input({ type: "accepted", connection, localAddress: ownAddress, remoteAddress: address(peer.address) });
    const families = [capabilities.multiprotocol(1, 1), capabilities.multiprotocol(2, 1)];
    const offered = [...families, capabilities.routeRefresh, capabilities.fourOctetAs(peer.asNumber)];
    const hello = open({ asNumber: peer.asNumber, routerId: `10.0.0.${10 + peer.index}`, capabilities: offered });
    this.#input({ type: "bytes", connection, bytes: hello });
    this.#input({ type: "bytes", connection, bytes: octets(keepalive) });
  }

  #announce({ name, index, address: at, asNumber }: Healthy): void {
    const isInternal = asNumber === localAs;
    const common = [
      attributes.origin(0),
      isInternal ? attributes.asPath(["sequence", 65010, 65020]) : attributes.asPath(["sequence", asNumber, 65020]),
    ];
    const tail = [
      attributes.med(index),
      ...(isInternal ? [attributes.localPref(100 + index)] : []),
      attributes.communities(0xfde80000 + index),
    ];
    const numbers = Array.from({ length: 12 }, (_, at) => at);
    const four = numbers.map((at) => prefix(`172.16.${index}.${at}/32`));
    const six = numbers.map((at) => prefix(`2001:db8:${index}:${at.toString(16)}::/64`));
    // Of the prefix that all of them have, one is best; the others must stay behind it.
    const shared = [prefix("172.20.0.0/16")];
    const next6 = ip6(`2001:db8:ffff::${(10 + index).toString(16)}`);
    const messages = [
      update({ attributes: [common, attributes.nextHop(at), tail], nlri: [four, shared] }),
      update({ attributes: [attributes.mpReach(2, 1, next6, six), common, tail] }),
      update({}),
      update({ attributes: attributes.mpUnreach(2, 1, []) }),
    ];
    for (const bytes of messages) this.#input({ type: "bytes", connection: name, bytes });
  }

  #speak(): void {
    this.#spokenMs = this.nowMs;
    for (const { name } of this.#healthy) {
      this.#input({ type: "bytes", connection: name, bytes: octets(keepalive) });
    }
  }

  #fireTimers(): void {
    for (let i = 0; i < 1000; i++) {
      let due: string | undefined;
      let dueMs = Infinity;
      for (const [timer, atMs] of this.#timers) {
        if (atMs < dueMs) {
          dueMs = atMs;
          due = timer;
        }
      }
      this.#dueMs = dueMs;
      if (due === undefined || dueMs > this.nowMs) {
        this.turn();
        return;
      }
      this.#timers.delete(due);
      this.#input({ type: "timer", timer: due });
    }
    throw new Violation("timers without end");
  }

  #accept(at: number, connection: number): void {
    const place = slots[at];
    if (place === undefined) return;
    const name = `f${connection}`;
    this.#know(connection, name);
    const remoteAddress =
      place.range === undefined ? place.address : address(`${place.range}${1 + (connection % 250)}`);
    const localAddress = remoteAddress.includes(":") ? ownAddress6 : ownAddress;
    this.#input({ type: "accepted", connection: name, localAddress, remoteAddress });
  }

  #know(connection: number, name: string): void {
    this.#names.set(connection, name);
    this.#numbers.set(name, connection);
  }

  #bytes(connection: number, bytes: Uint8Array, expected: string | undefined): void {
    const name = this.#names.get(connection);
    if (name === undefined) return;
    // The speaker must not keep the receive buffer: it is used again, by all connections, and spoilt in between.
    const received = this.#receiveBuffer.subarray(0, bytes.length);
    received.set(bytes);
    this.#input({ type: "bytes", connection: name, bytes: received });
    received.fill(0xa5);
    if (expected === undefined) return;
    const fate = this.fates.get(connection);
    const word = fate?.notification;
    // Too many prefixes end a session too, which is no matter of form.
    if (word?.code === 6) return;
    const told = word === undefined ? "none" : `${word.code}/${word.subcode}`;
    if (told !== expected || (fate !== undefined) !== (expected !== "none")) {
      throw new Violation(`the codec says ${expected}, the session did ${told} for ${bytes.toHex()}`);
    }
  }

  #lose(connection: number): void {
    const name = this.#names.get(connection);
    if (name === undefined) return;
    this.#names.delete(connection);
    this.#numbers.delete(name);
    this.fates.delete(connection);
    this.#input({ type: "closed", connection: name, reason: "reset" });
  }

  #input(input: SpeakerInput): void {
    for (const output of this.#around(() => this.core.step(input, this.nowMs))) this.#output(output);
  }

  #output(output: SpeakerOutput): void {
    this.outputs++;
    switch (output.type) {
      case "write":
        this.#write(output.connection, output.bytes);
        return;
      case "close":
        this.#close(output.connection);
        return;
      case "connect": {
        const at = slots.findIndex(({ address: one }) => one === output.remoteAddress);
        if (at === -1 || output.connection.startsWith("f")) throw new Violation("a connection to nobody is asked for");
        this.calls.set(at, output.connection);
        return;
      }
      case "setTimer":
        if (!(output.atMs >= this.nowMs)) throw new Violation(`timer ${output.timer} is set for the past`);
        this.#timers.set(output.timer, output.atMs);
        this.#dueMs = Math.min(this.#dueMs, output.atMs);
        return;
      case "clearTimer":
        this.#timers.delete(output.timer);
        return;
      case "wantTurn":
        this.isTurnWanted = true;
        return;
      case "trackNextHops":
        for (const nextHop of output.nextHops) this.#tracked.add(nextHop);
        this.#input({ type: "nextHops", costs: output.nextHops.map((nextHop) => ({ nextHop, cost: 10 })) });
        return;
      case "untrackNextHops":
        for (const nextHop of output.nextHops) this.#tracked.delete(nextHop);
        return;
      case "routes":
        this.#routes(output.updates);
        return;
      case "peer":
        if (this.#isSettled && output.status.name.startsWith("healthy")) {
          throw new Violation(`${output.status.name} went to ${output.status.state}: ${output.status.lastError}`);
        }
        return;
      case "restartEnd":
      case "bfdPeers":
      case "notice":
    }
  }

  #routes(updates: Extract<SpeakerOutput, { type: "routes" }>["updates"]): void {
    if (!this.#isSettled) return;
    for (const { prefix: changed } of updates) {
      if (isHealthyPrefix(changed)) throw new Violation(`the route ${changed} of a healthy peer moved`);
    }
  }

  #write(connection: string, bytes: Uint8Array): void {
    const reader = this.#readers.get(connection);
    if (reader !== undefined) {
      const flaw = reader.read(bytes);
      if (flaw !== undefined) throw new Violation(`${connection} was sent ${flaw}`);
      return;
    }
    const number = this.#numbers.get(connection);
    if (number === undefined || bytes[18] !== 3) return;
    if (bytes.length > 4096 || bytes.length < 21) throw new Violation(`a NOTIFICATION of ${bytes.length} octets`);
    this.#words.set(number, { code: bytes[19] ?? 0, subcode: bytes[20] ?? 0 });
  }

  #close(connection: string): void {
    if (connection.startsWith("healthy")) throw new Violation(`the session of ${connection} was closed`);
    const number = this.#numbers.get(connection);
    for (const [at, name] of this.calls) if (name === connection) this.calls.delete(at);
    if (number === undefined) return;
    this.#numbers.delete(connection);
    this.#names.delete(number);
    this.fates.set(number, { notification: this.#words.get(number) });
    this.#words.delete(number);
  }
}

function hexOf(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
}

function firstDifference(expected: string, actual: string): string {
  const [before, after] = [expected.split("\n"), actual.split("\n")];
  const at = before.findIndex((line, index) => line !== after[index]);
  return at === -1
    ? `more lines: ${after[before.length] ?? ""}`
    : `${before[at] ?? ""} became ${after[at] ?? "nothing"}`;
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`no address: ${text}`);
  return parsed;
}
