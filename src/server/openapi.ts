import { createHash } from "node:crypto";
import packageJson from "../../package.json" with { type: "json" };
import { apiVersionOf, kindDefinitions } from "../resources/index.ts";
import { apiVersions, rootOf } from "./discovery.ts";
import type { Json } from "./json.ts";
import { type ApiOperation, groupVersionKind, pathsOf, schemaName, schemasOf } from "./openapi-schemas.ts";

type Document = { readonly mediaType: string; readonly body: string | Uint8Array };

/** Made at the first request for each; they never change. */
const documents = new Map<string, Document>();

const openApiV2 = "application/com.github.proto-openapi.spec.v2";

/** OpenAPI: version 3 by group version as JSON, version 2 as the protobuf that kubectl asks for, or as JSON. */
export async function findOpenApiDocument(path: string, accept = ""): Promise<Document | undefined> {
  if (!path.startsWith("/openapi/")) return undefined;
  if (path === "/openapi/v2")
    return accept.includes(openApiV2) ? recall("v2 protobuf", makeV2Protobuf) : recall("v2", makeV2);
  if (path === "/openapi/v3") return recall("v3", makeIndex);
  const apiVersion = apiVersions().find((version) => path === `/openapi/v3${rootOf(version)}`);
  return apiVersion === undefined ? undefined : recall(apiVersion, () => json(makeV3(apiVersion)));
}

async function recall(name: string, make: () => Document | Promise<Document>): Promise<Document> {
  const known = documents.get(name) ?? (await make());
  documents.set(name, known);
  return known;
}

function json(document: unknown): Document {
  return { mediaType: "application/json", body: JSON.stringify(document) };
}

const info = { title: "tortie", version: packageJson.version };

function makeIndex(): Document {
  const paths = apiVersions().map((apiVersion) => {
    const hash = createHash("sha256")
      .update(JSON.stringify(makeV3(apiVersion)))
      .digest("hex");
    const root = rootOf(apiVersion);
    return [root.slice(1), { serverRelativeURL: `/openapi/v3${root}?hash=${hash.toUpperCase()}` }];
  });
  return json({ paths: Object.fromEntries(paths) });
}

function makeV3(apiVersion: string): Json {
  const kinds = kindDefinitions.filter((definition) => apiVersionOf(definition) === apiVersion);
  const paths = kinds.flatMap((definition) => {
    const schema = { $ref: `#/components/schemas/${schemaName(definition)}` };
    return pathsOf(definition).map(([path, operations]) => {
      const told = operations.map((operation) => [
        operation.method,
        {
          ...describe(operation, groupVersionKind(definition)),
          parameters: operation.parameters.map((name) => ({ name, in: "query", schema: { type: "string" } })),
          ...bodyOf(operation, schema),
          responses: { 200: { description: "OK", content: { "application/json": { schema } } } },
        },
      ]);
      return [path, Object.fromEntries(told)];
    });
  });
  // In a reference nothing else is read, hence the list of one.
  const schemas = schemasOf(apiVersion, (name) => ({ allOf: [{ $ref: `#/components/schemas/${name}` }], default: {} }));
  return { openapi: "3.0.0", info, paths: Object.fromEntries(paths), components: { schemas } };
}

const patchTypes = ["json-patch+json", "merge-patch+json", "apply-patch+yaml"].map((type) => `application/${type}`);

function bodyOf({ method }: ApiOperation, schema: Json): Json {
  const types = method === "patch" ? patchTypes : method === "get" || method === "delete" ? [] : ["application/json"];
  if (types.length === 0) return {};
  return { requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema }])) } };
}

function describe({ action }: ApiOperation, kind: Json): Json {
  return { "x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind };
}

function makeV2(): Document {
  return json(v2Document());
}

async function makeV2Protobuf(): Promise<Document> {
  const { encodeOpenApiV2 } = await import("./openapi-protobuf.ts");
  return { mediaType: `${openApiV2}.v1.0+protobuf`, body: encodeOpenApiV2(v2Document()) };
}

export type V2Operation = Json & {
  readonly consumes: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly type: string }[];
};

export type V2Document = {
  readonly swagger: "2.0";
  readonly info: typeof info;
  readonly paths: Readonly<Record<string, Readonly<Record<string, V2Operation>>>>;
  readonly definitions: Readonly<Record<string, Json>>;
};

function v2Document(): V2Document {
  const paths = kindDefinitions.flatMap((definition) =>
    pathsOf(definition).map(([path, operations]) => {
      const told = operations.map((operation): [string, V2Operation] => [
        operation.method,
        {
          ...describe(operation, groupVersionKind(definition)),
          consumes: operation.method === "patch" ? patchTypes : ["application/json"],
          parameters: operation.parameters.map((name) => ({ name, in: "query", type: "string" })),
          responses: { 200: { description: "OK" } },
        },
      ]);
      return [path, Object.fromEntries(told)];
    }),
  );
  const refer = (name: string) => ({ $ref: `#/definitions/${name}` });
  const definitions = apiVersions().map((apiVersion) => schemasOf(apiVersion, refer));
  return { swagger: "2.0", info, paths: Object.fromEntries(paths), definitions: Object.assign({}, ...definitions) };
}
