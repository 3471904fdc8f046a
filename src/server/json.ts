import { isDeepStrictEqual } from "node:util";

/** An object as it comes out of JSON. */
export type Json = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isSameJson(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}

/** A copy in which `name` has this value, or is gone when it is undefined. */
export function withMember(record: Json, name: string, value: unknown): Json {
  const rest = Object.entries(record).filter(([other]) => other !== name);
  return Object.fromEntries(value === undefined ? rest : [...rest, [name, value]]);
}

/** Own members only: names such as `__proto__` come from outside. */
export function memberOf(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
