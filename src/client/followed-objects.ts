import { setTimeout as delay } from "node:timers/promises";
import { type Logger, type Random, type TaskGroup, TortieError, backoffMs } from "../lib/index.ts";
import type { Kind, ResourceOf } from "../resources/index.ts";
import type { ApiClient } from "./api-client.ts";

const firstPauseMs = 100;
const maxPauseMs = 10_000;
/** Of several servers one may not know yet what gives the right to read: what is known stays for so many refusals. */
const patientRefusals = 3;

type FollowOptions<K extends Kind> = {
  readonly client: ApiClient;
  readonly kind: K;
  readonly namespace: string;
  readonly log: Logger;
  readonly random: Random;
  /** They run there for as long as it does; a bug of ours fails it. */
  readonly tasks: TaskGroup;
  /** Undefined: it is not there, or may not be read. While there is no server nothing is told. */
  onObject(name: string, object: ResourceOf<K> | undefined): void;
};

type Following = { readonly stop: AbortController; readonly answered: Promise<void> };

/** Objects that are followed one by one, by name: for who may not list all of the kind. */
export class FollowedObjects<K extends Kind> {
  readonly #options: FollowOptions<K>;
  readonly #byName = new Map<string, Following>();

  constructor(options: FollowOptions<K>) {
    this.#options = options;
  }

  /** Exactly these from now on. Of what is wanted no more nothing is told. */
  want(names: ReadonlySet<string>): void {
    for (const [name, { stop }] of this.#byName) {
      if (names.has(name)) continue;
      this.#byName.delete(name);
      stop.abort();
    }
    for (const name of names) if (!this.#byName.has(name)) this.#start(name);
  }

  /** Each that is wanted now has been answered, or could not be. */
  async answered(): Promise<void> {
    await Promise.all([...this.#byName.values()].map(({ answered }) => answered));
  }

  #start(name: string): void {
    const stop = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#byName.set(name, { stop, answered: promise });
    this.#options.tasks.start(async (signal) => {
      await this.#follow(name, AbortSignal.any([signal, stop.signal]), resolve);
      resolve();
    });
  }

  async #follow(name: string, signal: AbortSignal, onAnswer: () => void): Promise<void> {
    const { log, kind, random, onObject } = this.#options;
    const state = { attempt: 0, refusals: 0, isKnown: false };
    const tell = (object: ResourceOf<K> | undefined) => {
      if (signal.aborted) return;
      state.isKnown = object !== undefined;
      onObject(name, object);
    };
    while (!signal.aborted) {
      try {
        await this.#listAndWatch(name, signal, (object) => {
          state.attempt = 0;
          state.refusals = 0;
          tell(object);
          onAnswer();
        });
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof TortieError)) throw error;
        if (error.code === "TT_API_DENIED" && ++state.refusals === 1) {
          log.warn("an object may not be read", { kind, name, why: error.message });
        }
        if (error.code === "TT_API_DENIED" && (!state.isKnown || state.refusals >= patientRefusals)) tell(undefined);
        onAnswer();
      }
      await delay(backoffMs(state.attempt++, firstPauseMs, maxPauseMs, random), undefined, { signal }).catch(
        () => undefined,
      );
    }
  }

  async #listAndWatch(
    name: string,
    signal: AbortSignal,
    tell: (object: ResourceOf<K> | undefined) => void,
  ): Promise<void> {
    const { client, kind, namespace } = this.#options;
    const selection = { namespace, fieldSelector: `metadata.name=${name}`, signal };
    const { items, unreadable, resourceVersion } = await client.list(kind, selection);
    if (unreadable.length === 0) tell(items[0]);
    for await (const event of client.watch(kind, { ...selection, resourceVersion })) {
      if (event.type === "put") tell(event.resource);
      else if (event.type === "delete") tell(undefined);
    }
  }
}
