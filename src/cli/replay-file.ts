import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { type RecordedLine, parseRecordedLine } from "../bgp/index.ts";
import { type Result, formatProblem } from "../lib/index.ts";
import { BadInput } from "./failure.ts";
import { Replay, type ReplayReport } from "./replay-run.ts";

/** How often a long replay tells how far it is. */
const progressMs = 2_000;
const linesBetweenLooks = 1_000;

/**
 * Replays a recording. A last line that is cut off, as a dying process leaves it, is passed over; BadInput for a file that
 * is none of ours. When the core fails the report says so, and at which line.
 */
export async function replayFile(path: string, tell: (line: string) => void): Promise<ReplayReport> {
  const sizeBytes = sizeOf(path);
  const stream = createReadStream(path);
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  let replay: Replay | undefined;
  let broken: { readonly lineNumber: number; readonly problem: string } | undefined;
  let lineNumber = 0;
  let toldAt = performance.now();
  for await (const text of lines) {
    lineNumber += 1;
    if (broken !== undefined) throw badLine(path, broken.lineNumber, broken.problem);
    const read = parseRecordedLine(text);
    if (!read.ok) {
      broken = { lineNumber, problem: problemOf(read) };
      continue;
    }
    const line: RecordedLine = read.value;
    if (line.type === "start") {
      if (replay !== undefined) throw badLine(path, lineNumber, "a second start; one file is one run");
      replay = new Replay(line);
    } else if (replay === undefined) throw badLine(path, lineNumber, "the recording does not begin with its start");
    else if (!replay.step(line, lineNumber)) break;
    if (lineNumber % linesBetweenLooks !== 0 || performance.now() - toldAt < progressMs) continue;
    toldAt = performance.now();
    tell(`${Math.floor((stream.bytesRead / Math.max(1, sizeBytes)) * 100)} % read, ${lineNumber} lines`);
  }
  if (replay === undefined) throw badLine(path, 1, broken?.problem ?? "the file is empty");
  return replay.report({ isCutOff: broken !== undefined });
}

function sizeOf(path: string): number {
  try {
    const found = statSync(path);
    if (found.isFile()) return found.size;
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new BadInput([`${path}: cannot be read (${reason})`]);
  }
  throw new BadInput([`${path}: is no file`]);
}

function problemOf(read: Result<RecordedLine>): string {
  return read.ok ? "" : read.problems.map(formatProblem).join("; ");
}

function badLine(path: string, lineNumber: number, problem: string): BadInput {
  return new BadInput([`${path}, line ${lineNumber}: ${problem}`]);
}
