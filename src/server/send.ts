import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** A client that does not read its answer for this long is cut off. */
const idleLimitMs = 30_000;

/** JSON, unless the headers say something else. */
export function sendText(
  response: ServerResponse,
  code: number,
  content: string | Uint8Array,
  headers: Readonly<Record<string, string | string[]>> = {},
): void {
  response.setTimeout(idleLimitMs, () => response.destroy());
  // A text goes out in one piece with its head.
  const length = Buffer.byteLength(content);
  response.writeHead(code, { "content-type": "application/json", "content-length": length, ...headers });
  response.end(content);
}

/** JSON in pieces, made as the socket takes them. */
export async function sendChunks(response: ServerResponse, chunks: Iterable<string>): Promise<void> {
  response.setTimeout(idleLimitMs, () => response.destroy());
  response.writeHead(200, { "content-type": "application/json" });
  await pipeline(Readable.from(chunks, { highWaterMark: 1 }), response);
}
