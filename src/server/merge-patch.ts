import { type Json, isRecord, withMember } from "./json.ts";

/** RFC 7396 (it replaces 7386): members of `patch` replace those of `target`, null removes, what is no object replaces all. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  let result: Json = isRecord(target) ? target : {};
  for (const [name, value] of Object.entries(patch)) {
    const present = Object.hasOwn(result, name) ? result[name] : undefined;
    result = withMember(result, name, value === null ? undefined : applyMergePatch(present, value));
  }
  return result;
}
