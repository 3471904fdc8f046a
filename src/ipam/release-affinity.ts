import type { Cidr } from "../lib/index.ts";
import { type BlockAffinity, type IPAMBlock, blockAffinityName, cidrToName } from "../resources/index.ts";
import { disownBlock, hostAffinity, isEmptyBlock } from "./block.ts";
import { withState } from "./claim-block.ts";
import {
  type IpamStep,
  deleteObject,
  listObjects,
  maxAttempts,
  readObject,
  tooManyConflicts,
  updateObject,
} from "./request.ts";

/** `inUse`: it was to be empty and is not; `changed`: it is not the block any more that the caller has seen. */
export type ReleaseResult = "released" | "inUse" | "changed";

export type ReleaseConditions = {
  /** Refuse a block that has assigned addresses; otherwise such a block becomes nobody's. */
  readonly mustBeEmpty: boolean;
  /** Refuse a block that has been written since. */
  readonly sequenceNumber?: number;
};

/**
 * Ends the node's ownership of the block. An affinity that is not there counts as released.
 *
 * Every attempt reads the block first and marks the affinity after that: whoever claims the block anew changes the
 * affinity and then the block, so either the mark or the write to the block fails, and the claim stands.
 */
export function* releaseBlockAffinity(
  node: string,
  cidr: Cidr,
  conditions: ReleaseConditions,
): IpamStep<ReleaseResult> {
  let marked: BlockAffinity | undefined;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const affinity = yield* readObject("BlockAffinity", blockAffinityName(node, cidr));
    if (affinity === undefined) return "released";
    if (marked !== undefined && !isSameVersion(affinity, marked)) return "changed";
    const found = yield* readObject("IPAMBlock", cidrToName(cidr));
    const block = found?.spec.affinity === hostAffinity(node) ? found : undefined;
    const refusal = block && refuse(block, conditions);
    if (refusal !== undefined) {
      // Nobody else has marked it since, so nobody is about to take the block away.
      if (marked !== undefined) yield* updateObject("BlockAffinity", withState(marked, "confirmed"));
      return refusal;
    }
    marked = yield* updateObject("BlockAffinity", withState(affinity, "pendingDeletion"));
    if (marked === undefined) continue;
    if (block !== undefined && !(yield* giveUpBlock(block))) continue;
    return (yield* deleteObject(marked)) === "changed" ? "changed" : "released";
  }
  throw tooManyConflicts(`the affinity of node ${node} to block ${cidr}`);
}

/** Ends the node's ownership of all its blocks, or of the empty ones; tells which it keeps. */
export function* releaseHostAffinities(
  node: string,
  conditions: { readonly mustBeEmpty: boolean },
): IpamStep<{ readonly released: readonly Cidr[]; readonly kept: readonly Cidr[] }> {
  const released: Cidr[] = [];
  const kept: Cidr[] = [];
  for (const { spec } of yield* listObjects("BlockAffinity")) {
    if (spec.node !== node || spec.type !== "host") continue;
    const result = yield* releaseBlockAffinity(node, spec.cidr, conditions);
    (result === "released" ? released : kept).push(spec.cidr);
  }
  return { released, kept };
}

function refuse(block: IPAMBlock, conditions: ReleaseConditions): ReleaseResult | undefined {
  if (conditions.mustBeEmpty && !isEmptyBlock(block)) return "inUse";
  const { sequenceNumber = block.spec.sequenceNumber } = conditions;
  return sequenceNumber === block.spec.sequenceNumber ? undefined : "changed";
}

function* giveUpBlock(block: IPAMBlock): IpamStep<boolean> {
  if (isEmptyBlock(block)) return (yield* deleteObject(block)) !== "changed";
  return (yield* updateObject("IPAMBlock", disownBlock(block))) !== undefined;
}

function isSameVersion(a: BlockAffinity, b: BlockAffinity): boolean {
  return a.metadata.resourceVersion === b.metadata.resourceVersion;
}
