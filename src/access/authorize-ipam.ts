import { isDeepStrictEqual } from "node:util";
import {
  type Cidr,
  addressToBigInt,
  cidrAddress,
  cidrContains,
  cidrLength,
  makeCidr,
  parseCidr,
} from "../lib/index.ts";
import {
  type AllocationAttribute,
  type BlockAffinity,
  type IPAMBlock,
  type IPAMHandle,
  blockAffinityName,
  cidrToName,
} from "../resources/index.ts";
import { type Decision, allowed, refused } from "./authorize-request.ts";
import type { Change, Facts } from "./change.ts";

/*
 * Address management (src/ipam) is done by the hosts themselves, so a few of its writes reach into what is another's:
 *
 * - A host that finds no free block takes over one that another host has claimed and does not use. An empty block carries no
 *   address, and its owner claims another one when it next needs any: nobody loses anything. What has just been claimed is
 *   about to be used, so it is left alone for a while.
 * - An address goes back to the block it came from, even when that block has become another's or nobody's since. What an
 *   address notes as its `node` says whose it is to give back.
 * - A block is written again as it is, so that whoever read it earlier has to read it again (ipam/count-handle.ts).
 *   That changes no address.
 * - The count of a handle may be brought down to what is in the block; up only by the block's owner.
 */

/** Half of what src/ipam waits before it takes over a block: clocks of hosts differ. */
const idleMs = 30_000;

export function judgeAffinity(node: string, { old, next }: Change<BlockAffinity>, facts: Facts): Decision {
  const isOwn = [old, next].every(
    (side) => side === undefined || (side.spec.node === node && side.spec.type === "host"),
  );
  if (isOwn) return judgeOwnAffinity(node, next, facts);
  if (old === undefined) return refused("a node claims blocks for itself only");
  if (next !== undefined) {
    const isState = isDeepStrictEqual({ ...old.spec, state: next.spec.state }, next.spec);
    if (!isState) return refused("the affinity is another's");
    // What was marked is put right again when the block turns out to be in use.
    if (old.spec.state === "pendingDeletion" && next.spec.state === "confirmed") return allowed;
    if (next.spec.state !== "pendingDeletion") return refused("only its owner confirms an affinity");
  } else if (old.spec.state !== "pendingDeletion") return refused("the affinity is another's and stands");
  const block = facts.blockAt(old.spec.cidr);
  if (block === undefined || block.spec.affinity !== hostAffinity(old.spec.node)) return allowed;
  return isIdle(block, facts.nowMs)
    ? allowed
    : refused(`node "${old.spec.node}" uses the block or has just claimed it`);
}

/** What peers let a host announce follows from its affinities: one stands only beside a block that is the host's. */
function judgeOwnAffinity(node: string, next: BlockAffinity | undefined, facts: Facts): Decision {
  if (next === undefined) return allowed;
  if (next.metadata.name !== blockAffinityName(node, next.spec.cidr))
    return refused("it does not have the name that it should have");
  if (next.spec.state !== "confirmed") return allowed;
  const isBacked = facts.blockAt(next.spec.cidr)?.spec.affinity === hostAffinity(node);
  return isBacked ? allowed : refused("the block is not this node's");
}

/** A larger block would reach over those of others. */
function judgeClaim(mine: string, next: IPAMBlock | undefined, facts: Facts): Decision {
  if (next === undefined || next.spec.affinity !== mine) return refused("a node claims blocks for itself only");
  const { cidr } = next.spec;
  if (next.metadata.name !== cidrToName(cidr)) return refused("it does not have the name that it should have");
  const isOfPool = facts
    .pools()
    .some(({ spec }) => cidrContains(spec.cidr, cidr) && spec.blockSize === cidrLength(cidr));
  return isOfPool ? allowed : refused(`no pool has a block ${cidr}`);
}

/** Whether an address is in a block of the node, or noted there as the node's. */
export function isGivenTo(node: string, network: Cidr, facts: Facts): boolean {
  const address = cidrAddress(network);
  const pool = facts.pools().find(({ spec }) => cidrContains(spec.cidr, network));
  const block = pool && facts.blockAt(makeCidr(address, pool.spec.blockSize));
  if (block === undefined) return false;
  const ordinal = Number(addressToBigInt(address) - addressToBigInt(cidrAddress(block.spec.cidr)));
  return block.spec.affinity === hostAffinity(node) || isNotedFor(block, ordinal, node);
}

export function judgeBlock(node: string, { old, next }: Change<IPAMBlock>, facts: Facts): Decision {
  const mine = hostAffinity(node);
  if (old === undefined) return judgeClaim(mine, next, facts);
  const { affinity } = old.spec;
  const isOthers = affinity !== undefined && affinity !== mine;
  if (next === undefined) {
    if (isOthers) return isIdle(old, facts.nowMs) ? allowed : refused(`the block is in use by ${affinity}`);
    const isMine = old.spec.allocations.every((_, ordinal) => isFree(old, ordinal) || isNotedFor(old, ordinal, node));
    return isMine ? allowed : refused("the block has addresses of other nodes");
  }
  if (isTouch(old, next)) return allowed;
  if (affinity === mine) {
    const isKept = next.spec.affinity === mine || next.spec.affinity === undefined;
    return isKept ? allowed : refused("a node gives its blocks to nobody else");
  }
  return isGivingBack(old, next, node)
    ? allowed
    : refused(`the block is of ${affinity ?? "nobody"}; a node gives back its own addresses there, no more`);
}

export function judgeHandle(node: string, { old, next }: Change<IPAMHandle>, facts: Facts): Decision {
  const handleId = (next ?? old)?.spec.handleID ?? "";
  if (old !== undefined && next !== undefined && old.spec.handleID !== handleId)
    return refused("a handle keeps its identifier");
  const before = old?.spec.block ?? {};
  const after = next?.spec.block ?? {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = before[name] ?? 0;
    const is = after[name] ?? 0;
    if (is === was) continue;
    const cidr = parseCidr(name);
    const block = cidr === undefined ? undefined : facts.blockAt(cidr);
    const owner = block?.spec.affinity;
    if (block === undefined || owner === undefined || owner === hostAffinity(node)) continue;
    if (is < was && is >= countOf(block, handleId)) continue;
    return refused(`the handle's count in block ${name} is that of ${owner}`);
  }
  return allowed;
}

function hostAffinity(node: string): string {
  return `host:${node}`;
}

function isIdle({ spec }: IPAMBlock, nowMs: number): boolean {
  if (spec.allocations.some((index) => index !== null)) return false;
  const since = spec.affinityClaimTime;
  return since === undefined || nowMs - Temporal.Instant.from(since).epochMilliseconds > idleMs;
}

function isTouch(old: IPAMBlock, next: IPAMBlock): boolean {
  return isDeepStrictEqual({ ...old.spec, sequenceNumber: old.spec.sequenceNumber + 1 }, next.spec);
}

/** Addresses become free, each noted as the node's; all else stays as it is. */
function isGivingBack(old: IPAMBlock, next: IPAMBlock, node: string): boolean {
  const { spec } = next;
  if (spec.affinity !== old.spec.affinity || spec.affinityClaimTime !== old.spec.affinityClaimTime) return false;
  if (spec.sequenceNumber !== old.spec.sequenceNumber + 1) return false;
  let freed = 0;
  for (const ordinal of old.spec.allocations.keys()) {
    if (isSameAddress(old, next, ordinal)) continue;
    if (!isFree(next, ordinal) || !isNotedFor(old, ordinal, node)) return false;
    freed += 1;
  }
  return spec.unallocated.length === old.spec.unallocated.length + freed;
}

function isSameAddress(old: IPAMBlock, next: IPAMBlock, ordinal: number): boolean {
  const key = String(ordinal);
  const isSame = isDeepStrictEqual(attributeAt(old, ordinal), attributeAt(next, ordinal));
  return isSame && old.spec.sequenceNumberForAllocation[key] === next.spec.sequenceNumberForAllocation[key];
}

function isFree({ spec }: IPAMBlock, ordinal: number): boolean {
  return (spec.allocations[ordinal] ?? null) === null;
}

function isNotedFor(block: IPAMBlock, ordinal: number, node: string): boolean {
  return attributeAt(block, ordinal)?.secondary?.["node"] === node;
}

function attributeAt({ spec }: IPAMBlock, ordinal: number): AllocationAttribute | undefined {
  const index = spec.allocations[ordinal] ?? null;
  return index === null ? undefined : spec.attributes[index];
}

function countOf(block: IPAMBlock, handleId: string): number {
  return block.spec.allocations.filter((_, ordinal) => attributeAt(block, ordinal)?.handle_id === handleId).length;
}
