import { type ErrorCode, type Problem, TortieError } from "../lib/index.ts";

const codeByReason: Readonly<Record<string, ErrorCode>> = {
  AlreadyExists: "TT_API_EXISTS",
  BadRequest: "TT_API_INVALID",
  Conflict: "TT_API_CONFLICT",
  Expired: "TT_API_GONE",
  Forbidden: "TT_API_DENIED",
  Gone: "TT_API_GONE",
  Invalid: "TT_API_INVALID",
  MethodNotAllowed: "TT_API_INVALID",
  NotFound: "TT_API_NOT_FOUND",
  RequestEntityTooLarge: "TT_API_INVALID",
  Unauthorized: "TT_API_DENIED",
  UnsupportedMediaType: "TT_API_INVALID",
};

const hintByCode: { readonly [C in ErrorCode]?: string } = {
  TT_API_UNAVAILABLE: "try again later; the server's log tells more",
};

/**
 * A Kubernetes Status as our error. TT_API_INVALID has the problems as `cause`, and in `fields` each by its path.
 * What is no Status, or has no reason we know, is TT_API_UNAVAILABLE.
 */
export function statusFailure(httpCode: number, status: unknown): TortieError {
  const reason = textOf(status, "reason");
  const message = textOf(status, "message");
  const code = codeByReason[reason] ?? "TT_API_UNAVAILABLE";
  const problems = readProblems(status);
  return new TortieError(code, message === "" ? `the server answered with HTTP status ${httpCode}` : message, {
    ...(problems.length > 0 ? { cause: problems } : {}),
    fields: { httpCode, reason, ...Object.fromEntries(problems.map((problem) => [problem.path, problem.message])) },
    hint: hintByCode[code] ?? "",
  });
}

/** Whether it is this object, and not the place of its kind, that is not there. */
export function isObjectMissing(status: unknown, name: string): boolean {
  return textOf(status, "reason") === "NotFound" && textOf(memberOf(status, "details"), "name") === name;
}

function readProblems(status: unknown): Problem[] {
  const causes = memberOf(memberOf(status, "details"), "causes");
  if (!Array.isArray(causes)) return [];
  return causes.map((cause) => ({ path: textOf(cause, "field"), message: textOf(cause, "message"), hint: "" }));
}

export function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** Empty when there is no such text. */
export function textOf(value: unknown, name: string): string {
  const member = memberOf(value, name);
  return typeof member === "string" ? member : "";
}
