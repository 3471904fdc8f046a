import type { Cidr, IpAddress } from "../lib/index.ts";
import { cidrToName } from "../resources/index.ts";
import { type AddressOwner, allocate, hostAffinity } from "./block.ts";
import { claimBlock } from "./claim-block.ts";
import { raiseCount, undoRaise } from "./count-handle.ts";
import { type IpamStep, maxAttempts, readObject, tooManyConflicts, updateObject } from "./request.ts";

export type TakeInput = {
  readonly node: string;
  readonly owner: AddressOwner;
  readonly cidr: Cidr;
  /** How many are wanted; a block that has fewer gives what it has. */
  readonly count: number;
  /** The affinity was seen confirmed; otherwise it is made so first. */
  readonly isConfirmed: boolean;
  readonly nowMs: number;
};

/** Takes addresses from a block of the node. Undefined when it turns out not to be the node's. */
export function* takeFromBlock(input: TakeInput): IpamStep<readonly IpAddress[] | undefined> {
  const { node, owner, cidr } = input;
  let isTrusted = input.isConfirmed;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const block = isTrusted
      ? yield* readObject("IPAMBlock", cidrToName(cidr))
      : yield* claimBlock(node, cidr, input.nowMs);
    if (block?.spec.affinity !== hostAffinity(node)) {
      if (!isTrusted) return undefined;
      isTrusted = false;
      continue;
    }
    isTrusted = true;
    const allocation = allocate(block, input.count, owner);
    if (allocation.addresses.length === 0) return [];
    const raised = yield* raiseCount(owner.handleId, cidr, allocation.addresses.length);
    if ((yield* updateObject("IPAMBlock", allocation.block)) !== undefined) return allocation.addresses;
    yield* undoRaise(raised, cidr, allocation.addresses.length);
  }
  throw tooManyConflicts(`block ${cidr}`);
}
