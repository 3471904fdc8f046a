import { type Cidr, type IpAddress, parseCidr } from "../lib/index.ts";
import { type IPAMHandle, cidrToName } from "../resources/index.ts";
import { addressAt, ordinalsOfHandle } from "./block.ts";
import { readHandle } from "./count-handle.ts";
import { type IpamStep, readObject } from "./request.ts";

export type HeldAddress = {
  readonly address: IpAddress;
  readonly block: Cidr;
  /** Tells this assignment from later ones of the same address; see `releaseAddresses`. */
  readonly sequenceNumber: number;
};

/** What the handle holds; nothing for an unknown handle. */
export function* listHeldAddresses(handleId: string): IpamStep<HeldAddress[]> {
  const handle = yield* readHandle(handleId);
  if (handle === undefined) return [];
  const held: HeldAddress[] = [];
  for (const cidr of blocksOf(handle)) {
    const block = yield* readObject("IPAMBlock", cidrToName(cidr));
    if (block === undefined) continue;
    for (const ordinal of ordinalsOfHandle(block, handleId)) {
      const sequenceNumber = block.spec.sequenceNumberForAllocation[ordinal] ?? 0;
      held.push({ address: addressAt(cidr, ordinal), block: cidr, sequenceNumber });
    }
  }
  return held;
}

/** The blocks that the handle counts. */
export function blocksOf(handle: IPAMHandle): Cidr[] {
  return Object.keys(handle.spec.block).flatMap((text) => parseCidr(text) ?? []);
}
