import type { ApiClient } from "../client/index.ts";
import { TortieError } from "../lib/index.ts";
import type { Resource } from "../resources/index.ts";

const maxAttempts = 10;

/** Creates the object, or makes the one that is there say the same. */
export async function putResource(client: ApiClient, resource: Resource): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { name, namespace } = resource.metadata;
      const existing = await client.get(resource.kind, namespace === undefined ? { name } : { name, namespace });
      if (existing === undefined) await client.create(resource);
      else await client.update(replaceIn(existing, resource));
      return;
    } catch (error) {
      // An agent writes some of the same objects.
      if (attempt === maxAttempts || !hasCode(error, ["TT_API_CONFLICT", "TT_API_EXISTS", "TT_API_NOT_FOUND"]))
        throw error;
    }
  }
}

export async function deleteResource(client: ApiClient, resource: Resource): Promise<void> {
  const { name, namespace } = resource.metadata;
  try {
    await client.delete(resource.kind, namespace === undefined ? { name } : { name, namespace });
  } catch (error) {
    if (!hasCode(error, ["TT_API_NOT_FOUND"])) throw error;
  }
}

function replaceIn(existing: Resource, resource: Resource): Resource {
  const { resourceVersion } = existing.metadata;
  if (resourceVersion === undefined) return resource;
  return { ...resource, metadata: { ...resource.metadata, resourceVersion } };
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof TortieError && codes.includes(error.code);
}
