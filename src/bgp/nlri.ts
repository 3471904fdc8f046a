import type { Family } from "./config.ts";
import { type PrefixKey, keyAt } from "./prefix-key.ts";

export type Nlri = { readonly keys: readonly PrefixKey[]; readonly pathIds?: readonly number[] };

/**
 * The prefixes from `at` up to `end`, each with a path identifier before it when the family comes with them (RFC 7911).
 * Undefined when one is longer than the family allows or than the octets that are left.
 */
export function readNlri(
  bytes: Uint8Array,
  at: number,
  end: number,
  family: Family,
  hasPathIds: boolean,
): Nlri | undefined {
  if (at === end) return hasPathIds ? nothingIdentified : nothing;
  const maxBits = family === "ipv4-unicast" ? 32 : 128;
  const keys: PrefixKey[] = [];
  const pathIds: number[] = [];
  for (let next = at; next < end; ) {
    if (hasPathIds) {
      pathIds.push(readU32(bytes, next));
      next += 4;
    }
    const bits = bytes[next] ?? 0;
    const octetsAt = next + 1;
    next = octetsAt + ((bits + 7) >> 3);
    if (bits > maxBits || next > end || octetsAt > end) return undefined;
    keys.push(keyAt(bytes, octetsAt, bits));
  }
  return hasPathIds ? { keys, pathIds } : { keys };
}

const nothing: Nlri = { keys: [] };
const nothingIdentified: Nlri = { keys: [], pathIds: [] };

function readU32(bytes: Uint8Array, at: number): number {
  const upper = (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
  return upper * 0x10000 + (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
}
