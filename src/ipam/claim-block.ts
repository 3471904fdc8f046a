import type { Cidr } from "../lib/index.ts";
import { type BlockAffinity, type IPAMBlock, blockAffinityName, cidrToName } from "../resources/index.ts";
import { hostAffinity, newBlock, touchBlock } from "./block.ts";
import {
  type IpamStep,
  createObject,
  deleteObject,
  maxAttempts,
  readObject,
  tooManyConflicts,
  updateObject,
} from "./request.ts";

/**
 * Makes the block the node's and its affinity confirmed, whatever state a crash or another process left them in.
 * Undefined when the block is another's or nobody's: then the node has no affinity for it either.
 *
 * The order is pending affinity, block, confirmed affinity: an owned block always has an affinity that leads to it,
 * and only an affinity that stands is announced.
 */
export function* claimBlock(node: string, cidr: Cidr, nowMs: number): IpamStep<IPAMBlock | undefined> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const pending = yield* makePending(node, cidr);
    if (pending === undefined) continue;
    if (pending.affinity.spec.state === "confirmed") return pending.block;
    const block = yield* makeOwn(node, cidr, pending.isNew, nowMs);
    if (block === "lost") continue;
    if (block === "taken") {
      if ((yield* deleteObject(pending.affinity)) !== "changed") return undefined;
      continue;
    }
    const confirmed = withState(pending.affinity, "confirmed");
    if ((yield* updateObject("BlockAffinity", confirmed)) !== undefined) return block;
  }
  throw tooManyConflicts(`the claim of node ${node} on block ${cidr}`);
}

export function withState(affinity: BlockAffinity, state: BlockAffinity["spec"]["state"]): BlockAffinity {
  return { ...affinity, spec: { ...affinity.spec, state } };
}

type Claim = { readonly affinity: BlockAffinity; readonly isNew: boolean; readonly block?: IPAMBlock };

/** A confirmed affinity is left alone as long as its block is the node's. Undefined: changed by others meanwhile. */
function* makePending(node: string, cidr: Cidr): IpamStep<Claim | undefined> {
  const found = yield* readObject("BlockAffinity", blockAffinityName(node, cidr));
  if (found === undefined) {
    const affinity = yield* createObject("BlockAffinity", pendingAffinity(node, cidr));
    return affinity && { affinity, isNew: true };
  }
  if (found.spec.state === "confirmed") {
    const block = yield* readObject("IPAMBlock", cidrToName(cidr));
    if (block?.spec.affinity === hostAffinity(node)) return { affinity: found, isNew: false, block };
  }
  // Whoever was releasing it finds his mark gone. One that is pending is shared by all claims of this node.
  if (found.spec.state === "pending") return { affinity: found, isNew: false };
  const affinity = yield* updateObject("BlockAffinity", withState(found, "pending"));
  return affinity && { affinity, isNew: false };
}

function* makeOwn(node: string, cidr: Cidr, isNew: boolean, nowMs: number): IpamStep<IPAMBlock | "taken" | "lost"> {
  // A new affinity nearly always means a new block: create first, look only when that fails.
  const present = isNew ? undefined : yield* readObject("IPAMBlock", cidrToName(cidr));
  if (present === undefined) {
    const created = yield* createObject("IPAMBlock", newBlock(cidr, hostAffinity(node), nowMs));
    if (created !== undefined) return created;
  }
  const block = present ?? (yield* readObject("IPAMBlock", cidrToName(cidr)));
  if (block === undefined) return "lost";
  if (block.spec.affinity !== hostAffinity(node)) return "taken";
  // Somebody may be about to give up the block as it was before the affinity became pending. Any write since then
  // stops him, another's as well as this one.
  const touched = yield* updateObject("IPAMBlock", touchBlock(block));
  if (touched !== undefined) return touched;
  const rewritten = yield* readObject("IPAMBlock", cidrToName(cidr));
  return rewritten?.spec.affinity === hostAffinity(node) ? rewritten : "lost";
}

function pendingAffinity(node: string, cidr: Cidr): BlockAffinity {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "BlockAffinity",
    metadata: { name: blockAffinityName(node, cidr) },
    spec: { state: "pending", node, type: "host", cidr },
  };
}
