import { setTimeout as sleep } from "node:timers/promises";
import { type ApiClient, SessionSecrets, watchResources } from "../client/index.ts";
import { type Logger, type Random, TaskGroup } from "../lib/index.ts";
import { type Kind, type Resource, keyOf, resourceKey } from "../resources/index.ts";
import type { Snapshot } from "./snapshot.ts";

/** What an agent needs to know of the cluster. */
const watchedKinds: readonly Kind[] = [
  "Node",
  "IPPool",
  "Namespace",
  "ServiceAccount",
  "Profile",
  "WorkloadEndpoint",
  "HostEndpoint",
  "Tier",
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "KubernetesNetworkPolicy",
  "KubernetesClusterNetworkPolicy",
  "NetworkSet",
  "GlobalNetworkSet",
  "FelixConfiguration",
  "BGPConfiguration",
  "BGPFilter",
  "BGPPeer",
  "BlockAffinity",
];

export type FeedSink = {
  /** Undefined: the resource is gone. */
  onResource(key: string, resource: Resource | undefined): void;
  /** All that is known has been delivered: from the server, or from the snapshot when the server is away. */
  onSynced(source: "server" | "snapshot"): void;
  /** Whether the server tells what changes; while it does not, what is known may be old. */
  onServer(isThere: boolean): void;
};

type FeedOptions = {
  readonly node: string;
  readonly client: ApiClient;
  readonly snapshot: Snapshot;
  readonly log: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
};

/** A server that is there has told a good part by then; one that hangs must not keep the host waiting. */
const standInMs = 3000;
/** For the Secrets, which are asked for last: what the snapshot has of them stands in. */
const secretsMs = 3000;
const gatherMs = 50;

/**
 * Delivers the cluster's resources to `sink` for as long as the signal lets it. When the server is away at the start, or
 * silent, the snapshot stands in; what the server then tells replaces it, difference by difference.
 */
export async function feedResources(options: FeedOptions, sink: FeedSink): Promise<void> {
  await using tasks = new TaskGroup(options.signal);
  const feed = new ResourceFeed(options, sink, tasks);
  tasks.start((signal) => options.snapshot.run(() => feed.known(), signal));
  tasks.start((signal) => feed.standIn(signal));
  tasks.start((signal) => feed.follow(signal));
  tasks.start((signal) => feed.followSecrets(signal));
  await tasks.wait();
}

class ResourceFeed {
  readonly #options: FeedOptions;
  readonly #sink: FeedSink;
  readonly #known = new Map<string, Resource>();
  /** Keys of the snapshot that the server has not confirmed yet. */
  readonly #unconfirmed = new Set<string>();
  readonly #isAway = Promise.withResolvers<void>();
  readonly #secrets: SessionSecrets;
  #mayHaveMoved = Promise.withResolvers<void>();
  #hasSynced = false;

  constructor(options: FeedOptions, sink: FeedSink, tasks: TaskGroup) {
    this.#options = options;
    this.#sink = sink;
    this.#secrets = new SessionSecrets({
      ...options,
      tasks,
      onSecret: (key, secret) => {
        if (secret !== undefined) this.#put(secret);
        else this.#delete(key);
        if (this.#hasSynced) options.snapshot.markDirty();
      },
    });
  }

  known(): Iterable<Resource> {
    return this.#known.values();
  }

  async follow(signal: AbortSignal): Promise<void> {
    const { client, snapshot, log, random } = this.#options;
    for await (const event of watchResources(client, watchedKinds, { signal, log, random })) {
      if (event.type === "put") this.#put(event.resource);
      else if (event.type === "delete") this.#delete(resourceKey(event));
      else if (event.type === "synced") await this.#confirm(signal);
      else this.#sink.onServer(event.type === "connected");
      if (event.type === "disconnected") this.#isAway.resolve();
      // A snapshot is only taken of a whole view.
      if (this.#hasSynced) snapshot.markDirty();
    }
  }

  async standIn(signal: AbortSignal): Promise<void> {
    const { snapshot, log } = this.#options;
    await Promise.race([this.#isAway.promise, sleep(standInMs, undefined, { signal }).catch(() => undefined)]);
    if (this.#hasSynced || signal.aborted) return;
    const resources = await snapshot.load();
    if (this.#hasSynced) return;
    if (resources === undefined) {
      log.warn("the server is away and there is no snapshot; waiting for the server");
      return;
    }
    log.warn("the server is away; going on from the snapshot", { resources: resources.length });
    for (const resource of resources) {
      const key = keyOf(resource);
      if (this.#known.has(key)) continue;
      this.#put(resource);
      this.#unconfirmed.add(key);
    }
    this.#sink.onSynced("snapshot");
  }

  #put(resource: Resource): void {
    const key = keyOf(resource);
    this.#known.set(key, resource);
    this.#unconfirmed.delete(key);
    this.#tellSecrets(key, resource);
    this.#sink.onResource(key, resource);
  }

  #delete(key: string): void {
    this.#known.delete(key);
    this.#unconfirmed.delete(key);
    this.#tellSecrets(key, undefined);
    this.#sink.onResource(key, undefined);
  }

  #tellSecrets(key: string, resource: Resource | undefined): void {
    if (this.#secrets.onResource(key, resource) && this.#hasSynced) this.#mayHaveMoved.resolve();
  }

  /** All that the server has is known: what only the snapshot has is gone. Secrets are asked for by what is known by now. */
  async #confirm(signal: AbortSignal): Promise<void> {
    for (const key of this.#unconfirmed) if (!key.startsWith("Secret/")) this.#delete(key);
    this.#secrets.refresh();
    await Promise.race([this.#secrets.answered(), sleep(secretsMs, undefined, { signal }).catch(() => undefined)]);
    this.#hasSynced = true;
    this.#sink.onSynced("server");
  }

  /** Where passwords are is looked at once for all changes that come together. */
  async followSecrets(signal: AbortSignal): Promise<void> {
    const stop = () => this.#mayHaveMoved.resolve();
    signal.addEventListener("abort", stop, { once: true });
    while (!signal.aborted) {
      await this.#mayHaveMoved.promise;
      this.#mayHaveMoved = Promise.withResolvers();
      await sleep(gatherMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) this.#secrets.refresh();
    }
  }
}
