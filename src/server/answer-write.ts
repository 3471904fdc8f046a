import type { IncomingMessage, ServerResponse } from "node:http";
import { isRecord, memberOf } from "./json.ts";
import type { ListPages } from "./list-pages.ts";
import { listChunks } from "./list-text.ts";
import { readRepresentation } from "./media-type.ts";
import { readFilter } from "./object-filter.ts";
import type { ObjectPatcher, PatchType } from "./object-patcher.ts";
import type { ObjectWriter, Preconditions } from "./object-writer.ts";
import { readBody, readJson } from "./read-body.ts";
import type { WriteTarget } from "./read-written.ts";
import { sendChunks, sendText } from "./send.ts";
import { StatusError, objectDetails, successStatus } from "./status.ts";
import { plainView, wholeObject } from "./table.ts";
import { type WriteOptions, readWriteOptions } from "./write-options.ts";

type WriteContext = { readonly pages: ListPages; readonly writer: ObjectWriter; readonly patcher: ObjectPatcher };

const patchTypes: Readonly<Record<string, PatchType>> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
  "application/apply-patch+yaml": "apply",
};

/** Creates, updates, patches or deletes; what is wrong with it and yet done goes into Warning headers. */
export async function answerWrite(
  context: WriteContext,
  path: WriteTarget,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  const send = (code: number, text: string) => {
    const view = { ...plainView, representation: readRepresentation(request.headers.accept) };
    sendText(response, code, wholeObject(path.definition, text, view), warningHeaders(warnings));
  };
  const { writer, patcher } = context;
  if (request.method === "DELETE") {
    await deleteAt(context, path, query, request, response);
    return;
  }
  const options = readWriteOptions(query, request.headers, warn);
  if (request.method === "POST") {
    send(201, await writer.create(path, await readJson(request), options));
  } else if (request.method === "PUT") {
    send(200, await writer.update(path, await readJson(request), options));
  } else {
    const { mediaType, json } = await readBody(request, Object.keys(patchTypes));
    const type = patchTypes[mediaType];
    if (type === undefined) throw new Error(`assertion failed: ${mediaType} is no patch`);
    if (type === "apply" && (query.get("fieldManager") ?? "") === "") {
      throw new StatusError("BadRequest", "fieldManager is required for a server-side apply");
    }
    const { text, isCreated } = await patcher.patch(path, type, json, options);
    send(isCreated ? 201 : 200, text);
  }
}

async function deleteAt(
  { pages, writer }: WriteContext,
  path: WriteTarget,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { definition, name } = path;
  const body = await readJson(request);
  if (body !== undefined && !isRecord(body)) throw new StatusError("BadRequest", "the body must be DeleteOptions");
  const options = readWriteOptions(query, request.headers, () => undefined, body);
  checkPropagation(query.get("propagationPolicy") ?? memberOf(body, "propagationPolicy"));
  if (name !== undefined) {
    const uid = await writer.delete(path, readPreconditions(body), options.isDryRun);
    sendText(response, 200, JSON.stringify(successStatus({ ...objectDetails(definition, name), uid })));
    return;
  }
  const page = await pages.read(path, query, readFilter(query, path));
  for (const { namespace, name } of page.objects) {
    await deleteListed(writer, { ...path, namespace: namespace === "" ? undefined : namespace, name }, options);
  }
  await sendChunks(response, listChunks(definition, page, plainView));
}

/** Of a collection: what somebody else has deleted meanwhile is gone, as it should be. */
async function deleteListed(writer: ObjectWriter, target: WriteTarget, options: WriteOptions): Promise<void> {
  try {
    await writer.delete(target, {}, options.isDryRun);
  } catch (error) {
    if (!(error instanceof StatusError && error.status.reason === "NotFound")) throw error;
  }
}

/** Nothing here belongs to something else, so that each of these means the same. */
function checkPropagation(policy: unknown): void {
  if (policy === undefined || policy === null || policy === "") return;
  if (typeof policy === "string" && ["Orphan", "Background", "Foreground"].includes(policy)) return;
  throw new StatusError("BadRequest", "propagationPolicy is Orphan, Background or Foreground");
}

/** From the DeleteOptions that may be the body. */
function readPreconditions(body: unknown): Preconditions {
  const options = memberOf(body, "preconditions");
  return { uid: readText(options, "uid"), resourceVersion: readText(options, "resourceVersion") };
}

function readText(value: unknown, name: string): string | undefined {
  const member = memberOf(value, name);
  if (member === undefined || member === null || typeof member === "string") return member ?? undefined;
  throw new StatusError("BadRequest", `preconditions.${name} must be text`);
}

/** RFC 9111, section 5.5, as Kubernetes uses it: code 299, no agent, quoted text. */
function warningHeaders(warnings: readonly string[]): Readonly<Record<string, string[]>> {
  if (warnings.length === 0) return {};
  const told = warnings.map((text) => text.slice(0, 300).replaceAll(/[^\x20-\x7e]/g, "?"));
  return { warning: told.map((text) => `299 - "${text.replaceAll(/["\\]/g, "\\$&")}"`) };
}
