import {
  type Cidr,
  type IpAddress,
  addressBits,
  addressFromBigInt,
  addressToBigInt,
  cidrAddress,
  cidrLength,
  cidrVersion,
} from "../lib/index.ts";
import { type AllocationAttribute, type IPAMBlock, type IPAMBlockSpec, cidrToName } from "../resources/index.ts";

/** Whose the addresses are, and what is noted beside them. */
export type AddressOwner = {
  readonly handleId: string;
  readonly attributes: Readonly<Record<string, string>>;
};

/** What a block says of the host that owns it. */
export function hostAffinity(node: string): string {
  return `host:${node}`;
}

/** A block in which every address is free. `affinity` as `hostAffinity` writes it. */
export function newBlock(cidr: Cidr, affinity: string, nowMs: number): IPAMBlock {
  const size = blockSize(cidr);
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "IPAMBlock",
    metadata: { name: cidrToName(cidr) },
    spec: {
      cidr,
      affinity,
      affinityClaimTime: Temporal.Instant.fromEpochMilliseconds(Math.floor(nowMs)).toString(),
      allocations: Array<null>(size).fill(null),
      unallocated: Array.from({ length: size }, (_, ordinal) => ordinal),
      attributes: [],
      // Microseconds: a block made anew starts above all numbers of its predecessor, and JSON keeps the value exact.
      sequenceNumber: Math.floor(nowMs * 1000),
      sequenceNumberForAllocation: {},
    },
  };
}

/** Number of addresses. */
function blockSize(cidr: Cidr): number {
  return 2 ** (addressBits[cidrVersion(cidr)] - cidrLength(cidr));
}

export function isEmptyBlock(block: IPAMBlock): boolean {
  return block.spec.unallocated.length === block.spec.allocations.length;
}

export function addressAt(cidr: Cidr, ordinal: number): IpAddress {
  return addressFromBigInt(addressToBigInt(cidrAddress(cidr)) + BigInt(ordinal), cidrVersion(cidr));
}

/** The address must be in the block. */
export function ordinalOf(cidr: Cidr, address: IpAddress): number {
  return Number(addressToBigInt(address) - addressToBigInt(cidrAddress(cidr)));
}

/** Free addresses that may be given out, next first. Reservations and cool-down will be left out here. */
export function freeOrdinals(block: IPAMBlock): readonly number[] {
  return block.spec.unallocated;
}

/** Addresses of the handle, lowest first. */
export function ordinalsOfHandle(block: IPAMBlock, handleId: string): number[] {
  const isOfHandle = block.spec.attributes.map((attribute) => attribute.handle_id === handleId);
  if (!isOfHandle.includes(true)) return [];
  return block.spec.allocations.flatMap((index, ordinal) =>
    index !== null && isOfHandle[index] === true ? [ordinal] : [],
  );
}

/** Undefined for a free address and for one without a handle. */
export function handleAt(block: IPAMBlock, ordinal: number): string | undefined {
  const index = block.spec.allocations[ordinal] ?? null;
  return index === null ? undefined : block.spec.attributes[index]?.handle_id;
}

export function isAllocated(block: IPAMBlock, ordinal: number): boolean {
  return (block.spec.allocations[ordinal] ?? null) !== null;
}

/** Gives up to `count` addresses to the owner; none when the block is full. */
export function allocate(
  block: IPAMBlock,
  count: number,
  owner: AddressOwner,
): { readonly block: IPAMBlock; readonly addresses: readonly IpAddress[] } {
  const ordinals = freeOrdinals(block).slice(0, count);
  if (ordinals.length === 0) return { block, addresses: [] };
  const wanted: AllocationAttribute = { handle_id: owner.handleId, secondary: owner.attributes };
  const found = block.spec.attributes.findIndex((attribute) => isEqualAttribute(attribute, wanted));
  const index = found === -1 ? block.spec.attributes.length : found;
  const allocations = [...block.spec.allocations];
  const sequences = { ...block.spec.sequenceNumberForAllocation };
  for (const ordinal of ordinals) {
    allocations[ordinal] = index;
    sequences[ordinal] = block.spec.sequenceNumber;
  }
  const taken = new Set(ordinals);
  return {
    addresses: ordinals.map((ordinal) => addressAt(block.spec.cidr, ordinal)),
    block: changeBlock(block, {
      allocations,
      unallocated: block.spec.unallocated.filter((ordinal) => !taken.has(ordinal)),
      attributes: found === -1 ? [...block.spec.attributes, wanted] : block.spec.attributes,
      sequenceNumberForAllocation: sequences,
    }),
  };
}

/** Frees allocated addresses; they queue up behind all that are free, in ascending order. */
export function deallocate(block: IPAMBlock, ordinals: readonly number[]): IPAMBlock {
  const allocations = [...block.spec.allocations];
  const sequences = { ...block.spec.sequenceNumberForAllocation };
  for (const ordinal of ordinals) {
    allocations[ordinal] = null;
    delete sequences[ordinal];
  }
  const kept = [...new Set(allocations)].filter((index) => index !== null).toSorted((a, b) => a - b);
  const newIndex = new Map(kept.map((index, position) => [index, position]));
  return changeBlock(block, {
    allocations: allocations.map((index) => (index === null ? null : (newIndex.get(index) ?? null))),
    unallocated: [...block.spec.unallocated, ...ordinals.toSorted((a, b) => a - b)],
    attributes: block.spec.attributes.filter((_, index) => newIndex.has(index)),
    sequenceNumberForAllocation: sequences,
  });
}

/** The same block to be written again, so that whoever has read it before cannot write any more. */
export function touchBlock(block: IPAMBlock): IPAMBlock {
  return changeBlock(block, {});
}

/** The block as nobody's; its addresses stay whose they are. */
export function disownBlock(block: IPAMBlock): IPAMBlock {
  const { affinity: _owner, affinityClaimTime: _since, ...rest } = block.spec;
  return changeBlock({ ...block, spec: rest }, {});
}

function changeBlock(block: IPAMBlock, changes: Partial<IPAMBlockSpec>): IPAMBlock {
  return { ...block, spec: { ...block.spec, ...changes, sequenceNumber: block.spec.sequenceNumber + 1 } };
}

function isEqualAttribute(a: AllocationAttribute, b: AllocationAttribute): boolean {
  if (a.handle_id !== b.handle_id || a.releasedAt !== b.releasedAt) return false;
  const left = Object.entries(a.secondary ?? {});
  const right = new Map(Object.entries(b.secondary ?? {}));
  return left.length === right.size && left.every(([key, value]) => right.get(key) === value);
}
