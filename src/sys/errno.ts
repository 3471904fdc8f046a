import { constants } from "node:os";
import { type ErrorFields, TortieError } from "../lib/index.ts";
import { libc } from "./libc.ts";

const nameByNumber = new Map<number, string>();
for (const [name, number] of Object.entries(constants.errno)) {
  if (!nameByNumber.has(number)) nameByNumber.set(number, name);
}

/** `ECONNREFUSED` for 111; `errno 9999` for a number that nobody knows. */
export function errnoName(errno: number): string {
  return nameByNumber.get(errno) ?? `errno ${errno}`;
}

/** TT_KERNEL with the name of the errno in the message and in `fields.errno`. */
export function systemError(what: string, errno: number, fields: ErrorFields = {}): TortieError {
  const name = errnoName(errno);
  return new TortieError("TT_KERNEL", `${what}: ${name}`, { fields: { ...fields, errno: name } });
}

/** Passes a result on; throws when it is the -1 of a failed call. */
export function checkCall(result: number, what: string, fields: ErrorFields = {}): number {
  if (result < 0) throw systemError(what, libc().errno(), fields);
  return result;
}
