import { textOf } from "./schema.ts";

const unitSeconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  "\u00b5s": 1e-6,
  "\u03bcs": 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

const durationPattern = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$/;

/** Go counts nanoseconds in 63 bits. */
const maxSeconds = 2 ** 63 / 1e9;

/** Reads a duration as Go writes it (`90s`, `3m20s`, `1h0.5m`), in seconds. Undefined when it is none. */
export function readDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const [, sign, parts = ""] = text.length > 100 ? [] : (durationPattern.exec(text) ?? []);
  if (sign === undefined) return undefined;
  let seconds = 0;
  for (const [, number, unit = ""] of parts.matchAll(/([0-9.]+)([^0-9.]+)/g)) {
    seconds += Number(number) * (unitSeconds[unit] ?? 0);
  }
  if (seconds >= maxSeconds) return undefined;
  return sign === "-" && seconds !== 0 ? -seconds : seconds;
}

/** Kept as written; `readDuration` reads it. */
export const duration = textOf(
  (text) => readDuration(text) !== undefined,
  "a duration",
  "write numbers with units, such as 90s, 3m20s or 1h",
);
