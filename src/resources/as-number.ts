import { Complaint, show } from "./complaint.ts";
import { convert, numberOrText } from "./schema.ts";

const maxAsNumber = 0xffffffff;

/** Number, digits, or two 16-bit numbers joined by a dot (RFC 5396 asdot+), as a number 0..4294967295. */
export const asNumber = convert(numberOrText, (value): number | Complaint => {
  const read = readAsNumber(value);
  return (
    read ??
    new Complaint(`${show(value)} is no AS number`, 'write a number from 1 to 4294967295, or one like "64512.1"')
  );
});

/** 0, in whatever spelling, means that none is given. */
export function isNoAsNumber(value: unknown): boolean {
  return readAsNumber(value) === 0;
}

/** The number that all spellings of an AS number stand for; undefined when it is none. */
export function readAsNumber(value: unknown): number | undefined {
  if (typeof value === "number")
    return Number.isInteger(value) && value >= 0 && value <= maxAsNumber ? value : undefined;
  const [, high, low] = (typeof value === "string" && /^([0-9]+)(?:\.([0-9]+))?$/.exec(value)) || [];
  if (high === undefined) return undefined;
  if (low === undefined) return Number(high) <= maxAsNumber ? Number(high) : undefined;
  if (Number(high) > 0xffff || Number(low) > 0xffff) return undefined;
  return Number(high) * 65536 + Number(low);
}
