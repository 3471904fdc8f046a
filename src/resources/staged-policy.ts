import { z } from "zod";
import { Complaint } from "./complaint.ts";
import type { PolicySpec } from "./policy.ts";
import { type Json, isRecord } from "./schema.ts";

/** What would be done with the like-named policy: put in its place, removed, or nothing. */
export type StagedAction = "Set" | "Delete" | "Learn" | "Ignore";

export const stagedAction = z.enum(["Set", "Delete", "Learn", "Ignore"]);

/** A policy as it would be. With `Delete` nothing but tier and stagedAction is there. */
export type Staged<S extends PolicySpec> = Omit<S, "types"> &
  Partial<Pick<S, "types">> & { readonly stagedAction: StagedAction };

/** `rest` are the defaults of the enforced kind that a deletion does not have. */
export function applyStagedDefaults(json: Json, rest: (json: Json) => Json): Json {
  const spec = json["spec"] ?? {};
  if (!isRecord(spec)) return json;
  const { stagedAction: action = null } = spec;
  const staged = { ...json, spec: { ...spec, stagedAction: action === null || action === "" ? "Set" : action } };
  return action === "Delete" ? staged : rest(staged);
}

/** A deletion says which policy, and nothing about it. */
export function checkDeletion(spec: { readonly stagedAction: StagedAction }): Complaint[] {
  if (spec.stagedAction !== "Delete") return [];
  return Object.keys(spec)
    .filter((member) => member !== "tier" && member !== "stagedAction")
    .map((member) => new Complaint("goes not with stagedAction: Delete", "remove it", [member]));
}
