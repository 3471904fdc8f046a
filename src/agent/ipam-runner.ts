import type { ApiClient } from "../client/index.ts";
import type { IpamRequest, IpamResponse, IpamStep } from "../ipam/index.ts";
import { TortieError } from "../lib/index.ts";

/**
 * Runs an address operation against the API. Races are the operation's own affair; any other failure ends it where
 * it is, which is safe at every request: the same operation, called again, finds what was done and goes on from there.
 */
export async function runIpam<T>(step: IpamStep<T>, client: ApiClient, options: { signal: AbortSignal }): Promise<T> {
  let next = step.next();
  while (next.done !== true) {
    options.signal.throwIfAborted();
    next = step.next(await answer(next.value, client));
  }
  return next.value;
}

async function answer(request: IpamRequest, client: ApiClient): Promise<IpamResponse> {
  try {
    return await send(request, client);
  } catch (error) {
    const response = error instanceof TortieError ? raceOf(error) : undefined;
    if (response === undefined) throw error;
    return response;
  }
}

async function send(request: IpamRequest, client: ApiClient): Promise<IpamResponse> {
  switch (request.type) {
    case "get": {
      const resource = await client.get(request.kind, { name: request.name });
      return resource === undefined ? { type: "notFound" } : { type: "resource", resource };
    }
    case "list":
      return { type: "list", items: (await client.list(request.kind, {})).items };
    case "create":
      return { type: "resource", resource: await client.create(request.resource) };
    case "update":
      return { type: "resource", resource: await client.update(request.resource) };
    case "delete":
      await client.delete(request.kind, { name: request.name, resourceVersion: request.resourceVersion });
      return { type: "deleted" };
  }
}

/** What the operation expects to be told of others' writes; undefined for any other failure. */
function raceOf(error: TortieError): IpamResponse | undefined {
  if (error.code === "TT_API_CONFLICT") return { type: "conflict" };
  if (error.code === "TT_API_NOT_FOUND") return { type: "notFound" };
  if (error.code === "TT_API_EXISTS") return { type: "exists" };
  return undefined;
}
