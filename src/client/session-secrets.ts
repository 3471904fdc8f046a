import { PasswordPlaces, passwordNamespace, stripSecret } from "../calc/index.ts";
import type { Logger, Random, TaskGroup } from "../lib/index.ts";
import { type Resource, type Secret, isKind, resourceKey } from "../resources/index.ts";
import type { ApiClient } from "./api-client.ts";
import { FollowedObjects } from "./followed-objects.ts";

export type SessionSecretsOptions = {
  /** Whose sessions. */
  readonly node: string;
  readonly client: ApiClient;
  readonly log: Logger;
  readonly random: Random;
  /** Where they are followed. */
  readonly tasks: TaskGroup;
  /** Undefined: it is gone, may not be read, or is of no use any more. */
  onSecret(key: string, secret: Secret | undefined): void;
};

/** The Secrets with the passwords of a node's BGP sessions, each with no more in it than those passwords. */
export class SessionSecrets {
  readonly #onSecret: SessionSecretsOptions["onSecret"];
  readonly #places: PasswordPlaces;
  readonly #followed: FollowedObjects<"Secret">;
  /** Whole, as the server has them. */
  readonly #secrets = new Map<string, Secret>();
  /** Names of those that the owner has, be it from before. */
  readonly #held = new Set<string>();
  #keysByName: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  constructor(options: SessionSecretsOptions) {
    this.#onSecret = options.onSecret;
    this.#places = new PasswordPlaces(options.node);
    this.#followed = new FollowedObjects({
      ...options,
      kind: "Secret",
      namespace: passwordNamespace,
      onObject: (name, secret) => this.#take(name, secret),
    });
  }

  /** Whatever the owner knows. True: `refresh` should be called, once for all that comes together. */
  onResource(key: string, resource: Resource | undefined): boolean {
    if (resource !== undefined && isKind(resource, "Secret")) this.#held.add(resource.metadata.name);
    return this.#places.onResource(key, resource);
  }

  refresh(): void {
    const before = this.#keysByName;
    this.#keysByName = this.#places.keysByName();
    for (const name of this.#held) if (!this.#keysByName.has(name)) this.#drop(name);
    this.#followed.want(new Set(this.#keysByName.keys()));
    for (const [name, secret] of this.#secrets) {
      if (!isSameSet(before.get(name), this.#keysByName.get(name))) this.#take(name, secret);
    }
  }

  /** Each that is wanted now has been answered, or could not be. */
  answered(): Promise<void> {
    return this.#followed.answered();
  }

  #take(name: string, secret: Secret | undefined): void {
    const keys = this.#keysByName.get(name);
    if (secret === undefined || keys === undefined) {
      this.#drop(name);
      return;
    }
    this.#secrets.set(name, secret);
    this.#held.add(name);
    this.#onSecret(keyOfSecret(name), stripSecret(secret, keys));
  }

  #drop(name: string): void {
    this.#secrets.delete(name);
    if (this.#held.delete(name)) this.#onSecret(keyOfSecret(name), undefined);
  }
}

function keyOfSecret(name: string): string {
  return resourceKey({ kind: "Secret", namespace: passwordNamespace, name });
}

function isSameSet(a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean {
  return a !== undefined && b !== undefined && a.size === b.size && a.isSubsetOf(b);
}
