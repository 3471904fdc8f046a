import type { IncomingMessage } from "node:http";
import { StatusError } from "./status.ts";

/** Several times the largest object that makes sense (a policy with 1,024 rules each way). */
export const bodyLimitBytes = 3 << 20;

/** The body as JSON; undefined when there is none. BadRequest, UnsupportedMediaType, RequestEntityTooLarge. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const mediaType = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? "application/json";
  if (mediaType !== "application/json") {
    throw new StatusError("UnsupportedMediaType", `the body is ${mediaType}; send application/json`);
  }
  const body = await readBytes(request);
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw new StatusError("BadRequest", `the body is not JSON: ${error instanceof Error ? error.message : ""}`);
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
