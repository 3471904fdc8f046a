/** An UPDATE cut apart as far as that goes, so that it can be said what is special about it. Judges nothing. */
export type Anatomy = {
  readonly attributes: readonly {
    readonly flags: number;
    readonly type: number;
    readonly value: Uint8Array;
  }[];
  /** The last attribute runs over the end, or too little is left for one. */
  readonly isCut: boolean;
  readonly hasWithdrawn: boolean;
  readonly hasNlri: boolean;
  /** The lengths of the message do not fit together. */
  readonly isBroken: boolean;
};

export function dissect(message: Uint8Array): Anatomy {
  const u16 = (at: number) => ((message[at] ?? 0) << 8) | (message[at + 1] ?? 0);
  const attributesAt = 23 + u16(19);
  const end = attributesAt + u16(attributesAt - 2);
  const attributes: { flags: number; type: number; value: Uint8Array }[] = [];
  let at = attributesAt;
  let isCut = false;
  while (at < end && at < message.length) {
    const flags = message[at] ?? 0;
    const isWide = (flags & 0x10) !== 0;
    const valueAt = at + (isWide ? 4 : 3);
    const next = valueAt + (isWide ? u16(at + 2) : (message[at + 2] ?? 0));
    if (valueAt > end || next > end) {
      isCut = true;
      break;
    }
    attributes.push({
      flags,
      type: message[at + 1] ?? 0,
      value: message.subarray(valueAt, next),
    });
    at = next;
  }
  return {
    attributes,
    isCut,
    hasWithdrawn: u16(19) > 0,
    hasNlri: end < message.length,
    isBroken: end > message.length,
  };
}
