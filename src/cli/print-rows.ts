/** Prints text that ends its lines by itself; false when nobody reads any more. */
export type Print = (text: string) => boolean;

/** Rows that are looked at before the first is printed, so that the columns fit nearly all. */
const measuredRows = 2_000;
const rowsPerPrint = 500;

/** Headings and rows in columns, as many as there are, without holding them all. Gives the number of rows. */
export async function printTable(
  headings: readonly string[],
  rows: AsyncIterable<readonly string[]>,
  print: Print,
): Promise<number> {
  const widths = headings.map((heading) => heading.length);
  let waiting: (readonly string[])[] = [headings];
  let count = 0;
  let isMeasured = false;
  for await (const row of rows) {
    count += 1;
    waiting.push(row);
    // A cell that is longer than those before it widens its column from there on.
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
    isMeasured ||= count >= measuredRows;
    if (!isMeasured || waiting.length < rowsPerPrint) continue;
    if (!print(formatRows(waiting, widths))) return count;
    waiting = [];
  }
  if (waiting.length > 0) print(formatRows(waiting, widths));
  return count;
}

function formatRows(rows: readonly (readonly string[])[], widths: readonly number[]): string {
  const format = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("   ")
      .trimEnd();
  return rows.map((row) => `${format(row)}\n`).join("");
}

/** A JSON array with one value a line. */
export async function printJsonList(values: AsyncIterable<unknown>, print: Print): Promise<void> {
  let text = "[";
  let separator = "\n";
  for await (const value of values) {
    text += `${separator}${JSON.stringify(value)}`;
    separator = ",\n";
    if (text.length < 1 << 16) continue;
    if (!print(text)) return;
    text = "";
  }
  print(`${text}\n]\n`);
}

/** Standard output. A reader that has seen enough, such as `head`, ends the printing and is no failure. */
export function printOut(text: string): boolean {
  const { stdout } = process;
  if (stdout.listenerCount("error", ignoreClosedPipe) === 0) stdout.on("error", ignoreClosedPipe);
  if (!stdout.writable) return false;
  stdout.write(text);
  return stdout.writable;
}

function ignoreClosedPipe(error: Error): void {
  if (!("code" in error) || error.code !== "EPIPE") throw error;
}
