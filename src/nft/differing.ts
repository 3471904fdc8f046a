/** Of two lists the parts between what they begin and what they end with alike, as the very same objects. */
export function differing<T>(a: readonly T[], b: readonly T[]): { readonly a: readonly T[]; readonly b: readonly T[] } {
  if (a === b) return { a: [], b: [] };
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < shorter - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  return { a: a.slice(head, a.length - tail), b: b.slice(head, b.length - tail) };
}
