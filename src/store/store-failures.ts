import { TortieError } from "../lib/index.ts";

export function existsFailure(key: string): TortieError {
  return new TortieError("TT_API_EXISTS", `${key} exists already`, { fields: { key } });
}

export function notFoundFailure(key: string): TortieError {
  return new TortieError("TT_API_NOT_FOUND", `there is no ${key}`, { fields: { key } });
}

export function conflictFailure(key: string, expectedRevision: number, revision: number): TortieError {
  return new TortieError("TT_API_CONFLICT", `${key} is at revision ${revision}, not ${expectedRevision}`, {
    fields: { key, expectedRevision, revision },
    hint: "get it again and make the change to what is there now",
  });
}

/** `afterRevision` lies outside of what the log can tell. */
export function goneFailure(afterRevision: number, compactedRevision: number, revision: number): TortieError {
  return new TortieError("TT_API_GONE", `the log cannot tell what happened after revision ${afterRevision}`, {
    fields: { afterRevision, compactedRevision, revision },
    hint: "list again and watch from the revision of the list",
  });
}

export function closedFailure(): TortieError {
  return new TortieError("TT_STORE", "the store is closed");
}
