import assert from "node:assert/strict";
import { type IpAddress, addressToBytes } from "../../lib/index.ts";
import { AttributeTable } from "../attribute-table.ts";
import { type PathAttributes, emptyAttributes, writeAttributes } from "../attributes.ts";
import { type Family, type SpeakerConfig, allFamilies } from "../config.ts";
import { Framer } from "../framer.ts";
import { readMessage, writeKeepalive, writeNotification, writeOpenMessage, writeRouteRefresh } from "../message.ts";
import { MessageLog } from "../message-log.ts";
import type { Notification } from "../notification.ts";
import { maxExtendedMessageBytes, maxMessageBytes, messageType } from "../numbers.ts";
import type { Open } from "../open.ts";
import { cidrToKey, keyToCidr } from "../prefix-key.ts";
import { SpeakerCore, type SpeakerCoreOptions } from "../speaker-core.ts";
import type { ConnectionId, SpeakerInput, SpeakerOutput } from "../steps.ts";
import {
  type EncodedAttributes,
  type Nlri,
  type UpdateFormat,
  writeAnnouncements,
  writeEndOfRib,
  writeWithdrawals,
} from "../update-writer.ts";
import { address, route } from "./network.ts";

/** One core with peers that do what a test says. Time stands still unless the test moves it. */
export class Stage {
  readonly core: SpeakerCore;
  readonly peerByConnection = new Map<ConnectionId, ScriptedPeer>();
  readonly outputs: SpeakerOutput[] = [];
  readonly timers = new Map<string, number>();
  nowMs = 0;
  isTurnWanted = false;
  #connectionCount = 0;

  constructor(options: Partial<SpeakerCoreOptions> = {}) {
    this.core = new SpeakerCore({ isRestart: false, random: () => 0.5, ...options });
  }

  step(input: SpeakerInput): void {
    for (const output of this.core.step(input, this.nowMs)) {
      switch (output.type) {
        case "write":
          this.peerByConnection.get(output.connection)?.read(output.bytes);
          break;
        case "close":
          this.peerByConnection.get(output.connection)?.ended();
          this.peerByConnection.delete(output.connection);
          break;
        case "wantTurn":
          this.isTurnWanted = true;
          break;
        case "setTimer":
          this.timers.set(output.timer, output.atMs);
          break;
        case "clearTimer":
          this.timers.delete(output.timer);
          break;
        default:
          this.outputs.push(output);
      }
    }
  }

  configure(config: Partial<SpeakerConfig>): void {
    this.step({
      type: "configure",
      config: {
        localAs: 64512,
        routerId: address("10.0.0.1"),
        listenPort: 179,
        restartTimeSeconds: 120,
        exportWithin: "all",
        peers: [],
        ...config,
      },
    });
  }

  /** One turn, if there is something to do. */
  turn(): void {
    if (!this.isTurnWanted) return;
    this.isTurnWanted = false;
    this.step({ type: "turn" });
  }

  /** Turns until there is nothing to do. */
  settle(): void {
    for (let i = 0; this.isTurnWanted; i++) {
      assert.ok(i < 10_000, "the core never rests");
      this.turn();
    }
  }

  /** Lets time pass, with the timers that fire in it. */
  pass(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      this.settle();
      const [next] = [...this.timers].filter(([, atMs]) => atMs <= endMs).sort(([, a], [, b]) => a - b);
      if (next === undefined) break;
      const [timer, atMs] = next;
      this.nowMs = Math.max(this.nowMs, atMs);
      this.timers.delete(timer);
      this.step({ type: "timer", timer });
    }
    this.nowMs = endMs;
  }

  nextConnection(): ConnectionId {
    return `in:${this.#connectionCount++}`;
  }

  /** Outputs of that type since the last call. */
  take<T extends SpeakerOutput["type"]>(type: T): Extract<SpeakerOutput, { type: T }>[] {
    const isOfType = (output: SpeakerOutput): output is Extract<SpeakerOutput, { type: T }> => output.type === type;
    const found = this.outputs.filter(isOfType);
    for (const output of found) this.outputs.splice(this.outputs.indexOf(output), 1);
    return found;
  }
}

export type ScriptedPeerOptions = {
  readonly address: string;
  readonly routerId: string;
  readonly asNumber?: number;
  /** Of our AS: whoever has its number, unless we say to be of another one. */
  readonly isInternal?: boolean;
  readonly open?: Partial<Open>;
};

/** What it was told about one path of one prefix. */
export type Heard = {
  readonly prefix: string;
  readonly pathId: number | undefined;
  readonly attributes: PathAttributes;
};

/** A neighbour by hand: it says what it is told to, and keeps a table of what it hears. */
export class ScriptedPeer {
  readonly stage: Stage;
  readonly address: IpAddress;
  readonly routerId: IpAddress;
  readonly asNumber: number;
  readonly isInternal: boolean;
  readonly open: Open;
  /** By prefix and path identifier. */
  readonly table = new Map<string, Heard>();
  readonly ends: Family[] = [];
  readonly notifications: Notification[] = [];
  /** UPDATEs since the last connect. */
  updateCount = 0;
  /** Prefixes that it was told to forget since then. */
  withdrawnCount = 0;
  refreshes = 0;
  isBlocked = false;
  connection: ConnectionId | undefined;
  #framer = new Framer();
  readonly #attributes = new AttributeTable();
  /** Told before the mark of RFC 7313 and not again since. */
  #due: Set<string> | undefined;

  constructor(stage: Stage, options: ScriptedPeerOptions) {
    this.stage = stage;
    this.address = address(options.address);
    this.routerId = address(options.routerId);
    this.asNumber = options.asNumber ?? 64512;
    this.isInternal = options.isInternal ?? this.asNumber === 64512;
    this.open = {
      asNumber: this.asNumber,
      holdTimeSeconds: 0,
      routerId: this.routerId,
      families: allFamilies,
      canRefresh: true,
      hasFourOctetAs: true,
      hasExtendedMessages: false,
      hasEnhancedRefresh: false,
      hasExtendedNextHop: false,
      addPath: [],
      ...options.open,
    };
  }

  get isUp(): boolean {
    return this.connection !== undefined;
  }

  connect(localAddress = "10.0.0.1"): void {
    this.connection = this.stage.nextConnection();
    this.stage.peerByConnection.set(this.connection, this);
    this.table.clear();
    this.ends.length = 0;
    this.updateCount = 0;
    this.withdrawnCount = 0;
    this.isBlocked = false;
    this.#due = undefined;
    this.#framer = new Framer();
    if (this.open.hasExtendedMessages) this.#framer.maxBytes = maxExtendedMessageBytes;
    this.stage.step({
      type: "accepted",
      connection: this.connection,
      localAddress: address(localAddress),
      remoteAddress: this.address,
    });
    this.say(writeOpenMessage(this.open));
    this.say(writeKeepalive());
  }

  say(bytes: Uint8Array): void {
    if (this.connection !== undefined) this.stage.step({ type: "bytes", connection: this.connection, bytes });
  }

  /** The connection breaks. */
  lose(): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.stage.peerByConnection.delete(connection);
    this.ended();
    this.stage.step({ type: "closed", connection, reason: "reset" });
  }

  ended(): void {
    this.connection = undefined;
  }

  block(isBlocked: boolean): void {
    if (this.connection === undefined || isBlocked === this.isBlocked) return;
    this.isBlocked = isBlocked;
    this.stage.step({ type: isBlocked ? "blocked" : "drained", connection: this.connection });
  }

  /** Without a next hop of the right version it names an address of its own: for IPv6 `2001:db8::` and its number. */
  announce(prefixes: readonly string[], attributes: Partial<PathAttributes> = {}, pathId = 0): void {
    const write = (log: MessageLog, nlri: readonly Nlri[], format: UpdateFormat) => {
      const isSix = format.family === "ipv6-unicast";
      const own = isSix ? address(`2001:db8::${this.routerId.split(".")[3]}`) : this.address;
      const nextHop = attributes.nextHop?.includes(":") === isSix ? attributes.nextHop : own;
      writeAnnouncements(log, nlri, encode({ ...emptyAttributes, ...attributes, nextHop }), format);
    };
    this.#send(prefixes, write, pathId);
  }

  withdraw(prefixes: readonly string[], pathId = 0): void {
    this.#send(prefixes, (log, nlri, format) => writeWithdrawals(log, nlri, format), pathId);
  }

  endOfRib(family: Family): void {
    const log = new MessageLog();
    writeEndOfRib(log, { family, hasPathIds: false, maxMessageBytes });
    for (const bytes of log.read(0)) this.say(bytes);
  }

  refresh(family: Family): void {
    this.say(writeRouteRefresh(family));
  }

  notify(word: Notification): void {
    this.say(writeNotification(word));
  }

  /** `10.0.0.1/32` of all that it knows, in order. */
  prefixes(): string[] {
    return [...new Set([...this.table.values()].map(({ prefix }) => prefix))].sort();
  }

  heard(prefix: string): PathAttributes | undefined {
    return this.allHeard(prefix)[0]?.attributes;
  }

  allHeard(prefix: string): Heard[] {
    return [...this.table.values()].filter((one) => one.prefix === prefix);
  }

  read(bytes: Uint8Array): void {
    this.#framer.push(bytes);
    for (;;) {
      const framed = this.#framer.next();
      if (framed === undefined) return;
      assert.ok(framed instanceof Uint8Array, "what the core writes can be framed");
      if (framed[18] === messageType.update) {
        assert.ok(!this.isBlocked, "nothing is told to a peer that takes nothing");
        this.updateCount++;
      }
      this.#hear(framed);
    }
  }

  #hear(framed: Uint8Array): void {
    const { isInternal } = this;
    const { families, addPath, hasExtendedNextHop } = this.open;
    const addPathReceive = addPath.filter(({ canReceive }) => canReceive).map(({ family }) => family);
    const context = {
      isInternal,
      isFourOctetAs: this.open.hasFourOctetAs,
      families,
      addPathReceive,
      hasExtendedNextHop,
    };
    const message = readMessage(framed, context, this.#attributes);
    assert.notEqual(message.type, "fault");
    if (message.type === "notification") this.notifications.push(message.notification);
    if (message.type === "routeRefresh") this.#mark(message.subtype, message.family);
    if (message.type !== "update") return;
    assert.equal(message.outcome, "ok", message.complaint);
    if (message.endOfRib !== undefined) this.ends.push(message.endOfRib);
    for (const { family, keys, pathIds } of message.withdrawn) {
      this.withdrawnCount += keys.length;
      for (const [i, key] of keys.entries()) this.table.delete(`${keyToCidr(key, family)} ${pathIds?.[i] ?? ""}`);
    }
    for (const { family, keys, pathIds, set } of message.announced) {
      const { attributes } = set;
      assert.notEqual(attributes.originatorId, this.routerId, "nothing goes back to where it came from");
      for (const [i, key] of keys.entries()) {
        const prefix = keyToCidr(key, family);
        const name = `${prefix} ${pathIds?.[i] ?? ""}`;
        this.#due?.delete(name);
        this.table.set(name, { prefix, pathId: pathIds?.[i], attributes });
      }
    }
  }

  /** RFC 7313; of one family at a time. */
  #mark(subtype: number, family: Family | undefined): void {
    if (subtype === 1) {
      const isOfFamily = (name: string) => name.includes(":") === (family === "ipv6-unicast");
      this.#due = new Set([...this.table.keys()].filter(isOfFamily));
      this.refreshes++;
    } else if (subtype === 2) {
      for (const name of this.#due ?? []) this.table.delete(name);
      this.#due = undefined;
    }
  }

  #send(
    prefixes: readonly string[],
    write: (
      log: MessageLog,
      nlri: { key: ReturnType<typeof cidrToKey>; pathId: number }[],
      format: UpdateFormat,
    ) => void,
    pathId: number,
  ): void {
    for (const family of allFamilies) {
      const own = prefixes.filter((prefix) => prefix.includes(":") === (family === "ipv6-unicast"));
      if (own.length === 0) continue;
      const hasPathIds = this.open.addPath.some((one) => one.family === family && one.canSend);
      const nlri = own.map((prefix) => ({ key: cidrToKey(route(prefix).prefix), pathId }));
      const log = new MessageLog();
      write(log, nlri, { family, hasPathIds, maxMessageBytes });
      for (const bytes of log.read(0)) this.say(bytes);
    }
  }
}

function encode(attributes: PathAttributes): EncodedAttributes {
  const { nextHop } = attributes;
  const isSix = nextHop?.includes(":") === true;
  return { bytes: writeAttributes(attributes, true), nextHop: isSix ? addressToBytes(nextHop) : undefined };
}
