import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { silentLogger } from "../../lib/index.ts";
import { type Store, memoryStore } from "../../store/index.ts";
import { startServer } from "../start-server.ts";

export type Json = { readonly [name: string]: unknown };

export function makeFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "tortie-server-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A server of its own for a test, over a store in memory if none is given. */
export async function serve(options: { readonly store?: Store; readonly bookmarkIntervalMs?: number } = {}) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(makeFolder());
  const socketPath = join(folder.path, "api.sock");
  const { signal } = new AbortController();
  const { store = stack.use(memoryStore()), ...rest } = options;
  const server = stack.use(await startServer({ store, socketPath, log: silentLogger, signal, ...rest }));
  const owned = stack.move();
  return {
    socketPath,
    store,
    server,
    call: (method: string, path: string, body?: unknown, headers?: Json) =>
      call(socketPath, method, path, body, headers),
    watch: (path: string, headers?: Json) => openWatch(socketPath, path, headers),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export type Reply = {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Json;
};

/** A body that is text is sent as it is. */
export async function call(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Json = {},
): Promise<Reply> {
  const payload = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  // Node frames the body of a DELETE only when it is told its length.
  const length = payload === undefined ? {} : { "content-length": String(Buffer.byteLength(payload)) };
  const allHeaders = { "content-type": "application/json", ...length, ...headers };
  const response = await send(socketPath, method, path, payload, allHeaders);
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
  const isJson = response.headers["content-type"] === "application/json";
  return { code: response.statusCode ?? 0, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} };
}

async function send(
  socketPath: string,
  method: string,
  path: string,
  payload: string | undefined,
  headers: Json,
): Promise<IncomingMessage> {
  const request = httpRequest({ socketPath, method, path, headers: headers as Record<string, string>, agent: false });
  request.end(payload);
  const [response]: IncomingMessage[] = await once(request, "response");
  return response!;
}

/** The events of a watch, one by one, as parsed JSON; undefined at its end. */
export async function openWatch(socketPath: string, path: string, headers: Json = {}) {
  const response = await send(socketPath, "GET", path, undefined, headers);
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  return {
    code: response.statusCode ?? 0,
    response,
    async next(): Promise<{ type: string; object: Json & { metadata: Record<string, string> } } | undefined> {
      const { done, value } = await lines.next();
      return done === true ? undefined : JSON.parse(value);
    },
    /** As text: `ADDED a @7`. */
    async nextText(): Promise<string | undefined> {
      const event = await this.next();
      if (event === undefined) return undefined;
      const { name = "", resourceVersion } = event.object.metadata;
      return `${event.type} ${name} @${resourceVersion}`;
    },
    [Symbol.dispose]: () => void response.destroy(),
  };
}

export const v3 = "/apis/projectcalico.org/v3";

export function networkSet(name: string, nets: readonly string[] = [], labels: Json = {}): Json {
  return { apiVersion: "projectcalico.org/v3", kind: "GlobalNetworkSet", metadata: { name, labels }, spec: { nets } };
}

export function pool(name: string, cidr: string): Json {
  return { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec: { cidr } };
}

export function namespaced(name: string, namespace?: string): Json {
  const metadata = namespace === undefined ? { name } : { name, namespace };
  return { apiVersion: "projectcalico.org/v3", kind: "NetworkSet", metadata, spec: { nets: ["192.0.2.0/24"] } };
}

export function namespace(name: string): Json {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}
