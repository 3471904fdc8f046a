import type { IncomingMessage, ServerResponse } from "node:http";
import { type Logger, TortieError } from "../lib/index.ts";
import { type AccessContext, accessRoot, answerAccess } from "./answer-access.ts";
import { answerRead } from "./answer-read.ts";
import { answerWrite } from "./answer-write.ts";
import { parseApiPath } from "./api-path.ts";
import { type RefusalLog, auditObject, verbOf } from "./audit.ts";
import { type Admission, type Caller, requireIdentity } from "./caller.ts";
import { findDiscoveryDocument } from "./discovery.ts";
import { judgeRequest, judgeSecretRead } from "./judge-write.ts";
import type { ListPages } from "./list-pages.ts";
import type { ObjectPatcher } from "./object-patcher.ts";
import type { ObjectWriter } from "./object-writer.ts";
import { findOpenApiDocument } from "./openapi.ts";
import { isTrue, readNumber } from "./query.ts";
import { sendText } from "./send.ts";
import { StatusError } from "./status.ts";
import type { WatchCache } from "./watch-cache.ts";
import type { WatchStreams } from "./watch-streams.ts";

export type RequestContext = {
  readonly cache: WatchCache;
  readonly pages: ListPages;
  readonly writer: ObjectWriter;
  readonly patcher: ObjectPatcher;
  readonly streams: WatchStreams;
  readonly access: AccessContext;
  readonly refusals: RefusalLog;
  readonly log: Logger;
};

/** Answers one request, unless `admit` throws a StatusError; whatever happens becomes an answer. */
export async function handleRequest(
  context: RequestContext,
  request: IncomingMessage,
  response: ServerResponse,
  admit: Admission,
): Promise<void> {
  try {
    await route(context, admit(request), request, response);
  } catch (error) {
    const { status, headers } = toStatusError(error, context.log, request, response);
    if (status.code === 401) context.refusals.note(request.socket.remoteAddress ?? "", status.message ?? "");
    if (response.headersSent) response.destroy();
    else sendText(response, status.code, JSON.stringify(status), headers);
  }
}

async function route(
  context: RequestContext,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = URL.parse(request.url ?? "/", "http://tortie");
  const method = request.method ?? "GET";
  if (url === null) throw new StatusError("NotFound", `there is nothing at ${request.url}`);
  if (url.pathname.startsWith(accessRoot)) {
    await answerAccess(context.access, caller, url.pathname, request, response);
    return;
  }
  const identity = healthPaths.has(url.pathname) ? undefined : requireIdentity(caller);
  const document = await findDocument(url.pathname, request.headers.accept);
  if (document !== undefined) {
    allow(method, ["GET"]);
    sendText(response, 200, document.body, { "content-type": document.mediaType });
    return;
  }
  const path = parseApiPath(url.pathname);
  if (path === undefined || identity === undefined)
    throw new StatusError("NotFound", `there is nothing at ${request.url}`);
  if (path.name !== undefined) {
    allow(method, path.subresource === undefined ? ["GET", "PUT", "PATCH", "DELETE"] : ["GET", "PUT", "PATCH"]);
  } else {
    const isAllNamespaces = path.definition.isNamespaced && path.namespace === undefined;
    allow(method, isAllNamespaces ? ["GET"] : ["GET", "POST", "DELETE"]);
  }
  const query = url.searchParams;
  const verb = verbOf(method, path, isTrue(query, "watch"));
  auditObject(context.log, caller, verb, path, response);
  judgeRequest(identity, verb, path.definition, path.name);
  const isSecretRead = path.definition.kind === "Secret" && method === "GET";
  if (isSecretRead) judgeSecretRead(context.cache, identity, verb, path, query.get("fieldSelector"));
  if (method !== "GET") return await answerWrite(context, { ...path, identity }, query, request, response);
  if (verb === "watch") endWithCertificate(query, caller);
  if (verb === "watch" && isSecretRead && identity.role !== "admin") endWithin(query, secretWatchSeconds);
  await answerRead(context, path, query, request, response);
}

/** A watch ends in good order with the certificate that opened it; its client comes back with the next one. */
function endWithCertificate(query: URLSearchParams, { expiresMs }: Caller): void {
  if (expiresMs === undefined) return;
  endWithin(query, Math.max(1, Math.floor((expiresMs - Date.now()) / 1000)));
}

/** Whether somebody may read a Secret is asked again so often: its session may be gone by then. */
const secretWatchSeconds = 300;

function endWithin(query: URLSearchParams, seconds: number): void {
  const asked = readNumber(query, "timeoutSeconds");
  if (asked === 0 || asked > seconds) query.set("timeoutSeconds", String(seconds));
}

/** Told to everybody. */
const healthPaths: ReadonlySet<string> = new Set(["/healthz", "/livez", "/readyz"]);

type FixedAnswer = { readonly mediaType: string; readonly body: string | Uint8Array };

/** What is the same for everybody, and for as long as this program runs. */
async function findDocument(path: string, accept: string | undefined): Promise<FixedAnswer | undefined> {
  if (healthPaths.has(path)) return { mediaType: "text/plain", body: "ok" };
  return findDiscoveryDocument(path, accept) ?? (await findOpenApiDocument(path, accept));
}

function allow(method: string, methods: readonly string[]): void {
  if (methods.includes(method)) return;
  const message = `${method} is not possible here; there are ${methods.join(", ")}`;
  throw new StatusError("MethodNotAllowed", message, undefined, { allow: methods.join(", ") });
}

function toStatusError(error: unknown, log: Logger, request: IncomingMessage, response: ServerResponse): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof TortieError && ["TT_STORE", "TT_API_UNAVAILABLE"].includes(error.code)) {
    const message = error.hint === "" ? error.message : `${error.message} (${error.hint})`;
    return new StatusError("ServiceUnavailable", message, { retryAfterSeconds: 1 }, { "retry-after": "1" });
  }
  const fields = {
    method: request.method,
    url: request.url,
    error: error instanceof Error ? error.stack : String(error),
  };
  // A client that went away before it had its answer is none of our bugs; nobody reads what follows.
  if (response.destroyed) log.debug("a request ended too early", fields);
  else log.error("a request failed by a bug of ours", fields);
  return new StatusError("InternalError", "internal error; the server's log tells more");
}
