import type { IpAddress, Random } from "../lib/index.ts";
import type { LinkMessage } from "./router-advert.ts";

/** What to send now. Adverts go to all nodes of the link, or to the one that asked. */
export type LinkOutput =
  | { readonly type: "advertise"; readonly to: IpAddress | "all" }
  /** Ask routers to show themselves, and all nodes whether they are there. */
  | { readonly type: "solicit" }
  | { readonly type: "neighbour"; readonly address: IpAddress };

/** RFC 4861 sections 6.2.1 and 10. */
const minAdvertMs = 3000;
const maxAdvertMs = 10_000;
const maxAnswerDelayMs = 500;
const firstSolicitMs = 4000;
const maxSolicitMs = 60_000;
/** Whoever has not been heard for so long gives way to another one: three adverts of a router like us. */
const silentMs = 3 * maxAdvertMs;
/** Answers to our question that are remembered between two of them. */
const maxNodes = 8;

type Neighbour = { readonly address: IpAddress; readonly isRouter: boolean; heardMs: number };

/**
 * One link: when to tell that we are here, and who is at the other end. That is whoever sends adverts; on a link where nobody
 * does, the only node that answers an echo request. Without I/O.
 */
export class AdvertisedLink {
  readonly #random: Random;
  #isAdvertising = false;
  #advertAtMs = Infinity;
  #lastAdvertMs = -Infinity;
  #answer: { readonly atMs: number; readonly to: IpAddress } | undefined;
  #isSeeking = false;
  #solicitAtMs = Infinity;
  #solicitCount = 0;
  #neighbour: Neighbour | undefined;
  readonly #nodes = new Set<IpAddress>();

  constructor(random: Random) {
    this.#random = random;
  }

  get neighbour(): IpAddress | undefined {
    return this.#neighbour?.address;
  }

  get isSeeking(): boolean {
    return this.#isSeeking;
  }

  /** When `wake` has something to do. */
  get deadlineMs(): number {
    return Math.min(this.#advertAtMs, this.#solicitAtMs, this.#answer?.atMs ?? Infinity);
  }

  setAdvertising(isAdvertising: boolean, nowMs: number): void {
    if (isAdvertising === this.#isAdvertising) return;
    this.#isAdvertising = isAdvertising;
    this.#advertAtMs = isAdvertising ? nowMs : Infinity;
    this.#answer = undefined;
  }

  setSeeking(isSeeking: boolean, nowMs: number): void {
    if (isSeeking === this.#isSeeking) return;
    this.#isSeeking = isSeeking;
    this.#solicitAtMs = isSeeking ? nowMs : Infinity;
    this.#solicitCount = 0;
  }

  /** The link was gone, or down: whoever was at its other end need not be there any more. */
  restart(nowMs: number): void {
    this.#neighbour = undefined;
    this.#nodes.clear();
    this.#answer = undefined;
    this.#solicitCount = 0;
    if (this.#isAdvertising) this.#advertAtMs = nowMs;
    if (this.#isSeeking) this.#solicitAtMs = nowMs;
  }

  /** `from` is a link-local address that is not ours; echo replies are answers to us. */
  receive(message: LinkMessage, from: IpAddress, nowMs: number): LinkOutput[] {
    switch (message.type) {
      case "solicit":
        if (this.#isAdvertising) {
          this.#answer = { atMs: this.#answer?.atMs ?? nowMs + this.#random() * maxAnswerDelayMs, to: from };
        }
        return [];
      case "advert":
        return this.#heardRouter(from, nowMs);
      case "echoReply":
        if (this.#nodes.size < maxNodes) this.#nodes.add(from);
        if (this.#neighbour?.address === from && !this.#neighbour.isRouter) this.#neighbour.heardMs = nowMs;
        return [];
      case "echoRequest":
        return [];
    }
  }

  wake(nowMs: number): LinkOutput[] {
    const outputs: LinkOutput[] = [];
    if (this.#answer !== undefined && nowMs >= this.#answer.atMs) {
      // Section 6.2.6: to all, but not too often.
      if (nowMs - this.#lastAdvertMs >= minAdvertMs) this.#advertAtMs = nowMs;
      else outputs.push({ type: "advertise", to: this.#answer.to });
      this.#answer = undefined;
    }
    if (nowMs >= this.#advertAtMs) {
      outputs.push({ type: "advertise", to: "all" });
      this.#lastAdvertMs = nowMs;
      this.#advertAtMs = nowMs + minAdvertMs + this.#random() * (maxAdvertMs - minAdvertMs);
    }
    if (nowMs >= this.#solicitAtMs) outputs.push(...this.#seek(nowMs));
    return outputs;
  }

  #heardRouter(from: IpAddress, nowMs: number): LinkOutput[] {
    const known = this.#neighbour;
    if (known?.address === from && known.isRouter) {
      known.heardMs = nowMs;
      return [];
    }
    if (known?.isRouter === true && nowMs - known.heardMs < silentMs) return [];
    return this.#found({ address: from, isRouter: true, heardMs: nowMs });
  }

  #found(neighbour: Neighbour): LinkOutput[] {
    const isNew = this.#neighbour?.address !== neighbour.address;
    this.#neighbour = neighbour;
    return isNew ? [{ type: "neighbour", address: neighbour.address }] : [];
  }

  #seek(nowMs: number): LinkOutput[] {
    const known = this.#neighbour;
    if (known?.isRouter === true && nowMs - known.heardMs < silentMs) {
      this.#solicitCount = 0;
      this.#solicitAtMs = nowMs + silentMs;
      return [];
    }
    const [node, ...others] = this.#nodes;
    const hasOne = node !== undefined && others.length === 0;
    const found =
      hasOne && known?.isRouter !== true ? this.#found({ address: node, isRouter: false, heardMs: nowMs }) : [];
    this.#nodes.clear();
    this.#solicitAtMs = nowMs + Math.min(maxSolicitMs, firstSolicitMs * 2 ** Math.max(0, this.#solicitCount - 2));
    this.#solicitCount++;
    return [...found, { type: "solicit" }];
  }
}
