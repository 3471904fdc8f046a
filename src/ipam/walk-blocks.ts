import {
  type Cidr,
  addressBits,
  addressFromBigInt,
  addressToBigInt,
  cidrAddress,
  cidrLength,
  cidrVersion,
  makeCidr,
  seededRandom,
} from "../lib/index.ts";
import type { IPPoolSpec } from "../resources/index.ts";

/**
 * Every block of the pool once, from a place that depends on the node: hosts spread over the pool and one host
 * comes back to where it was. Blocks are computed as they are asked for, since an IPv6 pool may have 2^58 of them.
 */
export function* walkBlocks(
  pool: Pick<IPPoolSpec, "cidr" | "blockSize">,
  node: string,
  nowMs: number,
): Generator<Cidr> {
  const version = cidrVersion(pool.cidr);
  const base = addressToBigInt(cidrAddress(pool.cidr));
  const step = 1n << BigInt(addressBits[version] - pool.blockSize);
  const count = blockCount(pool);
  // Blocks of a single address bring a host nothing when it comes back to them, and neighbours would collide for ever.
  const isSingle = pool.blockSize === addressBits[version];
  const start = firstIndex(isSingle ? hashText(`${node} ${nowMs}`) : hashText(node), count);
  for (let i = 0n; i < count; i++) {
    yield makeCidr(addressFromBigInt(base + ((start + i) % count) * step, version), pool.blockSize);
  }
}

/** 0 when the pool is smaller than a block. */
export function blockCount(pool: Pick<IPPoolSpec, "cidr" | "blockSize">): bigint {
  const bits = pool.blockSize - cidrLength(pool.cidr);
  return bits < 0 ? 0n : 1n << BigInt(bits);
}

function firstIndex(seed: number, count: bigint): bigint {
  const random = seededRandom(seed);
  let value = 0n;
  // 128 bits: more than any pool has blocks.
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(Math.floor(random() * 2 ** 32));
  return value % count;
}

/** FNV-1, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (const octet of new TextEncoder().encode(text)) hash = (Math.imul(hash, 0x01000193) ^ octet) >>> 0;
  return hash;
}
