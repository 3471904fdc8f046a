import { type Problem, TortieError, formatProblem } from "../lib/index.ts";

/** Exit statuses; documented in docs/reference/cli.md. */
export const exitStatus = { ok: 0, failed: 1, badInput: 2, unavailable: 3 } as const;

/** Input that the user can mend: told line by line, nothing was changed. */
export class BadInput extends Error {
  override readonly name = "BadInput";
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join("\n"));
    this.lines = lines;
  }

  static fromProblems(where: string, problems: readonly Problem[]): BadInput {
    return new BadInput(problems.map((problem) => `${where}: ${formatProblem(problem)}`));
  }
}

export type Failure = { readonly lines: readonly string[]; readonly status: number };

/** What the user is told of an error, and the exit status. Our own bugs keep their stack. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof BadInput)
    return { lines: error.lines.map((line) => `error: ${line}`), status: exitStatus.badInput };
  if (error instanceof TortieError) {
    const hint = error.hint === "" ? "" : ` (${error.hint})`;
    return { lines: [`error: ${error.message}${hint}`], status: statusOf(error) };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { lines: [`error: this is a bug in tortie, please report it: ${text}`], status: exitStatus.failed };
}

function statusOf(error: TortieError): number {
  if (error.code === "TT_API_UNAVAILABLE" || error.code === "TT_AGENT_UNAVAILABLE") return exitStatus.unavailable;
  if (error.code === "TT_API_INVALID" || error.code === "TT_CONFIG" || error.code === "TT_USAGE")
    return exitStatus.badInput;
  return exitStatus.failed;
}
