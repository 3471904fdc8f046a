import { type Resource, definitionOf } from "../resources/index.ts";
import type { StoredObject } from "../store/index.ts";
import type { ServerMetadata } from "./read-written.ts";

const metadataStart = '"metadata":{';

/**
 * The text that is stored: without the resourceVersion, which only the commit gives. `apiVersion` and `kind`, which cannot hold
 * a brace, come first and metadata next: `servedText` relies on it.
 */
export function storedText(resource: Resource, extra: ServerMetadata = {}): string {
  const { apiVersion, kind: knownAs, metadata, ...rest } = resource;
  const kind = definitionOf(knownAs).apiKind;
  const { resourceVersion: _, ...stored } = metadata;
  return JSON.stringify({ apiVersion, kind, metadata: { ...stored, ...extra }, ...rest });
}

/**
 * The text that is sent: with the revision of the last write as resourceVersion. Texts are put together and never parsed on the
 * way out; a list of 100,000 objects costs the server little more than copying.
 */
export function servedText({ value, modRevision }: Pick<StoredObject, "value" | "modRevision">): string {
  const at = value.indexOf(metadataStart) + metadataStart.length;
  return `${value.slice(0, at)}"resourceVersion":"${modRevision}",${value.slice(at)}`;
}
