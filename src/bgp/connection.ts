import { type IpAddress, type Random, addressToBytes } from "../lib/index.ts";
import type { AttributeTable } from "./attribute-table.ts";
import type { Family } from "./config.ts";
import { Framer, type Message, readMessage, writeKeepalive, writeNotification, writeOpenMessage } from "./message.ts";
import { type Notification, describeNotification, notification } from "./notification.ts";
import { errorCode, headerBytes, maxExtendedMessageBytes, messageType } from "./numbers.ts";
import type { Open } from "./open.ts";
import { type ConnectionId, type Outbox, timerName } from "./steps.ts";
import type { Update, UpdateContext } from "./update.ts";

/** `connect` is the TCP connection on its way; Idle and Active of RFC 4271 are states of the peer above. */
export type ConnectionState = "connect" | "openSent" | "openConfirm" | "established" | "closed";

export type ConnectionSettings = {
  readonly id: ConnectionId;
  readonly isOutgoing: boolean;
  readonly peerAs: number;
  /** What we say; its families are those that may be agreed on. */
  readonly open: Open;
  readonly random: Random;
  readonly table: AttributeTable;
};

export type ConnectionEvent =
  /** A good OPEN came. Unless the connection is closed by the reader of the event, it is answered. */
  | { readonly type: "open"; readonly open: Open }
  | { readonly type: "established" }
  | { readonly type: "update"; readonly update: Update }
  | { readonly type: "refresh"; readonly family: Family }
  /** `isLoss`: without a NOTIFICATION on either side, which alone lets a graceful restart begin (RFC 4724). */
  | { readonly type: "down"; readonly reason: string; readonly isLoss: boolean };

/** What both ends agreed on; meaningful from OpenConfirm on. */
export type Agreement = UpdateContext & {
  readonly peerOpen: Open;
  readonly holdTimeMs: number;
};

/** RFC 4271 section 8.2.2 suggests 4 minutes to wait for an OPEN. */
const openWaitMs = 240_000;

/** One connection of RFC 4271's state machine, from TCP's coming up to its end. */
export class Connection {
  readonly id: ConnectionId;
  readonly isOutgoing: boolean;
  readonly #settings: ConnectionSettings;
  readonly #framer = new Framer();
  readonly #outbox: Outbox;
  #state: ConnectionState = "connect";
  #agreement: Agreement | undefined;
  #lastReceivedMs = 0;
  #establishedMs = 0;
  #blockedSinceMs: number | undefined;
  #localAddress: IpAddress | undefined;

  constructor(settings: ConnectionSettings, outbox: Outbox) {
    this.id = settings.id;
    this.isOutgoing = settings.isOutgoing;
    this.#settings = settings;
    this.#outbox = outbox;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get agreement(): Agreement | undefined {
    return this.#agreement;
  }

  get establishedMs(): number {
    return this.#establishedMs;
  }

  get localAddress(): IpAddress | undefined {
    return this.#localAddress;
  }

  get isBlocked(): boolean {
    return this.#blockedSinceMs !== undefined;
  }

  /** TCP stands: say OPEN. */
  opened(localAddress: IpAddress, nowMs: number): void {
    if (this.#state !== "connect") return;
    this.#localAddress = localAddress;
    this.#state = "openSent";
    this.#lastReceivedMs = nowMs;
    this.write(writeOpenMessage(this.#settings.open));
    this.#setTimer("hold", nowMs + openWaitMs);
  }

  /** Events are made one at a time: their reader may close the connection, which ends them. */
  *receive(bytes: Uint8Array, nowMs: number): Generator<ConnectionEvent> {
    if (this.#state === "closed" || this.#state === "connect") return;
    this.#framer.push(bytes);
    while (this.isOpen) {
      const framed = this.#framer.next();
      if (framed === undefined) return;
      this.#lastReceivedMs = nowMs;
      const context = this.#agreement ?? { isInternal: false, isFourOctetAs: true, families: [] };
      const message: Message =
        framed instanceof Uint8Array
          ? (this.#refuse(framed) ?? readMessage(framed, context, this.#settings.table))
          : { type: "fault", fault: framed };
      yield* this.#react(message, nowMs);
    }
  }

  /** The peer or the network ended the connection. */
  lost(reason: string): ConnectionEvent | undefined {
    if (this.#state === "closed") return undefined;
    this.#finish();
    return { type: "down", reason, isLoss: true };
  }

  /** Ends the connection from our side, with or without a word. */
  close(word: Notification | undefined): void {
    if (this.#state === "closed") return;
    if (word !== undefined && this.#state !== "connect") this.write(writeNotification(word));
    this.#finish();
    this.#outbox.push({ type: "close", connection: this.id });
  }

  timer(timer: string, nowMs: number): ConnectionEvent | undefined {
    if (!this.isOpen) return undefined;
    if (timer === "keepalive") {
      this.write(writeKeepalive());
      this.#scheduleKeepalive(nowMs);
      return undefined;
    }
    return timer === "hold" ? this.#checkHold(nowMs) : this.#checkSending(nowMs);
  }

  /** RFC 9687: a peer that takes nothing for twice the hold time, and at least 8 minutes, is gone. */
  blocked(nowMs: number): void {
    if (!this.isOpen || this.isBlocked) return;
    this.#blockedSinceMs = nowMs;
    const holdTimeMs = this.#agreement?.holdTimeMs ?? 0;
    if (holdTimeMs > 0) this.#setTimer("send", nowMs + Math.max(480_000, 2 * holdTimeMs));
  }

  drained(): void {
    if (!this.isBlocked) return;
    this.#blockedSinceMs = undefined;
    this.#clearTimer("send");
  }

  write(bytes: Uint8Array): void {
    this.#outbox.push({ type: "write", connection: this.id, bytes });
  }

  get isOpen(): boolean {
    return this.#state === "openSent" || this.#state === "openConfirm" || this.#state === "established";
  }

  /** RFC 6608: a message that has no place in this state. Undefined when it has. */
  #refuse(framed: Uint8Array): Message | undefined {
    const type = framed[headerBytes - 1] ?? 0;
    if (type === messageType.notification) return undefined;
    if (this.#state === "openSent" && type === messageType.open) return undefined;
    if (this.#state === "openConfirm" && type === messageType.keepalive) return undefined;
    if (this.#state === "established" && type !== messageType.open) return undefined;
    const subcode = this.#state === "openSent" ? 1 : this.#state === "openConfirm" ? 2 : 3;
    return { type: "fault", fault: notification(errorCode.fsm, subcode, [type]) };
  }

  *#react(message: Message, nowMs: number): Generator<ConnectionEvent> {
    switch (message.type) {
      case "fault":
        yield this.#fail(message.fault);
        return;
      case "notification":
        this.#finish();
        this.#outbox.push({ type: "close", connection: this.id });
        yield { type: "down", reason: `peer: ${describeNotification(message.notification)}`, isLoss: false };
        return;
      case "open":
        yield* this.#judgeOpen(message.open, nowMs);
        return;
      case "keepalive":
        if (this.#state === "openConfirm") {
          this.#state = "established";
          this.#establishedMs = nowMs;
          yield { type: "established" };
        }
        return;
      case "update":
        yield { type: "update", update: message };
        return;
      case "routeRefresh":
        // Subtypes 1 and 2 are marks of RFC 7313, which we do not offer; a family that is not ours is passed over.
        if (message.subtype === 0 && message.family !== undefined) yield { type: "refresh", family: message.family };
    }
  }

  *#judgeOpen(open: Open, nowMs: number): Generator<ConnectionEvent> {
    const own = this.#settings.open;
    const fault = this.#openFault(open);
    if (fault !== undefined) {
      yield this.#fail(fault);
      return;
    }
    const holdTimeMs = Math.min(open.holdTimeSeconds, own.holdTimeSeconds) * 1000;
    this.#agreement = {
      isInternal: open.asNumber === own.asNumber,
      isFourOctetAs: open.hasFourOctetAs && own.hasFourOctetAs,
      families: own.families.filter((family) => open.families.includes(family)),
      peerOpen: open,
      holdTimeMs,
    };
    if (own.hasExtendedMessages && open.hasExtendedMessages) this.#framer.maxBytes = maxExtendedMessageBytes;
    yield { type: "open", open };
    if (this.#state !== "openSent") return;
    this.#state = "openConfirm";
    this.write(writeKeepalive());
    this.#clearTimer("hold");
    if (holdTimeMs === 0) return;
    this.#setTimer("hold", nowMs + holdTimeMs);
    this.#scheduleKeepalive(nowMs);
  }

  #openFault(open: Open): Notification | undefined {
    const own = this.#settings.open;
    if (open.asNumber !== this.#settings.peerAs) {
      return notification(errorCode.open, 2);
    }
    // RFC 6286: two speakers of one AS differ in their identifiers.
    if (open.asNumber === own.asNumber && open.routerId === own.routerId) {
      return notification(errorCode.open, 3, addressToBytes(open.routerId));
    }
    if (!own.families.some((family) => open.families.includes(family))) return notification(errorCode.open, 7);
    return undefined;
  }

  #fail(fault: Notification): ConnectionEvent {
    this.close(fault);
    return { type: "down", reason: describeNotification(fault), isLoss: false };
  }

  /** The timer is moved only when it fires, so that a message costs no timer. */
  #checkHold(nowMs: number): ConnectionEvent | undefined {
    const limitMs = this.#state === "openSent" ? openWaitMs : (this.#agreement?.holdTimeMs ?? openWaitMs);
    const deadlineMs = this.#lastReceivedMs + limitMs;
    if (nowMs < deadlineMs) {
      this.#setTimer("hold", deadlineMs);
      return undefined;
    }
    return this.#fail(notification(errorCode.holdTimer, 0));
  }

  #checkSending(nowMs: number): ConnectionEvent | undefined {
    if (this.#blockedSinceMs === undefined) return undefined;
    const holdTimeMs = this.#agreement?.holdTimeMs ?? 0;
    const deadlineMs = this.#blockedSinceMs + Math.max(480_000, 2 * holdTimeMs);
    if (nowMs < deadlineMs) {
      this.#setTimer("send", deadlineMs);
      return undefined;
    }
    return this.#fail(notification(errorCode.sendHoldTimer, 0));
  }

  /** RFC 4271 section 10: a third of the hold time, less up to a quarter. */
  #scheduleKeepalive(nowMs: number): void {
    const intervalMs = (this.#agreement?.holdTimeMs ?? 0) / 3;
    this.#setTimer("keepalive", nowMs + intervalMs * (0.75 + 0.25 * this.#settings.random()));
  }

  #setTimer(timer: "hold" | "keepalive" | "send", atMs: number): void {
    this.#outbox.push({ type: "setTimer", timer: timerName(this.id, timer), atMs });
  }

  #clearTimer(timer: "hold" | "keepalive" | "send"): void {
    this.#outbox.push({ type: "clearTimer", timer: timerName(this.id, timer) });
  }

  #finish(): void {
    if (this.isOpen) {
      this.#clearTimer("hold");
      if (this.#agreement !== undefined) this.#clearTimer("keepalive");
      if (this.isBlocked) this.#clearTimer("send");
    }
    this.#state = "closed";
  }
}
