import type { IncomingMessage } from "node:http";
import { decodeKubernetesProtobuf } from "./kubernetes-protobuf.ts";
import { StatusError } from "./status.ts";

/** Several times the largest object that makes sense (a policy with 1,024 rules each way). */
export const bodyLimitBytes = 3 << 20;
/** YAML takes long to read; nobody writes more of it by hand. */
const yamlLimitBytes = 512 << 10;

const protobufType = "application/vnd.kubernetes.protobuf";
const jsonTypes = ["application/json", "application/yaml", protobufType];

/** `json` is undefined when there is no body. */
export type Body = { readonly mediaType: string; readonly json: unknown };

/** The body as JSON; undefined when there is none. BadRequest, UnsupportedMediaType, RequestEntityTooLarge. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  return (await readBody(request, jsonTypes)).json;
}

/** The body, when it is of one of these types; those that end in `yaml` may be JSON as well. */
export async function readBody(request: IncomingMessage, mediaTypes: readonly string[]): Promise<Body> {
  const [standard = ""] = mediaTypes;
  const mediaType = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? standard;
  if (!mediaTypes.includes(mediaType)) {
    throw new StatusError("UnsupportedMediaType", `the body is ${mediaType}; send ${mediaTypes.join(" or ")}`);
  }
  const body = await readBytes(request);
  if (body.length === 0) return { mediaType, json: undefined };
  if (mediaType === protobufType) return { mediaType, json: decodeKubernetesProtobuf(body) };
  const text = body.toString();
  const isYaml = mediaType.endsWith("yaml") && !text.trimStart().startsWith("{");
  return { mediaType, json: isYaml ? await parseYaml(text) : parseJson(text) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StatusError("BadRequest", `the body is not JSON: ${error instanceof Error ? error.message : ""}`);
  }
}

async function parseYaml(text: string): Promise<unknown> {
  if (text.length > yamlLimitBytes) {
    throw new StatusError("RequestEntityTooLarge", `YAML has at most ${yamlLimitBytes} bytes; send JSON`);
  }
  const { parse } = await import("yaml");
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new StatusError("BadRequest", `the body is not YAML: ${error instanceof Error ? error.message : ""}`);
  }
}
/**
 * What is beyond the limit is read and thrown away, so that the client gets to read the answer; the
 * server's deadline for requests ends it at last.
 */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  request.on("data", (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= bodyLimitBytes) {
      chunks.push(chunk);
      return;
    }
    chunks.length = 0;
    reject(new StatusError("RequestEntityTooLarge", `the body is larger than ${bodyLimitBytes} bytes`));
  });
  request.once("end", () => resolve(Buffer.concat(chunks)));
  request.once("error", reject);
  request.once("close", () => {
    if (!request.complete) reject(new StatusError("BadRequest", "the request ended too early"));
  });
  return promise;
}
