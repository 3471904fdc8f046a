import { type Kind, type Resource, keyOf, resourceKey } from "../resources/index.ts";

export type ResourceEvent =
  | { readonly type: "put"; readonly resource: Resource }
  | { readonly type: "delete"; readonly kind: Kind; readonly namespace: string | undefined; readonly name: string }
  /** Once: every object that was there at the start has been delivered. */
  | { readonly type: "synced" }
  /** Every kind is being watched (again). */
  | { readonly type: "connected" }
  /** At least one kind is not being watched: what is known may be old. */
  | { readonly type: "disconnected"; readonly why: string };

type ResourceName = { readonly kind: Kind; readonly namespace?: string | undefined; readonly name: string };

/** Of an object that the server has, or that the reader still has. */
type Entry = {
  /** The server's version; undefined when the server has it no more. */
  version: string | undefined;
  isDelivered: boolean;
};

/**
 * What the server has and what the reader was told, and from both what is to be told next: the newest state per object, never the same twice,
 * no deletion of what was never told. Waiting events are bounded by the objects there are, however slow the reader is.
 * Objects keep their order by key alone: one that changes while it waits keeps its place.
 */
export class ResourceView {
  readonly #entriesByKind = new Map<Kind, Map<string, Entry>>();
  readonly #waiting = new Map<string, ResourceEvent>();
  #wake: (() => void) | undefined;

  put(resource: Resource): void {
    const entries = this.#entriesOf(resource.kind);
    const key = keyOf(resource);
    const entry = entries.get(key);
    const version = resource.metadata.resourceVersion;
    if (entry !== undefined && entry.version === version && version !== undefined) return;
    if (entry === undefined) entries.set(key, { version, isDelivered: false });
    else entry.version = version;
    this.#push(key, { type: "put", resource });
  }

  delete({ kind, namespace, name }: ResourceName): void {
    const entries = this.#entriesOf(kind);
    const key = resourceKey({ kind, namespace, name });
    const entry = entries.get(key);
    if (entry === undefined || entry.version === undefined) return;
    if (entry.isDelivered) {
      entry.version = undefined;
      this.#push(key, { type: "delete", kind, namespace, name });
    } else {
      entries.delete(key);
      this.#waiting.delete(key);
    }
  }

  /** The kind as a whole: what is not in the list is gone, save what is named in `kept`. */
  replace(kind: Kind, resources: readonly Resource[], kept: readonly ResourceName[]): void {
    const there = new Set([...resources.map(keyOf), ...kept.map(resourceKey)]);
    for (const key of this.#entriesOf(kind).keys()) {
      if (there.has(key)) continue;
      const [, namespace = "", name = ""] = key.split("/");
      this.delete({ kind, namespace: namespace === "" ? undefined : namespace, name });
    }
    for (const resource of resources) this.put(resource);
  }

  /** After what waits already; of the connection only the last state is told. */
  announce(event: ResourceEvent & { readonly type: "synced" | "connected" | "disconnected" }): void {
    this.#push(event.type === "synced" ? " synced" : " connection", event);
  }

  /** Up to `limit` events; waits for the first. Empty only when the signal aborted. */
  async take(limit: number, signal: AbortSignal): Promise<ResourceEvent[]> {
    while (this.#waiting.size === 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const stop = () => resolve();
      signal.addEventListener("abort", stop, { once: true });
      await promise;
      signal.removeEventListener("abort", stop);
    }
    const events: ResourceEvent[] = [];
    for (const [key, event] of this.#waiting) {
      if (events.length === limit) break;
      this.#waiting.delete(key);
      events.push(event);
      this.#markDelivered(key, event);
    }
    return events;
  }

  #markDelivered(key: string, event: ResourceEvent): void {
    if (event.type === "delete") this.#entriesOf(event.kind).delete(key);
    else if (event.type === "put") {
      const entry = this.#entriesOf(event.resource.kind).get(key);
      if (entry !== undefined) entry.isDelivered = true;
    }
  }

  #push(key: string, event: ResourceEvent): void {
    this.#waiting.set(key, event);
    this.#wake?.();
    this.#wake = undefined;
  }

  #entriesOf(kind: Kind): Map<string, Entry> {
    const found = this.#entriesByKind.get(kind);
    if (found !== undefined) return found;
    const entries = new Map<string, Entry>();
    this.#entriesByKind.set(kind, entries);
    return entries;
  }
}
