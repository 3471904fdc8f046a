import { StatusError } from "./status.ts";

/** A whole number of the query; 0 when it is not there. BadRequest when it is no number. */
export function readNumber(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "";
  if (text === "") return 0;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new StatusError("BadRequest", `${name} must be a whole number, not ${text}`);
}

export function isTrue(query: URLSearchParams, name: string): boolean {
  return ["1", "true"].includes(query.get(name) ?? "");
}
