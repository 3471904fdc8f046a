/** Codes of failures of the outside world. One line each in docs/reference/errors.md. */
const errorCodes = [
  "TT_API_CONFLICT",
  "TT_API_DENIED",
  "TT_API_GONE",
  "TT_API_INVALID",
  "TT_API_NOT_FOUND",
  "TT_API_EXISTS",
  "TT_API_UNAVAILABLE",
  "TT_AGENT_UNAVAILABLE",
  "TT_CONFIG",
  "TT_IPAM_EXHAUSTED",
  "TT_IPAM_CONFLICT",
  "TT_KERNEL",
  "TT_KERNEL_OVERRUN",
  "TT_KERNEL_UNSUPPORTED",
  "TT_LAB",
  "TT_SETUP",
  "TT_STORE",
  "TT_USAGE",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export function isErrorCode(text: string): text is ErrorCode {
  return errorCodes.some((code) => code === text);
}

export type ErrorFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The world failed: a peer, a file, the kernel. Says what happened, to which object, what to do next. */
export class TortieError extends Error {
  override readonly name = "TortieError";
  readonly code: ErrorCode;
  readonly fields: ErrorFields;
  /** What the reader should do next, as one sentence; empty when there is nothing to add. */
  readonly hint: string;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; fields?: ErrorFields; hint?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fields = options.fields ?? {};
    this.hint = options.hint ?? "";
  }
}

/** A bug of ours: stop at once. The supervisor restarts us and the kernel goes on forwarding. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** For the end of an exhaustive `switch`: fails to compile when a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`assertion failed: unexpected value ${JSON.stringify(value)}`);
}
