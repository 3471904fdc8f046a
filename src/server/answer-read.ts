import type { IncomingMessage, ServerResponse } from "node:http";
import { resourceKey } from "../resources/index.ts";
import type { ApiPath } from "./api-path.ts";
import type { ListPages } from "./list-pages.ts";
import { listChunks } from "./list-text.ts";
import { readRepresentation } from "./media-type.ts";
import { readFilter } from "./object-filter.ts";
import { isTrue } from "./query.ts";
import { sendChunks, sendText } from "./send.ts";
import { StatusError, notFound } from "./status.ts";
import { type View, wholeObject } from "./table.ts";
import type { WatchCache } from "./watch-cache.ts";
import type { WatchStreams } from "./watch-streams.ts";

type ReadContext = { readonly cache: WatchCache; readonly pages: ListPages; readonly streams: WatchStreams };

/** One object, a list or a watch, in the form the client wants. */
export async function answerRead(
  { cache, pages, streams }: ReadContext,
  path: ApiPath,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { definition, namespace, name } = path;
  const view = readView(query, request.headers.accept);
  if (name !== undefined) {
    const key = resourceKey({ kind: definition.kind, namespace, name });
    const found = cache.get(definition.kind, key);
    if (found === undefined) throw notFound(definition, name);
    sendText(response, 200, wholeObject(definition, found.text, view));
  } else if (isTrue(query, "watch")) {
    await streams.open(path, query, view, response);
  } else {
    const page = await pages.read(path, query, readFilter(query, path));
    await sendChunks(response, listChunks(definition, page, view));
  }
}

function readView(query: URLSearchParams, accept: string | undefined): View {
  const representation = readRepresentation(accept);
  const include = query.get("includeObject") ?? "Metadata";
  if (include === "None" || include === "Metadata" || include === "Object") return { representation, include };
  throw new StatusError("BadRequest", `includeObject is None, Metadata or Object, not ${include}`);
}
