import { type Result, success } from "../lib/index.ts";
import type { Json } from "../resources/index.ts";

/** What is answered beside `id` and `ok`. */
export type Answer = Readonly<Record<string, unknown>>;

/** The request is not as the operation needs it. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
}

export function after<T>(result: Result<T>, answer: (value: T) => Answer): Result<Answer> {
  return result.ok ? success(answer(result.value)) : result;
}

export function memberOf(request: Json, member: string): unknown {
  if (!Object.hasOwn(request, member)) throw new BadRequest(`${member} is missing`);
  return request[member];
}

export function textOf(request: Json, member: string): string {
  const value = memberOf(request, member);
  if (typeof value !== "string") throw new BadRequest(`${member} must be text`);
  return value;
}
