import type { Json } from "./random-labels.ts";

/**
 * Makes a failing cluster small: takes away objects, then members and entries of what is left, as long as it goes on failing.
 * Asks `isFailing` at most `attempts` times.
 */
export async function shrink(
  objects: readonly Json[],
  isFailing: (objects: readonly Json[]) => Promise<boolean> | boolean,
  attempts = 2000,
): Promise<readonly Json[]> {
  let left = attempts;
  let smallest = objects;
  const holdsFor = async (candidate: readonly Json[]) => {
    if (left-- <= 0 || !(await isFailing(candidate))) return false;
    smallest = candidate;
    return true;
  };
  for (let size = Math.ceil(objects.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length; ) {
      if (!(await holdsFor(smallest.toSpliced(at, size)))) at += size;
    }
  }
  for (let hasShrunk = true; hasShrunk && left > 0; ) {
    hasShrunk = false;
    for (let at = 0; at < smallest.length; at++) {
      // Paths are those of the object as it is now: each removal makes a new list of them.
      let paths = pathsOf(smallest[at]);
      for (let i = 0; i < paths.length; i++) {
        const candidate = without(smallest[at]!, paths[i]!);
        if (!(await holdsFor(smallest.toSpliced(at, 1, candidate)))) continue;
        hasShrunk = true;
        paths = pathsOf(candidate);
        i--;
      }
    }
  }
  return smallest;
}

type Path = readonly (string | number)[];

/** Every member and entry below `spec`, and labels; outer ones first. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  const keys: readonly (string | number)[] = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return keys.flatMap((key) => {
    const below = [...path, key];
    const own = path.length === 0 ? [] : [below];
    return [...own, ...pathsOf((value as Record<string | number, unknown>)[key], below)];
  });
}

function without(value: Json, path: Path): Json {
  const copy = structuredClone(value) as Record<string | number, unknown>;
  let parent: Record<string | number, unknown> = copy;
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string | number, unknown>;
  const last = path.at(-1)!;
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
  return copy as Json;
}
