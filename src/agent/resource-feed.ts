import type { ApiClient } from "../client/index.ts";
import { watchResources } from "../client/index.ts";
import type { Logger, Random } from "../lib/index.ts";
import { type Kind, type Resource, keyOf, resourceKey } from "../resources/index.ts";
import type { Snapshot } from "./snapshot.ts";

/** What an agent needs to know of the cluster. */
const watchedKinds: readonly Kind[] = [
  "Node",
  "IPPool",
  "Namespace",
  "Profile",
  "WorkloadEndpoint",
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "NetworkSet",
  "GlobalNetworkSet",
  "BGPConfiguration",
  "BGPPeer",
  "BlockAffinity",
];

export type FeedSink = {
  /** Undefined: the resource is gone. */
  onResource(key: string, resource: Resource | undefined): void;
  /** All that is known has been delivered: from the server, or from the snapshot when the server is away. */
  onSynced(source: "server" | "snapshot"): void;
};

type FeedOptions = {
  readonly client: ApiClient;
  readonly snapshot: Snapshot;
  readonly log: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
};

/**
 * Delivers the cluster's resources to `sink` for as long as the signal lets it. When the server cannot be
 * reached at the start, the snapshot stands in; what the server then tells replaces it, difference by difference.
 */
export async function feedResources(options: FeedOptions, sink: FeedSink): Promise<void> {
  const { client, snapshot, log, random, signal } = options;
  const known = new Map<string, Resource>();
  /** Keys of the snapshot that the server has not confirmed yet. */
  const unconfirmed = new Set<string>();
  let hasSynced = false;
  let hasTriedSnapshot = false;

  const saving = snapshot.run(() => known.values(), signal);
  for await (const event of watchResources(client, watchedKinds, { signal, log, random })) {
    if (event.type === "put") {
      const key = keyOf(event.resource);
      known.set(key, event.resource);
      unconfirmed.delete(key);
      sink.onResource(key, event.resource);
    } else if (event.type === "delete") {
      const key = resourceKey(event);
      known.delete(key);
      sink.onResource(key, undefined);
    } else if (event.type === "synced") {
      for (const key of unconfirmed) {
        known.delete(key);
        sink.onResource(key, undefined);
      }
      unconfirmed.clear();
      hasSynced = true;
      sink.onSynced("server");
    } else if (event.type === "disconnected" && !hasSynced && !hasTriedSnapshot) {
      hasTriedSnapshot = true;
      const resources = await snapshot.load();
      if (resources === undefined) log.warn("the server is away and there is no snapshot; waiting for the server");
      else log.warn("the server is away; going on from the snapshot", { resources: resources.length });
      for (const resource of resources ?? []) {
        const key = keyOf(resource);
        if (known.has(key)) continue;
        known.set(key, resource);
        unconfirmed.add(key);
        sink.onResource(key, resource);
      }
      if (resources !== undefined) sink.onSynced("snapshot");
    }
    // A snapshot is only taken of a whole view.
    if (hasSynced) snapshot.markDirty();
  }
  await saving;
}
