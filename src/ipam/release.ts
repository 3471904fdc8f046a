import { type Cidr, type IpAddress, type Problem, cidrContains, makeCidr } from "../lib/index.ts";
import { type IPAMBlock, type IPAMHandle, type IPPool, cidrToName } from "../resources/index.ts";
import { addressAt, deallocate, handleAt, isAllocated, isEmptyBlock, ordinalOf, ordinalsOfHandle } from "./block.ts";
import { selectsNode } from "./choose-pools.ts";
import { lowerCount, readHandle, settleCount } from "./count-handle.ts";
import { blocksOf } from "./held-addresses.ts";
import { releaseBlockAffinity } from "./release-affinity.ts";
import {
  type IpamStep,
  deleteObject,
  listObjects,
  maxAttempts,
  readObject,
  tooManyConflicts,
  updateObject,
} from "./request.ts";

export type AddressToRelease = {
  readonly address: IpAddress;
  /** Release it only while it is this handle's. */
  readonly handleId?: string;
  /** Release it only if it is still the same assignment; see `HeldAddress`. */
  readonly sequenceNumber?: number;
};

export type ReleasedAddresses = {
  readonly released: readonly IpAddress[];
  /** Were free already, or are in no block. */
  readonly unallocated: readonly IpAddress[];
  /** One a block of which nothing was released, because an address in it is another's. */
  readonly problems: readonly Problem[];
};

export type ReleasedHandle = {
  /** False when there is no such handle. */
  readonly isKnown: boolean;
  readonly released: readonly IpAddress[];
};

/** Releases every address of the handle, and the handle. */
export function* releaseByHandle(handleId: string): IpamStep<ReleasedHandle> {
  const handle = yield* readHandle(handleId);
  if (handle === undefined) return { isKnown: false, released: [] };
  const released: IpAddress[] = [];
  for (const cidr of blocksOf(handle)) {
    const outcome = yield* releaseFromBlock(cidr, (block) => ({ ordinals: ordinalsOfHandle(block, handleId) }));
    released.push(...outcome.released);
    if (outcome.released.length === 0) yield* settleCount(handleId, cidr);
  }
  return { isKnown: true, released };
}

/** Releases addresses block by block; a block is released from as asked, or not at all. */
export function* releaseAddresses(list: readonly AddressToRelease[]): IpamStep<ReleasedAddresses> {
  const released: IpAddress[] = [];
  const unallocated: IpAddress[] = [];
  const problems: Problem[] = [];
  const wantedByBlock = yield* groupByBlock(list);
  for (const [cidr, wanted] of wantedByBlock) {
    const unique = [...new Map(wanted.map((one) => [one.address, one])).values()];
    if (cidr === undefined) {
      unallocated.push(...unique.map(({ address }) => address));
      continue;
    }
    const outcome = yield* releaseFromBlock(cidr, (block) => check(block, wanted));
    if (outcome.problem !== undefined) {
      problems.push(outcome.problem);
      continue;
    }
    const gone = new Set(outcome.released);
    const free = unique.filter(({ address }) => !gone.has(address));
    released.push(...outcome.released);
    unallocated.push(...free.map(({ address }) => address));
    // A crash after an earlier release may have left the handle's count too high.
    const handleIds = free.flatMap(({ handleId }) => handleId ?? []);
    for (const handleId of new Set(handleIds)) yield* settleCount(handleId, cidr);
  }
  return { released, unallocated, problems };
}

/** What of a block is to be released, or why nothing is. */
type Verdict = { readonly ordinals: readonly number[]; readonly problem?: Problem };

type BlockOutcome = { readonly released: readonly IpAddress[]; readonly problem?: Problem };

function* releaseFromBlock(cidr: Cidr, judge: (block: IPAMBlock) => Verdict): IpamStep<BlockOutcome> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const block = yield* readObject("IPAMBlock", cidrToName(cidr));
    if (block === undefined) return { released: [] };
    const { ordinals, problem } = judge(block);
    if (problem !== undefined) return { released: [], problem };
    if (ordinals.length === 0) return { released: [] };
    // Before the block is written: see count-handle.ts.
    const handles = yield* readHandles(new Set(ordinals.flatMap((ordinal) => handleAt(block, ordinal) ?? [])));
    const next = deallocate(block, ordinals);
    if (!(yield* writeOrDelete(next))) continue;
    for (const handle of handles) {
      yield* lowerCount(handle, cidr, ordinalsOfHandle(next, handle.spec.handleID).length);
    }
    if (isEmptyBlock(next)) yield* dropUnselectedBlock(next);
    return { released: ordinals.map((ordinal) => addressAt(cidr, ordinal)) };
  }
  throw tooManyConflicts(`block ${cidr}`);
}

/** A block of nobody goes when it is empty; one that a host owns stays for its next address. */
function* writeOrDelete(block: IPAMBlock): IpamStep<boolean> {
  if (isEmptyBlock(block) && block.spec.affinity === undefined) return (yield* deleteObject(block)) === "deleted";
  return (yield* updateObject("IPAMBlock", block)) !== undefined;
}

function* readHandles(handleIds: ReadonlySet<string>): IpamStep<IPAMHandle[]> {
  const handles: IPAMHandle[] = [];
  for (const handleId of handleIds) {
    const handle = yield* readHandle(handleId);
    if (handle !== undefined) handles.push(handle);
  }
  return handles;
}

/** An empty block of a host goes too if its pool does not select that host any more. */
function* dropUnselectedBlock({ spec }: IPAMBlock): IpamStep<void> {
  if (spec.affinity?.startsWith("host:") !== true) return;
  const pool = findPool(yield* listObjects("IPPool"), spec.cidr);
  if (pool === undefined || ["", "all()"].includes(pool.spec.nodeSelector)) return;
  const node = yield* readObject("Node", spec.affinity.slice("host:".length));
  if (node === undefined || selectsNode(pool, node.metadata.labels ?? {}) !== false) return;
  yield* releaseBlockAffinity(node.metadata.name, spec.cidr, { mustBeEmpty: true });
}

function check(block: IPAMBlock, wanted: readonly AddressToRelease[]): Verdict {
  const ordinals = new Set<number>();
  for (const { address, handleId, sequenceNumber } of wanted) {
    const ordinal = ordinalOf(block.spec.cidr, address);
    const present = block.spec.sequenceNumberForAllocation[ordinal] ?? 0;
    if (sequenceNumber !== undefined && sequenceNumber !== present) {
      return refusal(
        `${address} has been assigned anew or released since (sequence number ${present}, not ${sequenceNumber})`,
      );
    }
    if (!isAllocated(block, ordinal)) continue;
    const holder = handleAt(block, ordinal);
    if (handleId !== undefined && handleId !== holder) {
      return refusal(`${address} is held by ${holder ?? "no handle"}, not by ${handleId}`);
    }
    ordinals.add(ordinal);
  }
  return { ordinals: [...ordinals] };
}

function refusal(message: string): Verdict {
  return { ordinals: [], problem: { path: "", message, hint: "look up who has the address now before releasing it" } };
}

/** Under undefined: addresses in no block. Disabled pools count: what they gave can be given back. */
function* groupByBlock(list: readonly AddressToRelease[]): IpamStep<Map<Cidr | undefined, AddressToRelease[]>> {
  const grouped = new Map<Cidr | undefined, AddressToRelease[]>();
  if (list.length === 0) return grouped;
  const pools = yield* listObjects("IPPool");
  let blocks: readonly IPAMBlock[] | undefined;
  for (const one of list) {
    const pool = findPool(pools, one.address);
    let cidr = pool && makeCidr(one.address, pool.spec.blockSize);
    if (cidr === undefined) {
      // Its pool has been deleted: only the blocks themselves tell.
      blocks ??= yield* listObjects("IPAMBlock");
      cidr = blocks.find((block) => cidrContains(block.spec.cidr, one.address))?.spec.cidr;
    }
    const group = grouped.get(cidr);
    if (group === undefined) grouped.set(cidr, [one]);
    else group.push(one);
  }
  return grouped;
}

function findPool(pools: readonly IPPool[], inside: Cidr | IpAddress): IPPool | undefined {
  return pools.find((pool) => cidrContains(pool.spec.cidr, inside));
}
