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

/** `revision`: the store has reached at least this one when it was judged. */
export function conditionFailure(key: string, revision: number): TortieError {
  return new TortieError("TT_API_CONFLICT", `${key} was not written: what it depends on has changed`, {
    fields: { key, revision, isConditionUnmet: true },
    hint: "look at it again and repeat",
  });
}

/** The write was refused for one of its conditions, not for the object itself. Gives a revision at which that was so. */
export function readUnmetRevision(error: unknown): number | undefined {
  if (!(error instanceof TortieError) || error.fields["isConditionUnmet"] !== true) return undefined;
  return Number(error.fields["revision"]);
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
