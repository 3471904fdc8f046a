import type { Cidr } from "../lib/index.ts";
import { type IPAMBlock, type IPAMHandle, cidrToName } from "../resources/index.ts";
import { ordinalsOfHandle, touchBlock } from "./block.ts";
import { handleName } from "./handle-name.ts";
import {
  type IpamStep,
  createObject,
  deleteObject,
  maxAttempts,
  readObject,
  tooManyConflicts,
  updateObject,
} from "./request.ts";

/*
 * A handle counts at least the addresses it has: the count goes up before the block is written and down after it.
 *
 * Counts come down in two ways only, and both know that no write still under way relies on what they take off:
 * - raise, block not written: undone if the handle is as the raise left it;
 * - block written: set to what is in the block, if the handle is as it was before that write. Whoever raised earlier
 *   than that had read the block as it was before the write, and can no longer write it; whoever raises later
 *   changes the handle.
 */

export function readHandle(handleId: string): IpamStep<IPAMHandle | undefined> {
  return readObject("IPAMHandle", handleName(handleId));
}

/** Counts addresses about to be taken from a block; gives the handle as it is then. */
export function* raiseCount(handleId: string, cidr: Cidr, count: number): IpamStep<IPAMHandle> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const handle = yield* readHandle(handleId);
    const raised: IPAMHandle | undefined =
      handle === undefined
        ? yield* createObject("IPAMHandle", withCount(newHandle(handleId), cidr, count))
        : yield* updateObject("IPAMHandle", withCount(handle, cidr, countOf(handle, cidr) + count));
    if (raised !== undefined) return raised;
  }
  throw tooManyConflicts(`handle ${handleId}`);
}

/** Takes back a raise whose block was not written. Others at work on the handle leave it too high, which is safe. */
export function* undoRaise(raised: IPAMHandle, cidr: Cidr, count: number): IpamStep<void> {
  yield* writeCount(raised, cidr, countOf(raised, cidr) - count);
}

/** After a write to the block, with the handle as it was read before that write. */
export function* lowerCount(before: IPAMHandle, cidr: Cidr, remaining: number): IpamStep<void> {
  if (!(yield* writeCount(before, cidr, remaining))) yield* settleCount(before.spec.handleID, cidr);
}

/** Brings a count that is too high, after a crash or a race, down to what is in the block. */
export function* settleCount(handleId: string, cidr: Cidr): IpamStep<void> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const handle = yield* readHandle(handleId);
    if (handle === undefined) return;
    const block: IPAMBlock | undefined = yield* readObject("IPAMBlock", cidrToName(cidr));
    const present = block === undefined ? 0 : ordinalsOfHandle(block, handleId).length;
    if (countOf(handle, cidr) === present && Object.keys(handle.spec.block).length > 0) return;
    if (block !== undefined && (yield* updateObject("IPAMBlock", touchBlock(block))) === undefined) continue;
    if (yield* writeCount(handle, cidr, present)) return;
  }
  throw tooManyConflicts(`handle ${handleId}`);
}

/** False when the handle has changed. A handle without addresses is deleted. */
function* writeCount(handle: IPAMHandle, cidr: Cidr, count: number): IpamStep<boolean> {
  const next = withCount(handle, cidr, count);
  if (Object.keys(next.spec.block).length === 0) return (yield* deleteObject(handle)) !== "changed";
  return (yield* updateObject("IPAMHandle", next)) !== undefined;
}

function countOf(handle: IPAMHandle, cidr: Cidr): number {
  return handle.spec.block[cidr] ?? 0;
}

function withCount(handle: IPAMHandle, cidr: Cidr, count: number): IPAMHandle {
  const { [cidr]: _old, ...others } = handle.spec.block;
  return { ...handle, spec: { ...handle.spec, block: count > 0 ? { ...others, [cidr]: count } : others } };
}

function newHandle(handleId: string): IPAMHandle {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "IPAMHandle",
    metadata: { name: handleName(handleId) },
    spec: { handleID: handleId, block: {} },
  };
}
