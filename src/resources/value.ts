import { readAsNumber } from "./as-number.ts";
import { isReadablePortName, isWirePort, makeRange } from "./convert-ports.ts";

/** Values that may be written as number or as text. */
const readers = { asNumber: readAsNumber, port: readPort, protocol: readByte, dscp: readByte } as const;

export type ValueType = keyof typeof readers;

export function isValueType(text: string): text is ValueType {
  return Object.hasOwn(readers, text);
}

/** Reads the JSON form of such a value into its normal one, with none of the limits that resources set beyond that. */
export function readValue(type: ValueType, value: unknown): number | string | undefined {
  return readers[type](value);
}

/** Digits are the number they write, as far as it is one; all other text is a name. */
function readByte(value: unknown): number | string | undefined {
  if (typeof value === "string") {
    const number = /^[0-9]+$/.test(value) ? Number(value) : undefined;
    return number !== undefined && number <= 255 ? number : value;
  }
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 255) return undefined;
  return value === 0 ? 0 : value;
}

function readPort(value: unknown): number | string | undefined {
  if (typeof value !== "string") return isWirePort(value) ? value + 0 : undefined;
  const [, first, last] = /^([0-9]+)(?::([0-9]+))?$/.exec(value) ?? [];
  if (first === undefined) return isReadablePortName(value) ? value : undefined;
  const [low, high] = [Number(first), Number(last ?? first)];
  return isWirePort(low) && isWirePort(high) && low <= high ? makeRange(low, high) : undefined;
}
