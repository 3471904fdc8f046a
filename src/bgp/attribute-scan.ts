import type { RawAttribute } from "./attribute-reader.ts";
import { attributeFlag, attributeType } from "./numbers.ts";
import { latin1Text } from "./octets.ts";

/**
 * Where things are in the path attributes of an UPDATE: found in one pass without reading them, since most messages bring
 * attributes that were read before.
 */
export type AttributeScan = {
  /** Places in the message that hold all attributes but the multiprotocol ones: from, to, from, to, ... */
  readonly ranges: readonly number[];
  /** MP_REACH_NLRI and MP_UNREACH_NLRI in the order in which they come; views of the message. */
  readonly multiprotocol: readonly RawAttribute[];
  /** The last attribute runs over the end, and this would be its type; 0 when not even that is there. */
  readonly cutType?: number;
};

export function scanAttributes(bytes: Uint8Array, at: number, end: number): AttributeScan {
  const ranges: number[] = [];
  let multiprotocol: RawAttribute[] | undefined;
  let rangeAt = at;
  let next = at;
  while (next < end) {
    const start = next;
    const flags = bytes[start] ?? 0;
    const type = start + 1 < end ? (bytes[start + 1] ?? 0) : 0;
    const isLong = (flags & attributeFlag.extendedLength) !== 0;
    const valueAt = start + (isLong ? 4 : 3);
    const length = isLong ? (bytes[start + 2] ?? 0) * 256 + (bytes[start + 3] ?? 0) : (bytes[start + 2] ?? 0);
    next = valueAt + length;
    if (valueAt > end || next > end) {
      ranges.push(rangeAt, end);
      return { ranges, multiprotocol: multiprotocol ?? none, cutType: type };
    }
    if (type !== attributeType.mpReach && type !== attributeType.mpUnreach) continue;
    if (start > rangeAt) ranges.push(rangeAt, start);
    rangeAt = next;
    multiprotocol ??= [];
    multiprotocol.push({
      flags,
      type,
      value: bytes.subarray(valueAt, next),
      whole: bytes.subarray(start, next),
    });
  }
  if (end > rangeAt) ranges.push(rangeAt, end);
  return { ranges, multiprotocol: multiprotocol ?? none };
}

const none: readonly RawAttribute[] = [];

/** The octets of the ranges as text of one character each. */
export function scanText(bytes: Uint8Array, { ranges }: AttributeScan): string {
  let text = "";
  for (let i = 0; i < ranges.length; i += 2) text += latin1Text(bytes, ranges[i], ranges[i + 1]);
  return text;
}
