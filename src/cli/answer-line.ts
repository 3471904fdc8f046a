import { type Problem, formatProblem } from "../lib/index.ts";
import { isRecord } from "../resources/index.ts";
import { operations } from "./oracle-operations.ts";
import { BadRequest } from "./oracle-request.ts";

/** Problems of one answer that its message tells. */
const maxTold = 10;

/** Answers one line of the oracle with one line. Total: a bug of ours becomes an answer too. */
export function answerLine(line: string): string {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (error) {
    return refuse(null, "request", `the line is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isRecord(request)) return refuse(null, "request", "the line must be an object");
  const { id = null, op } = request;
  try {
    if (typeof op !== "string") return refuse(id, "request", "op must be the name of an operation");
    const operation = Object.hasOwn(operations, op) ? operations[op] : undefined;
    if (operation === undefined) return refuse(id, "unsupported", `there is no operation ${op}`);
    const answer = operation(request);
    return answer.ok ? JSON.stringify({ id, ok: true, ...answer.value }) : refuseData(id, answer.problems);
  } catch (error) {
    if (error instanceof BadRequest) return refuse(id, "request", error.message);
    return refuse(id, "internal", error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
}

/** The answer to a request that took too long or took the process with it. */
export function refuseLine(line: string, message: string): string {
  let id: unknown = null;
  try {
    const request: unknown = JSON.parse(line);
    if (isRecord(request)) id = request["id"] ?? null;
  } catch {
    // The id of what is no JSON is null.
    id = null;
  }
  return refuse(id, "internal", message);
}

function refuseData(id: unknown, problems: readonly Problem[]): string {
  const isUnsupported = problems.length > 0 && problems.every((problem) => problem.isUnsupported === true);
  const told = problems.slice(0, maxTold).map(formatProblem);
  const more = problems.length - told.length;
  const message = more === 0 ? told.join("; ") : `${told.join("; ")}; and ${more} more problems`;
  return refuse(id, isUnsupported ? "unsupported" : "invalid", message, problems[0]?.path);
}

function refuse(id: unknown, code: string, message: string, field = ""): string {
  return JSON.stringify({ id, ok: false, error: { code, message, ...(field === "" ? {} : { field }) } });
}
