import type { IncomingHttpHeaders } from "node:http";
import { memberOf } from "./json.ts";
import { isTrue } from "./query.ts";
import { StatusError } from "./status.ts";

/** What becomes of members nobody knows: refused, left out with a warning, left out. */
type FieldValidation = "Strict" | "Warn" | "Ignore";

export type WriteOptions = {
  /** Everything but the write is done. */
  readonly isDryRun: boolean;
  readonly fieldValidation: FieldValidation;
  /** In whose name fields are written, for those who share an object by server-side apply. */
  readonly fieldManager: string;
  /** Takes over fields that others own. */
  readonly isForced: boolean;
  /** Reaches the client beside the answer. */
  warn(text: string): void;
};

export const plainOptions: WriteOptions = {
  isDryRun: false,
  fieldValidation: "Strict",
  fieldManager: "tortie-server",
  isForced: false,
  warn: () => undefined,
};

/** BadRequest for a value that means nothing. A `dryRun` in the body of a deletion counts as well. */
export function readWriteOptions(
  query: URLSearchParams,
  headers: IncomingHttpHeaders,
  warn: (text: string) => void,
  body?: unknown,
): WriteOptions {
  const inBody = memberOf(body, "dryRun");
  const dryRun = [...query.getAll("dryRun"), ...(Array.isArray(inBody) ? inBody : [])].filter((value) => value !== "");
  for (const value of dryRun) {
    if (value !== "All") throw new StatusError("BadRequest", `dryRun is All or nothing, not ${String(value)}`);
  }
  const fieldManager = query.get("fieldManager") ?? "";
  if (fieldManager.length > 128) throw new StatusError("BadRequest", "fieldManager has at most 128 characters");
  // As in Kubernetes: a client that names no manager is known by the first word of its user agent.
  const agent = (headers["user-agent"] ?? "").split("/")[0]?.slice(0, 128) ?? "";
  return {
    isDryRun: dryRun.length > 0,
    fieldValidation: readFieldValidation(query),
    fieldManager: fieldManager === "" ? agent : fieldManager,
    isForced: isTrue(query, "force"),
    warn,
  };
}

function readFieldValidation(query: URLSearchParams): FieldValidation {
  const text = query.get("fieldValidation") ?? "";
  if (text === "" || text === "Warn") return "Warn";
  if (text === "Strict" || text === "Ignore") return text;
  throw new StatusError("BadRequest", `fieldValidation is Strict, Warn or Ignore, not ${text}`);
}
