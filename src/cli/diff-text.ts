type Line = { readonly sign: " " | "-" | "+"; readonly text: string };

const contextLines = 3;
/** Beyond it the middle is told as replaced: to find the least difference would take its square. */
const maxCells = 4_000_000;

/** The difference of two texts as `diff -u` writes it; empty when there is none. */
export function diffText(name: string, old: string, next: string): string {
  const lines = diffLines(old.trimEnd().split("\n"), next.trimEnd().split("\n"));
  if (lines.every(({ sign }) => sign === " ")) return "";
  const hunks = findHunks(lines).map(([start, end]) => formatHunk(lines, start, end));
  return [`--- ${name} (as it is)`, `+++ ${name} (as it would be)`, ...hunks].join("\n");
}

function diffLines(old: readonly string[], next: readonly string[]): Line[] {
  let start = 0;
  while (start < old.length && start < next.length && old[start] === next[start]) start += 1;
  let end = 0;
  while (end < old.length - start && end < next.length - start && old.at(-1 - end) === next.at(-1 - end)) end += 1;
  const same = (texts: readonly string[]): Line[] => texts.map((text) => ({ sign: " ", text }));
  const middle = diffMiddle(old.slice(start, old.length - end), next.slice(start, next.length - end));
  return [...same(old.slice(0, start)), ...middle, ...same(old.slice(old.length - end))];
}

/** By the longest common subsequence. */
function diffMiddle(old: readonly string[], next: readonly string[]): Line[] {
  const removed = (text: string): Line => ({ sign: "-", text });
  const added = (text: string): Line => ({ sign: "+", text });
  const width = next.length + 1;
  if (old.length * width > maxCells) return [...old.map(removed), ...next.map(added)];
  const lengths = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = next.length - 1; j >= 0; j--) {
      const below = lengths[(i + 1) * width + j] ?? 0;
      const right = lengths[i * width + j + 1] ?? 0;
      const diagonal = lengths[(i + 1) * width + j + 1] ?? 0;
      lengths[i * width + j] = old[i] === next[j] ? diagonal + 1 : Math.max(below, right);
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < next.length) {
    const isBelow = (lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0);
    if (old[i] === next[j]) {
      lines.push({ sign: " ", text: old[i] ?? "" });
      i += 1;
      j += 1;
    } else if (isBelow) lines.push(removed(old[i++] ?? ""));
    else lines.push(added(next[j++] ?? ""));
  }
  return [...lines, ...old.slice(i).map(removed), ...next.slice(j).map(added)];
}

/** Ranges of lines that are shown: changes with what stands around them. */
function findHunks(lines: readonly Line[]): (readonly [start: number, end: number])[] {
  const hunks: [number, number][] = [];
  for (const [at, { sign }] of lines.entries()) {
    if (sign === " ") continue;
    const [start, end] = [Math.max(0, at - contextLines), Math.min(lines.length, at + contextLines + 1)];
    const last = hunks.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = end;
    else hunks.push([start, end]);
  }
  return hunks;
}

function formatHunk(lines: readonly Line[], start: number, end: number): string {
  const shown = lines.slice(start, end);
  const count = (part: readonly Line[], sign: Line["sign"]) => part.filter((line) => line.sign !== sign).length;
  const before = lines.slice(0, start);
  const place = (sign: "-" | "+") => {
    const length = count(shown, sign === "-" ? "+" : "-");
    return `${sign}${count(before, sign === "-" ? "+" : "-") + (length === 0 ? 0 : 1)},${length}`;
  };
  return [`@@ ${place("-")} ${place("+")} @@`, ...shown.map(({ sign, text }) => sign + text)].join("\n");
}
