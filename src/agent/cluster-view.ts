import type { Logger } from "../lib/index.ts";
import type { Resource } from "../resources/index.ts";
import type { HostLoop } from "./host-loop.ts";
import type { FeedSink } from "./resource-feed.ts";
import type { AgentStatus } from "./status.ts";

/** What is known of the cluster and by whom; hands it on to the host loop. */
export class ClusterView implements FeedSink {
  readonly #loop: HostLoop;
  readonly #log: Logger;
  readonly #keys = new Set<string>();
  readonly #counts = new Map<string, number>();
  #source: AgentStatus["source"] = "none";
  #isServerThere = false;

  constructor(loop: HostLoop, log: Logger) {
    this.#loop = loop;
    this.#log = log;
  }

  get source(): AgentStatus["source"] {
    return this.#source;
  }

  /** Whether the server tells what changes. */
  get isServerThere(): boolean {
    return this.#isServerThere;
  }

  /** Resources by kind. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  onResource(key: string, resource: Resource | undefined): void {
    this.#count(key, resource !== undefined);
    this.#loop.onResource(key, resource);
  }

  onServer(isThere: boolean): void {
    this.#isServerThere = isThere;
  }

  onSynced(source: "server" | "snapshot"): void {
    this.#source = source;
    this.#loop.onSynced();
    this.#log.info("the cluster is known", { source });
  }

  #count(key: string, isThere: boolean): void {
    if (this.#keys.has(key) === isThere) return;
    if (isThere) this.#keys.add(key);
    else this.#keys.delete(key);
    const [kind = ""] = key.split("/");
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + (isThere ? 1 : -1));
  }
}
