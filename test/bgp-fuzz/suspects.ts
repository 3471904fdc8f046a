import { describeMessage, type MessageDescription } from "../../src/bgp/index.ts";
import { type Action, type Arena, Violation, slots } from "./arena.ts";
import type { Dice } from "./dice.ts";
import { Draft } from "./draft.ts";
import { type Dialect, MessageSource, type Offer, contextOf } from "./message-source.ts";
import { Mutator } from "./mutation.ts";

export type Outcome = MessageDescription["result"];

export type Tally = {
  messages: number;
  mutated: number;
  sessions: number;
  established: number;
  outcomes: Record<Outcome, number>;
  /** By `code/subcode`, of the NOTIFICATIONs that the speaker sent. */
  readonly notifications: Map<string, number>;
};

export function emptyTally(): Tally {
  return {
    messages: 0,
    mutated: 0,
    sessions: 0,
    established: 0,
    outcomes: { ok: 0, discard: 0, withdraw: 0, error: 0 },
    notifications: new Map(),
  };
}

type Suspect = {
  readonly connection: number;
  readonly slot: number;
  readonly dialect: Dialect;
  readonly offer: Offer;
  phase: "fresh" | "opened" | "established";
  /** Nothing was bent on the way to Established, so that it is known what both ends agreed on. */
  isHonest: boolean;
  /** Whole messages went in one piece so far. */
  isAligned: boolean;
  /** Octets that are still to be delivered. */
  readonly waiting: Uint8Array[];
  left: number;
};

/** Plays the peers that misbehave: every action is drawn from the dice, so that a seed is a whole run. */
export class Suspects {
  readonly #dice: Dice;
  readonly #arena: Arena;
  readonly #tally: Tally;
  readonly #act: (action: Action) => void;
  readonly #draft = new Draft();
  readonly #source: MessageSource;
  readonly #mutator: Mutator;
  readonly #bySlot: (Suspect | undefined)[] = slots.map(() => undefined);
  /** Half of the places are taken at a time; which ones, the dice say for each speaker. */
  readonly #places: readonly number[];
  /** By slot, a connection that its peer has forgotten. */
  readonly #leftBehind = new Map<number, number>();
  #connections = 0;

  constructor(dice: Dice, arena: Arena, tally: Tally, act: (action: Action) => void) {
    this.#dice = dice;
    this.#arena = arena;
    this.#tally = tally;
    this.#act = act;
    this.#source = new MessageSource(dice);
    this.#mutator = new Mutator(dice, new Draft());
    const all = slots.map((_, at) => at);
    while (all.length > slots.length / 2) all.splice(dice.int(all.length), 1);
    this.#places = all;
  }

  /** One small thing that one of them does. */
  move(): void {
    const dice = this.#dice;
    const at = dice.pick(this.#places);
    const suspect = this.#bySlot[at];
    if (suspect === undefined) this.#begin(at);
    else if (this.#arena.fates.has(suspect.connection)) this.#end(suspect);
    else this.#advance(suspect);
    if (this.#arena.isTurnWanted && dice.chance(0.003)) this.#act({ do: "turn" });
    if (dice.chance(0.05)) this.#act({ do: "wait", ms: dice.chance(0.98) ? dice.int(200) : dice.int(100_000) });
  }

  /** All their connections have ended. */
  forget(): void {
    this.#bySlot.fill(undefined);
  }

  #begin(at: number): void {
    const dice = this.#dice;
    const place = slots[at];
    if (place === undefined) return;
    const forgotten = this.#leftBehind.get(at);
    if (forgotten !== undefined && dice.chance(0.5)) {
      this.#leftBehind.delete(at);
      this.#act({ do: "close", connection: forgotten });
    }
    const connection = this.#connections++;
    const isCalled = this.#arena.calls.has(at);
    if (isCalled && dice.chance(0.2)) {
      this.#act({ do: "refused", slot: at });
      return;
    }
    // A peer that is called seldom calls at the same time.
    if (isCalled && dice.chance(0.95)) this.#act({ do: "connected", slot: at, connection });
    else if (place.session.isPassive || dice.chance(0.05)) this.#act({ do: "accept", slot: at, connection });
    else return;
    this.#tally.sessions++;
    const { session } = place;
    const isNarrow = place.isNarrow === true;
    const isInternal = session.asNumber === 64512 || session.asNumber === "internal";
    const hasIpv6 = session.families.includes("ipv6-unicast") && dice.chance(0.85);
    const hasIpv4 = session.families.includes("ipv4-unicast") && (!hasIpv6 || dice.chance(0.9));
    const offer: Offer = {
      asNumber: place.asNumber,
      routerId: 0x0a010000 + connection,
      holdTime: dice.pick([0, 3, 9, 90, 90, 90, 90, 180, 180, 180, 180, 65535]),
      hasIpv4,
      hasIpv6,
      hasFourOctetAs: !isNarrow,
      hasExtendedMessages: dice.chance(0.5),
      hasExtendedNextHop: dice.chance(0.5),
      canSendPaths: dice.chance(0.5),
      canReceivePaths: dice.chance(0.5),
    };
    const hasPaths = offer.canSendPaths && session.addPath?.canReceive === true;
    this.#bySlot[at] = {
      connection,
      slot: at,
      offer,
      dialect: {
        isInternal,
        isFourOctetAs: !isNarrow,
        peerAs: place.asNumber,
        hasIpv4,
        hasIpv6,
        addPath4: hasPaths && hasIpv4,
        addPath6: hasPaths && hasIpv6,
        hasExtendedNextHop: hasIpv4 && offer.hasExtendedNextHop && session.hasExtendedNextHop === true,
        hasExtendedMessages: offer.hasExtendedMessages,
      },
      phase: "fresh",
      isHonest: hasIpv4 || hasIpv6,
      isAligned: true,
      waiting: [],
      left: dice.chance(0.3) ? dice.between(1, 30) : dice.between(30, 1000),
    };
  }

  #end(suspect: Suspect): void {
    const fate = this.#arena.fates.get(suspect.connection);
    this.#arena.fates.delete(suspect.connection);
    this.#bySlot[suspect.slot] = undefined;
    const word = fate?.notification;
    const key = word === undefined ? "none" : `${word.code}/${word.subcode}`;
    const { notifications } = this.#tally;
    notifications.set(key, (notifications.get(key) ?? 0) + 1);
  }

  #advance(suspect: Suspect): void {
    const dice = this.#dice;
    const waiting = suspect.waiting.shift();
    if (waiting !== undefined) {
      this.#act({ do: "bytes", connection: suspect.connection, bytes: waiting });
      return;
    }
    if (suspect.left-- <= 0) {
      this.#leave(suspect);
      return;
    }
    if (dice.chance(0.01)) {
      this.#act({ do: dice.chance(0.5) ? "block" : "drain", connection: suspect.connection });
      return;
    }
    const isBent = this.#write(suspect);
    const bytes = this.#draft.take();
    this.#tally.messages++;
    if (isBent) this.#tally.mutated++;
    this.#send(suspect, bytes, isBent);
  }

  /** Goes without a word mostly; or leaves the connection behind and comes again, as a peer that was switched off. */
  #leave(suspect: Suspect): void {
    if (this.#dice.chance(0.9)) this.#act({ do: "close", connection: suspect.connection });
    else this.#leftBehind.set(suspect.slot, suspect.connection);
    this.#bySlot[suspect.slot] = undefined;
  }

  /** Puts the next message into the draft; whether it was bent. */
  #write(suspect: Suspect): boolean {
    const dice = this.#dice;
    const draft = this.#draft;
    const isInTurn = dice.chance(0.99);
    if (suspect.phase === "fresh" && isInTurn) this.#source.open(draft, suspect.offer);
    else if (suspect.phase === "opened" && isInTurn) this.#source.keepalive(draft);
    else this.#any(suspect);
    const isBent = dice.chance(suspect.phase === "established" ? 0.25 : 0.04);
    if (!isBent) {
      this.#mutator.harvest(draft);
      return false;
    }
    this.#mutator.mutate(draft);
    return true;
  }

  #any(suspect: Suspect): void {
    const dice = this.#dice;
    const draft = this.#draft;
    const which = dice.int(200);
    if (which < 190) this.#source.update(draft, suspect.dialect);
    else if (which < 194) this.#source.keepalive(draft);
    else if (which < 198) this.#source.refresh(draft);
    else if (which < 199) this.#source.notification(draft);
    else this.#source.open(draft, suspect.offer);
  }

  #send(suspect: Suspect, bytes: Uint8Array, isBent: boolean): void {
    const dice = this.#dice;
    const { connection } = suspect;
    const type = bytes[18];
    const before = suspect.phase;
    const expected = this.#judge(suspect, bytes, isBent);
    if (before === "fresh" && type === 1) {
      suspect.phase = "opened";
      if (isBent) suspect.isHonest = false;
    } else if (before === "opened" && type === 4) {
      suspect.phase = "established";
      if (isBent) suspect.isHonest = false;
      else if (suspect.isHonest) this.#tally.established++;
    } else if (before !== "established") suspect.isHonest = false;
    if (suspect.isAligned && suspect.waiting.length === 0 && dice.chance(0.9)) {
      this.#act({ do: "bytes", connection, bytes, ...(expected === undefined ? {} : { expected }) });
      return;
    }
    const parts = cut(bytes, dice);
    const first = parts.shift();
    suspect.waiting.push(...parts);
    if (first !== undefined) this.#act({ do: "bytes", connection, bytes: first });
  }

  /** How the codec says that the session ends; undefined when the message alone does not decide that. */
  #judge(suspect: Suspect, bytes: Uint8Array, isBent: boolean): string | undefined {
    if (suspect.phase !== "established" || !suspect.isHonest) return undefined;
    // A length that lies leaves the rest of the stream out of step.
    const told = ((bytes[16] ?? 0) << 8) | (bytes[17] ?? 0);
    if (told !== bytes.length || told < 19) suspect.isAligned = false;
    // Some are described too, which costs more than all the rest.
    if (!this.#dice.chance(0.04)) return undefined;
    const description = describeMessage(bytes, contextOf(suspect.dialect));
    this.#tally.outcomes[description.result]++;
    if (!isBent && description.result !== "ok") {
      throw new Violation(`a valid message is taken as ${description.result}: ${bytes.toHex()}`);
    }
    // The codec takes 65,535 octets; the session may have agreed on less.
    const isTooLong = bytes.length > 4096 && !suspect.dialect.hasExtendedMessages;
    if (bytes[18] !== 2 || !suspect.isAligned || isTooLong) return undefined;
    const { notification } = description;
    return notification === undefined ? "none" : `${notification.code}/${notification.subcode}`;
  }
}

/** Into two pieces or a few; into single octets seldom, since the time goes into waiting otherwise. */
function cut(bytes: Uint8Array, dice: Dice): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const count = dice.chance(0.98) ? dice.between(2, 4) : bytes.length;
  const step = Math.ceil(bytes.length / Math.min(count, 100));
  for (let at = 0; at < bytes.length; ) {
    const size = step === 1 ? 1 : dice.between(1, 2 * step);
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}
