import { type IpAddress, type Random, addressToBytes } from "../lib/index.ts";
import { type Agreement, agree } from "./agreement.ts";
import type { AttributeTable } from "./attribute-table.ts";
import type { Family } from "./config.ts";
import { Framer } from "./framer.ts";
import { type Message, readMessage, writeKeepalive, writeNotification, writeOpenMessage } from "./message.ts";
import { type Notification, describeNotification, hardReset, isForGood, notification } from "./notification.ts";
import { ceaseSubcode, errorCode, headerBytes, messageType, refreshSubtype } from "./numbers.ts";
import { type Open, writeFamilies } from "./open.ts";
import { type ConnectionId, type Outbox, timerName } from "./steps.ts";
import type { Update, UpdateContext } from "./update.ts";

export type { Agreement } from "./agreement.ts";

/** `connect` is the TCP connection on its way; Idle and Active of RFC 4271 are states of the peer above. */
export type ConnectionState = "connect" | "openSent" | "openConfirm" | "established" | "closed";

type MessageCounts = { received: number; sent: number };

export type ConnectionSettings = {
  readonly id: ConnectionId;
  readonly isOutgoing: boolean;
  /** Which AS number the peer must have, or that it must be ours, or must not. */
  readonly peerAs: number | "internal" | "external";
  /** What we say; its families are those that may be agreed on. */
  readonly open: Open;
  readonly random: Random;
  readonly table: AttributeTable;
  /** Counted up for every message. */
  readonly counts: MessageCounts;
};

export type ConnectionEvent =
  /** A good OPEN came. It is answered, unless the reader of the event closes the connection or lets it wait. */
  | { readonly type: "open"; readonly open: Open }
  | { readonly type: "established" }
  | { readonly type: "update"; readonly update: Update }
  /** The peer asks for everything again. */
  | { readonly type: "refresh"; readonly family: Family }
  /** The peer tells everything again; what it has not told by the end is gone (RFC 7313). */
  | { readonly type: "refreshBegin"; readonly family: Family }
  | { readonly type: "refreshEnd"; readonly family: Family }
  | ConnectionEnd;

type ConnectionTimer = "hold" | "keepalive" | "send" | "wait";

export type ConnectionEnd = {
  readonly type: "down";
  readonly reason: string;
  /** Without a NOTIFICATION on either side, or with one that need not cost the routes (RFC 4724, RFC 8538). */
  readonly isLoss: boolean;
  /** What was said at the end. */
  readonly word?: Notification;
  readonly isOurs?: boolean;
};

/** RFC 4271 section 8.2.2 suggests 4 minutes to wait for an OPEN. */
const openWaitMs = 240_000;
/** RFC 9687: at least 8 minutes. */
const leastSendWaitMs = 480_000;
/**
 * A timer that fires this late says that the event loop was busy, and what the peer sent in time may still wait to be
 * read: the hold time is looked at again after as long.
 */
const busyMs = 100;

/** What messages are read by before anything is agreed: none of them is an UPDATE. */
const nothingAgreed: UpdateContext = {
  isInternal: false,
  isFourOctetAs: true,
  families: [],
  addPathReceive: [],
  hasExtendedNextHop: false,
};

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
  #holdTimerMs = 0;
  #establishedMs = 0;
  #blockedSinceMs: number | undefined;
  #isWaiting = false;
  /** The peer has answered our OPEN while it waits for our answer. */
  #isConfirmed = false;
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

  /** Meaningful from OpenConfirm on. */
  get agreement(): Agreement | undefined {
    return this.#agreement;
  }

  /** What we have said, or will say. */
  get ownOpen(): Open {
    return this.#settings.open;
  }

  get establishedMs(): number {
    return this.#establishedMs;
  }

  get localAddress(): IpAddress | undefined {
    return this.#localAddress;
  }

  /** The peer's OPEN is not answered yet. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  get isBlocked(): boolean {
    return this.#blockedSinceMs !== undefined;
  }

  get isOpen(): boolean {
    return this.#state === "openSent" || this.#state === "openConfirm" || this.#state === "established";
  }

  /** TCP stands: say OPEN. */
  opened(localAddress: IpAddress, nowMs: number): void {
    if (this.#state !== "connect") return;
    this.#localAddress = localAddress;
    this.#state = "openSent";
    this.#lastReceivedMs = nowMs;
    this.write(writeOpenMessage(this.#settings.open));
    this.#setHold(nowMs + openWaitMs);
  }

  /** Events are made one at a time: their reader may close the connection, which ends them. */
  *receive(bytes: Uint8Array, nowMs: number): Generator<ConnectionEvent> {
    if (!this.isOpen) return;
    this.#framer.push(bytes);
    while (this.isOpen) {
      const framed = this.#framer.next();
      if (framed === undefined) return;
      this.#lastReceivedMs = nowMs;
      this.#settings.counts.received++;
      const message: Message =
        framed instanceof Uint8Array
          ? (this.#refuse(framed) ?? readMessage(framed, this.#agreement ?? nothingAgreed, this.#settings.table))
          : { type: "fault", fault: framed };
      yield* this.#react(message, nowMs);
    }
  }

  /** To be called when the `open` event is read: it may have to make way for another connection. `answer` is asked for then. */
  wait(untilMs: number): void {
    this.#isWaiting = true;
    this.#setTimer("wait", untilMs);
  }

  /** It has waited for long enough. */
  answer(nowMs: number): ConnectionEvent | undefined {
    if (!this.#isWaiting || this.#state !== "openConfirm") return undefined;
    this.#isWaiting = false;
    this.#clearTimer("wait");
    this.#answer(nowMs);
    return this.#isConfirmed ? this.#establish(nowMs) : undefined;
  }

  /** The peer or the network ended the connection. */
  lost(reason: string): ConnectionEnd | undefined {
    if (this.#state === "closed") return undefined;
    this.#finish();
    return { type: "down", reason, isLoss: true };
  }

  /** Ends the connection from our side, with or without a word. */
  close(word: Notification | undefined): void {
    if (this.#state === "closed") return;
    if (word !== undefined && this.#state !== "connect") {
      // RFC 8538 section 4: a peer that would keep our routes is told when it should not.
      const isHard = this.#state === "established" && this.#hasGracefulNotifications && isForGood(word);
      this.write(writeNotification(isHard ? hardReset(word) : word));
    }
    this.#finish();
    this.#outbox.push({ type: "close", connection: this.id });
  }

  timer(timer: string, nowMs: number): ConnectionEnd | undefined {
    if (!this.isOpen) return undefined;
    if (timer === "keepalive") {
      this.write(writeKeepalive());
      this.#scheduleKeepalive(nowMs);
      return undefined;
    }
    if (timer === "send") return this.#checkSending(nowMs);
    return timer === "hold" ? this.#checkHold(nowMs) : undefined;
  }

  /** RFC 9687: a peer that takes nothing for twice the hold time, and at least 8 minutes, is gone. */
  blocked(nowMs: number): void {
    if (!this.isOpen || this.isBlocked) return;
    this.#blockedSinceMs = nowMs;
    const waitMs = this.#sendWaitMs;
    if (waitMs > 0) this.#setTimer("send", nowMs + waitMs);
  }

  drained(): void {
    if (!this.isBlocked) return;
    this.#blockedSinceMs = undefined;
    this.#clearTimer("send");
  }

  /** Whole messages, `count` of them. The octets may be shared with other connections. */
  write(bytes: Uint8Array, count = 1): void {
    this.#settings.counts.sent += count;
    this.#outbox.push({ type: "write", connection: this.id, bytes });
  }

  get #hasGracefulNotifications(): boolean {
    return this.#agreement?.hasGracefulNotifications === true;
  }

  /** 0: for ever, as without a hold time. */
  get #sendWaitMs(): number {
    const holdTimeMs = this.#agreement?.holdTimeMs ?? 0;
    return holdTimeMs === 0 ? 0 : Math.max(leastSendWaitMs, 2 * holdTimeMs);
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
        yield this.#heard(message.notification);
        return;
      case "open":
        yield* this.#judgeOpen(message.open, nowMs);
        return;
      case "keepalive":
        if (this.#state !== "openConfirm") return;
        this.#isConfirmed = true;
        if (!this.#isWaiting) yield this.#establish(nowMs);
        return;
      case "update":
        yield { type: "update", update: message };
        return;
      case "routeRefresh":
        yield* this.#judgeRefresh(message);
    }
  }

  #heard(word: Notification): ConnectionEnd {
    const isHard = word.code === errorCode.cease && word.subcode === ceaseSubcode.hardReset;
    const isLoss = this.#state === "established" && this.#hasGracefulNotifications && !isHard;
    this.#finish();
    this.#outbox.push({ type: "close", connection: this.id });
    return { type: "down", reason: `peer: ${describeNotification(word)}`, isLoss, word, isOurs: false };
  }

  *#judgeOpen(open: Open, nowMs: number): Generator<ConnectionEvent> {
    const fault = this.#openFault(open);
    if (fault !== undefined) {
      yield this.#fail(fault);
      return;
    }
    const agreement = agree(this.#settings.open, open);
    this.#agreement = agreement;
    this.#framer.maxBytes = agreement.maxMessageBytes;
    yield { type: "open", open };
    if (this.#state !== "openSent") return;
    this.#state = "openConfirm";
    this.#clearTimer("hold");
    if (agreement.holdTimeMs > 0) this.#setHold(nowMs + agreement.holdTimeMs);
    if (!this.#isWaiting) this.#answer(nowMs);
  }

  #answer(nowMs: number): void {
    this.write(writeKeepalive());
    if (this.#agreement?.holdTimeMs !== 0) this.#scheduleKeepalive(nowMs);
  }

  #establish(nowMs: number): ConnectionEvent {
    this.#state = "established";
    this.#establishedMs = nowMs;
    return { type: "established" };
  }

  #openFault(open: Open): Notification | undefined {
    const own = this.#settings.open;
    if (!this.#isWantedAs(open.asNumber)) return notification(errorCode.open, 2);
    // RFC 6286: two speakers of one AS differ in their identifiers.
    if (open.asNumber === own.asNumber && open.routerId === own.routerId) {
      return notification(errorCode.open, 3, addressToBytes(open.routerId));
    }
    if (own.families.some((family) => open.families.includes(family))) return undefined;
    // RFC 5492 section 5: unsupported capability, and which ones would do.
    return notification(errorCode.open, 7, writeFamilies(own.families));
  }

  #isWantedAs(asNumber: number): boolean {
    const { peerAs, open } = this.#settings;
    if (peerAs === "internal") return asNumber === open.asNumber;
    return peerAs === "external" ? asNumber !== open.asNumber : asNumber === peerAs;
  }

  /** A family that is not carried, and a subtype that nobody knows, are passed over (RFC 2918, RFC 7313). */
  *#judgeRefresh(message: Extract<Message, { type: "routeRefresh" }>): Generator<ConnectionEvent> {
    const { family, subtype } = message;
    const isMark = subtype === refreshSubtype.begin || subtype === refreshSubtype.end;
    const canEnhancedRefresh = this.#agreement?.canEnhancedRefresh === true;
    if (isMark && canEnhancedRefresh && message.whole.length !== headerBytes + 4) {
      yield this.#fail(notification(errorCode.routeRefresh, 1, message.whole));
      return;
    }
    if (family === undefined || this.#agreement?.families.includes(family) !== true) return;
    if (subtype === refreshSubtype.ask) yield { type: "refresh", family };
    if (!canEnhancedRefresh) return;
    if (subtype === refreshSubtype.begin) yield { type: "refreshBegin", family };
    if (subtype === refreshSubtype.end) yield { type: "refreshEnd", family };
  }

  #fail(fault: Notification): ConnectionEnd {
    const isLoss = this.#state === "established" && this.#hasGracefulNotifications;
    this.close(fault);
    return { type: "down", reason: describeNotification(fault), isLoss, word: fault, isOurs: true };
  }

  /** The timer is moved only when it fires, so that a message costs no timer. */
  #checkHold(nowMs: number): ConnectionEnd | undefined {
    const limitMs = this.#state === "openSent" ? openWaitMs : (this.#agreement?.holdTimeMs ?? openWaitMs);
    const deadlineMs = this.#lastReceivedMs + limitMs;
    if (nowMs < deadlineMs) {
      this.#setHold(deadlineMs);
      return undefined;
    }
    if (nowMs - this.#holdTimerMs > busyMs && nowMs < deadlineMs + limitMs) {
      this.#setHold(nowMs + busyMs);
      return undefined;
    }
    return this.#fail(notification(errorCode.holdTimer, 0));
  }

  #checkSending(nowMs: number): ConnectionEnd | undefined {
    if (this.#blockedSinceMs === undefined) return undefined;
    const deadlineMs = this.#blockedSinceMs + this.#sendWaitMs;
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

  #setHold(atMs: number): void {
    this.#holdTimerMs = atMs;
    this.#setTimer("hold", atMs);
  }

  #setTimer(timer: ConnectionTimer, atMs: number): void {
    this.#outbox.push({ type: "setTimer", timer: timerName(this.id, timer), atMs });
  }

  #clearTimer(timer: ConnectionTimer): void {
    this.#outbox.push({ type: "clearTimer", timer: timerName(this.id, timer) });
  }

  #finish(): void {
    if (this.isOpen) {
      this.#clearTimer("hold");
      if (this.#agreement !== undefined) this.#clearTimer("keepalive");
      if (this.isBlocked) this.#clearTimer("send");
      if (this.#isWaiting) this.#clearTimer("wait");
    }
    this.#state = "closed";
  }
}
