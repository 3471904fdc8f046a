/** Rows under headings, columns two blanks apart, as kubectl prints them. No heading, no table. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) => Math.max(heading.length, ...rows.map((row) => (row[at] ?? "").length)));
  const format = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (at === cells.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join("   ")
      .trimEnd();
  return [format(headings), ...rows.map(format)].join("\n");
}
