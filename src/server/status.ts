import type { Problem } from "../lib/index.ts";
import type { KindDefinition } from "../resources/index.ts";

/** Reasons as Kubernetes names them, with the HTTP status each goes with. */
const codeByReason = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;

export type StatusReason = keyof typeof codeByReason;

type StatusCause = { readonly reason: string; readonly message: string; readonly field?: string };

export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  /** The plural, as in Kubernetes. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
};

/** What Kubernetes answers instead of an object. */
export type Status = {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: StatusReason;
  readonly details?: StatusDetails;
  readonly code: number;
};

/** Ends a request with this status. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: Status;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    reason: StatusReason,
    message: string,
    details?: StatusDetails,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    const code = codeByReason[reason];
    const common = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason,
      code,
    } as const;
    this.status = details === undefined ? common : { ...common, details };
    this.headers = headers;
  }
}

export function successStatus(details: StatusDetails): Status {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details, code: 200 };
}

/** `networkpolicies.projectcalico.org "web"`, as Kubernetes' messages begin. */
function describeObject(definition: KindDefinition, name: string): string {
  return `${qualifiedPlural(definition)} "${name}"`;
}

function qualifiedPlural({ plural, group }: KindDefinition): string {
  return group === "" ? plural : `${plural}.${group}`;
}

export function objectDetails({ plural, group }: KindDefinition, name: string): StatusDetails {
  return { name, group, kind: plural };
}

export function notFound(definition: KindDefinition, name: string, hint = ""): StatusError {
  return new StatusError(
    "NotFound",
    `${describeObject(definition, name)} not found${hint}`,
    objectDetails(definition, name),
  );
}

export function alreadyExists(definition: KindDefinition, name: string): StatusError {
  const message = `${describeObject(definition, name)} already exists`;
  return new StatusError("AlreadyExists", message, objectDetails(definition, name));
}

export function conflict(definition: KindDefinition, name: string, why: string): StatusError {
  const message = `${describeObject(definition, name)} was not changed: ${why}`;
  return new StatusError("Conflict", message, objectDetails(definition, name));
}

/** The object breaks rules: each named with its field. */
export function invalid(definition: KindDefinition, name: string, problems: readonly Problem[]): StatusError {
  const causes = problems.map(({ path, message, hint }) => ({
    reason: "FieldValueInvalid",
    message: hint === "" ? message : `${message} (${hint})`,
    field: path,
  }));
  const told = causes.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`)).join("; ");
  const message = `${definition.kind} "${name}" is invalid: ${told}`;
  return new StatusError("Invalid", message, { ...objectDetails(definition, name), causes });
}

/** The version asked for cannot be served: the client has to list again. */
export function expired(message: string): StatusError {
  return new StatusError("Expired", `${message}; list again and watch from the version of the list`);
}

/** A version that this server has not reached: the client asks again, here or elsewhere. */
export function notReached(version: number): StatusError {
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
  return new StatusError(
    "Timeout",
    `Too large resource version: ${version}; try again in a moment`,
    { causes, retryAfterSeconds: 1 },
    { "retry-after": "1" },
  );
}
