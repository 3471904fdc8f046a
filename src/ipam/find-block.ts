import { type Cidr, cidrContains } from "../lib/index.ts";
import { type IPAMBlock, type IPPool, cidrToName } from "../resources/index.ts";
import { freeOrdinals, hostAffinity, isEmptyBlock } from "./block.ts";
import { claimBlock } from "./claim-block.ts";
import { releaseBlockAffinity } from "./release-affinity.ts";
import { type IpamStep, listObjects, maxAttempts, readObject } from "./request.ts";
import { walkBlocks } from "./walk-blocks.ts";

/** An empty block is left to its host for so long after the claim: the host may be about to use it. */
const reclaimAgeMs = 60_000;
/** Places looked at one by one; a pool so full that this is not enough is cheaper to list. */
const maxProbes = 32;

export type FindInput = {
  readonly node: string;
  /** In the order in which they are to be tried. */
  readonly pools: readonly IPPool[];
  /** Blocks that have been tried already. */
  readonly tried: ReadonlySet<Cidr>;
  readonly nowMs: number;
};

/** Claims a further block for the node; undefined when the pools have none left. */
export function* findBlock(input: FindInput): IpamStep<IPAMBlock | undefined> {
  const directory = new BlockDirectory();
  let losses = 0;
  for (const pool of input.pools) {
    for (const cidr of walkBlocks(pool.spec, input.node, input.nowMs)) {
      if (input.tried.has(cidr)) continue;
      const present = yield* directory.look(cidr);
      if (present !== undefined && !isUsable(present, input.node)) continue;
      const block = yield* claimBlock(input.node, cidr, input.nowMs);
      if (block !== undefined) return block;
      if (++losses === maxAttempts) return undefined;
    }
  }
  return yield* reclaimBlock(input, yield* directory.list());
}

/** Another process of this host may have claimed it a moment ago. */
function isUsable(block: IPAMBlock, node: string): boolean {
  return block.spec.affinity === hostAffinity(node) && freeOrdinals(block).length > 0;
}

/** Takes over a block that another host has claimed and does not use. */
function* reclaimBlock(input: FindInput, blocks: Iterable<IPAMBlock>): IpamStep<IPAMBlock | undefined> {
  const idle = [...blocks].filter((block) => isIdle(block, input.node, input.nowMs));
  let losses = 0;
  for (const pool of input.pools) {
    for (const { spec } of idle) {
      const owner = ownerHost(spec.affinity);
      if (owner === undefined || !cidrContains(pool.spec.cidr, spec.cidr)) continue;
      const conditions = { mustBeEmpty: true, sequenceNumber: spec.sequenceNumber };
      if ((yield* releaseBlockAffinity(owner, spec.cidr, conditions)) === "released") {
        const block = yield* claimBlock(input.node, spec.cidr, input.nowMs);
        if (block !== undefined) return block;
      }
      if (++losses === maxAttempts) return undefined;
    }
  }
  return undefined;
}

function isIdle(block: IPAMBlock, node: string, nowMs: number): boolean {
  const owner = ownerHost(block.spec.affinity);
  if (owner === undefined || owner === node || !isEmptyBlock(block)) return false;
  const since = block.spec.affinityClaimTime;
  return since === undefined || nowMs - Temporal.Instant.from(since).epochMilliseconds > reclaimAgeMs;
}

/** Undefined for a block of nobody or of a virtual owner. */
function ownerHost(affinity: string | undefined): string | undefined {
  return affinity?.startsWith("host:") === true ? affinity.slice("host:".length) : undefined;
}

/** What blocks there are: asked one by one at first, listed as a whole when that takes long. */
class BlockDirectory {
  #probes = 0;
  #blockByCidr: Map<Cidr, IPAMBlock> | undefined;

  *look(cidr: Cidr): IpamStep<IPAMBlock | undefined> {
    if (this.#blockByCidr === undefined && this.#probes++ < maxProbes) {
      return yield* readObject("IPAMBlock", cidrToName(cidr));
    }
    return (yield* this.#listOnce()).get(cidr);
  }

  *list(): IpamStep<Iterable<IPAMBlock>> {
    return (yield* this.#listOnce()).values();
  }

  *#listOnce(): IpamStep<Map<Cidr, IPAMBlock>> {
    this.#blockByCidr ??= new Map((yield* listObjects("IPAMBlock")).map((block) => [block.spec.cidr, block]));
    return this.#blockByCidr;
  }
}
