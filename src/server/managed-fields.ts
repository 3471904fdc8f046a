import {
  type FieldPath,
  type FieldSet,
  fieldsOf,
  fromFieldsV1,
  toFieldsV1,
  touches,
  union,
  valueAt,
  without,
  withoutField,
} from "./field-set.ts";
import { type Json, isRecord, isSameJson } from "./json.ts";

/** Who owns which fields: an entry of metadata.managedFields. */
export type FieldOwner = {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly time: string;
  readonly subresource?: string;
  readonly fields: FieldSet;
};

/** A write as the owners see it. */
export type FieldWrite = {
  readonly manager: string;
  readonly apiVersion: string;
  readonly time: string;
  readonly subresource?: string | undefined;
  /** Whether `status` belongs to this write. */
  readonly hasStatus: boolean;
};

export type FieldConflict = { readonly manager: string; readonly apiVersion: string; readonly path: FieldPath };

/** Of the owners by update; beyond it the oldest are told as one. */
const maxUpdaters = 10;
const ancientManager = "ancient-changes";
const firstManager = "before-first-apply";

export function readOwners(managedFields: unknown): FieldOwner[] {
  if (!Array.isArray(managedFields)) return [];
  return managedFields.filter(isRecord).map((entry) => ({
    manager: String(entry["manager"] ?? ""),
    operation: entry["operation"] === "Apply" ? "Apply" : "Update",
    apiVersion: String(entry["apiVersion"] ?? ""),
    time: String(entry["time"] ?? ""),
    ...(typeof entry["subresource"] === "string" ? { subresource: entry["subresource"] } : {}),
    fields: fromFieldsV1(entry["fieldsV1"]),
  }));
}

export function formatOwners(owners: readonly FieldOwner[]): Json[] {
  return owners.map(({ fields, ...rest }) => ({ ...rest, fieldsType: "FieldsV1", fieldsV1: toFieldsV1(fields) }));
}

/**
 * The owners after an ordinary write: who changes a field owns it alone. An object that was never applied by a server-side apply has
 * no owners and gets none, so that objects written by programs stay small.
 */
export function ownersAfterUpdate(
  owners: readonly FieldOwner[],
  old: Json,
  next: Json,
  write: FieldWrite,
): readonly FieldOwner[] {
  if (owners.length === 0) return owners;
  const fields = fieldsOf(next, write);
  const changed = without(fields, (path) => isSameJson(valueAt(old, path), valueAt(next, path)));
  const gone = without(fieldsOf(old, write), (path) => valueAt(next, path) !== undefined);
  if (changed.size === 0 && gone.size === 0) return owners;
  const isMine = (owner: FieldOwner) => isSame(owner, write, "Update");
  const others = owners
    .filter((owner) => !isMine(owner))
    .map((owner) => ({
      ...owner,
      fields: without(owner.fields, (path) => touches(changed, path) || touches(gone, path)),
    }));
  const before = owners.find(isMine)?.fields ?? new Map();
  const mine = union(
    without(before, (path) => valueAt(next, path) === undefined),
    changed,
  );
  return limitUpdaters([...others, makeOwner(write, "Update", mine)].filter(({ fields }) => fields.size > 0));
}

/** What a server-side apply makes of an object, before the kind's rules have judged it. */
export type PlannedApply = {
  readonly merged: Json;
  readonly applied: FieldSet;
  readonly owners: readonly FieldOwner[];
};

/** The applied members over those of the object; without those this manager applied before, does not now, and nobody else owns. */
export function planApply(live: Json, managedFields: unknown, config: Json, write: FieldWrite): PlannedApply {
  const known = readOwners(managedFields);
  const whole = fieldsOf(live, write);
  // Whoever made the object before anybody applied it is an owner too.
  const first = makeOwner({ ...write, manager: firstManager, subresource: undefined }, "Update", whole);
  const owners = known.length === 0 && whole.size > 0 ? [first] : known;
  const applied = fieldsOf(config, write);
  const before = owners.find((owner) => isSame(owner, write, "Apply"))?.fields ?? new Map();
  const others = owners.filter((owner) => !isSame(owner, write, "Apply"));
  let merged = mergeApplied(live, config);
  for (const path of before.values()) {
    if (!touches(applied, path) && !others.some(({ fields }) => touches(fields, path)))
      merged = withoutField(merged, path);
  }
  return { merged, applied, owners };
}

/** Fields of others that the apply would change. */
export function findConflicts(plan: PlannedApply, live: Json, next: Json, write: FieldWrite): FieldConflict[] {
  return plan.owners
    .filter((owner) => !isSame(owner, write, "Apply"))
    .flatMap(({ manager, apiVersion, fields }) =>
      [...fields.values()]
        .filter((path) => touches(plan.applied, path) && !isSameJson(valueAt(live, path), valueAt(next, path)))
        .map((path) => ({ manager, apiVersion, path })),
    );
}

/** The owners after an apply; those in conflict lose what they had. */
export function ownersAfterApply(plan: PlannedApply, live: Json, next: Json, write: FieldWrite): FieldOwner[] {
  const lost = new Map(findConflicts(plan, live, next, write).map(({ path }) => [path.join("\u0000"), path]));
  const previous = plan.owners.find((owner) => isSame(owner, write, "Apply"));
  const others = plan.owners
    .filter((owner) => owner !== previous)
    .map((owner) => ({ ...owner, fields: without(owner.fields, (path) => lost.has(path.join("\u0000"))) }));
  const isUnchanged = previous !== undefined && isSameJson(previous.fields, plan.applied);
  const mine = isUnchanged ? previous : makeOwner(write, "Apply", plan.applied);
  return [...others, mine].filter(({ fields }) => fields.size > 0);
}

/** Objects are merged member by member; lists and all else are replaced. */
function mergeApplied(live: unknown, config: unknown): Json {
  const result = new Map(isRecord(live) ? Object.entries(live) : []);
  for (const [name, value] of isRecord(config) ? Object.entries(config) : []) {
    const present = result.get(name);
    result.set(name, isRecord(value) && isRecord(present) ? mergeApplied(present, value) : value);
  }
  return Object.fromEntries(result);
}

function isSame(owner: FieldOwner, write: FieldWrite, operation: FieldOwner["operation"]): boolean {
  return owner.manager === write.manager && owner.operation === operation && owner.subresource === write.subresource;
}

function makeOwner(write: FieldWrite, operation: FieldOwner["operation"], fields: FieldSet): FieldOwner {
  const { manager, apiVersion, time, subresource } = write;
  return { manager, operation, apiVersion, time, ...(subresource === undefined ? {} : { subresource }), fields };
}

function limitUpdaters(owners: readonly FieldOwner[]): readonly FieldOwner[] {
  const updaters = owners.filter(({ operation }) => operation === "Update");
  if (updaters.length <= maxUpdaters) return owners;
  const oldest = updaters.toSorted((a, b) => (a.time < b.time ? -1 : 1)).slice(0, updaters.length - maxUpdaters + 1);
  const [last] = oldest.slice(-1);
  if (last === undefined) return owners;
  const fields = oldest.reduce<FieldSet>((all, owner) => union(all, owner.fields), new Map());
  return [...owners.filter((owner) => !oldest.includes(owner)), { ...last, manager: ancientManager, fields }];
}
