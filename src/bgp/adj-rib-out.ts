import { compareBytes } from "../lib/index.ts";
import type { Family } from "./config.ts";
import type { PrefixKey } from "./prefix-key.ts";
import { type EncodedAttributes, writeAnnouncements, writeEndOfRib, writeWithdrawals } from "./update-writer.ts";

/** Bounds the work and the octets of one turn for one peer; what is left waits for the next turn. */
const maxKeysPerTurn = 8192;

export type Flush = {
  readonly messages: Uint8Array[];
  /** Their attributes leave no room for them: the peer does not get them. */
  readonly unfit: readonly PrefixKey[];
};

/**
 * What one peer has been told about one family, and the prefixes it is to be told about. The queue holds prefixes, not
 * messages: however slow the peer, it is bounded by the table, and of many changes of a prefix only the last is sent.
 */
export class AdjRibOut {
  readonly #family: Family;
  readonly #sent = new Map<PrefixKey, EncodedAttributes>();
  readonly #waiting = new Set<PrefixKey>();
  #owesEndOfRib = true;

  constructor(family: Family) {
    this.#family = family;
  }

  get size(): number {
    return this.#sent.size;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  want(key: PrefixKey): void {
    this.#waiting.add(key);
  }

  wantAll(keys: Iterable<PrefixKey>): void {
    for (const key of keys) this.#waiting.add(key);
    for (const key of this.#sent.keys()) this.#waiting.add(key);
  }

  /** The peer asked for everything again (RFC 2918). */
  refresh(): void {
    for (const key of this.#sent.keys()) {
      this.#sent.set(key, forgotten);
      this.#waiting.add(key);
    }
  }

  /** `choose` tells what the peer should know of a prefix now. Withdrawals go first, equal attributes together. */
  flush(choose: (key: PrefixKey) => EncodedAttributes | undefined, mayEndRib: boolean): Flush {
    const withdrawn: PrefixKey[] = [];
    const unfit: PrefixKey[] = [];
    const keysByAttributes = new Map<EncodedAttributes, PrefixKey[]>();
    let count = 0;
    for (const key of this.#waiting) {
      if (++count > maxKeysPerTurn) break;
      this.#waiting.delete(key);
      const wanted = choose(key);
      const sent = this.#sent.get(key);
      if (wanted === undefined) {
        if (this.#sent.delete(key)) withdrawn.push(key);
      } else if (sent !== undefined && isSameEncoding(wanted, sent)) {
        this.#sent.set(key, wanted);
      } else {
        const keys = keysByAttributes.get(wanted);
        if (keys === undefined) keysByAttributes.set(wanted, [key]);
        else keys.push(key);
      }
    }
    const announcements = [...keysByAttributes].flatMap(([encoded, keys]) => {
      const written = writeAnnouncements(this.#family, keys, encoded);
      for (const key of keys) this.#sent.set(key, encoded);
      unfit.push(...written.unfit);
      return written.messages;
    });
    for (const key of unfit) if (this.#sent.delete(key)) withdrawn.push(key);
    const messages = [...writeWithdrawals(this.#family, withdrawn), ...announcements];
    if (this.#owesEndOfRib && mayEndRib && this.#waiting.size === 0) {
      this.#owesEndOfRib = false;
      messages.push(writeEndOfRib(this.#family));
    }
    return { messages, unfit };
  }
}

/** One object in most cases; after a change of policy perhaps two that say the same. */
function isSameEncoding(a: EncodedAttributes, b: EncodedAttributes): boolean {
  return a === b || (compareBytes(a.bytes, b.bytes) === 0 && compareBytes(a.nextHop, b.nextHop) === 0);
}

/** Stands for attributes that the peer may have lost. */
const forgotten: EncodedAttributes = { bytes: new Uint8Array(0), nextHop: new Uint8Array(0) };
