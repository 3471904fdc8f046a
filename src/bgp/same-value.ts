/** Whether two values say the same: scalars, arrays, sets of scalars, and plain objects of these. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((one, i) => isSameValue(one, b[i]));
  }
  if (a instanceof Set) return b instanceof Set && a.size === b.size && a.isSubsetOf(b);
  if (Array.isArray(b) || b instanceof Set) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && isSameValue(a[key], b[key]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
