import type { IncomingMessage, ServerResponse } from "node:http";
import { type Logger, TortieError } from "../lib/index.ts";
import { apiVersionOf, resourceKey } from "../resources/index.ts";
import { type ApiPath, parseApiPath } from "./api-path.ts";
import { discoveryDocuments } from "./discovery.ts";
import { listChunks } from "./list-text.ts";
import type { ObjectWriter, Preconditions } from "./object-writer.ts";
import { readJson } from "./read-body.ts";
import { sendChunks, sendText } from "./send.ts";
import { StatusError, notFound, objectDetails, successStatus } from "./status.ts";
import type { WatchCache } from "./watch-cache.ts";
import type { WatchStreams } from "./watch-streams.ts";

export type RequestContext = {
  readonly cache: WatchCache;
  readonly writer: ObjectWriter;
  readonly streams: WatchStreams;
  readonly log: Logger;
};

/** Answers one request; whatever happens becomes an answer. */
export async function handleRequest(
  context: RequestContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await route(context, request, response);
  } catch (error) {
    const { status, headers } = toStatusError(error, context.log, request, response);
    if (response.headersSent) response.destroy();
    else sendText(response, status.code, JSON.stringify(status), headers);
  }
}

async function route(context: RequestContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = URL.parse(request.url ?? "/", "http://tortie");
  const method = request.method ?? "GET";
  const document = discoveryDocuments.get(url?.pathname ?? "");
  const path = url === null ? undefined : parseApiPath(url.pathname);
  if (url?.pathname === "/healthz") {
    allow(method, ["GET"]);
    sendText(response, 200, "ok", { "content-type": "text/plain" });
  } else if (document !== undefined) {
    allow(method, ["GET"]);
    sendText(response, 200, JSON.stringify(document));
  } else if (url === null || path === undefined) {
    throw new StatusError("NotFound", `there is nothing at ${request.url}`);
  } else if (path.name === undefined) {
    allow(method, path.definition.isNamespaced && path.namespace === undefined ? ["GET"] : ["GET", "POST"]);
    if (method === "POST") sendText(response, 201, await context.writer.create(path, await readJson(request)));
    else await readCollection(context, path, url.searchParams, response);
  } else {
    allow(method, ["GET", "PUT", "DELETE"]);
    if (method === "PUT") sendText(response, 200, await context.writer.update(path, await readJson(request)));
    else if (method === "DELETE") await deleteObject(context, path, await readJson(request), response);
    else sendText(response, 200, readObject(context, path, path.name));
  }
}

async function readCollection(
  { cache, streams }: RequestContext,
  path: ApiPath,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  for (const name of ["labelSelector", "fieldSelector", "continue"]) {
    // Leaving it out of account would give more than was asked for.
    if ((query.get(name) ?? "") !== "") throw new StatusError("BadRequest", `${name} is not supported; leave it out`);
  }
  if (["1", "true"].includes(query.get("watch") ?? "")) {
    await streams.open(path, query, response);
    return;
  }
  const { definition, namespace } = path;
  const head = {
    kind: `${definition.kind}List`,
    apiVersion: apiVersionOf(definition),
    metadata: { resourceVersion: String(cache.revision) },
  };
  await sendChunks(response, listChunks(head, cache.list(definition.kind, namespace)));
}

function readObject({ cache }: RequestContext, { definition, namespace }: ApiPath, name: string): string {
  const found = cache.get(definition.kind, resourceKey({ kind: definition.kind, namespace, name }));
  if (found === undefined) throw notFound(definition, name);
  return found.text;
}

async function deleteObject(
  { writer }: RequestContext,
  path: ApiPath,
  body: unknown,
  response: ServerResponse,
): Promise<void> {
  const { definition, name = "" } = path;
  const uid = await writer.delete(path, readPreconditions(body));
  const status = successStatus({ ...objectDetails(definition, name), uid });
  sendText(response, 200, JSON.stringify(status));
}

/** From the DeleteOptions that may be the body. */
function readPreconditions(body: unknown): Preconditions {
  if (body === undefined) return {};
  const options = memberOf(body, "preconditions");
  return { uid: textOf(options, "uid"), resourceVersion: textOf(options, "resourceVersion") };
}

function textOf(value: unknown, name: string): string | undefined {
  const member = memberOf(value, name);
  if (member === undefined || member === null || typeof member === "string") return member ?? undefined;
  throw new StatusError("BadRequest", `preconditions.${name} must be text`);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function allow(method: string, methods: readonly string[]): void {
  if (methods.includes(method)) return;
  const message = `${method} is not possible here; there are ${methods.join(", ")}`;
  throw new StatusError("MethodNotAllowed", message, undefined, { allow: methods.join(", ") });
}

function toStatusError(error: unknown, log: Logger, request: IncomingMessage, response: ServerResponse): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof TortieError && error.code === "TT_STORE") {
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
