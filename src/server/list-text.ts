import type { CachedObject } from "./watch-cache.ts";

const chunkCharacters = 64 << 10;

/** A list as Kubernetes writes it, in pieces of about 64 KiB: the objects stay as they are when the list was asked for. */
export function* listChunks(
  head: Readonly<Record<string, unknown>>,
  objects: readonly CachedObject[],
): Generator<string> {
  let pending = `${JSON.stringify(head).slice(0, -1)},"items":[`;
  let separator = "";
  for (const { text } of objects) {
    pending += separator + text;
    separator = ",";
    if (pending.length < chunkCharacters) continue;
    yield pending;
    pending = "";
  }
  yield `${pending}]}`;
}
