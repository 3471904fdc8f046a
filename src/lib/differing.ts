/** `head`: how many the lists begin with alike. `a`, `b`: what lies in each between that and what they end with alike. */
type Differing<T> = { readonly head: number; readonly a: readonly T[]; readonly b: readonly T[] };

/** Alike are those that are the very same objects. */
export function differing<T>(a: readonly T[], b: readonly T[]): Differing<T> {
  if (a === b) return { head: a.length, a: [], b: [] };
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < shorter - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  return { head, a: a.slice(head, a.length - tail), b: b.slice(head, b.length - tail) };
}
