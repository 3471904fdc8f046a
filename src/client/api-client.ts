import { type Problem, type Result, TortieError } from "../lib/index.ts";
import {
  type Kind,
  type KindDefinition,
  type Resource,
  type ResourceOf,
  apiVersionOf,
  definitionOf,
  encodeResource,
} from "../resources/index.ts";
import { isObjectMissing, memberOf, statusFailure, textOf } from "./status-failure.ts";
import { type Call, type Target, Transport } from "./transport.ts";

export type ObjectId = { readonly namespace?: string | undefined; readonly name: string };

/** An object that this program cannot read: a newer one has written it. */
export type UnreadableObject = {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly problems: readonly Problem[];
};

export type ResourceList<K extends Kind> = {
  readonly items: readonly ResourceOf<K>[];
  readonly unreadable: readonly UnreadableObject[];
  readonly resourceVersion: string;
};

export type WriteOptions = {
  /** Everything is judged and nothing written; the answer is what would be there. */
  readonly isDryRun?: boolean | undefined;
  /** Members the server does not know are refused; without it, it leaves them out. */
  readonly isStrict?: boolean | undefined;
};

/** `merge` is RFC 7396, `json` RFC 6902, `apply` a server-side apply in the name of `manager`. */
export type Patch =
  | { readonly type: "merge" | "json"; readonly body: unknown }
  | {
      readonly type: "apply";
      readonly body: unknown;
      readonly manager: string;
      readonly isForced?: boolean | undefined;
    };

/** Which objects: those of one namespace or of all, and those that Kubernetes' selectors choose. */
export type Selection = {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
};

export type WatchEvent<K extends Kind> =
  /** The server has accepted the watch; comes first and once. */
  | { readonly type: "opened" }
  | { readonly type: "put"; readonly resource: ResourceOf<K>; readonly resourceVersion: string }
  | {
      readonly type: "delete";
      readonly kind: K;
      readonly namespace: string | undefined;
      readonly name: string;
      readonly resourceVersion: string;
    }
  | { readonly type: "unreadable"; readonly object: UnreadableObject; readonly resourceVersion: string }
  /** Everything up to this version has been told. */
  | { readonly type: "bookmark"; readonly resourceVersion: string };

/**
 * Errors are TortieErrors: TT_API_UNAVAILABLE when there is no server (whether a write was done is then not known), TT_API_INVALID
 * with the problems as `cause`, TT_API_DENIED, and those named at each method.
 */
export interface ApiClient extends Disposable {
  get<K extends Kind>(kind: K, id: ObjectId): Promise<ResourceOf<K> | undefined>;
  list<K extends Kind>(kind: K, options?: Selection & { readonly signal?: AbortSignal }): Promise<ResourceList<K>>;
  /** TT_API_EXISTS; TT_API_NOT_FOUND when its namespace is missing. */
  create<R extends Resource>(resource: R, options?: WriteOptions): Promise<ResourceOf<R["kind"]>>;
  /** TT_API_CONFLICT when it is not at the resource's `resourceVersion` any more; TT_API_NOT_FOUND. */
  update<R extends Resource>(resource: R, options?: WriteOptions): Promise<ResourceOf<R["kind"]>>;
  /** TT_API_NOT_FOUND, but for a server-side apply, which creates; TT_API_CONFLICT when that is about fields of others. */
  patch<K extends Kind>(kind: K, id: ObjectId, patch: Patch, options?: WriteOptions): Promise<ResourceOf<K>>;
  /** TT_API_NOT_FOUND; TT_API_CONFLICT when it is not at `resourceVersion` or has another `uid`. */
  delete(
    kind: Kind,
    id: ObjectId & { readonly resourceVersion?: string | undefined; readonly uid?: string | undefined },
    options?: WriteOptions,
  ): Promise<void>;
  /**
   * What happens after a version. Ends when the server ends it or the signal aborts; fails when the connection does, or when
   * nothing came for longer than a server is silent. TT_API_GONE: list again.
   */
  watch<K extends Kind>(
    kind: K,
    options: Selection & { readonly resourceVersion: string; readonly signal: AbortSignal },
  ): AsyncIterable<WatchEvent<K>>;
  /** What the server says of itself, as Kubernetes' version document has it. */
  version(): Promise<string>;
}

/** More than two of the server's bookmarks. */
const defaultIdleDeadlineMs = 75_000;
/** No object is longer. */
const lineLimit = 32 << 20;

/** Nothing is sent before the first request. Connections are kept and shared; they do not keep the process alive. */
export function connect(target: Target, options: { readonly idleDeadlineMs?: number } = {}): ApiClient {
  return new HttpClient(new Transport(target), options.idleDeadlineMs ?? defaultIdleDeadlineMs);
}

class HttpClient implements ApiClient {
  readonly #transport: Transport;
  readonly #idleDeadlineMs: number;

  constructor(transport: Transport, idleDeadlineMs: number) {
    this.#transport = transport;
    this.#idleDeadlineMs = idleDeadlineMs;
  }

  async get<K extends Kind>(kind: K, id: ObjectId): Promise<ResourceOf<K> | undefined> {
    const definition = definitionOf(kind);
    const { code, json } = await this.#call({ method: "GET", path: objectPath(definition, id) });
    if (code === 404 && isObjectMissing(json, id.name)) return undefined;
    return readAnswer(definition, code, json);
  }

  async list<K extends Kind>(
    kind: K,
    { namespace, labelSelector, fieldSelector, signal }: Selection & { readonly signal?: AbortSignal } = {},
  ): Promise<ResourceList<K>> {
    const definition = definitionOf(kind);
    const path = withQuery(collectionPath(definition, namespace), { labelSelector, fieldSelector });
    const { code, json } = await this.#call({ method: "GET", path, signal });
    const found = memberOf(json, "items");
    if (code !== 200 || !Array.isArray(found)) throw statusFailure(code, json);
    const items: ResourceOf<K>[] = [];
    const unreadable: UnreadableObject[] = [];
    for (const item of found) {
      const decoded = decode(definition, item);
      if (decoded.ok) items.push(decoded.value);
      else unreadable.push({ kind, ...readId(item), problems: decoded.problems });
    }
    return { items, unreadable, resourceVersion: textOf(memberOf(json, "metadata"), "resourceVersion") };
  }

  async create<R extends Resource>(resource: R, options: WriteOptions = {}): Promise<ResourceOf<R["kind"]>> {
    const kind: R["kind"] = resource.kind;
    const definition = definitionOf(kind);
    const path = withQuery(collectionPath(definition, resource.metadata.namespace), writeQuery(options));
    const { code, json } = await this.#call({ method: "POST", path, body: encodeResource(resource) });
    return readAnswer(definition, code, json);
  }

  async update<R extends Resource>(resource: R, options: WriteOptions = {}): Promise<ResourceOf<R["kind"]>> {
    const kind: R["kind"] = resource.kind;
    const definition = definitionOf(kind);
    const path = withQuery(objectPath(definition, resource.metadata), writeQuery(options));
    const { code, json } = await this.#call({ method: "PUT", path, body: encodeResource(resource) });
    return readAnswer(definition, code, json);
  }

  async patch<K extends Kind>(kind: K, id: ObjectId, patch: Patch, options: WriteOptions = {}): Promise<ResourceOf<K>> {
    const definition = definitionOf(kind);
    const owner = patch.type === "apply" ? { fieldManager: patch.manager, force: flag(patch.isForced) } : {};
    const path = withQuery(objectPath(definition, id), { ...writeQuery(options), ...owner });
    const mediaType = patchTypes[patch.type];
    const { code, json } = await this.#call({ method: "PATCH", path, body: patch.body, mediaType });
    return readAnswer(definition, code, json);
  }

  async version(): Promise<string> {
    const { code, json } = await this.#call({ method: "GET", path: "/version" });
    if (code !== 200) throw statusFailure(code, json);
    return textOf(json, "gitVersion");
  }

  async delete(
    kind: Kind,
    {
      resourceVersion,
      uid,
      ...id
    }: ObjectId & { readonly resourceVersion?: string | undefined; readonly uid?: string | undefined },
    options: WriteOptions = {},
  ): Promise<void> {
    const body = { kind: "DeleteOptions", apiVersion: "v1", preconditions: { resourceVersion, uid } };
    const path = withQuery(objectPath(definitionOf(kind), id), {
      dryRun: options.isDryRun === true ? "All" : undefined,
    });
    const { code, json } = await this.#call({ method: "DELETE", path, body });
    if (code !== 200) throw statusFailure(code, json);
  }

  async *watch<K extends Kind>(
    kind: K,
    options: Selection & { readonly resourceVersion: string; readonly signal: AbortSignal },
  ): AsyncGenerator<WatchEvent<K>, void, void> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, signal } = options;
    const definition = definitionOf(kind);
    const query = { watch: "true", allowWatchBookmarks: "true", resourceVersion, labelSelector, fieldSelector };
    const path = withQuery(collectionPath(definition, namespace), query);
    try {
      const { code, response } = await this.#transport.open({ method: "GET", path, signal }, this.#idleDeadlineMs);
      // For a reader that leaves before it has read anything; else the response has ended by then.
      using _ = { [Symbol.dispose]: () => void response.destroy() };
      const text = this.#transport.read(response);
      if (code !== 200) throw statusFailure(code, parseJson((await Array.fromAsync(text)).join("")));
      yield { type: "opened" };
      for await (const line of splitLines(text)) yield readEvent(definition, parseJson(line));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]();
  }

  async #call(call: Call): Promise<{ code: number; json: unknown }> {
    const { code, body } = await this.#transport.call(call);
    return { code, json: parseJson(body) };
  }
}

const patchTypes: Readonly<Record<Patch["type"], string>> = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  apply: "application/apply-patch+yaml",
};

type Query = Readonly<Record<string, string | undefined>>;

function writeQuery({ isDryRun, isStrict }: WriteOptions): Query {
  return { dryRun: isDryRun === true ? "All" : undefined, fieldValidation: isStrict === true ? "Strict" : undefined };
}

function flag(isSet: boolean | undefined): string | undefined {
  return isSet === true ? "true" : undefined;
}

function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}

async function* splitLines(pieces: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let rest = "";
  for await (const piece of pieces) {
    const lines = piece.split("\n");
    lines[0] = rest + (lines[0] ?? "");
    rest = lines.pop() ?? "";
    if (rest.length > lineLimit)
      throw new TortieError("TT_API_UNAVAILABLE", "the server sent an object that is too large");
    for (const line of lines) if (line !== "") yield line;
  }
}

function readEvent<K extends Kind>(definition: KindDefinition<K>, json: unknown): WatchEvent<K> {
  const type = textOf(json, "type");
  const object = memberOf(json, "object");
  const resourceVersion = textOf(memberOf(object, "metadata"), "resourceVersion");
  const { kind } = definition;
  switch (type) {
    case "BOOKMARK":
      return { type: "bookmark", resourceVersion };
    case "DELETED":
      return { type: "delete", kind, ...readId(object), resourceVersion };
    case "ADDED":
    case "MODIFIED": {
      const decoded = decode(definition, object);
      if (decoded.ok) return { type: "put", resource: decoded.value, resourceVersion };
      return { type: "unreadable", object: { kind, ...readId(object), problems: decoded.problems }, resourceVersion };
    }
    default:
      throw statusFailure(Number(memberOf(object, "code") ?? 0), object);
  }
}

/** The server may be newer: what it knows and we do not is carried along. */
function decode<K extends Kind>(definition: KindDefinition<K>, json: unknown): Result<ResourceOf<K>> {
  // Items of a list need not say what they are.
  const typed =
    typeof json === "object" ? { apiVersion: apiVersionOf(definition), kind: definition.apiKind, ...json } : json;
  return definition.decode(typed, { unknownFields: "keep" });
}

function readAnswer<K extends Kind>(definition: KindDefinition<K>, code: number, json: unknown): ResourceOf<K> {
  if (code !== 200 && code !== 201) throw statusFailure(code, json);
  const decoded = decode(definition, json);
  if (decoded.ok) return decoded.value;
  const { namespace = "", name } = readId(json);
  throw new TortieError("TT_API_INVALID", `the ${definition.singular} ${name} cannot be read by this version`, {
    cause: decoded.problems,
    fields: { kind: definition.kind, namespace, name },
    hint: "was it written by a newer tortie?",
  });
}

function readId(json: unknown): { readonly namespace: string | undefined; readonly name: string } {
  const metadata = memberOf(json, "metadata");
  const namespace = textOf(metadata, "namespace");
  return { namespace: namespace === "" ? undefined : namespace, name: textOf(metadata, "name") };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TortieError("TT_API_UNAVAILABLE", "the server's answer is no JSON", {
      cause,
      hint: "is it a tortie server?",
    });
  }
}

function collectionPath(definition: KindDefinition, namespace: string | undefined): string {
  const root = definition.group === "" ? `/api/${definition.version}` : `/apis/${apiVersionOf(definition)}`;
  const place =
    definition.isNamespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${place}/${definition.plural}`;
}

function objectPath(definition: KindDefinition, { namespace, name }: ObjectId): string {
  const place = definition.isNamespaced ? (namespace ?? "default") : undefined;
  return `${collectionPath(definition, place)}/${encodeURIComponent(name)}`;
}
