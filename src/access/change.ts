import type { Cidr } from "../lib/index.ts";
import type { IPAMBlock, IPPool, Resource } from "../resources/index.ts";

/** A write, as it is about to be done: complete objects, defaults filled in. `old` absent: it is created; `next` absent: deleted. */
export type Change<R extends Resource = Resource> = { readonly old?: R | undefined; readonly next?: R | undefined };

/** What a rule has to know beside the objects of the write. */
export type Facts = {
  /** Time of day, milliseconds since 1970. */
  readonly nowMs: number;
  /** The block of exactly this CIDR. */
  blockAt(cidr: Cidr): IPAMBlock | undefined;
  /** All of them, those included that give nothing at present. */
  pools(): readonly IPPool[];
};
