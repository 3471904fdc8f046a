/** One thing wrong with input from outside: where, what, and what to do about it. */
export type Problem = {
  /** Path such as `spec.ingress[0].action`; empty for the whole object. */
  readonly path: string;
  readonly message: string;
  /** One sentence; empty when the message says it all. */
  readonly hint: string;
  /** Nothing is wrong with it: it asks for what this product leaves out on purpose. */
  readonly isUnsupported?: true;
};

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export function success<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function failure(path: string, message: string, hint = ""): Result<never> {
  return { ok: false, problems: [{ path, message, hint }] };
}

/** `spec.nets[0]: "x" is not a CIDR (write it like 10.0.0.0/8)` */
export function formatProblem(problem: Problem): string {
  const where = problem.path === "" ? "" : `${problem.path}: `;
  const hint = problem.hint === "" ? "" : ` (${problem.hint})`;
  return `${where}${problem.message}${hint}`;
}
