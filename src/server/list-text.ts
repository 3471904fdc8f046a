import type { KindDefinition } from "../resources/index.ts";
import type { Page } from "./list-pages.ts";
import { type View, listHead, listItem } from "./table.ts";

const chunkCharacters = 64 << 10;

/** A list as Kubernetes writes it, in pieces of about 64 KiB: the objects stay as they are when the list was asked for. */
export function* listChunks(definition: KindDefinition, { metadata, objects }: Page, view: View): Generator<string> {
  let pending = listHead(definition, metadata, view);
  let separator = "";
  for (const { text } of objects) {
    pending += separator + listItem(definition, text, view);
    separator = ",";
    if (pending.length < chunkCharacters) continue;
    yield pending;
    pending = "";
  }
  yield `${pending}]}`;
}
