import { type Json, isRecord, memberOf, withMember } from "./json.ts";

/** Names of members from the top of an object down. */
export type FieldPath = readonly string[];

/**
 * The fields of an object that somebody can own, by their path: every member that is no object, or an empty one. A list is one
 * field, as Kubernetes takes the lists of kinds that say nothing else.
 */
export type FieldSet = ReadonlyMap<string, FieldPath>;

/** Of the metadata only what its writers may differ about can be owned. */
const ownedMetadata = ["labels", "annotations"];

export function fieldsOf(object: Json, options: { readonly hasStatus: boolean }): FieldSet {
  const fields = new Map<string, FieldPath>();
  const collect = (value: unknown, path: FieldPath) => {
    if (isRecord(value) && Object.keys(value).length > 0) {
      for (const [name, member] of Object.entries(value)) collect(member, [...path, name]);
    } else fields.set(keyOf(path), path);
  };
  for (const [name, value] of Object.entries(object)) {
    if (["apiVersion", "kind"].includes(name) || (name === "status" && !options.hasStatus)) continue;
    if (name !== "metadata") collect(value, [name]);
    else {
      for (const part of ownedMetadata) {
        const owned = memberOf(value, part);
        if (isRecord(owned) && Object.keys(owned).length > 0) collect(owned, [name, part]);
      }
    }
  }
  return fields;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  return new Map([...a, ...b]);
}

export function without(a: FieldSet, isGone: (path: FieldPath) => boolean): FieldSet {
  return new Map([...a].filter(([, path]) => !isGone(path)));
}

/** Whether a path is in the set, lies under one that is, or above one. */
export function touches(set: FieldSet, path: FieldPath): boolean {
  for (let length = 1; length <= path.length; length++) if (set.has(keyOf(path.slice(0, length)))) return true;
  return set.values().some((other) => other.length > path.length && path.every((step, at) => step === other[at]));
}

export function valueAt(object: unknown, path: FieldPath): unknown {
  return path.reduce((value, step) => memberOf(value, step), object);
}

/** A copy without the field; objects that become empty go with it, except for those at the top. */
export function withoutField(object: Json, [name, ...rest]: FieldPath, depth = 0): Json {
  if (name === undefined || !Object.hasOwn(object, name)) return object;
  const member = object[name];
  if (rest.length === 0 || !isRecord(member)) return rest.length === 0 ? withMember(object, name, undefined) : object;
  const left = withoutField(member, rest, depth + 1);
  return withMember(object, name, depth > 0 && Object.keys(left).length === 0 ? undefined : left);
}

/** Kubernetes' FieldsV1: `f:` before each name. */
export function toFieldsV1(set: FieldSet): Json {
  const root: Record<string, unknown> = {};
  for (const [, path] of [...set].sort(([a], [b]) => (a < b ? -1 : 1))) {
    let place = root;
    for (const step of path) {
      const next = place[`f:${step}`] ?? {};
      place[`f:${step}`] = next;
      place = next as Record<string, unknown>;
    }
  }
  return root;
}

export function fromFieldsV1(json: unknown): FieldSet {
  const fields = new Map<string, FieldPath>();
  const collect = (value: unknown, path: FieldPath) => {
    const members = isRecord(value) ? Object.entries(value).filter(([name]) => name.startsWith("f:")) : [];
    for (const [name, member] of members) collect(member, [...path, name.slice(2)]);
    if (members.length === 0 && path.length > 0) fields.set(keyOf(path), path);
  };
  collect(json, []);
  return fields;
}

function keyOf(path: FieldPath): string {
  return path.join("\u0000");
}
