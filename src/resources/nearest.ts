/** The candidate that `text` was probably meant to be: equal but for case, or at most a third of it mistyped. */
export function findNearest(text: string, candidates: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  // Mistyped texts are short; measuring long ones would cost their product.
  let least = text.length > 64 ? 0 : Math.max(2, Math.floor(text.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = candidate.toLowerCase() === text.toLowerCase() ? 0.5 : editDistance(text, candidate);
    if (distance >= least || distance >= candidate.length) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
